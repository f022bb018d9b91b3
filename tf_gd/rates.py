"""How fast does it converge? The rate that theory predicts on a quadratic, the rate that a run has, and the best settings.

On a quadratic every direction of an eigenvector goes its own way: after a step with learning rate ``eta``, the error along
one with the eigenvalue ``lam`` is ``1 - eta lam`` times what it was; with momentum two numbers go through a 2 x 2 matrix.
The largest absolute eigenvalue of all these, the spectral radius, is the factor by which the error shrinks in the long run.
"""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tf_gd import _checks
from tf_gd.derivatives import Smooth
from tf_gd.toy.checks import check_place
from tf_gd.toy.objectives import resolve

_LARGEST_CONDITION = 1e30


def eigenvalues(objective, x=None) -> np.ndarray:
    """Return the eigenvalues of the Hessian, the smallest first, ``(dim,)``.

    Args:
        objective: a name, an :class:`~tf_gd.Objective`, or a function, which then needs ``x``.
        x: where, ``(dim,)``; by default the objective's first minimum, or else its start.

    Examples:
        >>> eigenvalues("lecture_quadratic").round(6).tolist()  # 3 - sqrt 2 and 3 + sqrt 2
        [1.585786, 4.414214]
    """
    chosen, x = check_place(objective, x)
    hessian = Smooth(lambda point: tf.reshape(chosen.fn(point), ()), chosen.dim).second(x)
    if not np.isfinite(hessian).all():
        raise ValueError(f"x: the Hessian of {chosen.name!r} is not finite at {x.tolist()}, expected another point.")
    return np.linalg.eigvalsh(hessian)


def condition_number(objective, x=None) -> float:
    """Return the largest eigenvalue of the Hessian over the smallest: how much steeper than flat a bowl is.

    Args and errors are those of :func:`eigenvalues`.

    Examples:
        >>> round(condition_number("rosenbrock"))
        2508
    """
    smallest, *_, largest = [*eigenvalues(objective, x)] * (2 if resolve(objective, x).dim == 1 else 1)
    if smallest <= 0:
        raise ValueError(f"x: the Hessian has the eigenvalue {smallest:.3g} there, expected all above 0, as at a minimum.")
    return float(largest / smallest)


def predicted(curvatures, learning_rate, momentum=0.0, nesterov: bool = False):
    """Return the factor by which the error shrinks a step, in the long run; above 1 it grows.

    Args:
        curvatures: eigenvalues of the Hessian, ``(dim,)``.
        learning_rate, momentum: numbers, or arrays that broadcast against each other, ``(...)``.
        nesterov: in Keras's form; without momentum it changes nothing.

    Returns:
        The spectral radius, a number or ``(...)``.

    References:
        Polyak, "Some methods of speeding up the convergence of iteration methods", 1964; Nesterov, 1983. Goh, "Why momentum
        really works", Distill 2017, draws the map.

    Examples:
        With curvatures from 1 to 100: (k - 1) / (k + 1) = 99/101 without momentum, 9/11 with the best one.

        >>> round(predicted([1.0, 100.0], 2 / 101), 6), round(predicted([1.0, 100.0], 4 / 121, 81 / 121), 4)
        (0.980198, 0.8182)
    """
    curvatures = _checks.point("curvatures", curvatures, "float64")
    rate, momentum = _checks.array("learning_rate", learning_rate), _checks.array("momentum", momentum)
    nesterov = _checks.flag("nesterov", nesterov)
    try:
        rate, momentum = np.broadcast_arrays(rate, momentum)
    except ValueError as error:
        got = f"shapes {rate.shape} and {momentum.shape}"
        raise ValueError(f"learning_rate, momentum: got {got}, expected numbers, or arrays that fit each other.") from error
    if not (np.isfinite(rate).all() and np.isfinite(momentum).all()):
        raise ValueError("learning_rate, momentum: got one that is not finite, expected numbers.")
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows diverges
        shrinks = 1.0 - rate[..., None] * curvatures
        beta = momentum[..., None]
        trace, determinant = (beta * 1 + 1) * shrinks, beta * shrinks
        if not nesterov:
            trace, determinant = shrinks + beta, np.broadcast_to(beta, shrinks.shape)
        inside = trace**2 - 4 * determinant
        real = (np.abs(trace) + np.sqrt(np.maximum(inside, 0.0))) / 2
        radii = np.where(inside < 0, np.sqrt(np.maximum(determinant, 0.0)), real)
        radius = np.where(np.isnan(radii), np.inf, radii).max(axis=-1)
    return float(radius) if radius.ndim == 0 else radius


@dataclass(frozen=True)
class Settings:
    """A learning rate and a momentum, with the factor that they predict."""

    learning_rate: float
    momentum: float
    nesterov: bool
    factor: float


