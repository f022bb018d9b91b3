"""Argument checks: each error says what was got, what was expected, and how to fix it."""

import difflib
import math
import numbers
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

_BOOLS = (bool, np.bool_)


def number(
    name: str, value: Any, *, minimum: float = -math.inf, maximum: float = math.inf, above: float = -math.inf
) -> float:
    """Return ``value`` as a float, or raise unless ``minimum <= value <= maximum`` and ``value > above``."""
    value = unwrapped(value)
    if isinstance(value, _BOOLS) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name}: got {_show(value)}, expected a number. Pass a float, for example {name}=0.1.")
    value = float(value)
    if not math.isfinite(value) or not minimum <= value <= maximum or not value > above:
        raise ValueError(f"{name}: got {value}, expected {_interval(minimum, maximum, above)}.{_HINTS.get(name, '')}")
    return value


def whole_number(name: str, value: Any, *, minimum: int, maximum: int = 2**31 - 2) -> int:
    """Return ``value`` as an int, or raise unless it is a whole number between ``minimum`` and ``maximum``."""
    if isinstance(value, _BOOLS) or not isinstance(value, numbers.Real) or not _is_whole(value):
        raise TypeError(f"{name}: got {_show(value)}, expected a whole number. Pass an int, for example {name}=100.")
    whole = int(value)  # type: ignore[call-overload]
    if not minimum <= whole <= maximum:
        got = value if abs(whole) < 10**18 else _show(value)
        raise ValueError(f"{name}: got {got}, expected a whole number from {minimum} to {maximum}.")
    return whole


def _is_whole(value) -> bool:
    return isinstance(value, numbers.Integral) or float(value).is_integer()


def flag(name: str, value) -> bool:
    """Return ``value`` as a bool, or raise unless it is one."""
    if not isinstance(value, _BOOLS):
        raise TypeError(f"{name}: got {_show(value)}, expected True or False.")
    return bool(value)


def one_of(name: str, value, options: Sequence[str]) -> str:
    """Return ``value``, or raise with the closest spelling unless it is one of ``options``."""
    if not isinstance(value, str):
        raise TypeError(f"{name}: got {_show(value)}, expected one of {', '.join(map(repr, options))}.")
    if value not in options:
        raise ValueError(
            f"{name}: got {value!r}, expected one of {', '.join(map(repr, options))}.{did_you_mean(value, options)}"
        )
    return value


