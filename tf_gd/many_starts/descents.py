"""Many descents at once: the update of ``updates.py`` on arrays of points, in one compiled program.

The points are stored coordinate by coordinate and pass through the program in tiles. A tile is so
small that it stays in the cache of a core for all its steps, and each core takes the next tiles.
"""

import concurrent.futures
import functools
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tf_gd import compiled, devices, updates
from tf_gd._runtime import Progress
from tf_gd.toy.objectives import Objective, is_from_the_catalogue

_TILE = 2048  # points; with two coordinates, all arrays of a step fit into a level-1 cache
_TILES_A_CALL = 16  # so that the call takes little time beside its steps
_MOST_COORDINATES = 8  # of points taken apart; the program grows with each, and compiles longer
PROGRAMS = compiled.Programs(16)


class Update(NamedTuple):
    """The settings of the update; without momentum (None) there is no velocity."""

    learning_rate: float
    momentum: float | None
    nesterov: bool


def descend_many(objective, parts: tuple, steps, update: Update) -> tuple:
    """Return the last points of the descents from many points.

    Args:
        objective: tensor ``(points, dim)`` -> tensor ``(points,)``.
        parts: the points: one tensor ``(points,)`` per coordinate, or one ``(points, dim)``.
        steps: scalar.
        update: its learning rate and momentum are scalar tensors.
    """
    velocities = tuple(tf.zeros_like(part) for part in parts)
    k = tf.constant(0)
    while k < steps:
        _, gradients = values_and_gradients(objective, parts)
        moved = [
            updates.step(x, v, g, *update)
            for x, v, g in zip(parts, velocities, gradients, strict=True)
        ]
        parts, velocities = tuple(x for x, _ in moved), tuple(v for _, v in moved)
        k += 1
    return parts


def values_and_gradients(objective, parts: tuple) -> tuple:
    """Return f at each of many points, ``(points,)``, and its gradient in parts like the points."""
    with tf.GradientTape() as tape:
        tape.watch(parts)
        losses = objective(parts[0] if len(parts[0].shape) == 2 else tf.stack(parts, axis=-1))
    return losses, tuple(map(tf.convert_to_tensor, tape.gradient(losses, parts)))


def of_many(objective: Objective, start) -> Callable:
    """Return the objective as a function of many points, vectorised if it takes only one."""
    if is_from_the_catalogue(objective):
        return objective.fn
    offsets = np.linspace(0, 1e-3, len(start) + 1, dtype=start.dtype)[:, None]
    points = tf.convert_to_tensor(start + offsets)
    try:
        together = tf.convert_to_tensor(objective.fn(points))
        alone = tf.stack([tf.reshape(objective.fn(point), ()) for point in points])
        same = together.shape == alone.shape
        if same and np.allclose(together, alone, rtol=1e-5, equal_nan=True):
            return objective.fn
    except Exception:  # a function of one point may raise anything when it is given several
        pass
    return lambda x: tf.vectorized_map(lambda point: tf.reshape(objective.fn(point), ()), x)


