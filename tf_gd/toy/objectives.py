"""Functions to minimise: the type, the catalogue, and the look-up by name.

A function of the catalogue takes a tensor of shape ``(..., dim)`` and returns one of shape ``(...)``, so that the
same code evaluates one point, a path or a grid.
"""

import functools
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tf_gd import _checks
from tf_gd._lazy import LazyModule
from tf_gd.toy.catalogue import CATALOGUE as _ENTRIES

if TYPE_CHECKING:
    import tensorflow as tf
else:
    tf = LazyModule("tensorflow")


_LARGEST = 1e30  # of a domain: what float32 can hold, with room


@dataclass(frozen=True, eq=False)
class Objective:
    """A function to minimise, with what is known about it.

    Attributes:
        name: what to call it in tables and pictures.
        fn: tensor ``(..., dim)`` -> tensor ``(...)``, made of TensorFlow operations.
        start: where a descent starts unless told otherwise, ``(dim,)``.
        minima: the known local minimisers, the global one first; each ``(dim,)``.
        domain: ``(low, high)`` for each coordinate, ``(dim, 2)``: what to draw, not a constraint.
        formula: one line of text.

    Examples:
        >>> bowl = Objective("my bowl", lambda x: tf.reduce_sum(x**2, axis=-1), start=[3.0, 4.0], minima=[[0.0, 0.0]])
        >>> bowl.dim, float(bowl([3.0, 4.0]))
        (2, 25.0)
    """

    name: str
    fn: Callable
    start: tuple[float, ...]
    minima: tuple[tuple[float, ...], ...]
    domain: tuple[tuple[float, float], ...] | None
    formula: str

    def __init__(self, name: str, fn: Callable, *, start, minima=(), domain=None, formula: str = ""):
        if not callable(fn):
            raise TypeError(f"fn: got {fn!r}, expected a callable, tensor (..., dim) -> tensor (...).")
        start = tuple(_checks.point("start", start, "float64").tolist())
        if (
            not isinstance(minima, Iterable)
            or isinstance(minima, str)
            or (isinstance(minima, np.ndarray) and not minima.ndim)
        ):
            raise TypeError(f"minima: got {minima!r}, expected a list of points, for example [[0.0, 0.0]].")
        minima = tuple(tuple(_checks.point("minima", m, "float64").tolist()) for m in minima)
        for point in minima:
            if len(point) != len(start):
                raise ValueError(f"minima: got {list(point)}, expected {len(start)} coordinates, as many as start has.")
        if domain is not None:
            box = _checks.array("domain", domain)
            box = np.tile(box, (len(start), 1)) if box.shape == (2,) else box
            if box.shape != (len(start), 2) or not (box[:, 0] < box[:, 1]).all() or not (np.abs(box) <= _LARGEST).all():
                raise ValueError(
                    f"domain: got {domain!r}, expected finite (low, high) for each of {len(start)} coordinates."
                )
            domain = tuple(map(tuple, box.tolist()))
        for key, value in dict(name=name, fn=fn, start=start, minima=minima, domain=domain, formula=formula).items():
            object.__setattr__(self, key, value)

    @property
    def dim(self) -> int:
        """How many decision variables there are."""
        return len(self.start)

    def __call__(self, x):
        """Evaluate at ``x``, ``(..., dim)``; anything TensorFlow can make a float tensor of."""
        return self.fn(x if tf.is_tensor(x) else tf.convert_to_tensor(np.asarray(x, np.float32)))

    def __repr__(self) -> str:
        return f"Objective({self.name!r}, dim={self.dim}" + (f", {self.formula})" if self.formula else ")")


def names() -> list[str]:
    """Return the names of the catalogue.

    Examples:
        >>> names()[:3]
        ['beale', 'booth', 'bowl']
    """
    return sorted(_ENTRIES)


def get(name: str, **parameters) -> Objective:
    """Return the catalogue objective called ``name``.

    Args:
        name: one of :func:`names`.
        **parameters: for families: ``dim`` for ``"rosenbrock"``, ``"rastrigin"`` and ``"styblinski_tang"``; ``dim`` and
            ``condition_number`` for ``"bowl"``.

    Raises:
        ValueError: no such objective (the message names the closest) or no such parameter.

    Examples:
        >>> get("rosenbrock").minima
        ((1.0, 1.0),)
        >>> get("bowl", dim=3, condition_number=100).dim
        3
        >>> get("rosenbrok")
        Traceback (most recent call last):
        ...
        ValueError: objective: no objective is called 'rosenbrok'. Did you mean 'rosenbrock'? ...
    """
    if not isinstance(name, str):
        raise TypeError(f"objective: got {name!r} ({type(name).__name__}), expected a name, see tf_gd.objectives.names().")
    if name not in _ENTRIES:
        raise ValueError(
            f"objective: no objective is called {name!r}.{_checks.did_you_mean(name, names())} "
            f"All names: {', '.join(names())}; or pass a function of your own."
        )
    allowed = list(inspect.signature(_ENTRIES[name]).parameters)
    for key in parameters:
        if key not in allowed:
            raise ValueError(f"{name}: got the parameter {key!r}, expected {' or '.join(allowed) or 'none'}.")
        _checks.number(key, parameters[key])
        parameters[key] = _checks.unwrapped(parameters[key])
    return _build(name, tuple(sorted(parameters.items())))


