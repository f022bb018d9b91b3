"""The tour: every tutorial run in this process, every number it states checked, and a page to look at."""

import contextlib
import io
import os
import runpy
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import matplotlib.pyplot as plt

from tf_gd import claims
from tf_gd._progress import Progress
from tf_gd.show.page import write_page
from tf_gd.show.table import table
from tf_gd.tutorials import Tutorial


@dataclass(frozen=True)
class Stop:
    """One tutorial of the tour.

    Attributes:
        name, title: of the tutorial.
        seconds: how long it took.
        claims: the numbers it stated, as far as it got.
        output: what it printed.
        pictures: what it saved, PNG files.
        error: the traceback where something else than a claim failed, or nothing.
    """

    name: str
    title: str
    seconds: float
    claims: tuple[claims.Claim, ...]
    output: str
    pictures: tuple[Path, ...]
    error: str = ""

    @property
    def holds(self) -> bool:
        """Whether it ran to its end, stated something, and all of it held."""
        return bool(self.claims) and not self.error and all(claim.holds for claim in self.claims)


@dataclass(frozen=True)
class Report:
    """What the tour found."""

    stops: tuple[Stop, ...]

    @property
    def holds(self) -> bool:
        """Whether every claim of every tutorial holds."""
        return bool(self.stops) and all(stop.holds for stop in self.stops)

    def table(self) -> str:
        """Return a row for each claim, 80 columns wide."""
        rows: list[list] = []
        for stop in self.stops:
            for number, claim in enumerate(stop.claims):
                first = [stop.name[:2], f"{stop.seconds:.1f} s"] if number == 0 else ["", ""]
                rows.append([*first, ("" if claim.holds else "FAILS ") + claim.text, claim.expected, claim.measured])
            if stop.error:
                rows.append([stop.name[:2], f"{stop.seconds:.1f} s", f"ERROR {stop.error.splitlines()[-1]}", "", ""])
        return table(["", "time", "claim", "expected", "measured"], rows, widest=2)

    def verdict(self) -> str:
        """Return one line."""
        stated = [claim for stop in self.stops for claim in stop.claims]
        seconds = sum(stop.seconds for stop in self.stops)
        broken = sum(bool(stop.error) for stop in self.stops)
        held = f"{sum(claim.holds for claim in stated)} of {len(stated)} claims hold"
        return f"{held} in {len(self.stops)} tutorials, {seconds:.0f} s" + (f"; {broken} broke off" if broken else "")

    def as_dict(self) -> dict:
        """Return the report for a program to read."""
        stops = [
            {
                "tutorial": stop.name,
                "seconds": round(stop.seconds, 3),
                "claims": [asdict(claim) for claim in stop.claims],
                "pictures": [str(picture) for picture in stop.pictures],
                "error": stop.error,
            }
            for stop in self.stops
        ]
        return {"holds": self.holds, "tutorials": stops}


def run(tutorials: list[Tutorial], directory: Path) -> Report:
    """Run the tutorials one after another, and write their pictures and ``index.html`` into ``directory``."""
    stops = []
    with Progress(len(tutorials), "tour", patience=0.0) as progress:
        for number, tutorial in enumerate(tutorials):
            progress.at(number, f"{tutorial.name}: {tutorial.title}")
            stops.append(_visit(tutorial, directory / "pictures"))
    report = Report(tuple(stops))
    write_page(directory / "index.html", report.stops, report.verdict())
    return report


def _visit(tutorial: Tutorial, pictures: Path) -> Stop:
    claims.recorded.clear()
    output, error = io.StringIO(), ""
    start = time.perf_counter()
    with _pictures_in(pictures), contextlib.redirect_stdout(output):
        try:
            runpy.run_path(str(tutorial.path), run_name="__main__")
        except claims.ClaimError:
            pass  # it stands among the recorded claims
        except (Exception, SystemExit):
            error = traceback.format_exc()
        finally:
            plt.close("all")
    seconds = time.perf_counter() - start
    saved = [Path(line.removeprefix("saved ")) for line in output.getvalue().splitlines() if line.startswith("saved ")]
    return Stop(tutorial.name, tutorial.title, seconds, tuple(claims.recorded), output.getvalue(), tuple(saved), error)


@contextlib.contextmanager
def _pictures_in(directory: Path) -> Iterator[None]:
    before = os.environ.get("TF_GD_PICTURES")
    argv, sys.argv = sys.argv, sys.argv[:1]
    os.environ["TF_GD_PICTURES"] = str(directory)
    try:
        yield
    finally:
        sys.argv = argv
        if before is None:
            del os.environ["TF_GD_PICTURES"]
        else:
            os.environ["TF_GD_PICTURES"] = before
