"""Sets with their projections, and inequalities in the one form ``c(x) <= 0``.

A projection is the nearest point of a set. For the sets here it is a formula; for several sets at
once :class:`Intersection` finds it by Dykstra's algorithm. All is NumPy in float64, for one point
``(dim,)``.
"""

import math
from collections.abc import Callable

import numpy as np

from tf_gd import _checks
from tf_gd.constrained.sets import LARGEST, Intersection, Set, linear

__all__ = ["Affine", "Ball", "Box", "HalfSpace", "Intersection", "Simplex"]
__all__ += ["at_least", "at_most", "equal_to"]


class Box(Set):
    """``low <= x <= high`` in each coordinate: numbers, or one for each; infinite for no bound.

    Examples:
        >>> Box(0, 1).project([-0.5, 0.25, 7.0]).tolist()
        [0.0, 0.25, 1.0]
    """

    _takes_infinity = True

    def __init__(self, low, high):
        low, high = _checks.array("low", low), _checks.array("high", high)
        sizes = {low.size, high.size} - {1}
        if max(low.ndim, high.ndim) > 1 or len(sizes) > 1 or 0 in sizes:
            got = f"low of shape {low.shape} and high of shape {high.shape}"
            raise ValueError(f"Box: got {got}, expected numbers, or as many of each.")
        if not (low <= high).all():
            got = f"low {low.tolist()} and high {high.tolist()}"
            raise ValueError(f"Box: got {got}, expected low <= high.")
        self.low, self.high = np.broadcast_arrays(low, high)
        self.dim = self.low.size if self.low.ndim else None

    def _nearest(self, x):
        return np.clip(x, self.low, self.high)

    def inequalities(self, x):
        """``low - x <= 0`` and ``x - high <= 0``, where the bound is finite."""
        each = np.eye(x.shape[0])
        bounds = [np.broadcast_to(bound, len(each)) for bound in (-self.low, self.high)]
        matrix, vector = np.concatenate([-each, each]), np.concatenate(bounds)
        finite = np.isfinite(vector)
        return linear(matrix[finite], x, vector[finite])


class Ball(Set):
    """All points at most ``radius`` from ``center``.

    Examples:
        >>> Ball([0.0, 0.0], 1.0).project([3.0, 4.0]).round(3).tolist()
        [0.6, 0.8]
    """

    def __init__(self, center, radius: float):
        self.center = _vector("center", center)
        self.radius = _checks.number("radius", radius, minimum=0.0, maximum=LARGEST)
        self.dim = len(self.center)

    def _nearest(self, x):
        away = x - self.center
        length = math.hypot(*away)  # unlike the sum of squares it does not overflow
        return x if length <= self.radius else self.center + away * (self.radius / length)

    def inequalities(self, x):
        """``|x - center|^2 - radius^2 <= 0``."""
        away = x - self.center
        return (away[None] @ away[:, None])[0] - self.radius**2


class HalfSpace(Set):
    """All points on one side of a hyperplane: ``normal @ x <= offset``.

    Examples:
        >>> HalfSpace([1.0, 1.0], 2.0).project([2.0, 2.0]).tolist()
        [1.0, 1.0]
    """

    def __init__(self, normal, offset: float):
        self.normal, self.dim = _vector("normal", normal), np.size(normal)
        self.offset = _checks.number("offset", offset, minimum=-LARGEST, maximum=LARGEST)
        if not self.normal.any():
            raise ValueError("HalfSpace: got a normal of zeros, expected a direction.")

    def _nearest(self, x):
        longest = np.abs(self.normal).max()
        normal = self.normal / longest  # its square neither overflows nor underflows
        beyond = normal @ x - self.offset / longest
        return x - normal * max(beyond, 0.0) / (normal @ normal)

    def inequalities(self, x):
        """``normal @ x - offset <= 0``."""
        return linear(self.normal[None], x, self.offset)


