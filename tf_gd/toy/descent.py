"""Gradient descent by hand on functions you can draw."""

import functools
import hashlib
import re
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import tensorflow as tf

from tf_gd import _checks, compiled, devices, updates
from tf_gd.learning_rates import LearningRate
from tf_gd.toy import chunks
from tf_gd.toy.checks import check_run, check_start
from tf_gd.toy.chunks import Update
from tf_gd.toy.objectives import is_from_the_catalogue
from tf_gd.trajectory import Trajectory

_KEPT = 64  # programs, some megabytes each
PROGRAMS = compiled.Programs(_KEPT)


def gradient_descent(
    objective,
    start=None,
    *,
    learning_rate=0.01,
    momentum=0.0,
    nesterov=False,
    weight_decay=None,
    steps=1000,
    tolerance=None,
    record_every=1,
    mode="auto",
    dtype="float32",
    device="auto",
    checkpoint=None,
) -> Trajectory:
    """Minimise a function by gradient descent, written by hand with ``tf.GradientTape``.

    ``x_(k+1) = x_k - learning_rate * gradient(x_k)``, or with a velocity, as :mod:`tf_gd.updates`
    writes it.

    Args:
        objective: a name of the catalogue, an :class:`~tf_gd.Objective`, or your own function
            from a tensor ``(..., dim)`` to a tensor ``(...)``, which needs a ``start``.
        start: the first point, ``(dim,)``; by default the objective's own. Integers become floats.
        learning_rate: a positive number, a Keras ``LearningRateSchedule`` (evaluated at k = 0, 1,
            ...), or an array with one rate for each step.
        momentum: between 0 and 1.
        nesterov: look ahead along the velocity; without momentum it changes nothing, as in Keras.
        weight_decay: at least 0; each step first takes ``learning_rate * weight_decay`` times the
            point off it, as ``keras.optimizers.SGD`` does. None for none.
        steps: how many updates at most; 0 returns the start.
        tolerance: stop as converged when the norm of the gradient is at most this; None for never.
        record_every: record every so many steps. The start and the last point are always recorded.
        mode: ``"xla"``, ``"graph"``, ``"eager"``, or ``"auto"``: the first of these that compiles;
            the result's settings say which.
        dtype: ``"float32"`` or ``"float64"``.
        device: ``"auto"`` (the CPU), or a name such as ``"GPU:0"``.
        checkpoint: a directory for this run alone. If the process is killed, the same call, or one
            with more steps, resumes the run and ends with the same bits.

    Returns:
        The path. Divergence is an outcome, not an exception.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: a setting is out of its range, the start has another dimension than the
            objective, or the objective returns no number or has no gradient.

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
    if weight_decay is not None:
        weight_decay = _checks.number("weight_decay", weight_decay, minimum=0.0)
    steps = _checks.whole_number("steps", steps, minimum=0)
    rate = LearningRate.of(learning_rate, steps, dtype)
    nesterov_too = nesterov and momentum != 0  # without momentum it changes nothing, as in Keras
    return minimise(
        objective,
        start,
        functools.partial(
            _by_hand,
            rate=rate,
            momentum=momentum != 0,
            nesterov=nesterov_too,
            decays=weight_decay is not None,
        ),
        kind=("by hand", momentum != 0, nesterov_too, weight_decay is None, rate.values.shape),
        schedule=rate.schedule,
        values=[
            rate.values,
            *([momentum] if momentum else []),
            *([] if weight_decay is None else [weight_decay]),
        ],
        settings=describe("by hand", rate, momentum, nesterov, weight_decay),
        run=dict(
            steps=steps, tolerance=tolerance, record_every=record_every, checkpoint=checkpoint
        ),
        mode=mode,
        dtype=dtype,
        device=device,
    )


def _by_hand(
    dim: int, dtype: str, rate: LearningRate, momentum: bool, nesterov: bool, decays: bool
) -> Update:
    """Return the update of ``updates.py``, with its state in variables, as in Keras."""
    x = tf.Variable(np.zeros(dim), dtype=dtype, name="x")
    k = tf.Variable(0, dtype=tf.int64, name="iterations")
    v = tf.Variable(np.zeros(dim), dtype=dtype, name="velocity") if momentum else None
    rates = tf.Variable(np.zeros(rate.values.shape), dtype=dtype, name="learning_rate")
    m = tf.Variable(0.0, dtype=dtype, name="momentum") if momentum else None
    d = tf.Variable(0.0, dtype=dtype, name="weight_decay") if decays else None

    def move(gradient) -> None:
        point, velocity, share, amount = (
            None if one is None else tf.convert_to_tensor(one) for one in (x, v, m, d)
        )
        learning_rate = rate.at(tf.convert_to_tensor(rates), tf.convert_to_tensor(k))
        if amount is not None:
            point = updates.decay(point, learning_rate, amount)
        point, velocity = updates.step(point, velocity, gradient, learning_rate, share, nesterov)
        if v is not None:
            v.assign(velocity)
        x.assign(point)
        k.assign_add(1)

    state, settings = ([one for one in some if one is not None] for some in ((k, v), (rates, m, d)))
    return Update(x, state, settings, move)


def minimise(
    objective, start, build, *, kind, schedule, values, settings, run, mode, dtype, device
) -> Trajectory:
    """Check the arguments, compile the program or find it in the cache, and run it.

    Args:
        objective, start, mode, dtype, device: as for :func:`gradient_descent`.
        build: returns the update for a dim and a dtype.
        kind: all that is compiled into the update, except the schedule; for the key of the cache.
        schedule: the learning rate as a function of the step, or None.
        values: for the settings of the update.
        settings: the update as text and numbers.
        run: steps, tolerance, record_every, and checkpoint, a directory or None.
    """
    mode = _checks.one_of("mode", mode, compiled.MODES)
    run = check_run(**run)
    device = devices.choose(device)
    with tf.device(device), devices.exact_arithmetic():
        chosen, function, x = check_start(objective, start, dtype)
        _check_memory(run, len(x), dtype)
        key = (
            _written(chosen, function, x),
            _written_schedule(schedule),
            kind,
            len(x),
            dtype,
            device,
        )
        program = _compile(key, function, functools.partial(build, len(x), dtype), mode)
        settings = dict(objective=chosen.name, **settings, dtype=dtype, device=device)
        written = {}
        if run["checkpoint"] is not None:
            written = {"objective computes": _digest(key[0]), "schedule computes": _digest(key[1])}
        return chunks.run(
            program, x, values, settings=settings, shown=chosen, written=written, **run
        )


def _digest(graph: Hashable) -> str:
    """Return a hash of what :func:`tf_gd.compiled.fingerprint` returned, the same in any process.

    TensorFlow numbers its operations and functions anew each time, and sorts the latter by their
    names: neither numbers nor order count.
    """
    if not isinstance(graph, tuple):
        return str(getattr(graph, "name", "not a graph"))
    text = re.sub(r"_\d+", "", str(tf.compat.v1.GraphDef.FromString(graph[0])))
    lines = "\n".join(sorted(text.splitlines()))
    return hashlib.blake2b(lines.encode(), digest_size=8).hexdigest()


def _written(chosen, function: Callable, x) -> Hashable:
    """Return the function's cache key: the objective, if what it computes cannot change."""
    if is_from_the_catalogue(chosen):
        return chosen
    return compiled.fingerprint(function, tf.TensorSpec(x.shape, x.dtype))


