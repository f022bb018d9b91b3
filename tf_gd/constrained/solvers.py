"""Gradient descent with projections and multipliers, and the table of all methods."""

import time
from collections.abc import Callable

import numpy as np

from tf_gd import updates
from tf_gd.constrained import other_solvers
from tf_gd.constrained.solution import Solution, answer
from tf_gd.constrained.unbounded import FAR, endless, feasible
from tf_gd.derivatives import Smooth, together
from tf_gd.trajectory import Trajectory

_FIRST_PENALTY = 10.0
_LARGEST_PENALTY = 1e8  # with more, rounding of the penalty term hides f
_ROUNDS = 200  # most problems need fewer than 20
_CLOSE = 1e-4  # the tolerance of a round after which x nearly meets constraints that can be met


def _descend(evaluate, region, x, learning_rate, steps, tolerance, record) -> tuple:
    """Minimise by projected gradient descent: a step against the gradient, then a projection.

    Without a learning rate, one is found at each step as in Beck and Teboulle, 2009, but without
    their acceleration: it is halved until the curvature along the step is at most 1 / rate, and
    doubled before the next step.

    Args:
        evaluate: ``x -> (f, gradient)``.
        region: the set to project onto.
        x: the first point, ``(dim,)``, in the region.
        learning_rate, steps: a rate or None, and the most steps.
        tolerance: stop where a step with a rate of 1 is shorter.
        record: called with each point and gradient; returns None, or an outcome to end with.

    Returns:
        The last point and an outcome: that of `record`, ``"solved"``, ``"stopped"``,
        ``"max_steps"``, or, where x or f becomes too large, ``"away"`` if f has fallen and
        ``"diverged"`` if not.
    """
    rate, size = learning_rate or 1.0, 1 + np.abs(x).max()
    f, gradient = evaluate(x)
    small = min(1.0, float(np.abs(gradient).max()) or 1.0)  # the units of f may be small
    for _ in range(steps):
        if outcome := record(x, gradient):
            return x, outcome
        away = np.abs(x - region.project(updates.plain(x, gradient, 1.0))).max()
        if away <= tolerance * size * small:
            return x, "solved"
        while True:
            ahead = region.project(updates.plain(x, gradient, rate))
            f_ahead, gradient_ahead = evaluate(ahead)
            step = ahead - x
            bound = f + gradient @ step + (step @ step) / (2 * rate) + 1e-10 * (1 + abs(f))
            # Near the minimum f - bound is rounding; the curvature is still exact.
            flat = (gradient_ahead - gradient) @ step <= (step @ step) / rate
            # Below a rate of 1e-20 a step is lost in rounding.
            if learning_rate is not None or rate < 1e-20 or (flat and f_ahead <= bound):
                break
            rate /= 2
        if not np.isfinite(f_ahead) or np.abs(ahead).max() > FAR * size:
            outcome = "away" if f_ahead < f else "diverged"
            return (ahead if np.isfinite(f_ahead) else x), outcome
        if not step.any():
            return x, "stopped"
        x, f, gradient = ahead, f_ahead, gradient_ahead
        rate = learning_rate or 2 * rate
    record(x, gradient)
    return x, "max_steps"


def gradient_descent(problem, learning_rate, steps, tolerance) -> Solution:
    """Descend by projection onto the sets, with multipliers for the other constraints."""
    begun = time.perf_counter()
    points: list[np.ndarray] = []
    norms: list[float] = []

    def record(x, gradient) -> str | None:
        points.append(x)
        norms.append(float(np.linalg.norm(gradient)))
        return _outlook(problem, points)

    x, outcome = _rounds(problem, points, record, learning_rate, steps, tolerance)
    losses = problem.sign * problem.f.of_many(points)
    name, optimizer = problem.objective.name, "projected gradient descent"
    settings = dict(objective=name, optimizer=optimizer, learning_rate=learning_rate)
    indices, seconds = np.arange(len(losses)), time.perf_counter() - begun
    arrays = (np.array(points), losses, np.array(norms), indices)
    path = Trajectory(*arrays, "max_steps", settings, seconds)
    return answer(problem, "gradient_descent", x, outcome, len(points) - 1, path)


