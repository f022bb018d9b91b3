"""Compiled programs, kept for as long as the function computes what it did when it was compiled; and how to run one."""

import dataclasses
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import tensorflow as tf

from tf_gd import _checks, devices
from tf_gd.toy import _loop
from tf_gd.toy._checked import check_run, check_start
from tf_gd.toy.objectives import is_from_the_catalogue
from tf_gd.trajectory import Trajectory

_KEPT = 64  # programs; the oldest goes first
_programs: dict[Hashable, _loop.Program] = {}


@dataclasses.dataclass(frozen=True)
class Method:
    """How to update: what is compiled in, and what a compiled program still takes.

    Attributes:
        kind: all that is compiled in.
        build: makes the update, of dim and dtype.
        values: what the update's ``set`` takes: rate, momentum.
        schedule: the learning rate as a function of the step, which is compiled in as well, or None.
        described: optimizer, learning rate, momentum and Nesterov, as text and numbers.
    """

    kind: Hashable
    build: Callable[[int, str], Any]
    values: tuple
    schedule: Callable | None
    described: dict[str, Any]


def minimise(
    method: Method, objective, start, *, steps, tolerance, record_every, mode, dtype, device, checkpoint=None
) -> Trajectory:
    """Descend, by hand or with Keras: check what was asked for, find or compile the program, and run it."""
    mode = _checks.one_of("mode", mode, _loop.MODES)
    steps, tolerance, record_every = check_run(steps, tolerance, record_every)
    device = devices.choose(device)
    with tf.device(device), devices.exact_arithmetic():
        chosen, value, x = check_start(objective, start, dtype)
        function = chosen if is_from_the_catalogue(chosen) else fingerprint(value, tf.TensorSpec(x.shape, dtype))
        schedule = None if method.schedule is None else fingerprint(method.schedule, tf.TensorSpec((), tf.int64))
        program = _compile((function, schedule, method.kind, len(x), dtype, device), value, method, mode)
        size = 2.0 * (steps // record_every) * (len(x) + 2) * np.dtype(dtype).itemsize
        _checks.check_fits_in_memory("record_every", size, f"Take a larger one, such as {max(1, steps // 1000)}.")
        program.update.set(*method.values)
        settings = dict(objective=chosen.name, **method.described, dtype=dtype, device=device)
        run_settings = dict(steps=steps, record_every=record_every, tolerance=tolerance, settings=settings, shown=chosen)
        return _loop.run(program, x, **run_settings, checkpoint=checkpoint)


def fingerprint(function: Callable, argument: tf.TensorSpec) -> Hashable:
    """Return what the function computes, as TensorFlow writes it down: equal for equal computations.

    The function itself would not do: what it reads from outside, a global, an attribute, may have changed since.

    Examples:
        >>> a, spec = 2.0, tf.TensorSpec((), "float32")
        >>> before = fingerprint(lambda x: a * x, spec)
        >>> before == fingerprint(lambda x: a * x, spec)
        True
        >>> a = 3.0
        >>> before == fingerprint(lambda x: a * x, spec)
        False
    """
    try:
        graph = tf.function(function).get_concrete_function(argument).graph
    except Exception:  # it runs eagerly only: no program of it is ever the same
        return object()
    written = graph.as_graph_def().SerializeToString(deterministic=True)
    return written, tuple(read.ref() for read, _ in graph.captures)


def _compile(key: tuple, objective: Callable, method: Method, mode: str) -> _loop.Program:
    """Return the program, compiled: for ``"auto"`` of XLA, graph, eager what can be had.

    Raises:
        ValueError: the objective cannot be compiled in the mode asked for.
    """
    for attempt in ("xla", "graph", "eager") if mode == "auto" else (mode,):
        program = _programs.get((key, attempt))
        if program is None:
            program = _loop.Program(objective, method.build(*key[-3:-1]), attempt)
            if attempt != "eager":  # which has nothing to keep
                _programs[key, attempt] = program
                if len(_programs) > _KEPT:
                    _programs.pop(next(iter(_programs)))
        try:
            program.compile()
        except Exception as error:
            if mode == "auto":
                continue
            raise ValueError(
                f"objective: it runs eagerly, but cannot be compiled with mode={mode!r}: {_reason(error)} "
                'Use mode="auto" or mode="eager", or build the function of TensorFlow operations that XLA knows.'
            ) from error
        return program
    raise AssertionError("eager programs always compile")


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and not line.startswith("in user code")]
    return next((line for line in lines if "Error" in line), lines[0] if lines else type(error).__name__)


def describe(optimizer: str, rate, momentum: float, nesterov: bool) -> dict[str, Any]:
    """Return the settings of an update as text and numbers."""
    if callable(rate):
        rate = getattr(rate, "name", None) or getattr(rate, "__name__", type(rate).__name__)
    elif isinstance(rate, np.ndarray):
        rate = f"{len(rate)} rates from {rate[0]:g} to {rate[-1]:g}"
    return dict(optimizer=optimizer, learning_rate=rate, momentum=momentum, nesterov=nesterov)
