"""Where the tutorial scripts are, and what they are called."""

import importlib.metadata
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from tf_gd import _checks


@dataclass(frozen=True)
class Tutorial:
    """A numbered script.

    Attributes:
        name: such as ``"04_learning_rate"``.
        title: the question it answers.
        path: the script.
    """

    name: str
    title: str
    path: Path


def find() -> list[Tutorial]:
    """Return the tutorials in order: those beside the package in a source tree, or those that were installed with it.

    Examples:
        >>> find()[0].name
        '01_three_components'
    """
    scripts = sorted(_directory().glob("[0-9][0-9]_*.py"))
    return [Tutorial(script.stem, _title(script), script) for script in scripts]


def choose(wanted: list[str]) -> list[Tutorial]:
    """Return the tutorials with these names or numbers; all of them for an empty list.

    Raises:
        ValueError: no tutorial has such a name.

    Examples:
        >>> [tutorial.name for tutorial in choose(["04"])]
        ['04_learning_rate']
    """
    known = find()
    if not known:
        raise ValueError(f"tutorials: found none in {_directory()}, expected them with the package. Install tf-gd again.")
    chosen = []
    for word in wanted:
        matching = [t for t in known if t.name == word.removesuffix(".py") or t.name.startswith(f"{word:0>2}_")]
        if not matching:
            names = [t.name for t in known]
            hint = _checks.did_you_mean(word, names)
            raise ValueError(f"tutorial: got {word!r}, expected a name or number of {', '.join(names)}.{hint}")
        chosen += matching
    return chosen or known


def _directory() -> Path:
    beside = Path(__file__).resolve().parent.parent / "tutorials"
    if beside.is_dir():
        return beside
    for file in importlib.metadata.files("tf-gd") or ():
        if file.match("share/tf_gd/tutorials/*.py"):
            return Path(str(file.locate())).resolve().parent
    return Path(sys.prefix) / "share" / "tf_gd" / "tutorials"


def _title(script: Path) -> str:
    """Return the first line of the script's docstring."""
    found = re.search(r'"""\s*(.+)', script.read_text(encoding="utf-8"))
    return found[1].strip() if found else script.stem
