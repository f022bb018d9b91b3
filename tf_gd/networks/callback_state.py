"""What a callback holds: what a checkpoint keeps of it, and how it is put back."""

import sys
from typing import Any

import numpy as np
import tensorflow as tf

from tf_gd import _keras
from tf_gd._keras import keras

_VARIABLES = (tf.Variable, keras.Variable)
_DEEPEST = 20  # lists in lists
_LONGEST = 10_000  # bits of a whole number
_OF_KERAS = ("_model", "model", "params", "_params", "validation_data")  # which Keras sets itself


Packed = tuple[Any, list]  # a value as JSON, and its arrays


class NotKeptError(ValueError):
    """A value that a checkpoint does not keep."""


def pack(value, arrays: list, depth: int = 0):
    """Return a value as JSON from which :func:`unpack` makes the same; append its arrays.

    Numbers, texts, arrays, tensors, and lists, tuples, sets and dictionaries of them; a variable,
    whose value is kept, if it is not within one of these.

    Raises:
        NotKeptError: it is, or holds, anything else.
    """
    if depth > _DEEPEST:
        raise NotKeptError
    if value is None or type(value) in (bool, float, str):
        return value
    if type(value) is int and value.bit_length() <= _LONGEST:
        return value
    if type(value) is complex:
        return {"complex": [value.real, value.imag]}
    if isinstance(value, tf.Tensor) and value.dtype.is_numpy_compatible:
        return {"tensor": pack(value.numpy(), arrays)}
    if isinstance(value, _VARIABLES) and depth == 0:
        return {"variable": pack(np.asarray(keras.ops.convert_to_numpy(value)), arrays)}
    if type(value) is np.ndarray or isinstance(value, np.generic):
        if value.dtype.kind not in "biufcSUmM" and not _is_short_float(value.dtype):
            raise NotKeptError
        # Moments and texts as bytes, which a checkpoint holds; the type says what they are.
        raw = value.dtype.kind in "SUmM"
        array = np.array(value)
        arrays.append(np.frombuffer(array.tobytes(), "uint8") if raw else array)
        kind = "array" if isinstance(value, np.ndarray) else "scalar"
        return {kind: [len(arrays) - 1, array.dtype.str if raw else None, list(array.shape)]}
    if type(value) is bytes:
        return {"bytes": value.hex()}
    return _packed_all(value, arrays, depth + 1)


def _packed_all(value, arrays: list, depth: int):
    def each(parts):
        return [pack(part, arrays, depth) for part in parts]

    if type(value) is list:
        return each(value)
    if type(value) is tuple:
        return {"tuple": each(value)}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        kind = type(value)
        return {"named": [kind.__module__, kind.__qualname__, each(value)]}
    if type(value) is dict:
        return {"dict": [each(pair) for pair in value.items()]}
    if type(value) in (set, frozenset):
        return {type(value).__name__: each(value)}
    raise NotKeptError


def _is_short_float(dtype: np.dtype) -> bool:
    return dtype.kind == "V" and dtype.fields is None and "float" in dtype.name


def unpack(value, arrays: list):
    """Return what :func:`pack` has packed."""
    if isinstance(value, list):
        return [unpack(part, arrays) for part in value]
    if not isinstance(value, dict):
        return value
    ((kind, of),) = value.items()
    if kind in ("array", "scalar"):
        number, raw, shape = of
        array = arrays[number] if raw is None else arrays[number].view(raw).reshape(shape)
        return array if kind == "array" else array[()]
    if kind in ("tensor", "variable"):
        found = unpack(of, arrays)
        return tf.constant(found) if kind == "tensor" else found
    if kind == "complex":
        return complex(*of)
    if kind == "bytes":
        return bytes.fromhex(of)
    if kind == "named":
        module, name, parts = of
        return _named_tuple(module, name, unpack(parts, arrays))
    made = {"tuple": tuple, "dict": dict, "set": set, "frozenset": frozenset}[kind]
    return made(unpack(of, arrays))


