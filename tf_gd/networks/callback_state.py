"""What a callback holds: what a checkpoint keeps of it, and how it is put back."""

from typing import Any

import numpy as np

from tf_gd import _keras


def plain_parts(callback) -> dict[str, Any]:
    """Return the attributes of a callback that are numbers, texts, arrays, or lists of them."""
    return {name: _copied(value) for name, value in vars(callback).items() if _is_plain(value)}


def _is_plain(value) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str | np.generic | np.ndarray)


def _copied(value):
    if isinstance(value, list | tuple):
        return [_copied(part) for part in value]
    return np.array(value) if isinstance(value, np.ndarray) else value


def changed(callback, before: dict[str, Any], arrays: list) -> dict[str, Any]:
    """Return the attributes that a callback has changed; append their arrays to ``arrays``."""
    return {
        name: _packed(value, arrays)
        for name, value in vars(callback).items()
        if _is_plain(value) and not (name in before and _equal(value, before[name]))
    }


def _equal(a, b) -> bool:
    if isinstance(a, list | tuple):
        return isinstance(b, list | tuple) and len(a) == len(b) and all(map(_equal, a, b))
    return type(a) is type(b) and bool(np.array_equal(a, b, equal_nan=isinstance(a, float)))


def _packed(value, arrays: list):
    if isinstance(value, np.ndarray):
        arrays.append(np.array(value))
        return {"array": len(arrays) - 1}
    if isinstance(value, list | tuple):
        return [_packed(part, arrays) for part in value]
    return value.item() if isinstance(value, np.generic) else value


def put_back(
    callbacks: list[tuple[Any, dict]], saved: list[dict], arrays: list[np.ndarray]
) -> None:
    """Give each callback the attributes that a checkpoint has kept of it."""
    for (callback, _), parts in zip(callbacks, saved, strict=False):
        if parts and getattr(callback, "monitor_op", True) is None:
            # Keras sets it late and flips the sign of min_delta, which must not happen twice.
            _keras.set_monitor_op(callback)
        for name, value in parts.items():
            setattr(callback, name, _unpacked(value, arrays))


def _unpacked(value, arrays: list[np.ndarray]):
    if isinstance(value, dict):
        return arrays[value["array"]]
    return [_unpacked(part, arrays) for part in value] if isinstance(value, list) else value
