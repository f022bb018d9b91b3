"""Gradient descent by hand on functions you can draw."""

import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tf_gd import _checks, updates
from tf_gd.toy import _loop
from tf_gd.toy._checked import check_learning_rate
from tf_gd.toy._programs import Method, describe, minimise
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

    def state(self) -> list[tf.Variable]:
        """Return what a descent goes on from."""
        return [self.point, self.velocity, self.iterations]

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
    checkpoint=None,
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
        checkpoint: a directory of this run's own. Killed at any moment and called again with the same arguments, or with
            more steps, the run goes on and ends with the same bits.

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
    dtype = _checks.one_of("dtype", dtype, ("float32", "float64"))
    momentum = _checks.number("momentum", momentum, minimum=0.0, maximum=1.0)
    nesterov = _checks.flag("nesterov", nesterov)
    rate = check_learning_rate(learning_rate, _checks.whole_number("steps", steps, minimum=0), dtype)

    schedule = rate if callable(rate) else None
    compiled_in = dict(
        momentum=momentum != 0, nesterov=nesterov and momentum != 0, rate_of_each_step=isinstance(rate, np.ndarray)
    )
    method = Method(
        kind=("by hand", *compiled_in.values()),
        build=functools.partial(ByHand, schedule=schedule, **compiled_in),
        values=(rate, momentum),
        schedule=schedule,
        described=describe("by hand", rate, momentum, nesterov),
    )
    run = dict(steps=steps, tolerance=tolerance, record_every=record_every, mode=mode, dtype=dtype, device=device)
    return minimise(method, objective, start, **run, checkpoint=checkpoint)
