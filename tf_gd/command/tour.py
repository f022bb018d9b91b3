"""The tour: run every tutorial, check every number it states, and make a page of it."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from tf_gd._runtime import Progress
from tf_gd.command import tour_lines, tour_pool
from tf_gd.command.claims import Claim
from tf_gd.command.page import Page
from tf_gd.command.tutorials import Tutorial, by_part, moving_picture
from tf_gd.explorer.settings import has_bokeh

_PROCESSES = 2  # more would need much memory: TensorFlow takes 0.5 GB in each
_LIMIT = 300.0  # seconds for one tutorial
_DRAWING = 60.0  # seconds for the explorer's page, after the last of them
_BESIDE_THE_BAR = 36  # columns


@dataclass(frozen=True)
class Stop:
    """One tutorial of the tour.

    Attributes:
        name, title: of the tutorial.
        seconds: how long it took.
        claims: the numbers it stated, up to an exception; none where its process ended.
        output: what it printed, likewise.
        pictures: what it saved, PNG files, likewise.
        error: the traceback, or how its process ended, if anything but a claim failed.
    """

    name: str
    title: str
    seconds: float
    claims: tuple[Claim, ...] = ()
    output: str = ""
    pictures: tuple[Path, ...] = ()
    error: str = ""

    @property
    def holds(self) -> bool:
        """Whether it ran to its end, stated something, and all of it held."""
        return bool(self.claims) and not self.error and all(claim.holds for claim in self.claims)

    @property
    def number(self) -> str:
        """The number of the tutorial."""
        return self.name.partition("_")[0]

    @property
    def heading(self) -> str:
        """The number and the title."""
        return f"{self.number} {self.title}"


@dataclass(frozen=True)
class Report:
    """What the tour found: its stops, in the order of the tutorials, and how long it took."""

    stops: tuple[Stop, ...]
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether every claim of every tutorial holds."""
        return bool(self.stops) and all(stop.holds for stop in self.stops)

    def verdict(self) -> str:
        """Return the result in one line."""
        stated = [claim for stop in self.stops for claim in stop.claims]
        broken = sum(bool(stop.error) for stop in self.stops)
        holding = sum(claim.holds for claim in stated)
        held = f"{holding} of {tour_lines.counted(len(stated), 'claim')}"
        verb = "holds" if len(stated) == 1 else "hold"
        where = f"in {tour_lines.counted(len(self.stops), 'tutorial')}, {self.seconds:.0f} s"
        silent = sum(not stop.error and not stop.claims for stop in self.stops)
        failed = ((broken, "broke off"), (silent, "stated nothing"))
        return "; ".join([f"{held} {verb} {where}", *(f"{n} {how}" for n, how in failed if n)])

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


def run(
    tutorials: list[Tutorial],
    directory: Path,
    *,
    say: Callable[[str], None] | None = None,
    processes: int | None = None,
    limit: float = _LIMIT,
) -> Report:
    """Run the tutorials in processes of their own, side by side, and make a page of what they show.

    Args:
        tutorials: the last part, which takes longest, is started first.
        directory: where to write ``index.html`` and ``pictures``. The page is rewritten after
            each tutorial; however the tour ends, it shows what was done until then.
        say: called with each line about a tutorial that is done, for example ``print``.
        processes: how many at once; by default two, or one where there is one core.
        limit: the seconds after which a tutorial is stopped.

    Returns:
        What each of them did. A tutorial that crashes, or ends its process, has an error.
    """
    directory.mkdir(parents=True, exist_ok=True)
    tour = _Tour(tutorials, directory, say or (lambda line: None))
    processes = processes or min(_PROCESSES, tour_pool.cores())
    drawn = _begin_explorer(tour.page.explorer)
    scripts = [one.path for _, within in reversed(by_part(tutorials)) for one in within]
    pictures = directory / "pictures"
    visits = tour_pool.visits(scripts, pictures, min(processes, len(scripts)) or 1, limit)
    try:
        bar = Progress(len(scripts), "tour", patience=0.0, bar_width=20)
        with bar as progress, contextlib.closing(visits):
            progress.at(0, "TensorFlow is starting")
            for script, answer in visits:
                if answer is None:
                    tour.begins(script)
                else:
                    tour.is_done(script, answer)
                progress.at(len(tour.stops), tour.running())
        if drawn is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                drawn.wait(_DRAWING)
    finally:
        if drawn is not None:
            drawn.terminate()  # where the tour was stopped, or that takes too long
            drawn.wait()
        tour.write(finished=True)
    return tour.report()


def _begin_explorer(path: Path) -> subprocess.Popen | None:
    """Begin to write the explorer's page beside the tour's, where Bokeh is installed."""
    path.unlink(missing_ok=True)  # of an earlier tour
    if not has_bokeh():
        return None
    written = [sys.executable, "-P", "-m", "tf_gd.explorer.static_page", str(path)]
    nowhere = subprocess.DEVNULL
    return subprocess.Popen(written, stdin=nowhere, stdout=nowhere, stderr=nowhere)


class _Tour:
    """What is done and what is running, and the page that says so."""

    def __init__(self, tutorials: list[Tutorial], directory: Path, say: Callable[[str], None]):
        self.since, self.say = time.perf_counter(), say
        self.of_script = {tutorial.path: tutorial for tutorial in tutorials}
        self.page = Page(directory / "index.html", by_part(tutorials), moving_picture())
        self.now: list[Tutorial] = []
        self.stops: dict[str, Stop] = {}
        self.write()

    def begins(self, script: Path) -> None:
        self.now.append(self.of_script[script])
        self.write()

    def is_done(self, script: Path, answer: tour_pool.Answer) -> None:
        tutorial = self.of_script[script]
        if tutorial in self.now:  # else its process did not start
            self.now.remove(tutorial)
        stop = Stop(
            tutorial.name,
            tutorial.title,
            answer["seconds"],
            tuple(Claim(**claim) for claim in answer.get("claims", ())),
            answer.get("output", ""),
            tuple(Path(picture) for picture in answer.get("pictures", ())),
            answer["error"],
        )
        self.stops[tutorial.name] = stop
        for line in [
            tour_lines.line(stop, len(self.stops), len(self.of_script)),
            *tour_lines.failures(stop),
        ]:
            self.say(line)
        self.write()

    def running(self) -> str:
        names = " and ".join(tutorial.name for tutorial in self.now)
        numbers = " and ".join(tutorial.number for tutorial in self.now)
        shown = names if len(names) <= _BESIDE_THE_BAR else numbers
        return f"running {shown}" if shown else "ending"

    def write(self, *, finished: bool = False) -> None:
        names = {tutorial.name for tutorial in self.now}
        self.page.write(self.stops, names, self.report().verdict(), finished=finished)

    def report(self) -> Report:
        done = [self.stops.get(tutorial.name) for tutorial in self.of_script.values()]
        seconds = time.perf_counter() - self.since
        return Report(tuple(stop for stop in done if stop is not None), seconds)
