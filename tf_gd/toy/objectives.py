"""Functions to minimise: the type, the catalogue and the look-up by name.

A function of the catalogue maps a tensor ``(..., dim)`` to one of shape ``(...)``, so that the same
code evaluates one point, a path or a grid.
"""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tf_gd import _checks
from tf_gd._lazy import tensorflow as tf
from tf_gd.toy.catalogue import CATALOGUE

LARGEST = 1e30  # of a domain: float32 ends at 3e38, which leaves room for sums and products
_LONGEST_NAME = 80  # letters of the name of a function


@dataclass(frozen=True, eq=False)
class Objective:
    """A function to minimise.

    Attributes:
        name: shown in tables and pictures.
        fn: tensor ``(..., dim)`` -> tensor ``(...)``, made of TensorFlow operations.
        start: the default start of a descent, ``(dim,)``.
        minima: the known local minimisers, the global one first; each ``(dim,)``.
        domain: ``(low, high)`` for each coordinate, ``(dim, 2)``: what to draw, not a constraint.
        formula: one line of text.

    Examples:
        >>> bowl = Objective("bowl", lambda x: tf.reduce_sum(x**2, axis=-1), start=[3.0, 4.0])
        >>> bowl.dim, float(bowl([3.0, 4.0]))
        (2, 25.0)
    """

    name: str
    fn: Callable
    start: tuple[float, ...]
    minima: tuple[tuple[float, ...], ...]
    domain: tuple[tuple[float, float], ...] | None
    formula: str

    def __init__(self, name: str, fn: Callable, *, start, minima=(), domain=None, formula=""):
        if not callable(fn):
            expected = "a callable, tensor (..., dim) -> tensor (...)"
            raise TypeError(f"fn: got {fn!r}, expected {expected}.")
        start = _vector("start", start)
        try:
            minima = tuple(_vector("minima", point) for point in minima)
        except TypeError as error:
            expected = "a list of points, for example [[0.0, 0.0]]"
            raise TypeError(f"minima: got {minima!r}, expected {expected}.") from error
        for point in minima:
            _check_length("minima", point, len(start), "as start has")
        if domain is not None:
            domain = tuple(map(tuple, box(domain, len(start)).tolist()))
        known = dict(start=start, minima=minima, domain=domain)
        for key, value in dict(name=name, fn=fn, formula=formula, **known).items():
            object.__setattr__(self, key, value)

    @property
    def dim(self) -> int:
        """The number of variables."""
        return len(self.start)

    def __call__(self, x):
        """Evaluate at ``x``, ``(..., dim)``; anything TensorFlow can convert to a float tensor."""
        return self.fn(_tensor(x, np.float32))

    def __repr__(self) -> str:
        formula = f", {self.formula}" if self.formula else ""
        return f"Objective({self.name!r}, dim={self.dim}{formula})"


def _vector(name: str, value) -> tuple[float, ...]:
    return tuple(_checks.point(name, value, "float64").tolist())


def _check_length(name: str, vector, length: int, why: str) -> None:
    if len(vector) != length:
        got = list(vector) if len(vector) <= 4 else len(vector)
        raise ValueError(f"{name}: got {got}, expected {length} coordinates, as many {why}.")


def _tensor(x, dtype=None):
    return x if tf.is_tensor(x) else tf.convert_to_tensor(np.asarray(x, dtype))


def box(domain, dim: int) -> np.ndarray:
    """Return a domain, given as one pair or a pair for each coordinate, as ``(dim, 2)``."""
    pairs = _checks.array("domain", domain)
    pairs = np.tile(pairs, (dim, 1)) if pairs.shape == (2,) else pairs
    fits = pairs.shape == (dim, 2) and (pairs[:, 0] < pairs[:, 1]).all()
    if not fits or not (np.abs(pairs) <= LARGEST).all():
        expected = f"finite (low, high) for each of {dim} coordinates"
        raise ValueError(f"domain: got {domain!r}, expected {expected}.")
    return pairs


def names() -> list[str]:
    """Return the names of the catalogue.

    Examples:
        >>> names()[:3]
        ['beale', 'booth', 'bowl']
    """
    return sorted(CATALOGUE)


def get(name: str, **parameters) -> Objective:
    """Return an objective of the catalogue.

    Args:
        name: one of :func:`names`.
        **parameters: ``dim`` of ``"rosenbrock"``, ``"rastrigin"`` and ``"styblinski_tang"``;
            ``dim`` and ``condition_number`` of ``"bowl"``.

    Raises:
        TypeError: `name` is not a string, or a parameter is not a number.
        ValueError: there is no such objective or parameter, or its value is out of range.

    Examples:
        >>> get("bowl", dim=3, condition_number=100).dim
        3
        >>> get("rosenbrok")
        Traceback (most recent call last):
        ...
        ValueError: objective: no objective is called 'rosenbrok'. Did you mean 'rosenbrock'? ...
    """
    if not isinstance(name, str):
        raise _checks.wrong_type("objective", name, "a name, see tf_gd.objectives.names()")
    if name not in CATALOGUE:
        close = _checks.did_you_mean(name, names())
        known = f"All names: {', '.join(names())}; or pass a function of your own."
        raise ValueError(f"objective: no objective is called {name!r}.{close} {known}")
    allowed = list(inspect.signature(CATALOGUE[name]).parameters)
    for key in parameters:
        if key not in allowed:
            expected = " or ".join(allowed) or "none"
            raise ValueError(f"{name}: got the parameter {key!r}, expected {expected}.")
        _checks.number(key, parameters[key])
        parameters[key] = _checks.unwrapped(parameters[key])
    return _build(name, tuple(sorted(parameters.items())))


