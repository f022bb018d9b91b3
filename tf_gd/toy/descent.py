"""Gradient descent by hand on functions you can draw."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tf_gd import _checks, devices, updates
from tf_gd.toy import _loop
from tf_gd.toy.objectives import Objective, resolve
from tf_gd.trajectory import Trajectory

_RATES = 2**16  # how many rates of an array one chunk carries


class ByHand:
    """The update of ``updates.py`` as the loop wants it: on variables, where Keras keeps its state as well.

    Neither the learning rate nor the momentum is compiled in: a new value needs no new program.
    """

    def __init__(
        self, dim: int, dtype: str, momentum: bool, nesterov: bool, schedule: Callable | None, rate_of_each_step: bool
    ):
        self.point = tf.Variable(np.zeros(dim), dtype=dtype, name="x")
        self.velocity = tf.Variable(np.zeros(dim), dtype=dtype, name="velocity")
        self.momentum = tf.Variable(0.0, dtype=dtype, name="momentum") if momentum else None
        self.rate = tf.Variable(np.zeros(_RATES) if rate_of_each_step else 0.0, dtype=dtype, name="learning_rate")
        self.iterations = tf.Variable(0, dtype=tf.int64, name="iterations")
        self.nesterov, self.schedule = nesterov, schedule
        self.longest_chunk = _RATES if rate_of_each_step else _loop.LONGEST_CHUNK
        self._all_rates = np.zeros(0)

    def set(self, rate, momentum: float) -> None:
        """Take other settings: a rate, or an array of them, and a momentum."""
        if isinstance(rate, np.ndarray):
            self._all_rates = rate
        elif self.schedule is None:
            self.rate.assign(rate, read_value=False)
        if self.momentum is not None:
            self.momentum.assign(momentum, read_value=False)

    def restart(self, x) -> None:
        """Go to ``x``, with no velocity."""
        self.point.assign(x, read_value=False)
        self.iterations.assign(0, read_value=False)
        if self.momentum is not None:
            self.velocity.assign(tf.zeros_like(x), read_value=False)

    def prepare(self, k: int) -> None:
        """Get ready for a chunk of steps from ``k`` on: hold the rates of these steps."""
        if len(self._all_rates):
            window = np.zeros(_RATES)
            chunk = self._all_rates[k : k + _RATES]
            window[(k + np.arange(len(chunk))) % _RATES] = chunk
            self.rate.assign(window)

    def __call__(self, gradient):
        """Do one step."""
        x, velocity = tf.convert_to_tensor(self.point), tf.convert_to_tensor(self.velocity)
        learning_rate = self._learning_rate(x.dtype)
        x, velocity = updates.step(x, velocity, gradient, learning_rate, self.momentum, self.nesterov)
        self.velocity.assign(velocity)
        self.point.assign(x)
        self.iterations.assign_add(1)

    def _learning_rate(self, dtype):
        if self.schedule is not None:
            return tf.cast(self.schedule(tf.convert_to_tensor(self.iterations)), dtype)
        if self.rate.shape.rank == 1:
            return self.rate[self.iterations % _RATES]
        return tf.convert_to_tensor(self.rate)


@functools.lru_cache(maxsize=64)
def _by_hand(objective: Callable, device: str, *settings) -> ByHand:
    """Return the update for these settings and this objective, the same one when asked again."""
    return ByHand(*settings)


def gradient_descent(
    objective,
    start=None,
    *,
    learning_rate=0.01,
    momentum=0.0,
    nesterov=False,
    steps=1000,
    tolerance=None,
    record_every=1,
    mode="auto",
    dtype="float32",
    device="auto",
) -> Trajectory:
    """Minimise a function by gradient descent, written by hand with ``tf.GradientTape``.

    ``x_(k+1) = x_k - learning_rate * gradient(x_k)``, or with a velocity, as :mod:`tf_gd.updates` writes it.

    Args:
        objective: a name of the catalogue, an :class:`~tf_gd.Objective`, or a function of yours from a tensor ``(..., dim)``
            to a tensor ``(...)``, which then needs a ``start``.
        start: the first point, ``(dim,)``; by default the objective's own. Whole numbers are taken as floats.
        learning_rate: a positive number, a Keras ``LearningRateSchedule`` (evaluated at k = 0, 1, ...), or an array of one
            rate for each step.
        momentum: between 0 and 1.
        nesterov: look ahead along the velocity; without momentum it changes nothing, as in Keras.
        steps: how many updates at most; 0 returns the start.
        tolerance: stop as converged when the norm of the gradient is at most this; None makes all the steps.
        record_every: record every so many steps. The start and the last point are always recorded.
        mode: ``"auto"`` (XLA where it compiles, else graph, else eager; the result's settings say which), or one of them.
        dtype: ``"float32"`` or ``"float64"``.
        device: ``"auto"`` (the CPU), or a name such as ``"GPU:0"``.

    Returns:
        The path. Divergence is an outcome of it, not an exception.

    Raises:
        TypeError, ValueError: an argument is not what it should be; the message says how to mend it.

    Examples:
        >>> path = gradient_descent("square", [10.0], learning_rate=0.2, steps=10)
        >>> round(float(path.final[0]), 6), path.outcome
        (0.060466, 'max_steps')
        >>> gradient_descent("square", learning_rate=1.1, steps=10).outcome
        'diverged'
    """
    mode = _checks.one_of("mode", mode, _loop.MODES)
    dtype = _checks.one_of("dtype", dtype, ("float32", "float64"))
    steps, tolerance, record_every = check_run(steps, tolerance, record_every)
    momentum = _checks.number("momentum", momentum, minimum=0.0, maximum=1.0)
    nesterov = _checks.flag("nesterov", nesterov)
    rate = check_learning_rate(learning_rate, steps)
    device = devices.choose(device)

    with tf.device(device), devices.exact_arithmetic():
        chosen, value, x = check_start(objective, start, dtype)
        schedule = rate if callable(rate) else None
        kind = (momentum != 0, nesterov and momentum != 0, schedule, isinstance(rate, np.ndarray))
        update = _by_hand(value, device, len(x), dtype, *kind)
        program = _loop.compile_for(value, update, mode)
        update.set(rate, momentum)
        settings = describe(chosen, rate, momentum, nesterov, dtype, device, optimizer="by hand")
        run_settings = dict(steps=steps, record_every=record_every, tolerance=tolerance, settings=settings, shown=chosen)
        return _loop.run(program, x, **run_settings)


def check_run(steps, tolerance, record_every):
    """Return steps, tolerance and record_every, checked."""
    steps = _checks.whole_number("steps", steps, minimum=0)
    record_every = _checks.whole_number("record_every", record_every, minimum=1)
    if tolerance is not None:
        tolerance = _checks.number("tolerance", tolerance, minimum=0.0)
    return steps, tolerance, record_every


def check_learning_rate(learning_rate, steps: int):
    """Return a float, a schedule (callable), or an array of at least ``steps`` positive rates."""
    if callable(learning_rate):
        return learning_rate
    if np.ndim(learning_rate) == 0:
        return _checks.number("learning_rate", learning_rate, above=0.0)
    rates = _checks.point("learning_rate", learning_rate, "float64")
    if len(rates) < steps:
        raise ValueError(f"learning_rate: got {len(rates)} rates, expected one for each of the {steps} steps.")
    if not (rates > 0).all():
        raise ValueError(f"learning_rate: got a rate of {rates.min()}, expected every rate to be above 0.")
    return rates


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
    if (chosen.fn, len(x), dtype) not in _CHECKED:
        _CHECKED[chosen.fn, len(x), dtype] = _value(chosen.fn, x, chosen.name)
        if len(_CHECKED) > 64:
            _CHECKED.pop(next(iter(_CHECKED)))
    return chosen, _CHECKED[chosen.fn, len(x), dtype], tf.convert_to_tensor(x)


_CHECKED: dict[tuple, Callable] = {}  # functions found fit to descend on, and as the loop calls them


def describe(objective: Objective, rate, momentum, nesterov, dtype, device, optimizer: str) -> dict[str, Any]:
    """Return the settings of a run as text and numbers."""
    if callable(rate):
        rate = getattr(rate, "name", None) or type(rate).__name__
    elif isinstance(rate, np.ndarray):
        rate = f"{len(rate)} rates from {rate[0]:g} to {rate[-1]:g}"
    update = dict(optimizer=optimizer, learning_rate=rate, momentum=momentum, nesterov=nesterov)
    return dict(objective=objective.name, **update, dtype=dtype, device=device)


def _value(fn: Callable, x: np.ndarray, name: str) -> Callable:
    """Return ``fn`` if it can be descended on from ``x``; evaluates it and its gradient there once, eagerly."""
    point = tf.convert_to_tensor(x)
    try:
        with tf.GradientTape() as tape:
            tape.watch(point)
            loss = fn(point)
    except Exception as error:
        raise ValueError(
            f"objective {name!r}: evaluating it at a point of shape {x.shape} raised {type(error).__name__}: {error} "
            "Expected a function from a tensor (..., dim) to a tensor (...)."
        ) from error
    if not tf.is_tensor(loss):
        raise ValueError(
            f"objective {name!r}: got a {type(loss).__name__}, expected a tensor. "
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


@functools.lru_cache(maxsize=64)
def _as_scalar(fn: Callable) -> Callable:
    """Return ``fn`` of a point with its result of shape (1,), as x**2 gives in one dimension, made a scalar."""
    return lambda x: tf.reshape(fn(x), ())
