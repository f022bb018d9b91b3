"""What a check found, for a terminal and for a notebook."""

import html
import textwrap
from dataclasses import dataclass

_WIDTH = 80


@dataclass(frozen=True)
class Report:
    """What the check of an exercise found.

    Attributes:
        name: of the exercise.
        state: ``"passed"``, ``"not written"``, ``"wrong"``, ``"error"`` or ``"time"``.
        hints: up to three, each says more than the one before: the first number that differs, the
            mistake, the line.
        mistake: the name of the mistake; empty if it is not known.
        line: of the student's code at which it failed; 0 if there is none.
        notes: of lines that print.
        seed: with which the values were drawn, the same again with ``seed=``; None if none were.
        shown: how many of the hints are shown.
    """

    name: str
    state: str
    hints: tuple[str, ...] = ()
    mistake: str = ""
    line: int = 0
    notes: tuple[str, ...] = ()
    seed: int | None = None
    shown: int = 1

    @property
    def passed(self) -> bool:
        """Whether the exercise is solved."""
        return self.state == "passed"

    @property
    def title(self) -> str:
        """The first line."""
        return f"{self.name}: {'passed' if self.passed else _TITLES[self.state]}"

    def as_dict(self) -> dict:
        """Return the report for a program to read."""
        return {
            "name": self.name,
            "passed": self.passed,
            "state": self.state,
            "hints": list(self.hints),
            "mistake": self.mistake,
            "line": self.line,
            "notes": list(self.notes),
            "seed": self.seed,
        }

    def __str__(self) -> str:
        lines = [self.title]
        for text in (*self.hints[: self.shown], *self.notes):
            lines += _wrapped(text)
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)

    def to_html(self) -> str:
        """Return the report as a piece of HTML, with the further hints folded."""
        said = html.escape
        mark = "&#10003;" if self.passed else "&#10007;"
        parts = [f"<p><strong>{mark} {said(self.title)}</strong></p>"]
        parts += [f"<pre>{said(text)}</pre>" for text in (*self.hints[: self.shown], *self.notes)]
        for number, text in enumerate(self.hints[self.shown :], start=self.shown + 1):
            folded = f"<summary>hint {number}</summary><pre>{said(text)}</pre>"
            parts.append(f"<details>{folded}</details>")
        return f'<div class="tf-gd-exercise">{"".join(parts)}</div>'

    def _repr_html_(self) -> str:
        return self.to_html()


_TITLES = {
    "not written": "not written yet",
    "wrong": "not yet",
    "error": "stopped with an error",
    "time": "took too long",
}


def _wrapped(text: str) -> list[str]:
    """Return the lines of a text, indented, none longer than the terminal if words allow it."""
    lines = []
    for line in text.splitlines():
        indent = "  " + " " * (len(line) - len(line.lstrip()))
        lines += textwrap.wrap(
            line.strip(),
            _WIDTH,
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]
    return lines
