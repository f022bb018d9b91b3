"""Checks of the arguments of a descent."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tf_gd import _checks
from tf_gd.toy.objectives import Objective, is_from_the_catalogue, resolve


def check_run(steps, tolerance, record_every, checkpoint) -> dict[str, Any]:
    """Check and return the settings that say how far a run goes."""
    steps = _checks.whole_number("steps", steps, minimum=0)
    record_every = _checks.whole_number("record_every", record_every, minimum=1)
    if tolerance is not None:
        # The loop compares squares, and that of 1e100 is still a float.
        tolerance = _checks.number("tolerance", tolerance, minimum=0.0, maximum=1e100)
    return dict(steps=steps, tolerance=tolerance, record_every=record_every, checkpoint=checkpoint)


def check_start(objective, start, dtype: str) -> tuple[Objective, Callable, Any]:
    """Return the objective, its function with a scalar result, and the start ``(dim,)``."""
    if start is not None:
        start = _checks.point("start", start, dtype)
    chosen = resolve(objective, start)
    x = np.asarray(chosen.start, dtype) if start is None else start
    if len(x) != chosen.dim:
        expected = f"{chosen.dim} for {chosen.name!r}, for example {list(chosen.start)}"
        raise ValueError(f"start: got {len(x)} coordinates, expected {expected}.")
    value = chosen.fn if is_from_the_catalogue(chosen) else _value(chosen.fn, x, chosen.name)
    return chosen, value, tf.convert_to_tensor(x)


def check_place(objective, x) -> tuple[Objective, np.ndarray]:
    """Return the objective and a point ``(dim,)`` in float64.

    The point is ``x``; by default the first known minimum, or else the start.
    """
    point = None if x is None else _checks.point("x", x, "float64")
    if point is None and callable(objective) and not isinstance(objective, Objective):
        expected = "a point such as [1.0, 2.0]: no minimum of your own function is known"
        raise ValueError(f"x: got None, expected {expected}.")
    chosen = resolve(objective, point)
    if point is None:
        point = np.array(chosen.minima[0] if chosen.minima else chosen.start)
    if len(point) != chosen.dim:
        got = f"x: got {len(point)} coordinates"
        raise ValueError(f"{got}, expected {chosen.dim} for {chosen.name!r}.")
    _value(chosen.fn, point, chosen.name)
    return chosen, point


def _value(fn: Callable, x: np.ndarray, name: str) -> Callable:
    """Evaluate ``fn`` and its gradient at ``x``, eagerly; return ``fn`` with a scalar result."""
    point = tf.convert_to_tensor(x)
    try:
        with tf.GradientTape() as tape:
            tape.watch(point)
            loss = fn(point)
    except Exception as error:
        problem = f"evaluating it at a point of shape {x.shape} raised {_checks.raised(error)}"
        expected = "Expected a function from a tensor (..., dim) to a tensor (...)."
        raise ValueError(f"objective {name!r}: {problem} {expected}") from error
    wrong = _wrong(loss, point)
    if not wrong and tape.gradient(loss, point) is None:
        wrong = (
            "it has no gradient with respect to its argument. The usual causes: it does not use "
            "it, or it goes through NumPy, .numpy(), integers, tf.round or tf.argmax."
        )
    if wrong:
        raise ValueError(f"objective {name!r}: {wrong}")
    return fn if loss.shape.rank == 0 else lambda x: tf.reshape(fn(x), ())  # of shape (1,)


def _wrong(loss, point: tf.Tensor) -> str | None:
    """Return what is wrong with the loss at a point, or None."""
    dtype, shape = point.dtype.name, tuple(point.shape)
    if not tf.is_tensor(loss):
        kind = type(loss).__name__
        got = "None: does it return its value? E" if loss is None else f"a {kind}, e"
        return (
            f"got {got}xpected a tensor. Use TensorFlow inside it (tf.sin, not np.sin or "
            "math.sin): NumPy's results carry no gradient."
        )
    if not loss.dtype.is_floating:
        return f"got a loss of dtype {loss.dtype.name}, expected {dtype}."
    if loss.dtype != point.dtype:
        return (
            f"got a loss of dtype {loss.dtype.name} for a point of dtype {dtype}, expected the "
            "same. Make its constants with the dtype of the argument, tf.constant(a, x.dtype)."
        )
    if loss.shape.num_elements() != 1 or loss.shape.rank > 1:
        return (
            f"got a loss of shape {tuple(loss.shape)} for a point of shape {shape}, expected one "
            "number, shape (). Add up the terms, for example with tf.reduce_sum(..., axis=-1)."
        )
    return None