@functools.lru_cache(maxsize=256)
def _build(name: str, parameters: tuple) -> Objective:
    return _FromTheCatalogue(name, **CATALOGUE[name](**dict(parameters)))


class _FromTheCatalogue(Objective):
    """A function known to depend on nothing but its argument."""

    def __call__(self, x):
        x = _tensor(x)
        x = x if x.dtype.is_floating else tf.cast(x, tf.float32)
        if x.shape.rank == 0 or x.shape[-1] != self.dim:
            expected = f"expected (..., {self.dim}) for {self.name!r}"
            raise ValueError(f"x: got shape {tuple(x.shape)}, {expected}.")
        return self.fn(x)


class _Plain(Objective):
    """A function of one point, such as ``x[0]``; it need not accept many, as ``x[..., 0]`` does."""

    def __call__(self, x):
        x = _tensor(x, np.float32)
        points = tf.reshape(x, (-1, self.dim))
        values = tf.vectorized_map(lambda point: tf.reshape(self.fn(point), ()), points)
        return tf.reshape(values, tf.shape(x)[:-1])


def is_from_the_catalogue(objective: Objective) -> bool:
    """Return whether :func:`get` made the objective."""
    return type(objective) is _FromTheCatalogue


def resolve(objective, start=None) -> Objective:
    """Return the Objective for a name, an Objective, or a function, which needs a ``start``."""
    if isinstance(objective, Objective):
        return objective
    if isinstance(objective, str):
        return get(objective)
    if not callable(objective):
        expected = "a name such as 'rosenbrock', a tf_gd.Objective, or a function from a tensor"
        raise _checks.wrong_type("objective", objective, f"{expected} (..., dim) to a tensor (...)")
    if start is None:
        expected = "a point such as [1.0, 2.0]: a function of your own has no start yet"
        raise ValueError(f"start: got None, expected {expected}.")
    name = str(getattr(objective, "__name__", type(objective).__name__))
    name = "".join(letter if letter.isprintable() else "?" for letter in name)[:_LONGEST_NAME]
    return _Plain(name, objective, start=start)


def quadratic(matrix, linear=None, constant=0.0, *, name="quadratic", start=None) -> Objective:
    """Return ``x A x / 2 + b x + c`` as an objective: gradient ``A x + b``, Hessian ``A``.

    Args:
        matrix: A, ``(dim, dim)``, symmetric.
        linear: b, ``(dim,)``; zeros by default.
        constant: c.
        name: of the objective.
        start: the default start of a descent; ones by default.

    Raises:
        TypeError: an argument does not consist of numbers.
        ValueError: A is not square, symmetric and finite, or b or the start has another length.

    Examples:
        >>> bowl = quadratic([[4.0, 1.0], [1.0, 2.0]], [-6.0, -5.0])
        >>> np.round(bowl.minima, 12).tolist(), float(bowl([1.0, 2.0]))
        ([[1.0, 2.0]], -8.0)
        >>> quadratic([[4.0, 2.0], [0.0, 2.0]])
        Traceback (most recent call last):
        ...
        ValueError: matrix: got one that is not symmetric, expected x A x / 2 with A = A^T. ...
    """
    a = _checks.array("matrix", matrix)
    if a.ndim != 2 or a.shape[0] != a.shape[1] or not a.size or not np.isfinite(a).all():
        raise ValueError(f"matrix: got shape {a.shape}, expected finite numbers (dim, dim).")
    if not np.allclose(a, a.T, rtol=1e-12, atol=1e-12 * np.abs(a).max()):
        expected = "expected x A x / 2 with A = A^T. Pass (A + A^T) / 2: the function is the same"
        gradient = "and only then is its gradient A x + b"
        raise ValueError(f"matrix: got one that is not symmetric, {expected}, {gradient}.")
    b = _checks.point("linear", np.zeros(len(a)) if linear is None else linear, "float64")
    start = _checks.point("start", np.ones(len(a)) if start is None else start, "float64")
    _check_length("linear", b, len(a), "as the matrix has rows")
    _check_length("start", start, len(a), "as the matrix has rows")
    c = _checks.number("constant", constant)

    def fn(x):
        a_x = tf.linalg.matvec(tf.constant(a, x.dtype), x)
        terms = x * (a_x / 2 + tf.constant(b, x.dtype))
        return tf.reduce_sum(terms, axis=-1) + tf.constant(c, x.dtype)

    smallest, *_ = curvatures = np.linalg.eigvalsh(a)
    # A smaller one may be a rounded zero, and A singular.
    minima = [np.linalg.solve(a, -b)] if smallest > 1e-12 * curvatures[-1] else []
    frame = np.stack([start, *minima])
    margin = 0.5 * max(float(np.ptp(frame)), 1.0)
    if (farthest := np.abs(frame).max()) > LARGEST / 4:  # with the margin, below LARGEST
        got = f"got {farthest:.3g} at the start or the minimum, expected less, such as 1e6"
        raise ValueError(f"start, linear: {got}.")
    domain = np.stack([frame.min(axis=0) - margin, frame.max(axis=0) + margin], axis=1)
    known = dict(start=start, minima=minima, domain=domain)
    return Objective(name, fn, **known, formula=f"x A x / 2 + b x + {c:g}")
