"""Sets to stay in, with their projections, and inequalities in the one form ``c(x) <= 0``.

A projection is the nearest point of a set. For the sets here it is a formula; for several sets at once
:class:`Intersection` finds it by Dykstra's algorithm. Everything is NumPy in float64, on one point ``(dim,)``.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np

from tf_gd import _checks
from tf_gd.toy._forms import at_least, at_most, equal_to

__all__ = ["Affine", "Ball", "Box", "HalfSpace", "Intersection", "Simplex", "at_least", "at_most", "equal_to"]


class ConvexSet(Protocol):
    """A set with a nearest point to every point."""

    def project(self, x) -> np.ndarray:
        """Return the nearest point of the set, ``(dim,)``."""

    def inequalities(self, x) -> Any:
        """Return the left sides of ``c(x) <= 0``, ``(m,)``, that say the same; of tensors, tensors."""

    def equalities(self, x) -> Any:
        """Return the left sides of ``h(x) = 0``, ``(m,)``."""


class _Set:
    """What is the same for all sets."""

    def inequalities(self, x):
        """Return no inequality, unless a set has some."""
        return x[:0]

    def equalities(self, x):
        """Return no equality, unless a set has some."""
        return x[:0]

    def project(self, x) -> np.ndarray:
        """Return the nearest point of the set."""
        raise NotImplementedError

    def distance(self, x) -> float:
        """Return how far a point is from the set; 0 inside."""
        x = np.asarray(x, "float64")
        return float(np.linalg.norm(x - self.project(x)))

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={np.asarray(value).tolist()}" for name, value in vars(self).items())
        return f"{type(self).__name__}({shown})"


class Box(_Set):
    """``low <= x <= high``, coordinate by coordinate; numbers, or one for each coordinate, infinite where there is no bound.

    Examples:
        >>> Box(0, 1).project([-0.5, 0.25, 7.0]).tolist()
        [0.0, 0.25, 1.0]
    """

    def __init__(self, low, high):
        try:
            self.low, self.high = np.broadcast_arrays(np.asarray(low, "float64"), np.asarray(high, "float64"))
        except (TypeError, ValueError) as error:
            raise ValueError(f"Box: got low {low!r} and high {high!r}, expected numbers, or as many of each.") from error
        if np.isnan(self.low).any() or np.isnan(self.high).any() or (self.low > self.high).any():
            raise ValueError(
                f"Box: got low {np.asarray(low).tolist()} and high {np.asarray(high).tolist()}, expected low <= high."
            )

    def project(self, x):
        """Cut each coordinate off at its bounds."""
        return np.clip(np.asarray(x, "float64"), self.low, self.high)

    def inequalities(self, x):
        """``low - x <= 0`` and ``x - high <= 0``, where there is a bound."""
        dim = x.shape[0]
        low, high = np.broadcast_to(self.low, dim), np.broadcast_to(self.high, dim)
        parts = [low[i] - x[i : i + 1] for i in range(dim) if np.isfinite(low[i])]
        parts += [x[i : i + 1] - high[i] for i in range(dim) if np.isfinite(high[i])]
        return _joined(parts, x)


class Ball(_Set):
    """All points at most ``radius`` from ``center``.

    Examples:
        >>> Ball([0.0, 0.0], 1.0).project([3.0, 4.0]).round(3).tolist()
        [0.6, 0.8]
    """

    def __init__(self, center, radius: float):
        self.center = _checks.point("center", center, "float64")
        self.radius = _checks.number("radius", radius, minimum=0.0)

    def project(self, x):
        """Go towards the centre as far as the sphere."""
        away = np.asarray(x, "float64") - self.center
        length = np.linalg.norm(away)
        return self.center + away * min(1.0, self.radius / length) if length else self.center.copy()

    def inequalities(self, x):
        """``|x - center|^2 - radius^2 <= 0``."""
        away = x - self.center
        return _joined([_total(away * away) - self.radius**2], x)


class HalfSpace(_Set):
    """All points on one side of a hyperplane: ``normal @ x <= offset``.

    Examples:
        >>> HalfSpace([1.0, 1.0], 2.0).project([2.0, 2.0]).tolist()
        [1.0, 1.0]
    """

    def __init__(self, normal, offset: float):
        self.normal, self.offset = _checks.point("normal", normal, "float64"), _checks.number("offset", offset)
        if not self.normal.any():
            raise ValueError("HalfSpace: got a normal of zeros, expected a direction.")

    def project(self, x):
        """Go along the normal as far as the plane."""
        x = np.asarray(x, "float64")
        beyond = self.normal @ x - self.offset
        return x - self.normal * max(beyond, 0.0) / (self.normal @ self.normal)

    def inequalities(self, x):
        """``normal @ x - offset <= 0``."""
        return _joined([_total(x * self.normal) - self.offset], x)


class Affine(_Set):
    """``matrix @ x = vector``: ``matrix`` ``(m, dim)``, ``vector`` ``(m,)``.

    Examples:
        >>> Affine([[1.0, 1.0]], [2.0]).project([2.0, 2.0]).round(6).tolist()
        [1.0, 1.0]
    """

    def __init__(self, matrix, vector):
        self.matrix = np.atleast_2d(np.asarray(matrix, "float64"))
        self.vector = _checks.point("vector", vector, "float64")
        if self.matrix.ndim != 2 or len(self.vector) != len(self.matrix) or not np.isfinite(self.matrix).all():
            got = f"matrix {self.matrix.shape} and vector {self.vector.shape}"
            raise ValueError(f"Affine: got {got}, expected finite numbers, (m, dim) and (m,).")
        solution = np.linalg.pinv(self.matrix) @ self.vector
        if not np.allclose(self.matrix @ solution, self.vector, rtol=1e-8, atol=1e-10):
            raise ValueError("Affine: the equations contradict each other, expected a system with a solution.")

    def project(self, x):
        """Go the shortest way to where the equations hold, by least squares."""
        x = np.asarray(x, "float64")
        return x - np.linalg.pinv(self.matrix) @ (self.matrix @ x - self.vector)

    def equalities(self, x):
        """``matrix @ x - vector = 0``."""
        return _joined([_total(x * row) - number for row, number in zip(self.matrix, self.vector, strict=True)], x)


class Simplex(_Set):
    """``x >= 0`` and ``sum(x) = total``: probabilities, if the total is 1.

    References:
        Duchi et al., "Efficient projections onto the l1-ball for learning in high dimensions", 2008, figure 1.

    Examples:
        >>> Simplex().project([1.0, 0.5, -1.0]).tolist()
        [0.75, 0.25, 0.0]
    """

    def __init__(self, total: float = 1.0):
        self.total = _checks.number("total", total, above=0.0)

    def project(self, x):
        """Take the same amount off every coordinate, and nothing below 0."""
        x = np.asarray(x, "float64")
        descending = np.sort(x)[::-1]
        amounts = (np.cumsum(descending) - self.total) / np.arange(1, len(x) + 1)
        return np.maximum(x - amounts[descending > amounts][-1], 0.0)

    def inequalities(self, x):
        """``-x <= 0``."""
        return -x

    def equalities(self, x):
        """``sum(x) - total = 0``."""
        return _joined([_total(x) - self.total], x)


class Intersection(_Set):
    """Where several sets overlap.

    The projection is Dykstra's: project onto one set after the other, each time after putting back what the last projection
    onto this set took away. Without putting back, the points would end in the overlap as well, but not at the nearest one.

    References:
        Boyle and Dykstra, "A method for finding projections onto the intersection of convex sets in Hilbert spaces", 1986.

    Examples:
        >>> Intersection([Box(0, 1), HalfSpace([1.0, 1.0], 1.0)]).project([2.0, 0.5]).round(6).tolist()
        [1.0, 0.0]
    """

    def __init__(self, sets: Sequence[ConvexSet], *, tolerance: float = 1e-10, sweeps: int = 10_000):
        self.sets = tuple(sets) if isinstance(sets, Iterable) else (sets,)
        self._tolerance, self._sweeps = tolerance, sweeps

    def project(self, x):
        """Return the nearest point of the overlap; where there is none, one between the sets."""
        x = np.asarray(x, "float64")
        if len(self.sets) == 1:
            return self.sets[0].project(x)
        taken = [np.zeros_like(x) for _ in self.sets]
        for _ in range(self._sweeps if self.sets else 0):
            before = [part.copy() for part in taken]
            start = x
            for i, one in enumerate(self.sets):
                nearest = one.project(x + taken[i])
                taken[i] = x + taken[i] - nearest
                x = nearest
            moved = max(float(np.abs(a - b).max()) for a, b in zip(taken, before, strict=True))
            if moved <= self._tolerance and np.abs(x - start).max() <= self._tolerance:
                break
        return x

    def nearest(self, x) -> tuple[np.ndarray, float]:
        """Return a point of all sets, or where alternating projections end, and how far the farthest set is from it."""
        x = np.asarray(x, "float64")
        for _ in range(self._sweeps if self.sets else 0):
            start = x
            for one in self.sets:
                x = one.project(x)
            if np.abs(x - start).max() <= 1e-14 * (1 + np.abs(x).max()):
                break
        return x, max((float(np.linalg.norm(x - one.project(x))) for one in self.sets), default=0.0)

    def inequalities(self, x):
        """Those of all sets."""
        return _joined([one.inequalities(x) for one in self.sets], x)

    def equalities(self, x):
        """Those of all sets."""
        return _joined([one.equalities(x) for one in self.sets], x)

    def __repr__(self) -> str:
        return " and ".join(map(repr, self.sets))


def _total(x):
    """Return the sum as a vector of one, of an array or of a tensor."""
    if isinstance(x, np.ndarray):
        return x.sum(keepdims=True)
    import tensorflow as tf

    return tf.reduce_sum(x, keepdims=True)


def _joined(parts: list, like):
    """Return vectors one after another: arrays of arrays, tensors of tensors."""
    if isinstance(like, np.ndarray):
        return np.concatenate([*parts, like[:0]])
    import tensorflow as tf

    return tf.concat([*parts, like[:0]], axis=0)
