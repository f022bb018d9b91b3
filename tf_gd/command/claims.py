"""Numbers that a tutorial states, checked while it runs."""

from dataclasses import dataclass

import numpy as np

from tf_gd import _checks
from tf_gd.show.table import table


class ClaimError(AssertionError):
    """A tutorial measured something other than it states."""


@dataclass(frozen=True)
class Claim:
    """One checked statement.

    Attributes:
        text: what is stated.
        expected: the number, from theory, arithmetic or a publication, as shown.
        measured: what came out, as shown.
        holds: whether they agree.
    """

    text: str
    expected: str
    measured: str
    holds: bool


_SHOWN = 8  # numbers of an array
recorded: list[Claim] = []


def claim(text: str, measured, expected, *, within: float = 0.0, at_least: bool = False) -> None:
    """State that ``measured`` is ``expected``, print both, and raise if it is not.

    Args:
        text: the statement, one line.
        measured: a number, an array, a bool or a text.
        expected: the same; from theory, arithmetic or a publication, never an earlier measurement.
        within: the largest absolute difference that counts as agreement.
        at_least: agree also when ``measured`` is larger.

    Raises:
        ClaimError: the claim does not hold.
        TypeError, ValueError: there is nothing to compare.

    Examples:
        >>> claim("one step at rate 1/L lands on the minimum", measured=0.0, expected=0.0)
        ok  one step at rate 1/L lands on the minimum
            expected 0, measured 0
    """
    text, at_least = _checks.text("text", text), _checks.flag("at_least", at_least)
    tolerance, measured, expected = (
        _checks.array("within", within),
        _checks.unwrapped(measured),
        _checks.unwrapped(expected),
    )
    if not (tolerance >= 0).all():
        raise ValueError(f"within: got {within!r}, expected numbers that are at least 0.")
    if isinstance(expected, (str, bool, np.bool_)):
        if not isinstance(measured, (str, bool, np.bool_)):
            raise TypeError(
                f"measured: got {measured!r}, expected {type(expected).__name__} as in `expected`."
            )
        holds = measured == expected
    else:
        got, wanted = _checks.array("measured", measured), _checks.array("expected", expected)
        if not got.size or not wanted.size:  # all() of an empty array is true
            raise ValueError(
                f"{'expected' if got.size else 'measured'}: got an empty array, "
                "expected at least one number."
            )
        difference = (
            got - wanted
            if got.ndim == 0 or wanted.ndim == 0 or got.shape == wanted.shape
            else np.array(np.nan)
        )
        holds = bool(
            np.all(difference >= -tolerance)
            if at_least
            else np.all(np.abs(difference) <= tolerance)
        )
    made = Claim(
        text, ("at least " if at_least else "") + _show(expected), _show(measured), bool(holds)
    )
    recorded.append(made)
    print(
        f"{'ok ' if holds else 'NO '} {text}\n"
        f"    expected {made.expected}, measured {made.measured}"
    )
    if not holds:
        raise ClaimError(f"{text}: expected {made.expected}, measured {made.measured}")


def predicted_and_measured() -> str:
    """Return a table of all claims so far, 80 columns wide.

    Examples:
        >>> claim("one and one", measured=1 + 1, expected=2)
        ok  one and one
            expected 2, measured 2
        >>> print(predicted_and_measured().splitlines()[0].split())
        ['claim', 'predicted', 'measured']
    """
    return table(
        ["claim", "predicted", "measured"],
        [[one.text, one.expected, one.measured] for one in recorded],
        widest=0,
    )


def _show(value) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if np.size(value) > 1:
        shown = [_show(element) for element in np.ravel(value)[:_SHOWN]]
        return "(" + ", ".join([*shown, *(["..."] if np.size(value) > _SHOWN else [])]) + ")"
    number = float(np.asarray(np.ravel(value)[0], "float64"))  # None is NaN
    return f"{number:.0f}" if number.is_integer() and abs(number) < 1e9 else f"{number:.7g}"