def limit(largest, momentum=0.0, nesterov: bool = False):
    """Return the largest stable learning rate: from it on the error grows along the steepest direction.

    Args:
        largest: L, the largest eigenvalue of the Hessian: a number, or any array of them.
        momentum, nesterov: as in Keras.

    Returns:
        2 (1 + momentum) / L, with ``nesterov`` 2 (1 + momentum) / ((1 + 2 momentum) L). There a step turns the error into
        its opposite. Not above 0 where the function curves down.

    References:
        Polyak, "Some methods of speeding up the convergence of iteration methods", 1964.

    Examples:
        >>> limit(4.0), limit(4.0, momentum=0.5), limit(4.0, momentum=0.5, nesterov=True)
        (0.5, 0.75, 0.375)
    """
    return 2 * (1 + momentum) / largest / (1 + 2 * momentum if nesterov else 1)


def best(curvatures, kind: str = "plain") -> Settings:
    """Return the settings with the smallest factor on a quadratic, by formula.

    Args:
        curvatures: eigenvalues of the Hessian, all above 0; only the smallest, m, and the largest, L, matter.
        kind: ``"plain"``: 2 / (m + L). ``"momentum"``: Polyak's, the learning rate (2 / (sqrt m + sqrt L))^2 and the
            momentum ((sqrt k - 1) / (sqrt k + 1))^2 with k = L / m. ``"nesterov"``: the usual 1 / L and
            (sqrt k - 1) / (sqrt k + 1).

    Examples:
        >>> best([1.0, 100.0], "momentum")
        Settings(learning_rate=0.0330..., momentum=0.669..., nesterov=False, factor=0.818...)
    """
    curvatures = _checks.point("curvatures", curvatures, "float64")
    kind = _checks.one_of("kind", kind, ("plain", "momentum", "nesterov"))
    m, largest = float(curvatures.min()), float(curvatures.max())
    if m <= 0:
        raise ValueError(f"curvatures: got {m:.3g}, expected all above 0: else there is no rate to converge at.")
    if not largest / m <= _LARGEST_CONDITION or not 1 / _LARGEST_CONDITION <= largest <= _LARGEST_CONDITION:
        raise ValueError(f"curvatures: got {m:.3g} to {largest:.3g}, expected numbers that float64 can square and divide.")
    k = np.sqrt(largest / m)
    if kind == "plain":
        rate, momentum = 2 / (m + largest), 0.0
    elif kind == "momentum":
        rate, momentum = (2 / (np.sqrt(m) + np.sqrt(largest))) ** 2, ((k - 1) / (k + 1)) ** 2
    else:
        rate, momentum = 1 / largest, (k - 1) / (k + 1)
    nesterov = kind == "nesterov"
    return Settings(float(rate), float(momentum), nesterov, predicted(curvatures, rate, momentum, nesterov))


def measured(trajectory, minimum, skip: float = 0.5) -> float:
    """Return the factor by which the distance to a minimum shrinks a step, fitted to the later part of a run.

    Args:
        trajectory: a :class:`tf_gd.Trajectory`.
        minimum: where it converges to, ``(dim,)``.
        skip: the share of the records to leave out at the beginning, where other directions still matter.

    Returns:
        The factor; records that rounding has made meaningless (nearer than a hundred units in the last place) do not count.

    Examples:
        >>> import tf_gd
        >>> path = tf_gd.gradient_descent("square", [10.0], learning_rate=0.2, steps=20)
        >>> round(measured(path, [0.0]), 4)
        0.6
    """
    skip = _checks.number("skip", skip, minimum=0.0, maximum=0.99)
    minimum = _checks.point("minimum", minimum, "float64")
    if not hasattr(trajectory, "points"):
        raise TypeError(f"trajectory: got {type(trajectory).__name__}, expected what tf_gd.gradient_descent returns.")
    points = np.asarray(trajectory.points)
    if len(minimum) != points.shape[1]:
        raise ValueError(f"minimum: got {len(minimum)} coordinates, expected {points.shape[1]}, as the trajectory has.")
    with np.errstate(over="ignore", invalid="ignore"):
        distances = np.linalg.norm(points.astype("float64") - minimum, axis=1)
    noise = 100 * float(np.finfo(points.dtype).eps) * max(float(np.abs(minimum).max()), 1e-3 * float(distances[0]))
    counted = np.flatnonzero(np.isfinite(distances) & (distances > noise))
    counted = counted[int(skip * len(counted)) :]
    if len(counted) < 2:
        raise ValueError("trajectory: got fewer than two records above rounding, expected more steps, or float64.")
    slope = np.polyfit(trajectory.iterations[counted], np.log(distances[counted]), 1)[0]
    return float(np.exp(slope))


@dataclass(frozen=True, eq=False)
class RateMap:
    """The predicted factor over learning rate and momentum.

    Attributes:
        learning_rates: ``(columns,)``.
        momenta: ``(rows,)``.
        factors: ``(rows, columns)``; above 1 a run diverges.
        best: the settings of :func:`best`.
        curvatures: ``(dim,)``.
    """

    learning_rates: np.ndarray
    momenta: np.ndarray
    factors: np.ndarray
    best: Settings
    curvatures: np.ndarray

    def plot(self, ax=None):
        """Draw the map with the border of convergence and the best settings; return the axes."""
        from tf_gd.show.rates import plot_rate_map

        return plot_rate_map(self, ax=ax)


def rate_map(curvatures, *, nesterov: bool = False, resolution: int = 201) -> RateMap:
    """Return the predicted factor for all learning rates up to 4 / L and all momenta below 1.

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