def _named_tuple(module: str, name: str, parts: list) -> tuple:
    """Return a named tuple of a class that this program has; a plain tuple where it has none."""
    kind: Any = sys.modules.get(module)
    for part in name.split("."):
        kind = getattr(kind, part, None)
    is_one = isinstance(kind, type) and issubclass(kind, tuple)
    if is_one and len(getattr(kind, "_fields", ())) == len(parts):
        return kind(*parts)
    return tuple(parts)


def plain_parts(callback) -> dict[str, Packed]:
    """Return the attributes of a callback that a checkpoint keeps, packed, with their arrays."""
    found = {name: _packed(v) for name, v in vars(callback).items() if name not in _OF_KERAS}
    return {name: packed for name, packed in found.items() if packed is not None}


def _packed(value) -> Packed | None:
    """Return a value packed, with its arrays; None if a checkpoint does not keep it."""
    arrays: list = []
    try:
        return pack(value, arrays), arrays
    except Exception:  # a value of the user's may raise anything
        return None


def left_out(callback) -> list[str]:
    """Return the attributes of a user's callback that no checkpoint keeps, as ``Class.name``."""
    if type(callback).__module__.startswith(("keras.", "tf_gd.")):
        return []
    return [
        f"{type(callback).__name__}.{name}"
        for name, value in vars(callback).items()
        if name not in _OF_KERAS and _is_state(value) and _packed(value) is None
    ]


def _is_state(value) -> bool:
    """Return whether a value may be what a callback counts in, and not a tool that it uses."""
    if isinstance(value, (*_VARIABLES, keras.Metric, tf.random.Generator)):
        return True
    tools = type(value).__module__.startswith(("keras", "tensorflow", "tf_gd"))
    return not (callable(value) or tools or hasattr(value, "get_config"))


def changed(callback, before: dict[str, Packed], arrays: list) -> dict[str, Any]:
    """Return the class and the attributes that a callback has changed; append their arrays.

    With the number of the first array of each attribute.
    """
    parts, first = {}, {}
    for name, packed in plain_parts(callback).items():
        if name not in before or not _same(packed, before[name]):
            parts[name], first[name] = packed[0], len(arrays)
            arrays += packed[1]
    return {"class": _class_of(callback), "parts": parts, "first": first}


def _class_of(callback) -> str:
    return f"{type(callback).__module__}.{type(callback).__qualname__}"


def _same(one: Packed, other: Packed) -> bool:
    if repr(one[0]) != repr(other[0]):  # 1, 1.0 and True are not the same, and NaN is
        return False
    return all(
        a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
        for a, b in zip(one[1], other[1], strict=True)
    )


def put_back(
    callbacks: list[tuple[Any, dict]], saved: list[dict], arrays: list[np.ndarray]
) -> list[str]:
    """Give each callback what a checkpoint has kept of it: of its class, and in their order.

    What it has changed since the start, and the checkpoint does not hold, is as at the start.

    Returns:
        The classes whose state no callback has taken.
    """
    waiting = list(saved)
    for callback, before in callbacks:
        mine = next((one for one in waiting if one["class"] == _class_of(callback)), None)
        if mine is None:
            continue
        waiting.remove(mine)
        if mine["parts"] and getattr(callback, "monitor_op", True) is None:
            # Keras sets it late and flips the sign of min_delta, which must not happen twice.
            _keras.set_monitor_op(callback)
        now = plain_parts(callback)
        for name in set(before) & set(now) - set(mine["parts"]):
            if not _same(now[name], before[name]):
                _set(callback, name, unpack(*before[name]))
        for name, value in mine["parts"].items():
            _set(callback, name, unpack(value, arrays[mine["first"][name] :]))
    return sorted({one["class"] for one in waiting if one["parts"]})


def _set(callback, name: str, value) -> None:
    held = getattr(callback, name, None)
    if isinstance(held, _VARIABLES):
        held.assign(value)
    else:
        setattr(callback, name, value)
