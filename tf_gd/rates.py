"""How fast descent converges: predicted on a quadratic, measured on a run, and the best settings.

On a quadratic a step with the learning rate ``eta`` multiplies the error along an eigenvector of
the Hessian by ``1 - eta lam``, where ``lam`` is the eigenvalue; with momentum a 2 x 2 matrix
multiplies error and velocity. In the long run the error shrinks by the spectral radius, the largest
absolute eigenvalue of all these.
"""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tf_gd import _checks
from tf_gd.derivatives import Smooth
from tf_gd.toy.checks import check_place

_LARGEST_CONDITION = 1e30  # float64 holds its square and that of its reciprocal


@dataclass(frozen=True)
class Settings:
    """A learning rate and a momentum, and the factor predicted for them."""

    learning_rate: float
    momentum: float
    nesterov: bool
    factor: float


@dataclass(frozen=True, eq=False)
class RateMap:
    """The predicted factor over learning rate and momentum; above 1 a run diverges."""

    learning_rates: np.ndarray  #: ``(columns,)``
    momenta: np.ndarray  #: ``(rows,)``
    factors: np.ndarray  #: ``(rows, columns)``
    best: Settings  #: those of :func:`best`
    curvatures: np.ndarray  #: ``(dim,)``

    def plot(self, ax=None):
        """Draw the map with the border of convergence and the best settings; return the axes."""
        from tf_gd.show.rates import plot_rate_map

        return plot_rate_map(self, ax=ax)


def eigenvalues(objective, x=None) -> np.ndarray:
    """Return the eigenvalues of the Hessian in ascending order, ``(dim,)``.

    Args:
        objective: a name, an :class:`~tf_gd.Objective`, or a function, which then needs `x`.
        x: the point ``(dim,)``; by default the objective's first minimum, or else its start.

    Examples:
        >>> eigenvalues("lecture_quadratic").round(6).tolist()  # 3 - sqrt 2 and 3 + sqrt 2
        [1.585786, 4.414214]
    """
    chosen, x = check_place(objective, x)
    hessian = Smooth(lambda point: tf.reshape(chosen.fn(point), ()), chosen.dim).second(x)[-1]
    if not np.isfinite(hessian).all():
        got = f"the Hessian of {chosen.name!r} is not finite at {x.tolist()}"
        raise ValueError(f"x: {got}, expected another point.")
    return np.linalg.eigvalsh(hessian)


def condition_number(objective, x=None) -> float:
    """Return the largest eigenvalue of the Hessian over the smallest, see `eigenvalues`.

    Examples:
        >>> round(condition_number("rosenbrock"))
        2508
    """
    found = eigenvalues(objective, x)
    if found[0] <= 0:
        got = f"the Hessian has the eigenvalue {found[0]:.3g} there"
        raise ValueError(f"x: {got}, expected all above 0, as at a minimum.")
    return float(found[-1] / found[0])


def predicted(curvatures, learning_rate, momentum=0.0, nesterov: bool = False):
    """Return the factor by which the error shrinks at each step in the long run; above 1 it grows.

    Args:
        curvatures: eigenvalues of the Hessian, ``(dim,)``.
        learning_rate, momentum: numbers, or arrays that broadcast to one shape ``(...)``.
        nesterov: as in Keras; without momentum it changes nothing.

    Returns:
        The spectral radius, a number or ``(...)``.

    References:
        Polyak, "Some methods of speeding up the convergence of iteration methods", 1964; Nesterov,
        1983; Goh, "Why momentum really works", Distill 2017.

    Examples:
        >>> round(predicted([1.0, 100.0], 2 / 101), 6)  # 99 / 101
        0.980198
        >>> round(predicted([1.0, 100.0], 4 / 121, 81 / 121), 4)  # 9 / 11
        0.8182
    """
    curvatures = _checks.point("curvatures", curvatures, "float64")
    rate, beta = _checks.array("learning_rate", learning_rate), _checks.array("momentum", momentum)
    nesterov = _checks.flag("nesterov", nesterov)
    try:
        rate, beta = (part[..., None] for part in np.broadcast_arrays(rate, beta))
    except ValueError as error:
        got = f"learning_rate, momentum: got shapes {rate.shape} and {beta.shape}"
        raise ValueError(f"{got}, expected numbers, or arrays that broadcast.") from error
    if not np.isfinite([rate, beta]).all():
        raise ValueError("learning_rate, momentum: got one that is not finite, expected numbers.")
    with np.errstate(over="ignore", invalid="ignore"):  # an overflow is a divergence
        shrinks = 1.0 - rate * curvatures
        trace, determinant = shrinks + beta, beta * np.ones_like(shrinks)
        if nesterov:
            trace, determinant = (1 + beta) * shrinks, beta * shrinks
        root = np.sqrt(trace**2 - 4 * determinant + 0j)
        radii = np.maximum(np.abs(trace + root), np.abs(trace - root)).max(axis=-1) / 2
        radius = np.where(np.isnan(radii), np.inf, radii)
    return float(radius) if radius.ndim == 0 else radius


