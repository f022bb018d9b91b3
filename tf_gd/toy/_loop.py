"""The loop of gradient descent, written once for every mode, and its compilation in chunks.

:func:`descend` is the loop a student reads. Called as it stands it runs eagerly; wrapped in ``tf.function`` AutoGraph
turns its ``while`` into a graph, and XLA compiles that. By hand or built in, only ``update`` differs, so that
a comparison compares the updates and nothing else: even recording the losses changes how a compiler rounds.
"""

import functools
import time
from collections.abc import Callable, Hashable
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from tf_gd._progress import Progress
from tf_gd.devices import graph_is_exact
from tf_gd.trajectory import Trajectory

MODES = ("auto", "eager", "graph", "xla")
_FIRST_CHUNK = {"eager": 32, "graph": 512, "xla": 131_072}  # steps; later chunks follow the clock
LONGEST_CHUNK = 2**26
_SECONDS_A_CHUNK = 0.2
_RECORDED_NUMBERS = 2**19  # what one chunk may record: two megabytes in float32


def descend(objective, update, x, velocity, clock, knobs, room=None):
    """Evaluate, record, update; until the last step, the tolerance, or a number that is not finite.

    Args:
        objective: tensor ``(dim,)`` -> scalar tensor.
        update: ``(k, x, velocity, gradient, knobs) -> (x, velocity)``.
        x: where step ``first`` starts, ``(dim,)``.
        velocity: whatever else the update carries from step to step; ``()`` for nothing.
        clock: whole numbers ``[first, last, record_every]``: evaluate at k = first, ..., last.
        knobs: numbers ``[tolerance**2, ...]`` that may change from run to run without compiling again.
        room: how many records there is room for; XLA has to know it beforehand.

    Returns:
        Points ``(room, dim)``, losses and gradient norms ``(room,)``, and what the next chunk starts from: x, velocity,
        k, and whether to stop. Slot i belongs to step ``(ceil(first / record_every) + i) * record_every``; every step
        is written into the slot it belongs to or is on the way to, so that the last point is always recorded.
    """
    k, last, record_every = clock[0], clock[1], clock[2]
    first_slot = (k + record_every - 1) // record_every
    if room is None:
        room = (last + record_every - 1) // record_every - first_slot + 1
    points = tf.TensorArray(x.dtype, size=room, element_shape=x.shape)
    losses = tf.TensorArray(x.dtype, size=room, element_shape=())
    squares = tf.TensorArray(x.dtype, size=room, element_shape=())
    stop = tf.constant(False)

    while (k <= last) & tf.logical_not(stop):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = objective(x)
        gradient = tape.gradient(loss, x)

        square = tf.reduce_sum(gradient * gradient)
        slot = (k + record_every - 1) // record_every - first_slot
        points = points.write(slot, x)
        losses = losses.write(slot, loss)
        squares = squares.write(slot, square)
        stop = (square <= knobs[0]) | ~tf.math.is_finite(square) | ~tf.math.is_finite(loss)

        x, velocity = update(k, x, velocity, gradient, knobs)
        k += 1

    return points.stack(), losses.stack(), tf.sqrt(squares.stack()), x, velocity, k, stop


class Update(Hashable, Protocol):
    """What :func:`descend` updates with: by hand, or a Keras optimizer."""

    @property
    def longest_chunk(self) -> int:
        """How many steps its knobs suffice for."""

    def first_velocity(self, x) -> Any:
        """Return what the update carries before the first step."""

    def __call__(self, k, x, velocity, gradient, knobs) -> Any:
        """Return the next x and velocity."""


