"""An exercise: the file that a student writes in, and below a line the answers, not copied.

A file of the course, ``e04_one_step.py`` for example, holds above :data:`MARK` what the student
gets: a docstring with the task, and one function, or class, with a gap. Below it stand:

* ``solution``: the function, or class, written.
* ``draw(random, number)``: the arguments of a call, drawn with a ``numpy.random.Generator``; the
  number of the call, from 0, so that each kind comes up.
* ``expected(**given)``: what the call returns, by other means than the solution: a closed form,
  Keras, NumPy in float64.
* ``MISTAKES``: a list of :class:`Mistake`.
* ``IDEA``: what to think of, a sentence. The third hint shows the line of the solution that
  contains ``LINE``.
* ``AFTER``: the name of the tutorial it belongs to.

And where they are needed: ``RETURNS``, the name of what the call returns, or of each part;
``results(function, **given)``, what is compared, if that is not the call itself; ``CALL``, the
call as text, with ``{learning_rate}`` and the like, if it is another than the arguments say;
``WITHIN``, the relative tolerance, 0 for the same bits; ``DRAWS``, how many calls; ``SECONDS``,
the time limit of one.
"""

import ast
import functools
import importlib.util
import re
import textwrap
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tf_gd import _checks

MARK = "# ---- answers ----"
COURSE = Path(__file__).parent / "files"


class Mistake(NamedTuple):
    """A wrong answer that students give.

    Attributes:
        name: what it does, in a few words; the second hint.
        right: a piece of the solution.
        wrong: what stands in its place.
    """

    name: str
    right: str
    wrong: str


@dataclass(frozen=True)
class Exercise:
    """An exercise of a course.

    Attributes:
        name: such as ``"one_step"``.
        number: its place in the course, from 1.
        path: the file of the course, with the answers.
    """

    name: str
    number: int
    path: Path

    @functools.cached_property
    def task(self) -> str:
        """The file that the student gets."""
        return self.path.read_text(encoding="utf-8").partition(MARK)[0].rstrip() + "\n"

    @functools.cached_property
    def _tree(self) -> ast.Module:
        try:
            return ast.parse(self.task)
        except SyntaxError as error:
            said = f"{self.path.name}, line {error.lineno}: got no Python ({error.msg})"
            raise ValueError(f"course: {said}, expected a task above {MARK!r}.") from None

    @property
    def file_name(self) -> str:
        """The name of the file that the student writes in."""
        return f"{self.number:02}_{self.name}.py"

    @property
    def title(self) -> str:
        """The first line of the task."""
        return (ast.get_docstring(self._tree) or self.name).splitlines()[0]

    @property
    def gap(self) -> str:
        """The name of the function, or class, to write: the last of the file."""
        written = (ast.FunctionDef, ast.ClassDef)
        return [node.name for node in self._tree.body if isinstance(node, written)][-1]

    @property
    def after(self) -> str:
        """The name of the tutorial that it belongs to, or nothing; nothing is executed for it."""
        found = re.search(r'^AFTER = "(\w+)"', self.path.read_text(encoding="utf-8"), re.MULTILINE)
        return found[1] if found else ""

    @functools.cached_property
    def answers(self) -> types.ModuleType:
        """The module of the course, with the answers; executing it imports TensorFlow."""
        spec = importlib.util.spec_from_file_location(f"exercise_{self.name}", self.path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    @functools.cached_property
    def source(self) -> str:
        """The source of the solution."""
        whole = self.path.read_text(encoding="utf-8")
        found = (node for node in ast.parse(whole).body if getattr(node, "name", "") == "solution")
        return (ast.get_source_segment(whole, next(found)) or "") + "\n"

    def written(self) -> str:
        """Return the solution under the name that it has in the student's file."""
        return re.sub(r"\b(def|class) solution\b", rf"\1 {self.gap}", self.source)

    def varied(self, source: str) -> Any:
        """Return the function, or class, that another source of the solution makes."""
        names = dict(vars(self.answers))
        exec(compile(source, f"<{self.name}>", "exec"), names)  # of the course, not of a student
        return names["solution"]

    def with_mistake(self, mistake: Mistake) -> Any:
        """Return the solution with a mistake in it."""
        if self.source.count(mistake.right) != 1:
            got = f"{mistake.right!r} {self.source.count(mistake.right)} times in the solution"
            raise ValueError(f"MISTAKES: got {got}, expected once.")
        return self.varied(self.source_with(mistake))

    def source_with(self, mistake: Mistake) -> str:
        """Return the source of the solution with a mistake in it."""
        return self.source.replace(mistake.right, mistake.wrong)

    def line_with(self, piece: str, mistake: Mistake | None = None) -> str:
        """Return the line in which a piece of the solution begins, or one of a mistake's."""
        source = self.source if mistake is None else self.source_with(mistake)
        first = next((line.strip() for line in piece.splitlines() if line.strip()), "")
        lines = (line.strip() for line in source.splitlines() if first in line)
        return next(lines, "") if first else ""

    def block_with(self, piece: str) -> str:
        """Return the lines of the solution that a piece of it is in, without their indentation."""
        at = self.source.index(piece)
        start = self.source.rindex("\n", 0, at + len(piece) - len(piece.lstrip("\n ")) or 1) + 1
        end = self.source.find("\n", at + len(piece.rstrip()))
        return textwrap.dedent(self.source[start : end if end > 0 else None]).strip("\n")

    def results(self, function: Callable, given: dict[str, Any]) -> Any:
        """Return what is compared of a call."""
        adapted = getattr(self.answers, "results", None)
        return adapted(function, **given) if adapted else function(*given.values())


def course(folder: str | Path | None = None) -> dict[str, Exercise]:
    """Return the exercises of a folder by their names, in their order; by default ours.

    Raises:
        ValueError: there is none in the folder.

    Examples:
        >>> list(course())[:3]
        ['function', 'gradient', 'none']
    """
    folder = COURSE if folder is None else _checks.path("folder", folder)
    found = {}
    for number, path in enumerate(sorted(folder.glob("e[0-9][0-9]_*.py")), start=1):
        name = path.stem[4:]
        found[name] = Exercise(name, number, path)
    if not found:
        raise ValueError(
            f"folder: got {str(folder)!r}, expected a folder with exercises, e01_name.py and so on."
        )
    return found


def after(tutorial: str) -> list[Exercise]:
    """Return our exercises that belong to a tutorial.

    Examples:
        >>> [exercise.name for exercise in after("08_momentum")]
        ['momentum', 'nesterov']
    """
    return [exercise for exercise in course().values() if exercise.after == tutorial]


def named(name: str, folder: str | Path | None = None) -> Exercise:
    """Return an exercise by its name, or by its number.

    Raises:
        TypeError, ValueError: there is none of this name.
    """
    known = course(folder)
    by_number = {f"{one.number:02}": one for one in known.values()}
    text = _checks.text("name", name)
    text = re.sub(r"^\d\d_(?=\w)", "", re.sub(r"\.py$", "", Path(text).name))
    if text.zfill(2) in by_number:
        return by_number[text.zfill(2)]
    if text not in known:
        close = _checks.did_you_mean(text, list(known))
        raise ValueError(
            f"name: got {name!r}, expected the name, the number or the file of an exercise.{close} "
            "tf-gd exercises list shows them."
        )
    return known[text]