def _written_schedule(schedule: Callable | None) -> Hashable:
    return schedule and compiled.fingerprint(schedule, tf.TensorSpec((), tf.int64))


def _check_memory(run: dict[str, Any], dim: int, dtype: str) -> None:
    size = 2.0 * (run["steps"] // run["record_every"]) * (dim + 2) * np.dtype(dtype).itemsize
    advice = f"Take a larger one, such as {max(1, run['steps'] // 1000)}."
    _checks.check_fits_in_memory("record_every", size, advice)


def _compile(
    key: Hashable, function: Callable, build: Callable[[], Update], mode: str
) -> chunks.Program:
    """Return the program, compiled by a call that makes no step.

    Raises:
        ValueError: the objective cannot be compiled in that mode.
    """

    def program(mode: str) -> chunks.Program:
        return chunks.Program(function, build(), mode)

    try:
        return PROGRAMS.call(key, compiled.modes_of(mode), program, (0, 1, -1.0), once=True)[0]
    except Exception as error:
        raise ValueError(
            f"objective: it runs eagerly, but cannot be compiled with mode={mode!r}: "
            f'{_reason(error)} Use mode="auto" or mode="eager", '
            "or write the function in TensorFlow operations that XLA supports."
        ) from error


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines()]
    lines = [line for line in lines if line and not line.startswith("in user code")]
    return next((line for line in lines if "Error" in line), [*lines, type(error).__name__][0])


def describe(
    optimizer: str, rate: LearningRate, momentum: float, nesterov: bool, weight_decay=None
) -> dict[str, Any]:
    """Return an update as text and numbers, for the settings of a trajectory."""
    written: dict[str, Any] = dict(optimizer=optimizer, learning_rate=rate.described)
    written |= dict(momentum=momentum, nesterov=nesterov)
    return written if weight_decay is None else {**written, "weight_decay": weight_decay}