def run_many(objective, function, starts, update: Update, steps: int, mode: str, places) -> tuple:
    """Descend from all starts ``(n, dim)`` on the objective's function of many points.

    Returns:
        The last points ``(n, dim)``, f and the gradient norm there ``(n,)``, how many descents are
        done (fewer than n after Ctrl-C), and the mode.
    """
    count, dim = starts.shape
    mine = starts[places.share(count)]
    tile = min(_TILE, max(8, 1 << (count - 1).bit_length()))
    tiles = min(_TILES_A_CALL, -(-count // tile))
    shape, size = (tiles, tile, dim), tiles * tile
    # What another function reads from outside may have changed, so that its graph is its key.
    known = is_from_the_catalogue(objective)
    spec = tf.TensorSpec((2, dim), starts.dtype)
    computed = objective if known else compiled.fingerprint(function, spec)
    key = (computed, shape, starts.dtype.str, update.momentum is None, update.nesterov)
    final = np.full_like(mine, np.nan)
    losses, norms = np.full((2, len(mine)), np.nan, starts.dtype)
    with devices.exact_arithmetic():
        programs = []
        for device in places.devices:
            with tf.device(device):
                made = (*key, device), function, update, shape, starts.dtype, mode
                program, mode = _program(*made)
                programs.append(program)
        rest = tf.constant(steps), *_numbers(update, starts.dtype)

        def work(first: int) -> None:
            part = slice(first, min(first + size, len(mine)))
            given = np.empty((size, dim), starts.dtype)
            given[: part.stop - first] = mine[part]
            given[part.stop - first :] = mine[part.stop - 1]  # the last call is filled up
            number = first // size % len(programs)
            with tf.device(places.devices[number]):
                results = programs[number](tf.constant(given.reshape(shape)), *rest)
            for whole, result in zip((final, losses, norms), results, strict=True):
                whole[part] = result.numpy().reshape(-1, *result.shape[2:])[: part.stop - first]

        done = min(_spread(work, range(0, len(mine), size), len(mine)) * size, len(mine))
    if places.workers > 1:
        final, losses, norms = map(places.together, (final, losses, norms))
        done = count
    return final, losses, norms, done, mode


def _spread(work: Callable[[int], None], pieces: range, count: int) -> int:
    """Do the pieces of work on all cores; return how many are done, all of them but for Ctrl-C."""
    has_affinity = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    done, pool = 0, concurrent.futures.ThreadPoolExecutor(cores)
    with pool, Progress(count, "descents") as progress:
        try:
            for future in [pool.submit(work, piece) for piece in pieces]:
                future.result()
                done += 1
                progress.at(min(done * pieces.step, count))
        except KeyboardInterrupt:
            if done == 0:
                raise
        finally:
            pool.shutdown(cancel_futures=True)
    return done


def _numbers(update: Update, dtype) -> list[tf.Tensor]:
    return [tf.constant(x, dtype) for x in (update.learning_rate, update.momentum or 0.0)]


def _program(key, function, update: Update, shape, dtype, mode: str) -> tuple[Callable, str]:
    """Return the compiled program and its mode; for ``"auto"``, XLA or else a graph."""
    arguments = [tf.zeros(shape, dtype), tf.constant(0), *_numbers(update, dtype)]
    specs = [tf.TensorSpec(argument.shape, argument.dtype) for argument in arguments]

    def build(mode: str) -> Any:
        run = functools.partial(_tiles, function, update)
        return compiled.compiled(run, mode).get_concrete_function(*specs)

    try:
        modes = compiled.modes_of(mode, ("xla", "graph"))
        return PROGRAMS.call(key, modes, build, arguments, once=True)[:2]
    except Exception as error:  # the tracer and XLA raise many types
        raise ValueError(
            f"objective: it cannot be compiled for many points with mode={mode!r}: "
            f"{str(error)[:300]} Expected TensorFlow operations on a tensor (..., dim)."
        ) from error


def _tiles(function: Callable, update: Update, starts, steps, learning_rate, momentum):
    """Descend from all points ``(tiles, tile, dim)``, tile after tile."""
    dim, dtype = starts.shape[-1], starts.dtype
    apart = dim <= _MOST_COORDINATES
    used = Update(learning_rate, None if update.momentum is None else momentum, update.nesterov)

    def one(points):
        parts = tuple(tf.unstack(points, axis=-1)) if apart else (points,)
        parts = descend_many(function, parts, steps, used)
        losses, gradients = values_and_gradients(function, parts)
        final, slopes = (tf.stack(p, axis=-1) if apart else p[0] for p in (parts, gradients))
        return final, losses, tf.norm(slopes, axis=-1)

    return tf.map_fn(one, starts, fn_output_signature=(dtype, dtype, dtype))