def did_you_mean(word: str, options: Sequence[str]) -> str:
    """Return a sentence with the closest of ``options``, or nothing when none is close."""
    close = difflib.get_close_matches(word.lower(), options, n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else ""


def raised(error: Exception) -> str:
    """Return the type of an error of the user's code and what it says, as a sentence without TensorFlow's own notes.

    Examples:
        >>> raised(ValueError("{{function_node __wrapped__Slice}} index 5 is out of bounds [Op:Slice] name: s/"))
        'ValueError: index 5 is out of bounds.'
    """
    text = re.sub(r"\{\{.*?\}\}|\[Op:[^\]]*\]\s*(name:\s*\S*)?", "", str(error))
    said = " ".join(text.split()) or "no message"
    return f"{type(error).__name__}: {said}" + ("" if said.endswith((".", "?", "!")) else ".")


def point(name: str, value, dtype: str) -> np.ndarray:
    """Return ``value`` as a finite, non-empty vector ``(dim,)`` of ``dtype``; integers and a lone number are taken."""
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "iuf":
            raise TypeError
    except (TypeError, ValueError):
        raise TypeError(f"{name}: got {_show(value)}, expected numbers. Pass a list such as [1.0, 2.0].") from None
    if array.ndim > 1:
        raise ValueError(
            f"{name}: got shape {array.shape}, expected one point of shape (dim,). "
            f"Pass {name}=x.reshape(-1) for one point; run the descent once for each of several."
        )
    if array.size == 0:
        raise ValueError(f"{name}: got an empty array, expected at least one coordinate, for example [1.0, 2.0].")
    with np.errstate(over="ignore"):
        array = array.reshape(-1).astype(dtype)
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: got {array.tolist()}, expected finite coordinates in {dtype}. Start from another point.")
    return array


def array(name: str, value: Any, *, shape: tuple[int | None, ...] | None = None) -> np.ndarray:
    """Return ``value`` as float64; NaN and infinity are taken. ``shape`` has None where any length will do.

    Where a vector is expected, a lone number is one of length 1.

    Examples:
        >>> array("x", [1, 2], shape=(None,)).tolist()
        [1.0, 2.0]
    """
    try:
        taken = np.asarray(value)
        if taken.dtype.kind in "VO" and value is not None:  # bfloat16, fractions, and None for what is missing
            taken = taken.astype("float64")
        if taken.dtype.kind not in "iufb" or np.ma.is_masked(value):
            raise TypeError
    except (TypeError, ValueError):
        raise TypeError(f"{name}: got {_show(value)}, expected numbers. Pass a list such as [1.0, 2.0].") from None
    taken = taken.reshape(-1) if shape and len(shape) == 1 and taken.ndim == 0 else taken
    if shape is not None and (
        taken.ndim != len(shape) or any(wanted not in (None, got) for wanted, got in zip(shape, taken.shape, strict=True))
    ):
        wanted = ", ".join("any" if length is None else str(length) for length in shape)
        raise ValueError(f"{name}: got an array of shape {taken.shape}, expected ({wanted}).")
    with np.errstate(over="ignore"):
        return taken.astype("float64")


def unwrapped(value: Any) -> Any:
    """Return the number, bool or text in an array or a tensor without dimensions, and else ``value`` itself."""
    if isinstance(value, np.generic) or not hasattr(value, "__array__"):
        return value
    try:
        array = np.asarray(value)
        return array.item() if array.ndim == 0 else value
    except (TypeError, ValueError, NotImplementedError):  # a symbolic tensor
        return value


def is_one_number(value: Any) -> bool:
    """Return whether ``value`` is not a list or an array of some, whatever else it is."""
    try:
        return np.ndim(value) == 0
    except ValueError:  # lists of different lengths
        return False


def text(name: str, value: Any) -> str:
    """Return ``value``, or raise unless it is text."""
    if not isinstance(value, str):
        raise TypeError(f"{name}: got {_show(value)}, expected text.")
    return value


def path(name: str, value: Any) -> Path:
    """Return ``value`` as a path, or raise unless it can be the name of a file."""
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"{name}: got {_show(value)}, expected the name of a file, for example 'path.npz'.")
    taken = Path(os.fsdecode(value))
    if not taken.name or "\0" in str(taken):
        raise ValueError(f"{name}: got {str(taken)!r}, expected the name of a file, for example 'path.npz'.")
    return taken


def has(name: str, value: Any, attributes: Sequence[str], expected: str) -> None:
    """Raise unless ``value`` has these attributes, as a result of ours has, or what behaves like one."""
    if isinstance(value, type) or not all(hasattr(value, attribute) for attribute in attributes):
        missing = next((attribute for attribute in attributes if not hasattr(value, attribute)), "a value")
        raise TypeError(f"{name}: got {_show(value)}, without {missing}, expected {expected}.")


def check_fits_in_memory(name: str, size: float, advice: str) -> None:
    """Raise ValueError if so many bytes are more than the machine has, where it says how many it has.

    Examples:
        >>> check_fits_in_memory("starts", 1e18, "Take fewer.")
        Traceback (most recent call last):
        ValueError: starts: this takes 1,000,000,000 GB of memory, and the machine has ... Take fewer.
    """
    try:
        has = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows
        return
    if size > has:
        raise ValueError(f"{name}: this takes {size / 1e9:,.0f} GB of memory, and the machine has {has / 1e9:.0f}. {advice}")


def _interval(minimum: float, maximum: float, above: float) -> str:
    lower = f"above {above:g}" if above > -math.inf else f"at least {minimum:g}" if minimum > -math.inf else ""
    upper = f"at most {maximum:g}" if maximum < math.inf else ""
    return "a finite number " + " and ".join(part for part in (lower, upper) if part)


def _show(value) -> str:
    text = repr(value)
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({type(value).__name__})"


_HINTS = {
    "learning_rate": " Descent needs a positive rate, usually 0.001 to 1; to climb, minimise the negative of the objective.",
    "momentum": " Usual values are 0.0 (none), 0.9 and 0.99.",
}
