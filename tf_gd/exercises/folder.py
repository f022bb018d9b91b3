"""The folder that a student writes in: the files of the course, and a file of progress."""

import json
import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tf_gd import _files
from tf_gd.exercises.exercise import Exercise, course, named
from tf_gd.exercises.report import Report

PROGRESS = "progress.json"
_FORMAT = 1


class Folder:
    """A folder with exercises.

    Attributes:
        path: of the folder.
        exercises: those of which there is a file in it, by their names.

    Raises:
        ValueError: it has not been started, or its file of progress is damaged.
    """

    def __init__(self, path: Path):
        self.path = path
        self._passed, self._hints, self.course = _read(path)
        everything = _of(self.course).values()
        self.exercises = {one.name: one for one in everything if self.file_of(one).exists()}
        if not self.exercises:
            raise ValueError(
                f"folder: got no file of an exercise in {str(path)!r}, expected some. Get them "
                "back: tf-gd exercises start"
            )

    def file_of(self, exercise: Exercise) -> Path:
        """Return the file that a student writes in."""
        return self.path / exercise.file_name

    def named(self, name: str) -> Exercise:
        """Return an exercise by its name, its number or its file."""
        return named(name, self.course)

    def passed(self, exercise: Exercise) -> bool:
        """Return whether an exercise was solved."""
        return exercise.name in self._passed

    def progress(self) -> str:
        """Return a bar, and how many exercises are done."""
        done, of = sum(map(self.passed, self.exercises.values())), len(self.exercises)
        return f"{bar(done, of)}  {done} of {of} done"

    def next(self) -> Exercise | None:
        """Return the first exercise that is not solved."""
        return next((one for one in self.exercises.values() if not self.passed(one)), None)

    def note(self, report: Report, further: bool = False) -> int:
        """Note down what was found, and return how many of the three hints to show.

        Once solved an exercise stays so. Another mistake begins with the first hint again.

        Args:
            report: of an exercise.
            further: whether one more hint is asked for.
        """
        # Read again: another command may have written meanwhile.
        self._passed, self._hints, self.course = _read(self.path)
        name, before = report.name, (dict(self._passed), dict(self._hints))
        shown = 1
        if report.passed:
            self._passed.setdefault(name, time.strftime("%Y-%m-%d"))
            self._hints.pop(name, None)
        else:
            what = report.mistake or report.state
            known, shown = self._hints.get(name, (what, 1))
            shown = (shown if known == what else 1) + further
            shown = min(max(shown, 1), 3)
            self._hints[name] = what, shown
        if before != (self._passed, self._hints):
            self._write()
        return shown

    def reset(self, exercise: Exercise) -> Path | None:
        """Put the file of an exercise back as it was; return where the old one is kept, if any."""
        path, kept = self.file_of(exercise), None
        if path.is_dir():
            raise ValueError(f"reset: got a folder at {path}, expected a file. Rename the folder.")
        self._passed, self._hints, self.course = _read(self.path)
        if path.exists() and path.read_bytes() != exercise.task.encode():
            numbers = (path.with_name(f"{path.name}.old{n or ''}") for n in range(10**6))
            kept = next(other for other in numbers if not other.exists())
            path.rename(kept)
        with _files.whole(path) as partial:
            partial.write_bytes(exercise.task.encode())
        self._passed.pop(exercise.name, None)
        self._hints.pop(exercise.name, None)
        self._write()
        return kept

    def _write(self) -> None:
        _write(self.path, self._passed, self._hints, self.course)


def _of(own: str | None) -> dict[str, Exercise]:
    """Return the exercises of a course of one's own, or ours."""
    try:
        return course(own)
    except ValueError as error:
        raise ValueError(re.sub("^folder: ", "course: ", str(error))) from None


def _read(path: Path) -> tuple[dict[str, str], dict[str, tuple[str, int]], str | None]:
    """Return what a file of progress holds: what is solved, the hints shown, the course."""
    file = path / PROGRESS
    if not file.is_file():
        raise ValueError(
            f"folder: got {str(path)!r}, expected a folder with exercises. Go to where you "
            "typed tf-gd exercises start, or name it with --folder, or start now."
        )
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
        passed = {str(name): str(day) for name, day in dict(known["passed"]).items()}
        hints = {str(k): (str(what), int(n)) for k, (what, n) in dict(known["hints"]).items()}
        own = known["course"]
        if own is not None and not isinstance(own, str):
            raise TypeError("course")
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        raise ValueError(
            f"{file}: got a damaged file. Delete it and run: tf-gd exercises start "
            f"{path}; your files stay, and tf-gd exercises check counts them again."
        ) from None
    return passed, hints, own


def start(path: Path, own_course: str | None = None) -> tuple[Folder, list[str]]:
    """Copy the files of a course into a folder, and return it, with the names of those copied.

    A file that is there already stays as it is.
    """
    own = str(Path(own_course).resolve()) if own_course else None
    if (path / PROGRESS).exists():
        known = _read(path)[2]
        if own is not None and own != known:
            raise ValueError(
                f"course: got {own!r}, but {path} was started with {known or 'our course'}. "
                "Start another folder."
            )
        own = known
    exercises = _of(own)
    path.mkdir(parents=True, exist_ok=True)
    if not (path / PROGRESS).exists():
        _write(path, {}, {}, own)
    copied = []
    for exercise in exercises.values():
        target = path / exercise.file_name
        if not target.exists():
            with _files.whole(target) as partial:
                partial.write_bytes(exercise.task.encode())
            copied.append(exercise.name)
    return Folder(path), copied


def find(given: str | None) -> Path:
    """Return the folder that is meant: the one given, this one, or ``exercises`` in it."""
    if given is not None:
        return Path(given)
    here = Path()
    return here if (here / PROGRESS).exists() else here / "exercises"


def _write(path: Path, passed: dict, hints: dict, own: str | None) -> None:
    kept: dict[str, Any] = {"format": _FORMAT, "course": own, "passed": passed, "hints": hints}
    with _files.whole(path / PROGRESS) as partial:
        partial.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


def table(folder: Folder) -> str:
    """Return the list of the exercises, what is done and what comes next, for 80 columns."""
    following = folder.next()
    lines = [folder.progress(), ""]
    for one in folder.exercises.values():
        mark = "x" if folder.passed(one) else ">" if one is following else " "
        lines.append(f" {mark} {one.number:02} {one.name:15} {one.title}"[:80])
    if following:
        lines += ["", f"next: {folder.file_of(following)}", *_how_to(following.name)]
    else:
        lines += ["", "All done."]
    return "\n".join(lines)


def bar(done: int, of: int) -> str:
    """Return a bar of 40 characters.

    Examples:
        >>> bar(1, 4)
        '[##########..............................]'
    """
    filled = round(40 * done / max(of, 1))
    return f"[{'#' * filled}{'.' * (40 - filled)}]"


def _how_to(name: str) -> Iterable[str]:
    return (
        f"write in it, then: tf-gd exercises check {name}",
        "or leave this running: tf-gd exercises watch",
    )