def _rounds(problem, points: list, record: Callable, learning_rate, steps: int, tolerance: float):
    """Return the last point and the outcome of descending on the augmented Lagrangian.

    Each round minimises it more precisely than the round before, and then improves the multipliers:
    mu becomes ``max(0, mu + r g)``, lambda ``lambda + r h``. Without constraints that are functions
    one round suffices.

    References:
        Hestenes, 1969; Powell, 1969; Rockafellar, 1973.
    """
    c = Smooth(together([*problem.inequality, *problem.equality]), problem.dim)
    inequalities = len(together(problem.inequality)(problem.start))
    lowest = np.where(np.arange(len(c(problem.start))) < inequalities, 0.0, -np.inf)
    multipliers, penalty = np.zeros(len(lowest)), _FIRST_PENALTY
    x, missed = problem.region.project(problem.start), np.inf
    within = 1e-2 if len(lowest) else tolerance
    for _ in range(_ROUNDS):
        if len(points) >= steps:
            break
        settings = (learning_rate, steps - len(points), max(within, tolerance))
        evaluate = _lagrangian(problem.f, c, lowest, multipliers, penalty)
        x, outcome = _descend(evaluate, problem.region, x, *settings, record)
        weak = len(lowest) and penalty < _LARGEST_PENALTY
        if outcome == "away" and weak and not endless(problem, x, problem.start):
            # The penalty did not keep x near the constraints: start again with a larger one.
            x, missed = problem.region.project(problem.start), np.inf
            multipliers, penalty = 0 * multipliers, 10 * penalty
            continue
        shift = multipliers / penalty
        beyond = np.maximum(c(x) + shift, lowest)
        before, missed = missed, np.abs(beyond - shift).max(initial=0.0)
        if outcome in ("away", "diverged"):
            return x, "stopped"
        if outcome in ("unbounded", "infeasible") or max(within, missed) <= tolerance:
            return x, outcome
        if within <= _CLOSE and missed > before / 4 and not feasible(problem, x):
            return x, "infeasible"
        multipliers = penalty * beyond
        penalty = min(10 * penalty, _LARGEST_PENALTY) if missed > before / 4 else penalty
        within /= 10
    return x, "max_steps"


def _lagrangian(f: Smooth, c: Smooth, lowest, multipliers, penalty: float) -> Callable:
    """Return the function from a point to value and gradient of the augmented Lagrangian.

    With a penalty r it is ``f + r / 2 (sum max(0, g + mu / r)^2 + sum (h + lambda / r)^2)``; `c`
    holds g and h, `multipliers` mu and lambda, and `lowest` 0 for each g, -inf for each h.
    """
    if not len(lowest):
        return f.first

    def evaluate(x) -> tuple[float, np.ndarray]:
        (value, slope), (sides, slopes) = f.first(x), c.first(x)
        beyond = np.maximum(sides + multipliers / penalty, lowest)
        return value + penalty / 2 * (beyond @ beyond), slope + penalty * beyond @ slopes

    return evaluate


def _outlook(problem, points: list) -> str | None:
    """Return "unbounded" or "infeasible" if that is seen after 64, 128, 256 steps and so on.

    A penalty makes f steep across a constraint, and steps short enough for that take too long to
    show that f falls without limit along it. Powers of two keep the checks cheaper than the steps.
    """
    seen = len(points)
    if seen < 64 or seen & (seen - 1):
        return None
    if endless(problem, points[-1], points[seen // 2]):
        return "unbounded"
    return "infeasible" if seen > 200 and not feasible(problem, points[-1]) else None


METHODS: dict[str, Callable] = {
    "gradient_descent": gradient_descent,
    "analytic": other_solvers.analytic,
    "scipy": other_solvers.scipy,
    "cvxpy": other_solvers.cvxpy,
}
