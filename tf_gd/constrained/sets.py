"""What all sets share, and the intersection of several."""

from collections.abc import Iterable

import numpy as np

from tf_gd import _checks

LARGEST = 1e100  # the largest number in a set or a bound: float64 holds its square
SETS = "sets with a projection, as tf_gd.constraints.Box(0, 1)"


class Set:
    """A set of points, given by its projection.

    ``inequalities(x)`` and ``equalities(x)`` are the left sides of ``c(x) <= 0`` and ``h(x) = 0``
    that describe it, ``(m,)``: of an array an array, of a tensor a tensor.
    """

    dim: int | None = None  # None where the set exists in any dimension
    _takes_infinity = False

    def inequalities(self, x):
        """Return the inequalities; by default none."""
        return x[:0]

    def equalities(self, x):
        """Return the equations; by default none."""
        return x[:0]

    def project(self, x) -> np.ndarray:
        """Return the nearest point of the set; NaN where `x` is not finite, or overflows.

        Raises:
            TypeError, ValueError: `x` is not a point ``(dim,)`` of the set's dimension.
        """
        x = _checks.array("x", x, shape=(self.dim,))
        with np.errstate(all="ignore"):
            takes = x.size and (np.isfinite(x).all() or self._takes_infinity)
            nearest = self._nearest(x) if takes else np.full_like(x, np.nan)
        return nearest if np.isfinite(nearest).all() else np.full_like(x, np.nan)

    def _nearest(self, x) -> np.ndarray:
        raise NotImplementedError

    def distance(self, x) -> float:
        """Return the distance of a point from the set; 0 inside."""
        return float(np.linalg.norm(np.asarray(x, "float64") - self.project(x)))

    def __repr__(self) -> str:
        values = {name: np.asarray(value).tolist() for name, value in vars(self).items()}
        shown = ", ".join(f"{name}={value}" for name, value in values.items() if name != "dim")
        return f"{type(self).__name__}({shown})"


class Intersection(Set):
    """The points that several sets have in common.

    The projection is Dykstra's: onto one set after the other, each time after adding back what the
    last projection onto this set took away. Without adding back, the result is a common point as
    well, but not the nearest.

    References:
        Boyle and Dykstra, "A method for finding projections onto the intersection of convex sets
        in Hilbert spaces", 1986.

    Examples:
        >>> from tf_gd.constraints import Box, HalfSpace
        >>> both = Intersection([Box(0, 1), HalfSpace([1.0, 1.0], 1.0)])
        >>> both.project([2.0, 0.5]).round(6).tolist()
        [1.0, 0.0]
    """

    def __init__(self, sets, *, tolerance: float = 1e-10, sweeps: int = 10_000):
        self.sets = several("sets", sets, "project", SETS)
        self._tolerance = _checks.number("tolerance", tolerance, minimum=0.0)
        self._sweeps = _checks.whole_number("sweeps", sweeps, minimum=1)

    def _nearest(self, x):
        """Return the nearest common point; where there is none, a point between the sets."""
        if len(self.sets) == 1:
            return self.sets[0].project(x)
        taken = np.zeros((len(self.sets), len(x)))
        for _ in range(self._sweeps):
            before, start = taken.copy(), x
            for i, one in enumerate(self.sets):
                away = x + taken[i]
                x = one.project(away)
                taken[i] = away - x
            if np.abs([*(taken - before), x - start]).max() <= self._tolerance:
                break
        return x

    def inequalities(self, x):
        """Return those of all sets."""
        return _joined([one.inequalities(x) for one in self.sets], x)

    def equalities(self, x):
        """Return those of all sets."""
        return _joined([one.equalities(x) for one in self.sets], x)


def several(name: str, given, method: str, expected: str) -> tuple:
    """Return one object or several as a tuple, or raise TypeError where one lacks the method."""
    one = callable(given) or isinstance(given, np.ndarray) or not isinstance(given, Iterable)
    parts = (given,) if one else tuple(given)
    if not all(hasattr(part, method) and not isinstance(part, type) for part in parts):
        raise TypeError(f"{name}: got {given!r}, expected {expected}.")
    return parts


def linear(matrix: np.ndarray, x, vector):
    """Return ``matrix @ x - vector`` for an array or a tensor ``x``."""
    return (x[None] @ matrix.T)[0] - vector


def _joined(parts: list, x):
    if isinstance(x, np.ndarray):
        return np.concatenate([*parts, x[:0]])
    import tensorflow as tf

    return tf.concat([*parts, x[:0]], axis=0)
