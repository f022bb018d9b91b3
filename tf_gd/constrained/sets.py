"""What all sets share: a checked projection, and how points and left sides are put together."""

from typing import Any, Protocol

import numpy as np

from tf_gd import _checks

LARGEST = 1e100  # of a coordinate: float64 holds its square


class ConvexSet(Protocol):
    """A set with a nearest point to every point."""

    def project(self, x) -> np.ndarray:
        """Return the nearest point of the set, ``(dim,)``."""

    def inequalities(self, x) -> Any:
        """Return the left sides of ``c(x) <= 0``, ``(m,)``, that say the same; of tensors, tensors."""

    def equalities(self, x) -> Any:
        """Return the left sides of ``h(x) = 0``, ``(m,)``."""


class Set:
    """What is the same for all sets."""

    dim: int | None = None  # where only one is possible
    _takes_infinity = False

    def inequalities(self, x):
        """Return no inequality, unless a set has some."""
        return x[:0]

    def equalities(self, x):
        """Return no equality, unless a set has some."""
        return x[:0]

    def project(self, x) -> np.ndarray:
        """Return the nearest point of the set; NaN where the point is not finite, or too far away for float64.

        Args:
            x: one point ``(dim,)``.

        Raises:
            TypeError, ValueError: it is no point, or one of another dimension.
        """
        x = _checks.array("x", x, shape=(self.dim,))
        with np.errstate(all="ignore"):
            takes = x.size and (np.isfinite(x).all() or self._takes_infinity)
            nearest = self._nearest(x) if takes else np.full_like(x, np.nan)
        return nearest if np.isfinite(nearest).all() else np.full_like(x, np.nan)

    def _nearest(self, x) -> np.ndarray:
        """Return the nearest point of the set to a point that is one."""
        raise NotImplementedError

    def distance(self, x) -> float:
        """Return how far a point is from the set; 0 inside."""
        return float(np.linalg.norm(np.asarray(x, "float64") - self.project(x)))

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={np.asarray(value).tolist()}" for name, value in vars(self).items() if name != "dim")
        return f"{type(self).__name__}({shown})"


def finite_vector(name: str, value) -> np.ndarray:
    """Return a point ``(dim,)`` whose squares float64 can hold, or raise."""
    taken = _checks.point(name, value, "float64")
    if np.abs(taken).max() > LARGEST:
        raise ValueError(f"{name}: got {np.abs(taken).max():g}, expected coordinates up to {LARGEST:g}.")
    return taken


def sum_of(x):
    """Return the sum as a vector of one, of an array or of a tensor."""
    if isinstance(x, np.ndarray):
        return x.sum(keepdims=True)
    import tensorflow as tf

    return tf.reduce_sum(x, keepdims=True)


def joined(parts: list, like):
    """Return vectors one after another: arrays of arrays, tensors of tensors."""
    if isinstance(like, np.ndarray):
        return np.concatenate([*parts, like[:0]])
    import tensorflow as tf

    return tf.concat([*parts, like[:0]], axis=0)
