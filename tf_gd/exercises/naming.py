"""Name the mistake in a student's function: the one that does what the function did."""

import difflib
import inspect
import re
import textwrap
from collections.abc import Callable
from typing import Any

from tf_gd.exercises.comparing import same
from tf_gd.exercises.draws import Draws
from tf_gd.exercises.exercise import Exercise, Mistake
from tf_gd.exercises.running import Ran

_SECONDS = 2.0  # of a call with a mistake in it, which may never end


def named_together(found: list[Mistake]) -> str:
    """Return the names of mistakes that do the same, four at most."""
    return ", or ".join(one.name for one in found[:4])


def mistakes_of(
    exercise: Exercise, function: Callable, draws: Draws, tried: dict[int, Ran], within: float
) -> list[Mistake]:
    """Return the mistakes that do what the student's function did in every call that was tried.

    Of several, first the one whose code looks most like the student's.
    """
    found = []
    for mistake in exercise.answers.MISTAKES:
        wrong = exercise.with_mistake(mistake)
        for number, ran in tried.items():
            other = draws.call(wrong, number, f"<{exercise.name}>", _SECONDS)
            if ran.failed or other.failed:
                alike = ran.failed == other.failed and _kind(ran) == _kind(other)
            else:
                alike = same(ran.value, other.value, within)
            if not alike:
                break
        else:
            found.append(mistake)
    written = _source_of(function)

    def unlike(mistake: Mistake) -> float:
        varied = exercise.source_with(mistake)
        return -difflib.SequenceMatcher(None, varied, written, autojunk=False).ratio()

    return sorted(found, key=unlike) if len(found) > 1 else found


def _source_of(function: Callable) -> str:
    return "".join(lines_of(function)[0])


def lines_of(function: Any) -> tuple[list[str], int]:
    """Return the lines of a function, or of a class's last method, and the number of the first.

    No lines if they are not known.
    """
    methods = [one for one in getattr(function, "__dict__", {}).values() if inspect.isfunction(one)]
    try:
        return inspect.getsourcelines(methods[-1] if inspect.isclass(function) else function)
    except (OSError, TypeError, IndexError):
        return [], 0


def _kind(ran: Ran) -> str:
    """Return what an error says, without the names of variables in it."""
    return re.sub(r"'[^']*'|\d+", "", ran.said)


def further_hints(exercise: Exercise, found: list[Mistake], function: Callable) -> tuple[str, str]:
    """Return the second and the third hint for mistakes that do what was done."""
    said = "One of these, which do the same" if len(found) > 1 else "The mistake"
    first = f"{said}: {named_together(found)}."
    mistake, block = found[0], exercise.block_with(found[0].right)
    right, wrong = (_lines(piece) for piece in (mistake.right, mistake.wrong))
    indented = textwrap.indent(block, "  ")
    if sorted(right) == sorted(wrong):
        return first, f"The lines are right; their order, or indentation, is not:\n{indented}"
    if not wrong:
        return first, f"This is missing, or does something else:\n{indented}"
    if len(right) > 1 or len(wrong) > 1:
        return first, f"The solution has here:\n{indented}"
    here = _line_like(exercise.line_with(mistake.wrong, mistake), function)
    return first, f"{here}It should do what this line does:\n{indented}"


def _lines(piece: str) -> list[str]:
    return [line.strip() for line in piece.splitlines() if line.strip()]


def _line_like(wrong: str, function: Callable) -> str:
    """Return the number of the line in a student's code that is most like a wrong one."""
    lines, first = lines_of(function)
    stripped = [line.strip() for line in lines]
    for like in difflib.get_close_matches(wrong, stripped, n=1, cutoff=0.5):
        return f"Look at line {first + stripped.index(like)}: {like}\n"
    return ""


def line_of_return(function: Callable) -> int:
    """Return the line of the last ``return`` of a function, or that of its name."""
    lines, first = lines_of(function)
    returns = [n for n, line in enumerate(lines) if line.strip().startswith("return")]
    return first + returns[-1] if returns else first
