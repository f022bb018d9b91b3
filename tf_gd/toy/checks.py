"""What a descent is asked to do, checked before it begins."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tf_gd import _checks
from tf_gd.toy.objectives import Objective, is_from_the_catalogue, resolve


def check_run(steps, tolerance, record_every, checkpoint) -> dict[str, Any]:
    """Return how far a run goes, checked."""
    steps = _checks.whole_number("steps", steps, minimum=0)
    record_every = _checks.whole_number("record_every", record_every, minimum=1)
    if tolerance is not None:
        tolerance = _checks.number("tolerance", tolerance, minimum=0.0, maximum=1e100)
    return dict(steps=steps, tolerance=tolerance, record_every=record_every, checkpoint=checkpoint)


def check_start(objective, start, dtype: str) -> tuple[Objective, Callable, Any]:
    """Return the objective, its function as the loop calls it, and the start as a tensor ``(dim,)``."""
    if start is not None:
        start = _checks.point("start", start, dtype)
    chosen = resolve(objective, start)
    x = np.asarray(chosen.start, dtype) if start is None else start
    if len(x) != chosen.dim:
        raise ValueError(
            f"start: got {len(x)} coordinates, expected {chosen.dim} for {chosen.name!r}, for example {list(chosen.start)}."
        )
    value = chosen.fn if is_from_the_catalogue(chosen) else _value(chosen.fn, x, chosen.name)
    return chosen, value, tf.convert_to_tensor(x)


def check_place(objective, x) -> tuple[Objective, np.ndarray]:
    """Return the objective and a place, ``(dim,)`` in float64: ``x``, or else the first known minimum, or the start."""
    point = None if x is None else _checks.point("x", x, "float64")
    if point is None and callable(objective) and not isinstance(objective, Objective):
        raise ValueError("x: got None, expected a point such as [1.0, 2.0]: no minimum of your own function is known.")
    chosen = resolve(objective, point)
    if point is None:
        point = np.array(chosen.minima[0] if chosen.minima else chosen.start)
    if len(point) != chosen.dim:
        raise ValueError(f"x: got {len(point)} coordinates, expected {chosen.dim} for {chosen.name!r}.")
    _value(chosen.fn, point, chosen.name)
    return chosen, point


def _value(fn: Callable, x: np.ndarray, name: str) -> Callable:
    """Return ``fn`` if it can be descended on from ``x``; evaluates it and its gradient there once, eagerly."""
    point = tf.convert_to_tensor(x)
    try:
        with tf.GradientTape() as tape:
            tape.watch(point)
            loss = fn(point)
    except Exception as error:
        raise ValueError(
            f"objective {name!r}: evaluating it at a point of shape {x.shape} raised {_checks.raised(error)} "
            "Expected a function from a tensor (..., dim) to a tensor (...)."
        ) from error
    if not tf.is_tensor(loss):
        raise ValueError(
            f"objective {name!r}: got {'None: does it return its value?' if loss is None else f'a {type(loss).__name__},'} "
            f"{'Expected' if loss is None else 'expected'} a tensor. "
            "Use TensorFlow inside it (tf.sin, not np.sin or math.sin): NumPy's results carry no gradient."
        )
    if not loss.dtype.is_floating:
        raise ValueError(f"objective {name!r}: got a loss of dtype {loss.dtype.name}, expected {x.dtype}.")
    if loss.dtype != point.dtype:
        raise ValueError(
            f"objective {name!r}: got a loss of dtype {loss.dtype.name} for a point of dtype {x.dtype}, expected the same. "
            "Make its constants with the dtype of the argument, tf.constant(a, x.dtype)."
        )
    if loss.shape.num_elements() != 1 or loss.shape.rank > 1:
        raise ValueError(
            f"objective {name!r}: got a loss of shape {tuple(loss.shape)} for a point of shape {x.shape}, expected one "
            "number, shape (). Add up the terms, for example with tf.reduce_sum(..., axis=-1)."
        )
    if tape.gradient(loss, point) is None:
        raise ValueError(
            f"objective {name!r}: it has no gradient with respect to its argument. The usual causes: it does not use its "
            "argument, goes through NumPy or .numpy(), or through an operation with integers, tf.round or tf.argmax."
        )
    return fn if loss.shape.rank == 0 else _as_scalar(fn)


def _as_scalar(fn: Callable) -> Callable:
    """Return ``fn`` of a point with its result of shape (1,), as x**2 gives in one dimension, made a scalar."""
    return lambda x: tf.reshape(fn(x), ())
