"""Many descents at once: the update of ``updates.py`` on whole arrays of points, in one compiled program.

The points are laid out coordinate by coordinate, and go through the program in tiles small enough to stay in the cache of a
core for all their steps; each core takes the next tiles. That is what makes a million starts cheap.
"""

import concurrent.futures
import functools
import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tf_gd import compiled, devices, updates
from tf_gd._progress import Progress
from tf_gd.many_starts.places import Places
from tf_gd.toy.objectives import Objective, is_from_the_catalogue

_TILE = 2048  # points; two coordinates, their gradients and what is between fit into a level-1 cache
_TILES_A_CALL = 16
_MOST_COORDINATES = 8  # above, a point stays in one piece
PROGRAMS = compiled.Programs(16)


@dataclass(frozen=True)
class Update:
    """How to move: learning rate, momentum (None for no velocity) and whether to look ahead."""

    learning_rate: float
    momentum: float | None
    nesterov: bool


def descend_many(objective, parts: tuple, steps, learning_rate, momentum, nesterov: bool) -> tuple:
    """Return where descents end that start at many points, after so many steps.

    Args:
        objective: tensor ``(points, dim)`` -> tensor ``(points,)``.
        parts: the points: one tensor ``(points,)`` for each coordinate, or one of all, ``(points, dim)``.
        steps, learning_rate: scalars.
        momentum: scalar, or None for no velocity.
        nesterov: whether to look ahead.
    """
    velocities = tuple(tf.zeros_like(part) for part in parts)
    k = tf.constant(0)
    while k < steps:
        _, gradients = values_and_gradients(objective, parts)
        moved = [
            updates.step(x, v, g, learning_rate, momentum, nesterov)
            for x, v, g in zip(parts, velocities, gradients, strict=True)
        ]
        parts, velocities = tuple(x for x, _ in moved), tuple(v for _, v in moved)
        k += 1
    return parts


def values_and_gradients(objective, parts: tuple) -> tuple:
    """Return f at each of many points, ``(points,)``, and its gradient in the form of the points."""
    with tf.GradientTape() as tape:
        tape.watch(parts)
        losses = objective(parts[0] if len(parts[0].shape) == 2 else tf.stack(parts, axis=-1))
    return losses, tuple(tf.convert_to_tensor(gradient) for gradient in tape.gradient(losses, parts))


def of_many(objective: Objective, start) -> Callable:
    """Return the objective as a function of many points: its own, or where that knows of one point only, one by one."""
    if is_from_the_catalogue(objective):
        return objective.fn
    points = tf.convert_to_tensor(start + np.linspace(0, 1e-3, len(start) + 1, dtype=start.dtype)[:, None])
    try:
        together = tf.convert_to_tensor(objective.fn(points))
        alone = tf.stack([tf.reshape(objective.fn(point), ()) for point in points])
        if together.shape == alone.shape and np.allclose(together, alone, rtol=1e-5, equal_nan=True):
            return objective.fn
    except Exception:  # whatever a function of one point makes of many
        pass
    return lambda x: tf.vectorized_map(lambda point: tf.reshape(objective.fn(point), ()), x)


