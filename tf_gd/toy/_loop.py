"""The loop of gradient descent, written once for every mode, and its compilation in chunks.

:func:`descend` is the loop a student reads. Called as it stands it runs eagerly; wrapped in ``tf.function`` AutoGraph
turns its ``while`` into a graph, which computes what is written, and XLA compiles that. By hand or built in, only
``update`` differs, so that a comparison compares the updates and nothing else: even recording the losses changes how
a compiler rounds. For the same reason both keep the same state (point, velocity, rate, counter) in variables: XLA
contracts a product and a sum into one operation where it sees fit, and that depends on the whole loop, not on the
formula alone.
"""

import functools
import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from tf_gd._progress import Progress
from tf_gd.toy._resume import Keeper, merged
from tf_gd.trajectory import Trajectory

MODES = ("auto", "eager", "graph", "xla")
_FIRST_CHUNK = {"eager": 32, "graph": 512, "xla": 131_072}  # steps; later chunks follow the clock
LONGEST_CHUNK = 2**26
_SECONDS_A_CHUNK = 0.2
_RECORDED_NUMBERS = 2**19  # what one chunk may record: two megabytes in float32


def value_and_gradient(objective, x):
    """Return f and its gradient at ``x``, by playing the tape of the computation backwards."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = objective(x)
    return loss, tape.gradient(loss, x)


def descend(evaluate, update, clock, small, room=None):
    """Evaluate, record, update; until the last step, a small enough gradient, or a number that is not finite.

    Args:
        evaluate: ``x -> (loss, gradient)``, as :func:`value_and_gradient` does it.
        update: has the variable ``point``, ``(dim,)``, and moves it when called with the gradient there.
        clock: whole numbers ``[first, last, record_every]``: evaluate at k = first, ..., last.
        small: stop where the square of the gradient norm is at most this.
        room: how many records there is room for; XLA has to know it beforehand.

    Returns:
        Points ``(room, dim)``, losses and gradient norms ``(room,)``, the next k, and whether to stop. Slot i belongs to
        step ``(ceil(first / record_every) + i) * record_every``; every step is written into the slot it belongs to or
        is on the way to, so that the last point is always recorded.
    """
    k, last, record_every = clock[0], clock[1], clock[2]
    due = (k + record_every - 1) // record_every * record_every  # the step that slot 0 belongs to
    if room is None:
        room = (last - due + record_every - 1) // record_every + 1
    points = tf.TensorArray(small.dtype, size=room, element_shape=update.point.shape)
    losses = tf.TensorArray(small.dtype, size=room, element_shape=())
    squares = tf.TensorArray(small.dtype, size=room, element_shape=())
    slot, stop = tf.constant(0), tf.constant(False)

    while (k <= last) & tf.logical_not(stop):
        x = tf.convert_to_tensor(update.point)
        loss, gradient = evaluate(x)

        square = tf.reduce_sum(gradient * gradient)
        points = points.write(slot, x)
        losses = losses.write(slot, loss)
        squares = squares.write(slot, square)
        stop = (square <= small) | ~tf.math.is_finite(square) | ~tf.math.is_finite(loss)

        update(gradient)
        recorded = tf.cast(k == due, tf.int32)
        slot += recorded
        due += recorded * record_every
        k += 1

    return points.stack(), losses.stack(), tf.sqrt(squares.stack()), k, stop


class Update(Protocol):
    """What :func:`descend` updates with: by hand, or a Keras optimizer. Both keep their state in variables."""

    point: Any

    @property
    def longest_chunk(self) -> int:
        """How many steps may be made between two calls of ``prepare``."""

    def set(self, *values) -> None:
        """Take what is not compiled in: a learning rate, a momentum."""

    def restart(self, x) -> None:
        """Go to ``x``, with no velocity."""

    def prepare(self, k: int) -> None:
        """Get ready for a chunk of steps from ``k`` on."""

    def __call__(self, gradient) -> None:
        """Move the point."""


def _one_after_another(evaluate: Callable) -> Callable:
    """Return the function as a graph whose operations run in one order, not in that in which they get ready.

    TensorFlow adds up three or more gradients of one variable into the first buffer that nobody else reads any more. Where
    one of them is passed on to several variables, as by ``x + y``, that depends on the order, and so does the last bit.
    Within one graph the order is now always the same; another graph of the same function may still have another.
    """
    graph = tf.function(evaluate)

    def in_order(x):
        with tf.experimental.function_executor_type("SINGLE_THREADED_EXECUTOR"):
            return graph(x)

    return tf.autograph.experimental.do_not_convert(in_order)


class Program:
    """:func:`descend` for one objective and one update, compiled as ``mode`` says, and run in chunks."""

    def __init__(self, objective: Callable, update: Update, mode: str):
        self.mode, self.update = mode, update
        self._evaluate: Callable = functools.partial(value_and_gradient, objective)
        if mode == "graph":
            self._evaluate = _one_after_another(self._evaluate)
        self._dtype = update.point.dtype
        self._pace = _FIRST_CHUNK[mode]
        self._room = max(1, _RECORDED_NUMBERS // (int(update.point.shape[0]) + 2))
        self._error: Exception | None = None
        self._compiled: Callable | None = self._descend if mode == "eager" else None

    def _descend(self, clock, small):
        return descend(self._evaluate, self.update, clock, small, self._room if self.mode == "xla" else None)

    def compile(self) -> None:
        """Trace and compile by doing one step that is thrown away; once, also when it cannot be done."""
        if self._error is not None:
            raise self._error
        if self._compiled is None:
            arguments = tf.constant((0, 0, 1)), tf.constant(-1.0, self._dtype)
            try:
                program = tf.function(self._descend, jit_compile=self.mode == "xla").get_concrete_function(*arguments)
                program(*arguments)
            except Exception as error:  # whatever the user's function makes the tracer or XLA raise
                self._error = error
                raise
            self._compiled = program

    def chunk(self, first: int, steps: int, record_every: int, small: float):
        """Run from step ``first`` as far as pace and room allow.

        Returns:
            The three records as arrays, the last step evaluated, and whether to stop there.
        """
        assert self._compiled is not None, "compile() comes first"
        next_slot = -(-first // record_every)
        pace = min(self._pace, self.update.longest_chunk)
        last = min(steps, first + pace - 1, (next_slot + self._room - 1) * record_every)
        start = time.perf_counter()
        self.update.prepare(first)
        clock = tf.constant((first, last, record_every))
        *records, k, stop = self._compiled(clock, tf.constant(small, self._dtype))
        last_done, stop = int(k) - 1, bool(stop)
        if last_done - first + 1 == self._pace:
            seconds = max(time.perf_counter() - start, 1e-6)
            fitting = int(self._pace * _SECONDS_A_CHUNK / seconds)
            self._pace = int(np.clip(fitting, self._pace // 4 + 1, min(self._pace * 4, LONGEST_CHUNK)))
        slots = -(-last_done // record_every) - next_slot + 1
        return [np.asarray(record)[:slots] for record in records], last_done, stop


def run(program: Program, x, *, steps: int, record_every: int, tolerance, settings: dict, shown, checkpoint=None):
    """Run a compiled program from ``x`` to the end, chunk by chunk; Ctrl-C returns what is done so far.

    Args:
        program: compiled.
        x: the first point.
        steps, record_every, tolerance: how far.
        settings: of the update, for the trajectory to hold.
        shown: the objective to draw.
        checkpoint: a directory to keep the run in, or None.
    """
    settings = {**settings, "steps": steps, "tolerance": tolerance, "record_every": record_every, "mode": program.mode}
    interrupted = False
    # The square of the norm at which to stop, rounded to the safe side; -1 for never.
    small = -1.0 if tolerance is None else (tolerance * (1 - 1e-6)) ** 2
    start = time.perf_counter()
    with Progress(steps, "gradient descent") as progress, Keeper(checkpoint) as kept:
        program.update.restart(x)
        chunks, stop, seconds = kept.go_on(program.update, settings, shown, x)
        next_step = chunks[-1][1] + 1 if chunks else 0
        try:
            while next_step <= steps and not stop:
                records, last, stop = program.chunk(next_step, steps, record_every, small)
                chunks.append((records, last))
                next_step = last + 1
                progress.at(last)
                chunks = kept.save(chunks, stop, seconds + time.perf_counter() - start, ends=stop or next_step > steps)
        except KeyboardInterrupt:
            if not chunks:
                raise
            interrupted = True
    seconds += time.perf_counter() - start

    (points, losses, norms), last = merged(chunks, record_every)
    iterations = np.minimum(np.arange(len(losses), dtype=np.int64) * record_every, last)
    outcome = "interrupted" if interrupted else _outcome(points, losses, norms, tolerance)
    return Trajectory(points, losses, norms, iterations, outcome, settings, seconds, shown)


def _outcome(points, losses, norms, tolerance) -> str:
    if not (np.isfinite(losses[-1]) and np.isfinite(norms[-1]) and np.isfinite(points[-1]).all()):
        return "non_finite"
    rounding = 10 * np.finfo(losses.dtype).eps * abs(float(losses[0]))
    if losses[-1] > losses[0] + rounding:
        return "diverged"
    return "converged" if tolerance is not None and float(norms[-1]) <= tolerance else "max_steps"
