"""Argument checks. An error names the argument, the value given and what was expected.

Every check takes the name of the argument and its value. It returns the value in the form that the
package uses, or raises TypeError for a wrong type and ValueError for a wrong value.
"""

import difflib
import math
import numbers
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

INF = math.inf
_BOOLS = (bool, np.bool_)
_FILE = "the name of a file, for example 'path.npz'"
_HINTS = {
    "learning_rate": " Descent needs a positive rate, usually 0.001 to 1; to climb, minimise the "
    "negative of the objective.",
    "momentum": " Usual values are 0.0 (none), 0.9 and 0.99.",
}


def number(
    name: str, value: Any, *, minimum: float = -INF, maximum: float = INF, above: float = -INF
) -> float:
    """Return a finite float with ``minimum <= value <= maximum`` and ``value > above``."""
    value = unwrapped(value)
    if isinstance(value, _BOOLS) or not isinstance(value, numbers.Real):
        raise wrong_type(name, value, f"a number. Pass a float, for example {name}=0.1")
    value = float(value)
    if not math.isfinite(value) or not minimum <= value <= maximum or not value > above:
        lower = f"above {above:g}" if above > -INF else f"at least {minimum:g}"
        bounds = [lower] * (max(above, minimum) > -INF) + [f"at most {maximum:g}"] * (maximum < INF)
        expected = " ".join(["a finite number", " and ".join(bounds)]).rstrip()
        raise ValueError(f"{name}: got {value}, expected {expected}.{_HINTS.get(name, '')}")
    return value


def whole_number(name: str, value: Any, *, minimum: int, maximum: int = 2**31 - 2) -> int:
    """Return an int from ``minimum`` to ``maximum``; a float such as 3.0 counts as whole."""
    is_real = isinstance(value, numbers.Real) and not isinstance(value, _BOOLS)
    if not is_real or not (isinstance(value, numbers.Integral) or float(value).is_integer()):
        raise wrong_type(name, value, f"a whole number. Pass an int, for example {name}=100")
    whole = int(value)
    if not minimum <= whole <= maximum:
        got = value if abs(whole) < 10**18 else _show(value)  # an int may have many digits
        raise ValueError(f"{name}: got {got}, expected a whole number from {minimum} to {maximum}.")
    return whole


def flag(name: str, value) -> bool:
    """Return a bool."""
    if not isinstance(value, _BOOLS):
        raise wrong_type(name, value, "True or False")
    return bool(value)


def text(name: str, value: Any) -> str:
    """Return a string."""
    if not isinstance(value, str):
        raise wrong_type(name, value, "text")
    return value


def one_of(name: str, value, options: Sequence[str]) -> str:
    """Return one of ``options``; the error suggests the closest spelling."""
    expected = f"one of {', '.join(map(repr, options))}"
    if not isinstance(value, str):
        raise wrong_type(name, value, expected)
    if value not in options:
        close = did_you_mean(value, options)
        raise ValueError(f"{name}: got {value!r}, expected {expected}.{close}")
    return value


def path(name: str, value: Any) -> Path:
    """Return the path of a file, which need not exist."""
    if not isinstance(value, str | os.PathLike):
        raise wrong_type(name, value, _FILE)
    taken = Path(os.fsdecode(value))
    if not taken.name or "\0" in str(taken):
        raise ValueError(f"{name}: got {str(taken)!r}, expected {_FILE}.")
    return taken


def point(name: str, value, dtype: str) -> np.ndarray:
    """Return a finite, non-empty vector ``(dim,)`` of ``dtype``; a single number has length 1."""
    array = _numbers(name, value)
    if array.ndim > 1:
        raise ValueError(
            f"{name}: got shape {array.shape}, expected one point of shape (dim,). "
            f"Pass {name}=x.reshape(-1) for one point; run the descent once for each of several."
        )
    if array.size == 0:
        expected = "at least one coordinate, for example [1.0, 2.0]"
        raise ValueError(f"{name}: got an empty array, expected {expected}.")
    with np.errstate(over="ignore"):
        array = array.reshape(-1).astype(dtype)
    if not np.isfinite(array).all():
        expected = f"finite coordinates in {dtype}. Start from another point"
        raise ValueError(f"{name}: got {array.tolist()}, expected {expected}.")
    return array


