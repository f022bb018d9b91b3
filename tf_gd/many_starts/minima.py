"""The minima that descents reached: the known ones, and those found from the last points."""

import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

_MOST_VARIABLES = 50  # a Newton step of 64 points takes 13 ms; with 100 variables, 80 ms
_AT_ONCE = 64  # candidates: below, the call of the program takes longer than its arithmetic
_NEWTON_STEPS = 30  # near a minimum Newton's method needs 5 to 10


class Curved:
    """A function of many points with its gradients and Hessians in float64, compiled once."""

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


curved = functools.lru_cache(maxsize=64)(Curved)  # for functions that never change


def finite(points: np.ndarray) -> np.ndarray:
    """Return whether all coordinates of each point are finite, ``(n,)``."""
    # By coordinate: NumPy's reduction over a short last axis takes 30 times as long.
    return np.isfinite(points.T, order="C").all(axis=0)


def nearest(points: np.ndarray, minima: np.ndarray, radius: float) -> np.ndarray:
    """Return the index of the minimum within ``radius`` of each point, or -1, ``(n,)``."""
    labels, best = np.full(len(points), -1, np.int32), np.full(len(points), radius, "float32")
    coordinates = np.ascontiguousarray(points.T)  # as in finite()
    for number, minimum in enumerate(minima.astype(points.dtype)):
        with np.errstate(all="ignore"):
            squares = coordinates - minimum[:, None]
            distances = np.sqrt(np.square(squares, out=squares).sum(axis=0))
        closer = distances <= best
        np.copyto(labels, number, where=closer)
        np.copyto(best, distances, where=closer, casting="same_kind")
    return labels


def label_ends(
    derivatives: Curved, ends: np.ndarray, at_rest: np.ndarray, known: np.ndarray, radius: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the minima within ``radius`` of the ends ``(n, dim)`` that are at rest ``(n,)``.

    Returns:
        The minima, known and found; 2 / L at each, NaN without a second derivative; and the index
        of the minimum that each end is at, or -1.
    """
    label = np.where(at_rest, nearest(ends, known, radius), np.int32(-1))
    elsewhere = at_rest & (label < 0)
    rest = ends[elsewhere]
    try:
        more = _found(derivatives, rest, known, radius)
        reached = np.isin(np.arange(len(more)), nearest(rest, more, radius))
        minima = np.concatenate([known, more[reached]])
        limits = _limits(derivatives, minima)
    except (AttributeError, LookupError, TypeError, ValueError, tf.errors.OpError):
        # The function has no second derivative.
        return known, np.full(len(known), np.nan), label
    label[elsewhere] = nearest(rest, minima, radius)
    return minima, limits, label


def _limits(derivatives: Curved, minima: np.ndarray) -> np.ndarray:
    if not len(minima) or minima.shape[1] > _MOST_VARIABLES:
        return np.full(len(minima), np.nan)
    curvature = np.linalg.eigvalsh(derivatives(minima)[2])[:, -1]
    with np.errstate(all="ignore"):
        return np.where(curvature > 0, 2.0 / curvature, np.inf)


def _found(derivatives: Curved, ends: np.ndarray, known: np.ndarray, radius: float) -> np.ndarray:
    """Return the minima near the ends, without the known ones, the lowest first.

    Two minima within twice the radius of each other count as one. The most frequent ends are tried
    first; the search stops at the first batch without a new minimum.
    """
    if not len(ends) or ends.shape[1] > _MOST_VARIABLES:
        return np.empty((0, ends.shape[1]))
    cells, counts = _cells(ends, radius)
    candidates = cells[np.argsort(-counts, kind="stable")]
    minima = known
    for first in range(0, len(candidates), _AT_ONCE):
        before = len(minima)
        for point in _polished(derivatives, candidates[first : first + _AT_ONCE], radius):
            if (np.linalg.norm(minima - point, axis=1) > 2 * radius).all():
                minima = np.vstack([minima, point])
        if len(minima) == before:
            break
    new = minima[len(known) :]
    return new[np.argsort(derivatives(new)[0], kind="stable")] if len(new) else new


def _cells(points: np.ndarray, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the centres of the grid cells with points inside, and how many each contains."""
    cells = np.round(points.astype("float64") / width)
    low = cells.min(axis=0)
    sides = cells.max(axis=0) - low + 1
    if np.prod(sides) > 2.0**62:  # more cells than int64 can count
        cells, counts = np.unique(cells, axis=0, return_counts=True)
        return cells * width, counts
    # In the same order; one integer for each row is sorted about ten times as fast as the rows.
    shape = tuple(sides.astype("int64"))
    numbers = np.ravel_multi_index(tuple((cells - low).T.astype("int64")), shape)
    numbers, counts = np.unique(numbers, return_counts=True)
    return (np.stack(np.unravel_index(numbers, shape), axis=1) + low) * width, counts


def _polished(derivatives: Curved, points: np.ndarray, radius: float) -> np.ndarray:
    """Return the minima that Newton's method finds from the points; others are left out."""
    with np.errstate(all="ignore"):
        for _ in range(_NEWTON_STEPS):
            points, gradients, hessians = _usable(derivatives, points)
            if not len(points):
                return points
            inverses = np.linalg.pinv(hessians, hermitian=True)
            step = np.einsum("nij,nj->ni", inverses, gradients)
            points = points - step
            if np.abs(step).max() < 1e-14 * (1 + np.abs(points).max()):  # a few float64 roundings
                break
        points, gradients, hessians = _usable(derivatives, points)
    curvature = np.linalg.eigvalsh(hessians)
    steepest = np.abs(curvature).max(axis=1)
    # Relative to the steepest curvature, a gradient of 1e-7 is zero up to rounding, and so is an
    # eigenvalue of 1e-6.
    stationary = np.linalg.norm(gradients, axis=1) <= 1e-7 * (1 + steepest)
    flat = np.abs(curvature[:, 0]) <= 1e-6 * steepest
    if flat.any():  # the second derivative does not decide: compare f on both sides
        way = np.linalg.eigh(hessians[flat])[1][:, :, 0] * radius
        here, *sides = (derivatives(points[flat] + sign * way)[0] for sign in (0.0, 1.0, -1.0))
        stationary[flat] &= np.minimum(*sides) >= here - 1e-12 * (1 + np.abs(here))
    return points[stationary & (curvature[:, 0] > -1e-6 * steepest)]


def _usable(derivatives: Curved, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the points with finite derivatives, their gradients and their Hessians."""
    _, gradients, hessians = derivatives(points)
    usable = np.isfinite(hessians).all(axis=(1, 2)) & finite(gradients)
    return points[usable], gradients[usable], hessians[usable]
