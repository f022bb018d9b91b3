"""Sets to stay in, with their projections, and inequalities in the one form ``c(x) <= 0``.

A projection is the nearest point of a set. For the sets here it is a formula; for several sets at once
:class:`Intersection` finds it by Dykstra's algorithm. Everything is NumPy in float64, on one point ``(dim,)``.
"""

import numpy as np

from tf_gd import _checks
from tf_gd.constrained.forms import at_least, at_most, equal_to
from tf_gd.constrained.intersection import Intersection
from tf_gd.constrained.sets import LARGEST, Set, finite_vector, joined, sum_of

__all__ = ["Affine", "Ball", "Box", "HalfSpace", "Intersection", "Simplex", "at_least", "at_most", "equal_to"]


class Box(Set):
    """``low <= x <= high``, coordinate by coordinate; numbers, or one for each coordinate, infinite where there is no bound.

    Examples:
        >>> Box(0, 1).project([-0.5, 0.25, 7.0]).tolist()
        [0.0, 0.25, 1.0]
    """

    _takes_infinity = True

    def __init__(self, low, high):
        low, high = _checks.array("low", low), _checks.array("high", high)
        try:
            self.low, self.high = np.broadcast_arrays(low, high)
        except ValueError as error:
            raise ValueError(
                f"Box: got {low.size} low and {high.size} high, expected numbers, or as many of each."
            ) from error
        if self.low.ndim > 1 or self.low.size == 0:
            raise ValueError(
                f"Box: got low and high of shape {self.low.shape}, expected numbers, or one for each coordinate."
            )
        if np.isnan(self.low).any() or np.isnan(self.high).any() or (self.low > self.high).any():
            raise ValueError(
                f"Box: got low {np.asarray(low).tolist()} and high {np.asarray(high).tolist()}, expected low <= high."
            )
        self.dim = self.low.size if self.low.ndim else None

    def _nearest(self, x):
        """Cut each coordinate off at its bounds."""
        return np.clip(x, self.low, self.high)

    def inequalities(self, x):
        """``low - x <= 0`` and ``x - high <= 0``, where there is a bound."""
        dim = x.shape[0]
        low, high = np.broadcast_to(self.low, dim), np.broadcast_to(self.high, dim)
        parts = [low[i] - x[i : i + 1] for i in range(dim) if np.isfinite(low[i])]
        parts += [x[i : i + 1] - high[i] for i in range(dim) if np.isfinite(high[i])]
        return joined(parts, x)


class Ball(Set):
    """All points at most ``radius`` from ``center``.

    Examples:
        >>> Ball([0.0, 0.0], 1.0).project([3.0, 4.0]).round(3).tolist()
        [0.6, 0.8]
    """

    def __init__(self, center, radius: float):
        self.center = finite_vector("center", center)
        self.radius = _checks.number("radius", radius, minimum=0.0, maximum=LARGEST)
        self.dim = len(self.center)

    def _nearest(self, x):
        """Go towards the centre as far as the sphere."""
        away = x - self.center
        farthest = np.abs(away).max()
        if not farthest:
            return self.center.copy()
        length = farthest * np.linalg.norm(away / farthest)  # whose squares do not overflow
        return self.center + away * min(1.0, self.radius / length)

    def inequalities(self, x):
        """``|x - center|^2 - radius^2 <= 0``."""
        away = x - self.center
        return joined([sum_of(away * away) - self.radius**2], x)


class HalfSpace(Set):
    """All points on one side of a hyperplane: ``normal @ x <= offset``.

    Examples:
        >>> HalfSpace([1.0, 1.0], 2.0).project([2.0, 2.0]).tolist()
        [1.0, 1.0]
    """

    def __init__(self, normal, offset: float):
        self.normal, self.dim = finite_vector("normal", normal), np.size(normal)
        self.offset = _checks.number("offset", offset, minimum=-LARGEST, maximum=LARGEST)
        if not self.normal.any():
            raise ValueError("HalfSpace: got a normal of zeros, expected a direction.")

    def _nearest(self, x):
        """Go along the normal as far as the plane."""
        longest = np.abs(self.normal).max()
        normal = self.normal / longest  # whose square is neither too large nor too small
        beyond = normal @ x - self.offset / longest
        return x - normal * max(beyond, 0.0) / (normal @ normal)

    def inequalities(self, x):
        """``normal @ x - offset <= 0``."""
        return joined([sum_of(x * self.normal) - self.offset], x)


class Affine(Set):
    """``matrix @ x = vector``: ``matrix`` ``(m, dim)``, ``vector`` ``(m,)``.

    Examples:
        >>> Affine([[1.0, 1.0]], [2.0]).project([2.0, 2.0]).round(6).tolist()
        [1.0, 1.0]
    """

    def __init__(self, matrix, vector):
        self.matrix, self.vector = np.atleast_2d(_checks.array("matrix", matrix)), finite_vector("vector", vector)
        self.dim = self.matrix.shape[-1]
        fits = self.matrix.ndim == 2 and len(self.vector) == len(self.matrix) and self.dim > 0
        if not fits or not (np.abs(self.matrix) <= LARGEST).all():
            got = f"matrix {self.matrix.shape} and vector {self.vector.shape}"
            raise ValueError(f"Affine: got {got}, expected finite numbers, (m, dim) and (m,).")
        solution = np.linalg.pinv(self.matrix) @ self.vector
        if not np.allclose(self.matrix @ solution, self.vector, rtol=1e-8, atol=1e-10):
            raise ValueError("matrix, vector: the equations contradict each other, expected a system with a solution.")

    def _nearest(self, x):
        """Go the shortest way to where the equations hold, by least squares."""
        return x - np.linalg.pinv(self.matrix) @ (self.matrix @ x - self.vector)

    def equalities(self, x):
        """``matrix @ x - vector = 0``."""
        return joined([sum_of(x * row) - number for row, number in zip(self.matrix, self.vector, strict=True)], x)


class Simplex(Set):
    """``x >= 0`` and ``sum(x) = total``: probabilities, if the total is 1.

    References:
        Duchi et al., "Efficient projections onto the l1-ball for learning in high dimensions", 2008, figure 1.

    Examples:
        >>> Simplex().project([1.0, 0.5, -1.0]).tolist()
        [0.75, 0.25, 0.0]
    """

    def __init__(self, total: float = 1.0):
        self.total = _checks.number("total", total, above=0.0, maximum=LARGEST)

    def _nearest(self, x):
        """Take the same amount off every coordinate, and nothing below 0."""
        x = x - x.max()  # the same for all changes nothing, and leaves the total something to be subtracted from
        descending = np.sort(x)[::-1]
        amounts = (np.cumsum(descending) - self.total) / np.arange(1, len(x) + 1)
        return np.maximum(x - amounts[descending > amounts][-1], 0.0)

    def inequalities(self, x):
        """``-x <= 0``."""
        return -x

    def equalities(self, x):
        """``sum(x) - total = 0``."""
        return joined([sum_of(x) - self.total], x)
