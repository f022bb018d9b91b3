"""Where several convex sets overlap, and the nearest point there."""

from collections.abc import Iterable, Sequence

import numpy as np

from tf_gd import _checks
from tf_gd.constrained.sets import ConvexSet, Set, joined


class Intersection(Set):
    """Where several sets overlap.

    The projection is Dykstra's: project onto one set after the other, each time after putting back what the last projection
    onto this set took away. Without putting back, the points would end in the overlap as well, but not at the nearest one.

    References:
        Boyle and Dykstra, "A method for finding projections onto the intersection of convex sets in Hilbert spaces", 1986.

    Examples:
        >>> from tf_gd.constraints import Box, HalfSpace
        >>> Intersection([Box(0, 1), HalfSpace([1.0, 1.0], 1.0)]).project([2.0, 0.5]).round(6).tolist()
        [1.0, 0.0]
    """

    def __init__(self, sets: Sequence[ConvexSet], *, tolerance: float = 1e-10, sweeps: int = 10_000):
        self.sets = (sets,) if isinstance(sets, np.ndarray) or not isinstance(sets, Iterable) else tuple(sets)
        for one in self.sets:
            _checks.has("sets", one, ("project",), "sets, as tf_gd.constraints.Box(0, 1)")
        self._tolerance = _checks.number("tolerance", tolerance, minimum=0.0)
        self._sweeps = _checks.whole_number("sweeps", sweeps, minimum=1)

    def _nearest(self, x):
        """Return the nearest point of the overlap; where there is none, one between the sets."""
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
        x = _checks.array("x", x, shape=(None,))
        for _ in range(self._sweeps if self.sets else 0):
            start = x
            for one in self.sets:
                x = one.project(x)
            if np.abs(x - start).max() <= 1e-14 * (1 + np.abs(x).max()):
                break
        return x, max((float(np.linalg.norm(x - one.project(x))) for one in self.sets), default=0.0)

    def inequalities(self, x):
        """Those of all sets."""
        return joined([one.inequalities(x) for one in self.sets], x)

    def equalities(self, x):
        """Those of all sets."""
        return joined([one.equalities(x) for one in self.sets], x)

    def __repr__(self) -> str:
        return " and ".join(map(repr, self.sets))
