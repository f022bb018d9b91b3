"""A descent runs in chunks: each call of the loop takes about 0.2 seconds.

Between calls Ctrl-C is answered, the progress bar moves and a checkpoint can be written.
"""

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from tf_gd import compiled
from tf_gd._runtime import Progress
from tf_gd.toy import loop
from tf_gd.toy.resume import Keeper, joined
from tf_gd.trajectory import Trajectory

_FIRST_CHUNK = {"eager": 32, "graph": 512, "xla": 131_072}  # steps; the clock sizes later chunks
_LONGEST_CHUNK = 2**26  # steps, so that they can be counted in int32
_SECONDS_A_CHUNK = 0.2  # how long Ctrl-C waits
_RECORDED_NUMBERS = 2**19  # what one chunk may record: two megabytes in float32


@dataclass
class Update:
    """An update rule and its variables: by hand, or a Keras optimizer.

    Both sides keep their state in variables: whether XLA fuses a product and a sum into one
    operation depends on the whole loop, not on the formula alone.

    Attributes:
        point: the TensorFlow variable to move, ``(dim,)``.
        state: the other variables that a step changes.
        settings: the variables that it only reads, whose values are not compiled in.
        move: called with the gradient at the point, moves it.
    """

    point: Any
    state: list
    settings: list
    move: Callable[[Any], None]


class Program:
    """:func:`tf_gd.toy.loop.descend` for one function and one update, compiled for a mode."""

    def __init__(self, objective: Callable, update: Update, mode: str):
        self.update, self.mode = update, mode
        evaluate: Callable = functools.partial(loop.value_and_gradient, objective)
        self._evaluate = compiled.in_one_order(evaluate) if mode == "graph" else evaluate
        self._move = tf.autograph.experimental.do_not_convert(update.move)
        self._dtype = update.point.dtype
        self._pace = _FIRST_CHUNK[mode]
        self._room = max(1, _RECORDED_NUMBERS // (int(update.point.shape[0]) + 2))
        self._initial = [np.array(variable) for variable in update.state]
        self._descend: Callable = self._loop
        if mode != "eager":  # traced once: calling a concrete function is cheapest
            specs = [tf.TensorSpec((), dtype) for dtype in (tf.int32, tf.int32, self._dtype)]
            self._descend = compiled.compiled(self._loop, mode).get_concrete_function(*specs)

    def _loop(self, steps, record_every, smallest):
        room = self._room if self.mode == "xla" else None
        point = self.update.point
        return loop.descend(self._evaluate, self._move, point, steps, record_every, smallest, room)

    def __call__(self, steps: int, record_every: int, smallest: float):
        """Call the loop; return its three records, the number of steps, and whether to go on."""
        numbers = tf.constant(steps), tf.constant(record_every), tf.constant(smallest, self._dtype)
        return self._descend(*numbers)

    def start(self, x, values: list) -> None:
        """Assign the point ``x``, the initial state of the update, and these settings."""
        variables = [self.update.point, *self.update.state, *self.update.settings]
        for variable, value in zip(variables, [x, *self._initial, *values], strict=True):
            variable.assign(value, read_value=False)

    def chunk(self, first: int, steps: int, record_every: int, smallest: float):
        """Run from step ``first`` on, up to ``steps``, as far as pace and room allow.

        Returns:
            The three records as arrays, the last step made, and whether to go on. The last record
            is of the last step, even if that is no multiple of ``record_every``.
        """
        to_record = -first % record_every + 1  # steps
        room = self._room * record_every if to_record == record_every else to_record
        count = min(self._pace, steps - first + 1, room)
        start = time.perf_counter()
        *recorded, made, goes_on = self(count, record_every, smallest)
        made, goes_on = int(made), bool(goes_on)
        if made == self._pace:
            seconds = max(time.perf_counter() - start, 1e-6)
            in_time = int(made * _SECONDS_A_CHUNK / seconds)
            self._pace = int(np.clip(in_time, made // 4 + 1, min(made * 4, _LONGEST_CHUNK)))
        filled = -(-made // record_every)
        return [np.asarray(one)[:filled] for one in recorded], first + made - 1, goes_on


def run(
    program: Program,
    x,
    values,
    *,
    steps,
    record_every,
    tolerance,
    settings,
    shown,
    written,
    checkpoint=None,
):
    """Run a compiled program from ``x`` to the end; Ctrl-C returns what was recorded until then.

    Args:
        program: compiled.
        x: the first point, ``(dim,)``.
        values: for the settings of the update.
        steps, record_every, tolerance: how far.
        settings: for the trajectory.
        shown: the objective, likewise.
        written: hashes of what the objective and the schedule compute, for a checkpoint.
        checkpoint: a directory for checkpoints, or None.
    """
    about = dict(steps=steps, tolerance=tolerance, record_every=record_every, mode=program.mode)
    settings = {**settings, **about}
    # The squared norm at which to stop, less a margin for its rounding; -1 for never.
    smallest = -1.0 if tolerance is None else (tolerance * (1 - 1e-6)) ** 2
    interrupted, start = False, time.perf_counter()
    with Progress(steps, "gradient descent") as progress, Keeper(checkpoint) as kept:
        program.start(x, values)
        chunks, last, goes_on, before = kept.go_on(
            program.update, settings, shown, x, written, values[0] if values else 0.0
        )
        try:
            while last < steps and goes_on:
                records, reached, goes_on = program.chunk(last + 1, steps, record_every, smallest)
                if chunks and last % record_every:  # drop a last record between two
                    chunks = [*chunks[:-1], [one[:-1] for one in chunks[-1]]]
                chunks, last = [*chunks, records], reached
                progress.at(last)
                seconds = before + time.perf_counter() - start
                ends = last == steps or not goes_on
                chunks = kept.save(chunks, last, goes_on, seconds, ends=ends)
        except KeyboardInterrupt:
            if not chunks:
                raise
            interrupted = True
    seconds = before + time.perf_counter() - start

    points, losses, norms = joined(chunks)
    iterations = np.minimum(np.arange(len(losses), dtype=np.int64) * record_every, last)
    outcome = "interrupted" if interrupted else _outcome(points, losses, norms, tolerance)
    return Trajectory(points, losses, norms, iterations, outcome, settings, seconds, shown)


def _outcome(points, losses, norms, tolerance) -> str:
    if not (np.isfinite(losses[-1]) and np.isfinite(norms[-1]) and np.isfinite(points[-1]).all()):
        return "non_finite"
    rounding = 10 * np.finfo(losses.dtype).eps * abs(float(losses[0]))  # a rise of less is noise
    if losses[-1] > losses[0] + rounding:
        return "diverged"
    return "converged" if tolerance is not None and float(norms[-1]) <= tolerance else "max_steps"
