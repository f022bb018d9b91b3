"""Which minimum did a descent reach? The known ones, and those found from where descents ended."""

import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

_MOST_VARIABLES = 50
_AT_ONCE, _NEWTON_STEPS = 64, 30


@functools.lru_cache(maxsize=64)
def curved(function: Callable, dim: int) -> "Curved":
    """Return the derivatives of a function; for the same function those compiled before."""
    return Curved(function, dim)


class Curved:
    """A function of many points with its gradients and Hessians, in float64, compiled once."""

    def __init__(self, function: Callable, dim: int):
        self._function = function
        self._spec = tf.TensorSpec((None, dim), tf.float64)

    @functools.cached_property
    def _compiled(self):
        return tf.function(self._derivatives).get_concrete_function(self._spec)

    def _derivatives(self, x):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                losses = self._function(x)
            gradients = tf.convert_to_tensor(inner.gradient(losses, x))
        return losses, gradients, outer.batch_jacobian(gradients, x)

    def __call__(self, points: np.ndarray) -> list[np.ndarray]:
        """Return f ``(n,)``, gradients ``(n, dim)`` and Hessians ``(n, dim, dim)``."""
        return [array.numpy() for array in self._compiled(tf.constant(points, tf.float64))]


def _polished(curved_at: Curved, points: np.ndarray, radius: float) -> np.ndarray:
    """Return the minima that Newton's method finds from points near them, ``(at most n, dim)``; what is none is left out."""
    points = points.astype("float64")
    with np.errstate(all="ignore"):
        for _ in range(_NEWTON_STEPS):
            _, gradients, matrices = curved_at(points)
            usable = np.isfinite(matrices).all(axis=(1, 2)) & np.isfinite(gradients).all(axis=1)
            points, gradients, matrices = points[usable], gradients[usable], matrices[usable]
            if not len(points):
                return points
            step = np.einsum("nij,nj->ni", np.linalg.pinv(matrices, hermitian=True), gradients)
            points = points - step
            if np.abs(step).max() < 1e-14 * (1 + np.abs(points).max()):
                break
        _, gradients, matrices = curved_at(points)
        usable = np.isfinite(matrices).all(axis=(1, 2))
        points, gradients, matrices = points[usable], gradients[usable], matrices[usable]
    curvature = np.linalg.eigvalsh(matrices)
    steepest = np.abs(curvature).max(axis=1)
    still = np.linalg.norm(gradients, axis=1) <= 1e-7 * (1 + steepest)
    flat = np.abs(curvature[:, 0]) <= 1e-6 * steepest
    if flat.any():  # what the second derivative does not say, a look to both sides does
        way = np.linalg.eigh(matrices[flat])[1][:, :, 0] * radius
        here, *sides = (curved_at(points[flat] + sign * way)[0] for sign in (0.0, 1.0, -1.0))
        still[flat] &= np.minimum(*sides) >= here - 1e-12 * (1 + np.abs(here))
    return points[still & (curvature[:, 0] > -1e-6 * steepest)]


def found(curved_at: Curved, ends: np.ndarray, known: np.ndarray, radius: float) -> np.ndarray:
    """Return the minima near which descents ended, other than the known ones, the lowest first.

    Minima within twice the radius of each other count as one. The ends that are most frequent are looked at first, and no
    more where some of them lead to nothing new.
    """
    dim = ends.shape[1]
    kept: list[np.ndarray] = []
    if len(ends) and dim <= _MOST_VARIABLES:
        cells, counts = np.unique(np.round(ends.astype("float64") / radius), axis=0, return_counts=True)
        candidates = cells[np.argsort(-counts, kind="stable")] * radius
        for first in range(0, len(candidates), _AT_ONCE):
            before = len(kept)
            for point in _polished(curved_at, candidates[first : first + _AT_ONCE], radius):
                if all(np.linalg.norm(point - other) > 2 * radius for other in [*known, *kept]):
                    kept.append(point)
            if len(kept) == before:
                break
    minima = np.array(kept).reshape(-1, dim)
    return minima[np.argsort(curved_at(minima)[0], kind="stable")] if kept else minima


def nearest(points: np.ndarray, minima: np.ndarray, radius: float) -> np.ndarray:
    """Return for each point the index of the minimum within ``radius`` of it, -1 where there is none."""
    labels, best = np.full(len(points), -1, np.int32), np.full(len(points), radius, "float32")
    for number, minimum in enumerate(minima.astype(points.dtype)):
        with np.errstate(all="ignore"):
            distance = np.linalg.norm(points - minimum, axis=1)
        closer = distance <= best
        labels[closer], best[closer] = number, distance[closer]
    return labels
