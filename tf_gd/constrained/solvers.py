"""Ways to solve a problem: gradient = 0, and gradient descent with projections and multipliers."""

import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tf_gd import updates
from tf_gd.constrained import other_solvers
from tf_gd.constrained.constraints import Intersection
from tf_gd.constrained.solution import NotApplicableError, Solution, answer
from tf_gd.constrained.unbounded import FAR, endless, feasible
from tf_gd.derivatives import Smooth, quadratic, together
from tf_gd.trajectory import Trajectory

_FIRST_PENALTY, _LARGEST_PENALTY = 10.0, 1e8
_ROUNDS = 200
_FINAL = ("unbounded", "infeasible", "away", "diverged")
_CLOSE = 1e-4  # a round that should meet the constraints, if there is a way


def solve(problem, method: str, learning_rate: float | None, steps: int, tolerance: float) -> Solution:
    """Solve a problem by one method."""
    with np.errstate(all="ignore"):  # what overflows has an outcome of its own
        gap = problem.region.nearest(problem.start)[1]
        if gap > 1e-6 * (1 + np.abs(problem.start).max()) and not feasible(problem, problem.start):
            return answer(problem, method, problem.start, "infeasible", 0, None)
        return METHODS[method](problem, learning_rate, steps, tolerance)


# --- gradient = 0


def analytic(problem, learning_rate, steps, tolerance) -> Solution:
    """Set the gradient to zero: for a quadratic objective and linear equalities that is a system of linear equations."""
    x = problem.start
    found = quadratic(problem.f, x)
    if found is None:
        raise NotApplicableError("the objective is not quadratic: gradient = 0 is no system of linear equations")
    if len(problem.g(x)):
        raise NotApplicableError("with inequalities, which of them hold with equality is not known beforehand")
    linear = quadratic(problem.h, x)
    if linear is None or np.abs(linear[0]).max(initial=0.0) > 1e-9:
        raise NotApplicableError("an equality is not linear: the conditions are no system of linear equations")
    (h, q, _), (_, a, offset) = found, linear
    many = len(a)
    matrix = np.block([[h, a.T], [a, np.zeros((many, many))]])
    right = np.concatenate([-q, -offset])
    solution = np.linalg.lstsq(matrix, right, rcond=None)[0]
    feasible = np.allclose(a @ solution[: len(x)], -offset, atol=1e-8 * (1 + np.abs(offset).max(initial=0.0)))
    free = np.eye(len(x)) if not many else _null_space(a)  # directions in which the equalities let us go
    curvature = np.linalg.eigvalsh(free.T @ h @ free) if free.shape[1] else np.zeros(0)
    falls = not np.allclose(matrix @ solution, right, atol=1e-8 * (1 + np.abs(right).max(initial=0.0)))
    if not feasible:
        outcome = "infeasible"
    elif falls or (len(curvature) and curvature[0] < -1e-10 * np.abs(h).max()):
        outcome = "unbounded"
    else:
        outcome = "solved"
    return answer(problem, "analytic", solution[: len(x)], outcome, 1, None)


def _null_space(a: np.ndarray) -> np.ndarray:
    _, singular, rows = np.linalg.svd(a)
    return rows[int((singular > 1e-12 * singular[0]).sum()) :].T


# --- gradient descent


def descend_within(
    evaluate: Callable, region: Intersection, x, learning_rate, steps: int, tolerance: float, record: Callable
):
    """Minimise by projected gradient descent: one step against the gradient, then to the nearest point of the region.

    Args:
        evaluate: ``x -> (f, gradient)``.
        region: has ``project``.
        x: the first point, ``(dim,)``, in the region.
        learning_rate: or None for one that is halved until the curvature along the step is at most 1 / rate (as in
            Beck and Teboulle, 2009, without the acceleration), and tried twice as large at the next step.
        steps: how many at most.
        tolerance: stop where a step with a rate of 1 would be shorter.
        record: called with each point, f and gradient norm; returns None, or an outcome to end with.

    Returns:
        The last point, the steps made, and an outcome: record's, ``"solved"``, ``"stopped"``, ``"max_steps"``, or
        ``"away"`` and ``"diverged"`` where x or f is too large, and f smaller than before or not.
    """
    rate, size = learning_rate or 1.0, 1 + np.abs(x).max()
    f, gradient = evaluate(x)
    at_rest = tolerance * size * min(1.0, float(np.abs(gradient).max()) or 1.0)  # also where f is in small units
    for k in range(steps):
        if outcome := record(x, f, float(np.linalg.norm(gradient))):
            return x, k, outcome
        if np.abs(x - region.project(updates.plain(x, gradient, 1.0))).max() <= at_rest:
            return x, k, "solved"
        while True:
            ahead = region.project(updates.plain(x, gradient, rate))
            f_ahead, gradient_ahead = evaluate(ahead)
            step = ahead - x
            promised = f + gradient @ step + (step @ step) / (2 * rate) + 1e-10 * (1 + abs(f))  # f is rounded
            flat = (gradient_ahead - gradient) @ step <= (step @ step) / rate  # and its gradient less so
            if learning_rate is not None or rate < 1e-20 or (flat and f_ahead <= promised):
                break
            rate /= 2
        if not np.isfinite(f_ahead) or np.abs(ahead).max() > FAR * size:
            outcome = "away" if f_ahead < f else "diverged"
            return (ahead if np.isfinite(f_ahead) else x), k + 1, outcome
        if not step.any():
            return x, k, "stopped"
        x, f, gradient = ahead, f_ahead, gradient_ahead
        rate = learning_rate or 2 * rate
    record(x, f, float(np.linalg.norm(gradient)))
    return x, steps, "max_steps"