def limit(largest, momentum=0.0, nesterov: bool = False, weight_decay=0.0):
    """Return the learning rate from which on the error grows along the steepest direction.

    It is 2 (1 + momentum) / (N L + (1 + momentum) weight_decay), where L is the largest eigenvalue
    of the Hessian, a number or an array, and N is 1, or 1 + 2 momentum with `nesterov`. With weight
    decay, the error is the distance to where the decay and the gradient balance.

    Examples:
        >>> limit(4.0), limit(4.0, momentum=0.5), limit(4.0, momentum=0.5, nesterov=True)
        (0.5, 0.75, 0.375)
    """
    share = 1 + 2 * momentum if nesterov else 1
    return 2 * (1 + momentum) / (share * largest + (1 + momentum) * weight_decay)


def best(curvatures, kind: str = "plain") -> Settings:
    """Return the settings with the smallest factor on a quadratic.

    Args:
        curvatures: eigenvalues of the Hessian, all above 0; the smallest and the largest matter.
        kind: ``"plain"``, without momentum; ``"momentum"``, Polyak's settings; or ``"nesterov"``,
            with the usual rate of 1 over the largest eigenvalue.

    Examples:
        >>> best([1.0, 100.0], "momentum")
        Settings(learning_rate=0.0330..., momentum=0.669..., nesterov=False, factor=0.818...)
    """
    curvatures = _checks.point("curvatures", curvatures, "float64")
    kind = _checks.one_of("kind", kind, ("plain", "momentum", "nesterov"))
    m, largest = float(curvatures.min()), float(curvatures.max())
    if m <= 0 or max(largest / m, largest, 1 / largest) > _LARGEST_CONDITION:
        expected = f"expected all above 0, and quotients up to {_LARGEST_CONDITION:g}"
        raise ValueError(f"curvatures: got {m:.3g} to {largest:.3g}, {expected}.")
    root = np.sqrt(largest / m)
    slowed = (root - 1) / (root + 1)
    rate, momentum = {
        "plain": (2 / (m + largest), 0.0),
        "momentum": ((2 / (np.sqrt(m) + np.sqrt(largest))) ** 2, slowed**2),
        "nesterov": (1 / largest, slowed),
    }[kind]
    used = (float(rate), float(momentum), kind == "nesterov")
    return Settings(*used, predicted(curvatures, *used))


def measured(trajectory, minimum, skip: float = 0.5) -> float:
    """Return the factor by which the distance to a minimum shrinks at each step of a run.

    Args:
        trajectory: a :class:`tf_gd.Trajectory`.
        minimum: the limit of the run, ``(dim,)``.
        skip: the share of the records to skip at the beginning, where faster directions matter.

    Examples:
        >>> import tf_gd
        >>> path = tf_gd.gradient_descent("square", [10.0], learning_rate=0.2, steps=20)
        >>> round(measured(path, [0.0]), 4)
        0.6
    """
    skip = _checks.number("skip", skip, minimum=0.0, maximum=0.99)
    minimum = _checks.point("minimum", minimum, "float64")
    if not hasattr(trajectory, "points"):
        got = f"trajectory: got {type(trajectory).__name__}"
        raise TypeError(f"{got}, expected what tf_gd.gradient_descent returns.")
    points = np.asarray(trajectory.points)
    if len(minimum) != points.shape[1]:
        got = f"minimum: got {len(minimum)} coordinates"
        raise ValueError(f"{got}, expected {points.shape[1]}, as the trajectory has.")
    with np.errstate(over="ignore", invalid="ignore"):
        distances = np.linalg.norm(points.astype("float64") - minimum, axis=1)
    # Within a hundred units in the last place of the minimum a distance is rounding.
    size = max(float(np.abs(minimum).max()), 1e-3 * float(distances[0]))
    above = distances > 100 * float(np.finfo(points.dtype).eps) * size
    counted = np.flatnonzero(np.isfinite(distances) & above)
    counted = counted[int(skip * len(counted)) :]
    if len(counted) < 2:
        got = "trajectory: got fewer than two records above rounding"
        raise ValueError(f"{got}, expected more steps, or float64.")
    slope = np.polyfit(trajectory.iterations[counted], np.log(distances[counted]), 1)[0]
    return float(np.exp(slope))


def rate_map(curvatures, *, nesterov: bool = False, resolution: int = 201) -> RateMap:
    """Return the predicted factor for learning rates up to 4 / L and momenta below 1.

    Examples:
        >>> found = rate_map([1.0, 100.0])
        >>> bool(found.factors.min() >= found.best.factor), found.factors.shape
        (True, (201, 201))
    """
    curvatures = _checks.point("curvatures", curvatures, "float64")
    resolution = _checks.whole_number("resolution", resolution, minimum=2)
    nesterov = _checks.flag("nesterov", nesterov)
    settings = best(curvatures, "nesterov" if nesterov else "momentum")
    rates = np.linspace(0.0, 4.0 / curvatures.max(), resolution + 1)[1:]
    momenta = np.linspace(0.0, 1.0, resolution, endpoint=False)
    factors = predicted(curvatures, rates[None, :], momenta[:, None], nesterov)
    return RateMap(rates, momenta, factors, settings, curvatures)
