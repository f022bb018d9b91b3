"""Problems without a solution: no point meets the constraints, or the objective falls for ever."""

from collections.abc import Iterator

import numpy as np
from scipy import optimize

FAR = 1e12  # times the size of a point: what falls as far as there falls for ever
_MET = 1e-4  # a violation that counts as none
_CORRECTIONS = 50  # of Newton's method, each of which halves the root of a square


def feasible(problem, x: np.ndarray) -> bool:
    """Return whether a point meets the constraints, or least squares find one that does.

    They begin at the point, unless it is far away, at the start, and at ten points around it.
    """
    if np.isfinite(x).all() and problem.violation(x) <= _MET:
        return True

    def missing(x):
        return np.append(np.maximum(sides_of(problem, x)[0], 0.0), 0.0)

    def slope(x):
        sides, slopes, _ = sides_of(problem, x)
        rows = np.vstack([np.where(sides[:, None] > 0, slopes, 0.0), 0 * x])
        return np.nan_to_num(rows, nan=0.0, posinf=0.0, neginf=0.0)  # a kink has none

    generator, size = np.random.default_rng(0), 1 + np.abs(problem.start).max()
    around = problem.start + size * generator.normal(scale=3.0, size=(10, problem.dim))
    for start in (x, problem.start, *around):
        if np.abs(start).max() < 1e6 * size and np.isfinite(missing(start)).all():
            exact = dict(ftol=1e-15, xtol=1e-15, gtol=1e-15)
            found = optimize.least_squares(missing, start, slope, max_nfev=150, **exact)
            sides, _, rounding = sides_of(problem, found.x)
            if (sides <= 1e-6 + np.nan_to_num(rounding)).all():
                return True
    return False


def endless(problem, x: np.ndarray, before: np.ndarray) -> bool:
    """Return whether the objective is seen to fall for ever: False says nothing.

    Args:
        problem: has ``f``, to be minimised, ``g <= 0`` and ``h = 0``.
        x: a point ``(dim,)``, from which to try the way on, and that against the gradient of f.
        before: an earlier point, which says where the way goes.
    """
    if not np.isfinite(x).all():
        return False
    inside = _brought_back(problem, x, np.eye(len(x)))
    ways = () if inside is None else _ways(problem, inside, x - before)
    falls = any(_falls_for_ever(problem, inside, way, axes) for way, axes in ways)
    return falls and feasible(problem, problem.start)  # far away, rounding may hide that it is not


def _ways(problem, x, on) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield ways to try, each with the axes along which it may bend, ``(dim, axes)``."""
    slope, axes = problem.f.first(x)[1], np.eye(len(x))
    yield on, axes
    yield -slope, axes
    rows = [problem.f.first(x + side)[1] - slope for side in (1 + np.abs(x).max()) * axes]
    if np.isfinite(rows).all():  # a way that is not quite along a steep valley leaves it
        curvatures, axes = np.linalg.eigh(np.array(rows) + np.transpose(rows))
        level = axes[:, curvatures <= 1e-9 * np.abs(curvatures).max()]
        yield -level @ (level.T @ slope), level


def _falls_for_ever(problem, x, way, axes) -> bool:
    """Return whether the objective falls at points ten times farther each, by more each time.

    Each point is first brought to where the constraints hold. The last falls must not be smaller
    than the one before: -log(x) falls by log(10) each time, 1/x by less and less. The farthest
    point comes first, for there it soon shows if there is a lowest value.
    """
    length, size, values = np.abs(way).max(), 1 + np.abs(x).max(), np.zeros(0)
    if not (np.isfinite(length) and length and np.isfinite(size)):
        return False
    for distance in FAR * 10.0 ** -np.arange(20.0):
        ahead = _brought_back(problem, x + distance * size * (way / length), axes)
        if ahead is None:
            return False
        value, slope = problem.f.first(ahead)
        if value == -np.inf:
            continue  # float64 ends before it does
        values = np.append(values, value)
        falls = np.diff(values)
        rounding = 1e-12 * np.abs(value) + 1e-8 * np.abs(slope) @ np.abs(ahead)
        smaller = falls[:-1] < (1 - 1e-6) * falls[1:]
        if not (falls >= -rounding).all() or (falls[:6] <= rounding).any() or smaller[:5].any():
            return False
    return len(values) > 3


def sides_of(problem, x) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what is to be at most 0, its slopes ``(m, dim)``, and what it may be by rounding."""
    (g, of_g), (h, of_h) = problem.g.first(x), problem.h.first(x)
    sides, slopes = np.concatenate([g, h, -h]), np.concatenate([of_g, of_h, -of_h])
    return sides, slopes, 1e-12 * (np.abs(slopes) @ (1 + np.abs(x)))


def _brought_back(problem, x, axes) -> np.ndarray | None:
    """Return a point near to one at which all constraints hold, or None if none is found.

    Each step goes the shortest way to where the tangents of the constraints say that they hold.
    """
    for _ in range(_CORRECTIONS):
        sides, slopes, rounding = sides_of(problem, x)
        if (sides <= rounding).all():
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