class Program:
    """:func:`descend` for one objective and one update, compiled as ``mode`` says, and run in chunks."""

    def __init__(self, objective: Callable, update: Update, mode: str, dim: int):
        self.mode = mode
        self.traces = 0
        self.compile_seconds = 0.0
        self._pace = _FIRST_CHUNK[mode]
        self._room = max(1, _RECORDED_NUMBERS // (dim + 2))
        self._objective, self.update = objective, update
        self._run: Callable = self._descend if mode == "eager" else self._not_compiled

    def _descend(self, x, velocity, clock, knobs):
        self.traces += self.mode != "eager"
        room = self._room if self.mode == "xla" else None
        return descend(self._objective, self.update, x, velocity, clock, knobs, room)

    def _not_compiled(self, *arguments):
        raise RuntimeError("compile() comes first")

    def compile(self, x, knobs: np.ndarray) -> None:
        """Trace and compile, unless done already, by doing step 0 once and throwing the result away."""
        if self._run == self._not_compiled:
            start = time.perf_counter()
            arguments = _tensors(x, self.update.first_velocity(x), (0, 0, 1), knobs)
            program = tf.function(self._descend, jit_compile=self.mode == "xla").get_concrete_function(*arguments)
            program(*arguments)
            self._run = program
            self.compile_seconds = time.perf_counter() - start

    def chunk(self, x, velocity, first: int, steps: int, record_every: int, knobs):
        """Run from step ``first`` as far as pace and room allow.

        Returns:
            The three records as arrays, the state (x, velocity), the last step evaluated, and whether to stop there.
        """
        next_slot = -(-first // record_every)
        last = min(
            steps, first + min(self._pace, self.update.longest_chunk) - 1, (next_slot + self._room - 1) * record_every
        )
        start = time.perf_counter()
        *records, x, velocity, k, stop = self._run(*_tensors(x, velocity, (first, last, record_every), knobs(first)))
        last_done, stop = int(k) - 1, bool(stop)
        if last_done - first + 1 == self._pace:
            seconds = max(time.perf_counter() - start, 1e-6)
            fitting = int(self._pace * _SECONDS_A_CHUNK / seconds)
            self._pace = int(np.clip(fitting, self._pace // 4 + 1, min(self._pace * 4, LONGEST_CHUNK)))
        slots = -(-last_done // record_every) - next_slot + 1
        return [np.asarray(record)[:slots] for record in records], (x, velocity), last_done, stop


def _tensors(x, velocity, clock, knobs):
    return x, velocity, tf.constant(clock, tf.int32), tf.constant(knobs, x.dtype)


def run(
    program: Program, x, knobs: Callable, *, steps: int, record_every: int, tolerance, settings: dict, shown
) -> Trajectory:
    """Run a compiled program from ``x`` to the end, chunk by chunk; Ctrl-C returns what is done so far.

    ``knobs(first)`` gives the knobs for the chunk that starts at step ``first``; ``shown`` is the objective to draw.
    """
    state, next_step, stop, interrupted = (x, program.update.first_velocity(x)), 0, False, False
    chunks: list[tuple[list[np.ndarray], int]] = []
    start = time.perf_counter()
    with Progress(steps, "gradient descent") as progress:
        try:
            while next_step <= steps and not stop:
                records, state, last, stop = program.chunk(*state, next_step, steps, record_every, knobs)
                chunks.append((records, last))
                next_step = last + 1
                progress.at(last)
        except KeyboardInterrupt:
            if not chunks:
                raise
            interrupted = True
    seconds = time.perf_counter() - start

    last = chunks[-1][1]
    # A chunk that ended between two records left its last slot to the next chunk.
    kept = [r if end == last or end % record_every == 0 else [a[:-1] for a in r] for r, end in chunks]
    points, losses, norms = (np.concatenate(part) if len(part) > 1 else part[0] for part in zip(*kept, strict=True))
    iterations = np.minimum(np.arange(len(losses), dtype=np.int64) * record_every, last)
    outcome = "interrupted" if interrupted else _outcome(points, losses, norms, tolerance)
    settings = {**settings, "steps": steps, "tolerance": tolerance, "record_every": record_every, "mode": program.mode}
    return Trajectory(points, losses, norms, iterations, outcome, settings, seconds, shown)


def _outcome(points, losses, norms, tolerance) -> str:
    if not (np.isfinite(losses[-1]) and np.isfinite(norms[-1]) and np.isfinite(points[-1]).all()):
        return "non_finite"
    rounding = 10 * np.finfo(losses.dtype).eps * abs(float(losses[0]))
    if losses[-1] > losses[0] + rounding:
        return "diverged"
    return "converged" if tolerance is not None and norms[-1] <= tolerance else "max_steps"


def stop_below(tolerance) -> float:
    """Return the square of the gradient norm at which to stop, rounded to the safe side; -1 for never."""
    return -1.0 if tolerance is None else (tolerance * (1 - 1e-6)) ** 2


@functools.lru_cache(maxsize=64)
def program_for(objective: Callable, update: Update, mode: str, dtype: str, dim: int, device: str, exact: bool) -> Program:
    """Return the program for these; the same one for the same arguments, so that nothing compiles twice."""
    return Program(objective, update, mode, dim)


def compile_for(objective: Callable, update: Update, mode: str, device: str, x, knobs: np.ndarray) -> Program:
    """Return a compiled program; with ``"auto"`` the first of XLA, graph, eager that can be had.

    Raises:
        ValueError: the objective cannot be compiled in the mode asked for.
    """
    for attempt in ("xla", "graph", "eager") if mode == "auto" else (mode,):
        program = program_for(objective, update, attempt, x.dtype.name, int(x.shape[0]), device, graph_is_exact())
        try:
            program.compile(x, knobs)
        except Exception as error:  # whatever the user's function makes the tracer or XLA raise
            if mode == "auto":
                continue
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise ValueError(
                f"objective: it runs eagerly, but cannot be compiled with mode={mode!r}: {reason} "
                'Use mode="auto" or mode="eager", or build the function of TensorFlow operations that XLA knows.'
            ) from error
        return program
    raise AssertionError("eager programs always compile")