def array(name: str, value: Any, *, shape: tuple[int | None, ...] | None = None) -> np.ndarray:
    """Return an array of float64, which may contain NaN and infinity.

    Args:
        name: of the argument.
        value: numbers; masked values and complex numbers are refused.
        shape: the expected shape, None for any length. A single number counts as a vector of
            length 1.

    Examples:
        >>> array("x", [1, 2], shape=(None,)).tolist()
        [1.0, 2.0]
    """
    taken = _numbers(name, value, bools=True)
    if shape is not None:
        taken = taken.reshape(-1) if len(shape) == 1 and taken.ndim == 0 else taken
        pairs = zip(shape, taken.shape, strict=False)
        if taken.ndim != len(shape) or any(wanted not in (None, got) for wanted, got in pairs):
            wanted = ", ".join("any" if length is None else str(length) for length in shape)
            raise ValueError(f"{name}: got an array of shape {taken.shape}, expected ({wanted}).")
    with np.errstate(over="ignore"):
        return taken.astype("float64")


def _numbers(name: str, value: Any, bools: bool = False) -> np.ndarray:
    """Return an array of real numbers; of objects, such as fractions and bfloat16, float64."""
    try:
        taken = np.asarray(value)
        if taken.dtype.kind in "VO" and value is not None:
            taken = taken.astype("float64")  # None among them becomes NaN
        if taken.dtype.kind in ("iufb" if bools else "iuf") and not np.ma.is_masked(value):
            return taken
    except (TypeError, ValueError):
        pass
    raise wrong_type(name, value, "numbers. Pass a list such as [1.0, 2.0]")


def unwrapped(value: Any) -> Any:
    """Return the item of an array or a tensor without dimensions; another value as it is."""
    if isinstance(value, np.generic) or not hasattr(value, "__array__"):
        return value
    try:
        array = np.asarray(value)
        return array.item() if array.ndim == 0 else value
    except (TypeError, ValueError, NotImplementedError):  # a symbolic tensor
        return value


def is_one_number(value: Any) -> bool:
    """Return whether the value has no dimensions: it is neither a list nor an array of several."""
    try:
        return np.ndim(value) == 0
    except ValueError:  # lists of different lengths
        return False


def has(name: str, value: Any, attributes: Sequence[str], expected: str) -> None:
    """Raise TypeError unless the value is an object with these attributes."""
    missing = [attribute for attribute in attributes if not hasattr(value, attribute)]
    if missing or isinstance(value, type):
        lacks = missing[0] if missing else "a value"
        raise TypeError(f"{name}: got {_show(value)}, without {lacks}, expected {expected}.")


def check_fits_in_memory(name: str, size: float, advice: str) -> None:
    """Raise ValueError if an array of ``size`` bytes exceeds the memory of the machine.

    Examples:
        >>> check_fits_in_memory("starts", 1e18, "Take fewer.")
        Traceback (most recent call last):
        ValueError: starts: this takes 1,000,000,000 GB of memory, and the machine has ... fewer.
    """
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows
        return
    if size > memory:
        needs = f"{size / 1e9:,.0f} GB of memory, and the machine has {memory / 1e9:.0f}"
        raise ValueError(f"{name}: this takes {needs}. {advice}")


def did_you_mean(word: str, options: Sequence[str]) -> str:
    """Return a sentence with the closest of the options, or an empty string if none is close."""
    close = difflib.get_close_matches(word.lower(), options, n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else ""


def raised(error: BaseException) -> str:
    """Return the type and the message of an error, without the notes that TensorFlow adds.

    Examples:
        >>> raised(ValueError("{{function_node f}} index 5 is out of bounds [Op:Slice] name: s/"))
        'ValueError: index 5 is out of bounds.'
    """
    text = re.sub(r"\{\{.*?\}\}|\[Op:[^\]]*\]\s*(name:\s*\S*)?", "", str(error))
    said = " ".join(text.split()) or "no message"
    return f"{type(error).__name__}: {said}" + ("" if said.endswith((".", "?", "!")) else ".")


def wrong_type(name: str, value: Any, expected: str) -> TypeError:
    """Return the error for a value of the wrong type."""
    return TypeError(f"{name}: got {_show(value)}, expected {expected}.")


def _show(value) -> str:
    text = repr(value)
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({type(value).__name__})"
