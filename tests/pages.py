"""Run a tutorial as a reader does, and the answers folded at its end."""

import contextlib
import doctest
import io
import re
import runpy
import textwrap
from dataclasses import dataclass
from typing import Any

from tf_gd.command import claims


@dataclass(frozen=True)
class Run:
    """What a page left behind: its variables, what it printed, the claims it made."""

    variables: dict[str, Any]
    output: str
    claims: tuple[claims.Claim, ...]

    def rows(self) -> list[list[float]]:
        """Return the printed lines that hold numbers alone: the tables, row by row."""
        lines = [line.replace("(", " ").replace(")", " ").split() for line in self.output.splitlines()]
        rows = []
        for line in lines:
            with contextlib.suppress(ValueError):
                rows.append([float(word) for word in line])
        return [row for row in rows if row]


def run(tutorial) -> Run:
    """Run a page from its first line to its last."""
    claims.recorded.clear()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        variables = runpy.run_path(str(tutorial.path), run_name="__main__")
    return Run(variables, printed.getvalue(), tuple(claims.recorded))


def text(source: str) -> str:
    """Return the prose of a page: its text cells, without the sign of a comment."""
    cells = re.findall(r"^# %%\n((?:#.*\n?)*)", source, re.MULTILINE)
    return "\n\n".join(re.sub(r"^# ?", "", cell, flags=re.MULTILINE) for cell in cells)


def questions(source: str) -> list[str]:
    """Return the questions to try, each with its folded answer."""
    _, _, listed = text(source).partition("To try\n------\n")
    return [textwrap.dedent(one) for one in re.split(r"^\d+\. ", listed, flags=re.MULTILINE)[1:]]


def wrong_answers(name: str, question: str, variables: dict[str, Any]) -> str:
    """Run the code of a folded answer after the page; return what went otherwise than it says."""
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    examples = doctest.DocTestParser().get_doctest(question, dict(variables), name, name, 0)
    assert examples.examples, f"{name}: an answer that runs nothing"
    report = io.StringIO()
    doctest.DocTestRunner(optionflags=flags).run(examples, out=report.write)
    return report.getvalue()