def gradient_descent(problem, learning_rate, steps, tolerance) -> Solution:
    """Descend, projected onto the sets; where there are other constraints, with an augmented Lagrangian for these.

    Rounds of descent on ``f + (r / 2) (sum max(0, g + mu / r)^2 + sum (h + lambda / r)^2)``; after each the multipliers
    become ``mu = max(0, mu + r g)`` and ``lambda = lambda + r h`` (Hestenes, 1969; Powell, 1969; Rockafellar, 1973).
    """
    records: list[tuple[np.ndarray, float, float]] = []
    lagrangian, region, begun = Lagrangian(problem), problem.region, time.perf_counter()
    x = region.project(problem.start)
    done, outcome, missed, within = 0, "max_steps", np.inf, 1e-2 if lagrangian.constrained else tolerance

    def record(x, value, norm) -> str | None:
        records.append((x, value, norm))
        return _where_they_lead(problem, records)

    for _ in range(_ROUNDS):
        if done >= steps:
            break
        settings = (learning_rate, steps - done, max(within, tolerance))
        x, made, outcome = descend_within(lagrangian, region, x, *settings, record)
        done += made + 1
        before, missed = missed, lagrangian.missed(x)
        weak = lagrangian.constrained and lagrangian.penalty < _LARGEST_PENALTY
        if outcome == "away" and weak and not endless(problem, x, problem.start):
            lagrangian.start_again(10 * lagrangian.penalty)  # it was the penalty that was too weak
            x, outcome, missed = region.project(problem.start), "max_steps", np.inf
            continue
        if outcome in _FINAL or (within <= tolerance and missed <= tolerance):
            break
        if within <= _CLOSE and missed > before / 4 and not feasible(problem, x):
            outcome = "infeasible"
            break
        lagrangian.improve(x, stronger=missed > before / 4)
        within /= 10
        outcome = "max_steps"
    if outcome in ("away", "diverged"):
        outcome = "stopped"
    points, _, norms = (np.array(part) for part in zip(*records, strict=True))
    losses = problem.f.of_many(points) * (-1.0 if problem.sense == "max" else 1.0)
    named = dict(objective=problem.objective.name, optimizer="projected gradient descent", learning_rate=learning_rate)
    path = Trajectory(points, losses, norms, np.arange(len(losses)), "max_steps", named, time.perf_counter() - begun)
    return answer(problem, "gradient_descent", x, outcome, len(records) - 1, path)


def _where_they_lead(problem, records: list) -> str | None:
    """Return an outcome that shows after 64, 128, 256 steps and so on, or None.

    Where f is steep across and falls gently along, steps short enough for the one take for ever
    along the other: the penalty of a constraint makes every linear f so.
    """
    seen = len(records)
    if seen < 64 or seen & (seen - 1):
        return None
    x = records[-1][0]
    if endless(problem, x, records[seen // 2][0]):
        return "unbounded"
    return "infeasible" if seen > 200 and not feasible(problem, x) else None


class Lagrangian:
    """The augmented Lagrangian of the constraints that are functions; those that are sets are left to projections."""

    def __init__(self, problem):
        g, h = together(problem.inequality), together(problem.equality)
        self._g, self._h = Smooth(g, problem.dim), Smooth(h, problem.dim)
        self._mu, self._lam = (np.zeros(len(c(problem.start))) for c in (self._g, self._h))
        self.penalty, self.constrained = _FIRST_PENALTY, bool(problem.inequality or problem.equality)

        def value(x, mu, lam, r):
            f = problem.f.function(x)
            if not self.constrained:
                return f
            above, off = tf.maximum(g(x) + mu / r, 0.0), h(x) + lam / r
            return f + r / 2 * (tf.reduce_sum(above**2) + tf.reduce_sum(off**2))

        @tf.function(autograph=False)
        def value_and_gradient(x, *multipliers):
            with tf.GradientTape() as tape:
                tape.watch(x)
                loss = value(x, *multipliers)
            return loss, tape.gradient(loss, x)

        self._compiled = value_and_gradient

    def __call__(self, x) -> tuple[float, np.ndarray]:
        """Return the value and the gradient at a point."""
        numbers = (tf.constant(number, tf.float64) for number in (x, self._mu, self._lam, self.penalty))
        value, gradient = self._compiled(*numbers)
        return float(value), gradient.numpy()

    def missed(self, x) -> float:
        """Return how far the constraints are from where they should be: violated, or slack with a multiplier."""
        if not self.constrained:
            return 0.0
        slack = np.maximum(self._g(x), -self._mu / self.penalty)
        return max(float(np.abs(slack).max(initial=0.0)), float(np.abs(self._h(x)).max(initial=0.0)))

    def start_again(self, penalty: float) -> None:
        """Forget the multipliers, and take a stronger penalty."""
        self._mu, self._lam, self.penalty = np.zeros_like(self._mu), np.zeros_like(self._lam), penalty

    def improve(self, x, *, stronger: bool) -> None:
        """Set the multipliers to what the last round says, and the penalty higher where that was of little use."""
        if self.constrained:
            self._mu = np.maximum(self._mu + self.penalty * self._g(x), 0.0)
            self._lam = self._lam + self.penalty * self._h(x)
            self.penalty = min(self.penalty * 10, _LARGEST_PENALTY) if stronger else self.penalty


METHODS: dict[str, Callable] = {
    "gradient_descent": gradient_descent,
    "analytic": analytic,
    "scipy": other_solvers.scipy,
    "cvxpy": other_solvers.cvxpy,
}
