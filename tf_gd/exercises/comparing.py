"""Compare what a student's call returned with what was expected, number by number."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np


class Difference(NamedTuple):
    """The first place at which two results differ, and what stands there, as text."""

    where: str
    got: str
    expected: str


def first_difference(
    got: Any, expected: Any, names: Sequence[str], within: float
) -> Difference | None:
    """Return the first difference of two results, or None.

    Args:
        got, expected: numbers, arrays, text, or a tuple of several.
        names: what to call the result, or each part of it.
        within: the relative tolerance; 0 for the same bits.
    """
    several = isinstance(expected, tuple)
    if several and (not isinstance(got, tuple | list) or len(got) != len(expected)):
        listed = " and ".join(names)
        kind = f"{len(got)} of them" if isinstance(got, tuple | list) else _kind(got)
        return Difference("the result", kind, f"{len(expected)}: {listed}")
    parts = zip(got, expected, names, strict=True) if several else [(got, expected, names[0])]
    return next((found for part in parts if (found := _of_a_part(*part, within))), None)


def same(one: Any, other: Any, within: float) -> bool:
    """Return whether two results are equal, also if both failed or are not finite."""
    if isinstance(one, tuple | list) and isinstance(other, tuple | list):
        pairs = zip(one, other, strict=False)
        return len(one) == len(other) and all(same(*pair, within) for pair in pairs)
    if isinstance(one, str) or isinstance(other, str) or one is None or other is None:
        return type(one) is type(other) and bool(one == other)
    first, second = as_array(one), as_array(other)
    if first is None or second is None or first.shape != second.shape:
        return False
    return bool(np.all(_near(first, second, within)))


def as_array(value: Any) -> np.ndarray | None:
    """Return numbers as an array, or None."""
    try:
        if isinstance(value, list | tuple):
            value = [as_array(one) for one in value]
            if any(one is None for one in value):
                return None
        array = np.asarray(value)
    except Exception:  # ragged, symbolic, or of an own class
        return None
    return array if array.dtype.kind in "biuf" else None


def _near(got: np.ndarray, expected: np.ndarray, within: float) -> np.ndarray:
    if not within:
        return (got == expected) | ((got != got) & (expected != expected))
    with np.errstate(all="ignore"):
        scale = np.max(np.abs(expected[np.isfinite(expected)]), initial=1e-6)
        return np.isclose(got, expected, rtol=within, atol=within * scale * 0.01, equal_nan=True)


def _of_a_part(got, expected, name: str, within: float) -> Difference | None:
    if isinstance(expected, str):
        equal = isinstance(got, str) and got == expected
        return None if equal else Difference(name, repr(got)[:60], repr(expected))
    wanted: np.ndarray = np.asarray(expected)
    array = as_array(got)
    if array is None:
        return Difference(name, _kind(got), _shape(wanted))
    if array.shape != wanted.shape:
        return Difference(name, _shape(array), _shape(wanted))
    off = ~_near(array, wanted, within)
    if not off.any():
        return None
    index = tuple(int(i) for i in np.argwhere(off)[0])
    one, other = _digits(array[index], wanted[index])
    return Difference(f"{name}{_place(index)}", one, other)


def _digits(got: Any, expected: Any) -> Iterator[str]:
    """Yield two numbers with so many digits that they can be told apart."""
    for digits in (4, 6, 9, 17):
        texts = [f"{float(number):.{digits}g}" for number in (got, expected)]
        if texts[0] != texts[1]:
            break
    yield from texts


def _place(index: tuple[int, ...]) -> str:
    if not index:
        return ""
    if len(index) == 1:
        return f", number {index[0]}"
    return f", row {index[0]}, column {', '.join(map(str, index[1:]))}"


def _kind(value: Any) -> str:
    if value is None:
        return "None"
    return f"{type(value).__name__} {str(value)[:40]}".strip()


def _shape(array: np.ndarray) -> str:
    return "a number" if not array.shape else f"an array of shape {array.shape}"