def run_many(objective, function: Callable, starts: np.ndarray, update: Update, steps: int, mode: str, places: Places):
    """Return the last points ``(n, dim)``, f and the gradient norm there ``(n,)``, how many were done, and the mode."""
    count, dim = starts.shape
    mine = starts[places.share(count)]
    tile = min(_TILE, max(8, 1 << (count - 1).bit_length()))
    tiles = min(_TILES_A_CALL, -(-count // tile))
    known = is_from_the_catalogue(objective)  # what another function reads from outside may have changed since
    written = objective if known else compiled.fingerprint(function, tf.TensorSpec((2, dim), starts.dtype))
    key = (written, tile, tiles, dim, starts.dtype.str, update.momentum is None, update.nesterov)
    programs = []
    with devices.exact_arithmetic():
        for device in places.devices:
            with tf.device(device):
                program, mode = _program((*key, device), function, update, (tiles, tile, dim), starts.dtype, mode)
                programs.append(program)
        numbers = [tf.constant(number, starts.dtype) for number in (update.learning_rate, update.momentum or 0.0)]
        final, losses, norms = np.full_like(mine, np.nan), *np.full((2, len(mine)), np.nan, starts.dtype)

        def work(first: int) -> None:
            part = slice(first, min(first + tile * tiles, len(mine)))
            given = np.empty((tiles * tile, dim), starts.dtype)
            given[: part.stop - first] = mine[part]
            given[part.stop - first :] = mine[part.stop - 1]  # tiles are of one size: the last one is filled up
            number = first // (tile * tiles) % len(programs)
            with tf.device(places.devices[number]):
                results = programs[number](tf.constant(given.reshape(tiles, tile, dim)), tf.constant(steps), *numbers)
            final[part], losses[part], norms[part] = (
                result.numpy().reshape(-1, *result.shape[2:])[: part.stop - first] for result in results
            )

        done = _spread(work, range(0, len(mine), tile * tiles), len(mine))
    done = min(done * tile * tiles, len(mine))
    if places.workers > 1:
        final, losses, norms = (places.together(part) for part in (final, losses, norms))
        done = count
    return final, losses, norms, done, mode


def _spread(work: Callable[[int], None], pieces: range, count: int) -> int:
    """Do all pieces of work, one on each core at a time; return how many were done in a row before Ctrl-C, if any."""
    done, waiting = 0, iter(pieces)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with concurrent.futures.ThreadPoolExecutor(cores) as pool, Progress(count, "descents") as progress:
        try:
            running = [pool.submit(work, piece) for piece in itertools.islice(waiting, 2 * cores)]
            while running:
                running.pop(0).result()
                done += 1
                running.extend(pool.submit(work, piece) for piece in itertools.islice(waiting, 1))
                progress.at(min(done * pieces.step, count))
        except KeyboardInterrupt:
            for future in running:
                future.cancel()
            if done == 0:
                raise
    return done


def _program(key: tuple, function: Callable, update: Update, shape: tuple, dtype, mode: str) -> tuple[Callable, str]:
    """Return the compiled program, and in which mode: for ``"auto"`` XLA or else a graph."""
    specs = [tf.TensorSpec(shape, dtype), tf.TensorSpec((), tf.int32), *[tf.TensorSpec((), dtype)] * 2]
    nothing = [tf.zeros(spec.shape, spec.dtype) for spec in specs]  # no step, from the origin

    def build(mode: str) -> Callable:
        run = functools.partial(_tiles, function, update)
        return compiled.compiled(run, mode).get_concrete_function(*specs)

    try:
        modes = compiled.modes_of(mode, ("xla", "graph"))
        return PROGRAMS.call(key, modes, build, nothing, once=True)[:2]
    except Exception as error:  # whatever the user's function makes the tracer or XLA raise
        raise ValueError(
            f"objective: it cannot be compiled for many points with mode={mode!r}: {str(error)[:300]} "
            "Expected TensorFlow operations on a tensor (..., dim)."
        ) from error


def _tiles(function: Callable, update: Update, starts, steps, learning_rate, momentum):
    """Descend from all points ``(tiles, tile, dim)``, tile after tile."""
    dim = starts.shape[-1]

    def one(points):
        parts = tuple(tf.unstack(points, axis=-1)) if dim <= _MOST_COORDINATES else (points,)
        velocity = None if update.momentum is None else momentum
        parts = descend_many(function, parts, steps, learning_rate, velocity, update.nesterov)
        losses, gradients = values_and_gradients(function, parts)
        together = [part[0] if len(part) == 1 and dim > 1 else tf.stack(part, axis=-1) for part in (parts, gradients)]
        return together[0], losses, tf.norm(together[1], axis=-1)

    dtype = starts.dtype
    return tf.map_fn(one, starts, fn_output_signature=(dtype, dtype, dtype))