class Affine(Set):
    """``matrix @ x = vector``: ``matrix`` ``(m, dim)``, ``vector`` ``(m,)``.

    Examples:
        >>> Affine([[1.0, 1.0]], [2.0]).project([2.0, 2.0]).round(6).tolist()
        [1.0, 1.0]
    """

    def __init__(self, matrix, vector):
        self.matrix = np.atleast_2d(_checks.array("matrix", matrix))
        self.vector, self.dim = _vector("vector", vector), self.matrix.shape[-1]
        fits = self.matrix.shape == (len(self.vector), self.dim) and self.dim > 0
        if not fits or not (np.abs(self.matrix) <= LARGEST).all():
            got = f"matrix {self.matrix.shape} and vector {self.vector.shape}"
            raise ValueError(f"Affine: got {got}, expected finite numbers, (m, dim) and (m,).")
        missed = self.matrix @ self._nearest(np.zeros(self.dim)) - self.vector
        if not (np.abs(missed) <= 1e-10 + 1e-8 * np.abs(self.vector)).all():  # rounding
            contradict = "the equations contradict each other"
            raise ValueError(f"matrix, vector: {contradict}, expected a system with a solution.")

    def _nearest(self, x):
        return x - np.linalg.pinv(self.matrix) @ (self.matrix @ x - self.vector)

    def equalities(self, x):
        """``matrix @ x - vector = 0``."""
        return linear(self.matrix, x, self.vector)


class Simplex(Set):
    """``x >= 0`` and ``sum(x) = total``: probabilities, if the total is 1.

    References:
        Duchi et al., "Efficient projections onto the l1-ball for learning in high dimensions",
        2008, figure 1.

    Examples:
        >>> Simplex().project([1.0, 0.5, -1.0]).tolist()
        [0.75, 0.25, 0.0]
    """

    def __init__(self, total: float = 1.0):
        self.total = _checks.number("total", total, above=0.0, maximum=LARGEST)

    def _nearest(self, x):
        """Subtract the same amount from all coordinates, and set negative ones to 0."""
        x = x - x.max()  # changes nothing, and keeps the total from being lost in rounding
        descending = np.sort(x)[::-1]
        amounts = (np.cumsum(descending) - self.total) / np.arange(1, len(x) + 1)
        return np.maximum(x - amounts[descending > amounts][-1], 0.0)

    def inequalities(self, x):
        """``-x <= 0``."""
        return -x

    def equalities(self, x):
        """``sum(x) - total = 0``."""
        return linear(np.ones((1, x.shape[0])), x, self.total)


def at_most(function: Callable, bound: float) -> Callable:
    """Return ``function(x) <= bound`` as the left side of ``c(x) <= 0``.

    Examples:
        >>> at_most(lambda x: x[0] ** 2, 4.0)([3.0])
        5.0
    """
    return _left_side(function, "<=", "bound", bound)


def at_least(function: Callable, bound: float) -> Callable:
    """Return ``function(x) >= bound`` as the left side of ``c(x) <= 0``."""
    return _left_side(function, ">=", "bound", bound)


def equal_to(function: Callable, value: float) -> Callable:
    """Return ``function(x) = value`` as the left side of ``h(x) = 0``."""
    return _left_side(function, "=", "value", value)


def _left_side(function: Callable, relation: str, name: str, bound: float) -> Callable:
    bound = _checks.number(name, bound, minimum=-LARGEST, maximum=LARGEST)
    own = getattr(function, "__name__", type(function).__name__)

    def left_side(x):
        return bound - function(x) if relation == ">=" else function(x) - bound

    left_side.__name__ = f"{'g(x)' if own == '<lambda>' else own} {relation} {bound:g}"
    return left_side


def _vector(name: str, value) -> np.ndarray:
    """Return a point ``(dim,)``, or raise where float64 cannot hold the squares."""
    taken = _checks.point(name, value, "float64")
    if np.abs(taken).max() > LARGEST:
        largest = f"{np.abs(taken).max():g}"
        raise ValueError(f"{name}: got {largest}, expected coordinates up to {LARGEST:g}.")
    return taken
