"""The folder that a student writes in: the files of the course, and a file of progress."""

import datetime
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tf_gd import _files
from tf_gd.exercises.exercise import Exercise, course, named

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
        try:
            text = (path / PROGRESS).read_text(encoding="utf-8")
        except OSError:
            raise ValueError(
                f"folder: got {str(path)!r}, expected a folder with exercises. Make one: "
                "tf-gd exercises start"
            ) from None
        try:
            known = json.loads(text)
            self._passed: dict[str, str] = dict(known["passed"])
            self._hints: dict[str, int] = {k: int(v) for k, v in known["hints"].items()}
            self.course: str | None = known["course"]
        except (ValueError, TypeError, KeyError, AttributeError):
            raise ValueError(
                f"{path / PROGRESS}: got a damaged file. Delete it and run: tf-gd exercises start "
                f"{path}; your files stay, and tf-gd exercises check counts them again."
            ) from None
        everything = course(self.course).values()
        self.exercises = {one.name: one for one in everything if self.file_of(one).exists()}

    def file_of(self, exercise: Exercise) -> Path:
        """Return the file that a student writes in."""
        return self.path / exercise.file_name

    def named(self, name: str) -> Exercise:
        """Return an exercise by its name, its number or its file."""
        return named(name, self.course)

    def passed(self, exercise: Exercise) -> bool:
        """Return whether an exercise was solved."""
        return exercise.name in self._passed

    def next(self) -> Exercise | None:
        """Return the first exercise that is not solved."""
        return next((one for one in self.exercises.values() if not self.passed(one)), None)

    def note(self, name: str, passed: bool) -> None:
        """Note down that an exercise is solved; once solved it stays so."""
        if passed and name not in self._passed:
            self._passed[name] = datetime.date.today().isoformat()
            self._hints.pop(name, None)
            self._write()

    def further_hint(self, exercise: Exercise) -> int:
        """Note down that one more hint is shown, of three, and return how many."""
        shown = min(self._hints.get(exercise.name, 0) + 1, 3)
        self._hints[exercise.name] = shown
        self._write()
        return shown

    def reset(self, exercise: Exercise) -> Path | None:
        """Put the file of an exercise back as it was; return where the old one is kept, if any."""
        path, kept = self.file_of(exercise), None
        if path.exists() and path.read_bytes() != exercise.task.encode():
            numbers = (path.with_name(f"{path.name}.old{n or ''}") for n in range(10**6))
            kept = next(other for other in numbers if not other.exists())
            path.rename(kept)
        with _files.whole(path) as partial:
            partial.write_text(exercise.task, encoding="utf-8")
        self._passed.pop(exercise.name, None)
        self._hints.pop(exercise.name, None)
        self._write()
        return kept

    def _write(self) -> None:
        _write(self.path, self._passed, self._hints, self.course)


def start(path: Path, own_course: str | None = None) -> tuple[Folder, list[str]]:
    """Copy the files of a course into a folder, and return it, with the names of those copied.

    A file that is there already stays as it is.
    """
    own = str(Path(own_course).resolve()) if own_course else None
    exercises = course(own)
    path.mkdir(parents=True, exist_ok=True)
    if not (path / PROGRESS).exists():
        _write(path, {}, {}, own)
    copied = []
    for exercise in exercises.values():
        target = path / exercise.file_name
        if not target.exists():
            with _files.whole(target) as partial:
                partial.write_text(exercise.task, encoding="utf-8")
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
    exercises = list(folder.exercises.values())
    done = sum(map(folder.passed, exercises))
    following = folder.next()
    lines = [f"{bar(done, len(exercises))}  {done} of {len(exercises)} done", ""]
    for one in exercises:
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
