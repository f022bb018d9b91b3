"""The tutorial scripts: where they are, their titles, and the captions of their pictures."""

import contextlib
import importlib.metadata
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tf_gd import _checks


class Part(NamedTuple):
    """Tutorials that belong together: ``first`` is the number of the first one."""

    first: int
    name: str
    follows: str


PARTS = (
    Part(0, "The tape", "before the first slide"),
    Part(1, "The problem", "slides 2 to 10"),
    Part(4, "By hand", "slides 11 to 16"),
    Part(10, "In Keras", "slide 17"),
    Part(18, "Further", "beyond the lecture"),
)


@dataclass(frozen=True)
class Tutorial:
    """A numbered script.

    Attributes:
        name: such as ``"04_which_way_is_down"``.
        title: the question it answers, without the number.
        path: the script.
    """

    name: str
    title: str
    path: Path

    @property
    def number(self) -> str:
        """The two digits that its name begins with, or nothing."""
        return self.name[:2] if re.match(r"\d\d", self.name) else ""

    @property
    def part(self) -> str:
        """The name of the part it is in, one of :data:`PARTS`."""
        if not self.number:
            return PARTS[-1].name
        return next(part.name for part in reversed(PARTS) if part.first <= int(self.number))

    @property
    def heading(self) -> str:
        """The number and the title."""
        return f"{self.number} {self.title}".strip()

    def captions(self) -> dict[str, str]:
        """Return what the script says about each picture it saves, in reST, by the file's name.

        That is the first paragraph of the text that follows the cell with the ``show.save``.
        """
        captions: dict[str, str] = {}
        waiting: list[str] = []
        for cell in re.split(r"^# %%.*\n", _source(self.path), flags=re.M):
            comment = "".join(re.findall(r"\A(?:#.*\n?)*", cell))
            code = cell[len(comment) :]
            paragraph = _first_paragraph(re.sub(r"^# ?", "", comment, flags=re.M))
            if paragraph:
                captions |= dict.fromkeys(waiting, paragraph)
                waiting = []
            saved = re.findall(
                r"""show\.save\((?:(?!show\.save).)+?["']([^"'\n]+\.png)["']\s*,?\s*\)""",
                code,
                re.S,
            )
            waiting += [Path(name).name for name in saved]
        return captions


def find() -> list[Tutorial]:
    """Return the tutorials in order: those in the source tree, or installed with the package.

    Examples:
        >>> find()[1].name, find()[1].part
        ('01_three_components', 'The problem')
    """
    scripts = sorted(_directory().glob("[0-9][0-9]_*.py"))
    return [Tutorial(script.stem, _title(script), script) for script in scripts]


def choose(wanted: list[str]) -> list[Tutorial]:
    """Return the tutorials with these names or numbers; all of them for an empty list.

    Raises:
        ValueError: no tutorial has such a name.

    Examples:
        >>> [tutorial.name for tutorial in choose(["1"])]
        ['01_three_components']
    """
    known = find()
    if not known:
        where = f"found none in {_directory()}"
        raise ValueError(f"tutorials: {where}, expected them there. Install tf-gd again.")
    chosen = []
    for word in wanted:
        stem = Path(word).name.removesuffix(".py")
        number = f"{stem:0>2}_" if stem else "none"
        matching = [t for t in known if t.name == stem or t.name.startswith(number)]
        if not matching:
            names = [t.name for t in known]
            numbers = f"a number from {known[0].number} to {known[-1].number}"
            expected = f"{numbers}, or a name that tf-gd list shows"
            hint = _checks.did_you_mean(word, names)
            raise ValueError(f"tutorial: got {word!r}, expected {expected}.{hint}")
        chosen += [tutorial for tutorial in matching if tutorial not in chosen]
    return chosen or known


def by_part(tutorials: list[Tutorial]) -> list[tuple[Part, list[Tutorial]]]:
    """Return the parts that have some of these tutorials, each with them."""
    parts = [(part, [one for one in tutorials if one.part == part.name]) for part in PARTS]
    return [(part, within) for part, within in parts if within]


def moving_picture() -> Path | None:
    """Return the animation of a descent that comes with the package, if it is there."""
    beside = Path(__file__).resolve().parents[2] / "docs" / "pictures" / "momentum.gif"
    picture = beside if beside.is_file() else _installed("pictures", "momentum.gif")
    return picture if picture.is_file() else None


def _directory() -> Path:
    beside = Path(__file__).resolve().parents[2] / "tutorials"
    return beside if beside.is_dir() else _installed("tutorials", "*.py").parent


def _installed(folder: str, pattern: str) -> Path:
    """Return a file that was installed with the package; its name need not exist."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        for file in importlib.metadata.files("tf-gd") or ():
            if file.match(f"share/tf_gd/{folder}/{pattern}"):
                return Path(str(file.locate())).resolve()
    return Path(sys.prefix) / "share" / "tf_gd" / folder / pattern


def _title(script: Path) -> str:
    """Return the first line of the script's docstring, without its number."""
    found = re.search(r'"""\s*(.+)', _source(script))
    return re.sub(r"^\d\d[.:]?\s+", "", found[1].strip()) if found else script.stem


def _source(script: Path) -> str:
    """Return the script's text, or nothing if it cannot be read: running it will report why."""
    try:
        return script.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _first_paragraph(text: str) -> str:
    """Return the first paragraph that is neither a heading nor a directive, on one line."""
    for paragraph in re.split(r"\n[ \t]*\n", text.strip()):
        lines = [line.strip() for line in paragraph.strip().splitlines()]
        if len(lines) > 1 and re.fullmatch(r"([-=~^*#])\1{2,}", lines[1]):
            lines = lines[2:]
        if lines and not lines[0].startswith(".. "):
            return " ".join(lines)
    return ""