@functools.lru_cache(maxsize=256)
def _build(name: str, parameters: tuple) -> Objective:
    return _FromTheCatalogue(name, **_ENTRIES[name](**dict(parameters)))


class _FromTheCatalogue(Objective):
    """A function known to depend on nothing but its argument."""

    def __call__(self, x):
        x = x if tf.is_tensor(x) else tf.convert_to_tensor(np.asarray(x))
        x = x if x.dtype.is_floating else tf.cast(x, tf.float32)
        if x.shape.rank == 0 or x.shape[-1] != self.dim:
            raise ValueError(f"x: got shape {tuple(x.shape)}, expected (..., {self.dim}) for {self.name!r}.")
        return self.fn(x)


def quadratic(matrix, linear=None, constant: float = 0.0, *, name: str = "quadratic", start=None) -> Objective:
    """Return ``x A x / 2 + b x + c`` as an objective: gradient ``A x + b``, Hessian ``A``.

    Args:
        matrix: A, ``(dim, dim)``, symmetric.
        linear: b, ``(dim,)``; zeros by default.
        constant: c.
        name: what to call it.
        start: where a descent starts; ones by default.

    Raises:
        ValueError: A is not symmetric, or something does not fit.

    Examples:
        >>> bowl = quadratic([[4.0, 1.0], [1.0, 2.0]], [-6.0, -5.0])
        >>> np.round(bowl.minima, 12).tolist(), float(bowl([1.0, 2.0]))
        ([[1.0, 2.0]], -8.0)
        >>> quadratic([[4.0, 2.0], [0.0, 2.0]])
        Traceback (most recent call last):
        ...
        ValueError: matrix: got one that is not symmetric, expected x A x / 2 with A = A^T. Pass (A + A^T) / 2: ...
    """
    a = _checks.array("matrix", matrix)
    if a.ndim != 2 or a.shape[0] != a.shape[1] or not a.size or not np.isfinite(a).all():
        raise ValueError(f"matrix: got shape {a.shape}, expected finite numbers (dim, dim).")
    if not np.allclose(a, a.T, rtol=1e-12, atol=1e-12 * np.abs(a).max()):
        raise ValueError(
            "matrix: got one that is not symmetric, expected x A x / 2 with A = A^T. "
            "Pass (A + A^T) / 2: the function is the same, and only then is its gradient A x + b."
        )
    b = np.zeros(len(a)) if linear is None else _checks.point("linear", linear, "float64")
    if len(b) != len(a):
        raise ValueError(f"linear: got {len(b)} numbers, expected {len(a)}, as many as the matrix has rows.")
    c = _checks.number("constant", constant)

    def fn(x):
        a_x = tf.linalg.matvec(tf.constant(a, x.dtype), x)
        return tf.reduce_sum(x * (a_x / 2 + tf.constant(b, x.dtype)), axis=-1) + tf.constant(c, x.dtype)

    smallest, *_ = curvatures = np.linalg.eigvalsh(a)
    minima = [np.linalg.solve(a, -b)] if smallest > 1e-12 * curvatures[-1] else []
    start = np.ones(len(a)) if start is None else _checks.point("start", start, "float64")
    if len(start) != len(a):
        raise ValueError(f"start: got {len(start)} coordinates, expected {len(a)}, as many as the matrix has rows.")
    frame = np.stack([start, *minima])
    margin = 0.5 * max(float(np.ptp(frame)), 1.0)
    if np.abs(frame).max() > _LARGEST / 4:
        raise ValueError(f"start, linear: got {np.abs(frame).max():.3g} at the start or the minimum, expected less, as 1e6.")
    domain = np.stack([frame.min(axis=0) - margin, frame.max(axis=0) + margin], axis=1)
    return Objective(name, fn, start=start, minima=minima, domain=domain, formula=f"x A x / 2 + b x + {c:g}")


def is_from_the_catalogue(objective: Objective) -> bool:
    """Return whether the objective is one of the catalogue, as :func:`get` returns it."""
    return type(objective) is _FromTheCatalogue


def resolve(objective, start=None) -> Objective:
    """Return an Objective for a name, an Objective or a plain callable (which needs a ``start``)."""
    if isinstance(objective, Objective):
        return objective
    if isinstance(objective, str):
        return get(objective)
    if not callable(objective):
        raise TypeError(
            f"objective: got {objective!r} ({type(objective).__name__}), expected a name such as 'rosenbrock', "
            "a tf_gd.Objective, or a function from a tensor (..., dim) to a tensor (...)."
        )
    if start is None:
        raise ValueError("start: got None, expected a point such as [1.0, 2.0]: a function of your own has no start yet.")
    return _Plain(getattr(objective, "__name__", type(objective).__name__), objective, start=start)


class _Plain(Objective):
    """A user's function of one point, which need not know about many at once: ``x[0]`` will do, as will ``x[..., 0]``."""

    def __call__(self, x):
        x = x if tf.is_tensor(x) else tf.convert_to_tensor(np.asarray(x, np.float32))
        values = tf.vectorized_map(lambda point: tf.reshape(self.fn(point), ()), tf.reshape(x, (-1, self.dim)))
        return tf.reshape(values, tf.shape(x)[:-1])
