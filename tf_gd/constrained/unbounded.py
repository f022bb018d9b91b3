"""Problems without a solution: no point meets the constraints, or f falls without limit."""

from collections.abc import Iterator

import numpy as np
from scipy import optimize

FAR = 1e12  # times the size of a point: f that still falls there is taken to fall without limit
_MET = 1e-4  # the largest violation at which a point counts as feasible
_CORRECTIONS = 50  # of Newton's method, which only halves the error at a double root


def feasible(problem, x: np.ndarray) -> bool:
    """Return whether a point meets the constraints, or Newton's method finds one that does.

    Newton's method begins at `x`, unless it is far away, at the start, and at ten points around it.
    """
    if np.isfinite(x).all() and problem.violation(x) <= _MET:
        return True
    generator, size = np.random.default_rng(0), 1 + np.abs(problem.start).max()
    around = problem.start + size * generator.normal(scale=3.0, size=(10, problem.dim))
    # Farther than 1e6 sizes, rounding is as large as the tolerance of 1e-6.
    begin = [one for one in (x, problem.start, *around) if np.abs(one).max() < 1e6 * size]
    axes = np.eye(problem.dim)
    return any(_brought_back(problem, one, axes, 1e-6) is not None for one in begin)


def endless(problem, x: np.ndarray, before: np.ndarray) -> bool:
    """Return whether f is found to fall without limit; False proves nothing.

    Args:
        problem: has f, to be minimised, g <= 0 and h = 0.
        x: the point ``(dim,)`` from which directions are tried.
        before: an earlier point: the first direction leads from there to `x`.
    """
    if not np.isfinite(x).all():
        return False
    inside = _brought_back(problem, x, np.eye(len(x)))
    tried = () if inside is None else _directions(problem, inside, x - before)
    falls = any(_falls_without_limit(problem, inside, *direction) for direction in tried)
    # Far away rounding may hide a violation; near the start it does not.
    return falls and feasible(problem, problem.start)


def _directions(problem, x, onward) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield directions to try, each with the axes ``(dim, axes)`` along which it may bend."""
    slope, axes = problem.f.first(x)[1], np.eye(len(x))
    yield onward, axes
    yield -slope, axes
    rows = [problem.f.first(x + side)[1] - slope for side in (1 + np.abs(x).max()) * axes]
    if np.isfinite(rows).all():  # of a steep valley, only the exact direction stays in it
        curvatures, axes = np.linalg.eigh(np.array(rows) + np.transpose(rows))
        level = axes[:, curvatures <= 1e-9 * np.abs(curvatures).max()]
        yield -level @ (level.T @ slope), level


def _falls_without_limit(problem, x, direction, axes) -> bool:
    """Return whether f falls at points each ten times farther, and by no less each time.

    Each point is first corrected until the constraints hold there. -log(x) falls by log(10) each
    time, without limit; 1/x by less and less. The farthest point comes first, because a lowest
    value shows there soonest.
    """
    length, size, values = np.abs(direction).max(), 1 + np.abs(x).max(), np.zeros(0)
    if not (np.isfinite(length) and length and np.isfinite(size)):
        return False
    for distance in FAR * 10.0 ** -np.arange(20.0):
        ahead = _brought_back(problem, x + distance * size * (direction / length), axes)
        if ahead is None:
            return False
        value, slope = problem.f.first(ahead)
        if value == -np.inf:
            continue  # below what float64 can hold
        values = np.append(values, value)
        falls = np.diff(values)
        rounding = 1e-12 * np.abs(value) + 1e-8 * np.abs(slope) @ np.abs(ahead)
        smaller = falls[:-1] < (1 - 1e-6) * falls[1:]
        if not (falls >= -rounding).all() or (falls[:6] <= rounding).any() or smaller[:5].any():
            return False
    return len(values) > 3


def _brought_back(problem, x, axes, tolerance: float = 0.0) -> np.ndarray | None:
    """Return a point near `x` that meets all constraints, or None if none is found.

    Newton's method: each step is the shortest after which the tangents of the constraints hold.
    """
    for _ in range(_CORRECTIONS):
        (g, of_g), (h, of_h) = problem.g.first(x), problem.h.first(x)
        sides, slopes = np.concatenate([g, h, -h]), np.concatenate([of_g, of_h, -of_h])
        rounding = 1e-12 * (np.abs(slopes) @ (1 + np.abs(x)))
        if (sides <= rounding + tolerance).all():
            return x
        if not (np.isfinite(sides).all() and np.isfinite(slopes).all()):
            return None
        step = _shortest(slopes @ axes, sides)
        if step is None:
            return None
        x = x + axes @ step
    return None


def _shortest(slopes, sides) -> np.ndarray | None:
    """Return the shortest step with ``slopes @ step + sides <= 0``; None if there is none.

    References:
        Lawson and Hanson, "Solving least squares problems", 1974, chapter 23: least distances.
    """
    norms = np.maximum(np.linalg.norm(slopes, axis=1), 1e-150)
    sides = sides / norms
    farthest = sides.max()
    matrix = np.vstack([-(slopes / norms[:, None]).T, sides / farthest])
    target = np.append(np.zeros(len(matrix) - 1), 1.0)
    try:
        rest = matrix @ optimize.nnls(matrix, target)[0] - target
    except (RuntimeError, ValueError):  # too many iterations, or numbers too large
        return None
    return -farthest * rest[:-1] / rest[-1] if rest[-1] < -1e-14 else None
