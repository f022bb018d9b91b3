"""What solving a problem returns: the point, and how well it meets the conditions of optimality."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import optimize

from tf_gd.constrained.unbounded import endless, feasible
from tf_gd.show.table import table
from tf_gd.trajectory import Trajectory

OUTCOMES = {
    "solved": "the first-order conditions hold (at a saddle point they do as well)",
    "max_steps": "all steps were made, and the conditions do not hold yet",
    "infeasible": "no point was found that meets the constraints",
    "unbounded": "the objective goes on getting better for ever",
    "stopped": "the method gave up before",
}
_SOLVED = 1e-4  # the largest residual that counts as a solution, where the method says that it is one
_EXACT = 1e-9  # a residual that counts as a solution, whatever the method says
_ACTIVE = 1e-5  # so near to its bound a constraint counts as holding with equality


class NotApplicableError(ValueError):
    """The method is not for this kind of problem."""


@dataclass(frozen=True, eq=False)
class Solution:
    """One answer to a problem.

    The conditions of Karush, Kuhn and Tucker say that at a solution the gradient of the objective is undone by those of the
    constraints that hold with equality: ``grad f + sum mu_i grad g_i + sum lambda_j grad h_j = 0``, ``mu_i >= 0``.

    Attributes:
        x: ``(dim,)``.
        value: of the objective.
        outcome: one of :data:`OUTCOMES`.
        method: how.
        steps: of the method.
        stationarity: norm of the left side above, with the best multipliers, as a share of 1 + norm of grad f.
        violation: of the worst constraint.
        complementarity: the largest ``mu_i |g_i|``.
        inequality_multipliers, equality_multipliers: ``mu`` and ``lambda``, in the order of the constraints, sets last.
        trajectory: the path of gradient descent, or None.
        problem: what was solved.
    """

    x: np.ndarray
    value: float
    outcome: str
    method: str
    steps: int
    stationarity: float
    violation: float
    complementarity: float
    inequality_multipliers: np.ndarray
    equality_multipliers: np.ndarray
    trajectory: Trajectory | None
    problem: Any = field(repr=False)

    @property
    def residual(self) -> float:
        """The largest of stationarity, violation and complementarity: 0 at an exact solution."""
        return max(self.stationarity, self.violation, self.complementarity)

    def __str__(self) -> str:
        return str(Solutions((self,), {}))

    def plot(self, ax=None):
        """Draw objective, constraints and path in two dimensions; return the axes."""
        from tf_gd.show.feasible import plot_solutions

        return plot_solutions([self], ax=ax)


@dataclass(frozen=True, eq=False)
class Solutions:
    """Several answers to one problem, and why other methods have none."""

    solutions: tuple[Solution, ...]
    skipped: dict[str, str]

    def __iter__(self) -> Iterator[Solution]:
        return iter(self.solutions)

    def __len__(self) -> int:
        return len(self.solutions)

    def __getitem__(self, index: int) -> Solution:
        return self.solutions[index]

    def __str__(self) -> str:
        rows = []
        for one in self.solutions:
            point = "(" + ", ".join(f"{x:.4g}" for x in one.x[:4]) + (", ...)" if len(one.x) > 4 else ")")
            rows.append(
                [one.method.replace("_", " "), one.outcome, point, f"{one.value:.6g}", f"{one.residual:.1e}", one.steps]
            )
        lines = [table(["method", "outcome", "x", "f", "KKT", "steps"], rows)]
        lines += [textwrap.fill(f"{method}: {reason}", 80) for method, reason in self.skipped.items()]
        return "\n".join(lines)

    def plot(self, ax=None):
        """Draw objective, constraints, paths and answers in two dimensions; return the axes."""
        from tf_gd.show.feasible import plot_solutions

        return plot_solutions(list(self.solutions), ax=ax)


def conditions(problem, x: np.ndarray) -> dict[str, Any]:
    """Return how well a point meets the conditions of optimality, with the multipliers that do best."""
    if not np.isfinite(x).all():
        return dict.fromkeys(("stationarity", "violation", "complementarity"), np.inf) | dict(
            inequality_multipliers=np.zeros(0), equality_multipliers=np.zeros(0)
        )
    _, slope = problem.f.first(x)
    (g, of_g), (h, of_h) = problem.g.first(x), problem.h.first(x)
    violation = max(float(g.max(initial=0.0)), float(np.abs(h).max(initial=0.0)))
    mu, lam = np.zeros(len(g)), np.zeros(len(h))
    if not np.isfinite(slope).all() or not np.isfinite(of_g).all() or not np.isfinite(of_h).all():
        nothing = dict(inequality_multipliers=mu, equality_multipliers=lam)
        return dict(stationarity=np.inf, violation=violation, complementarity=0.0, **nothing)
    active = np.flatnonzero(g >= -_ACTIVE * (1 + np.abs(x).max(initial=0.0)))
    columns = np.concatenate([of_g[active], of_h, -of_h]).T
    rest = float(np.linalg.norm(slope))
    if columns.shape[1]:
        multipliers, rest = optimize.nnls(columns, -slope)
        mu[active] = multipliers[: len(active)]
        lam = multipliers[len(active) : len(active) + len(h)] - multipliers[len(active) + len(h) :]
    return dict(
        stationarity=float(rest) / (1 + float(np.linalg.norm(slope))),
        violation=violation,
        complementarity=float(np.abs(mu * g).max(initial=0.0)),
        inequality_multipliers=mu,
        equality_multipliers=lam,
    )


def answer(problem, method: str, x, outcome: str, steps: int, trajectory: Trajectory | None) -> Solution:
    """Return an answer, with the outcome corrected by what is seen: a method that says "unbounded" or "infeasible" knows."""
    x = np.asarray(x, "float64")
    with np.errstate(all="ignore"):
        met = conditions(problem, x)
        value = float(problem.f(x)) * (-1.0 if problem.sense == "max" else 1.0)
        if outcome not in ("unbounded", "infeasible"):
            ends = (x,) if outcome == "solved" else (x, problem.start)
            falls = any(endless(problem, one, problem.start) for one in ends)
            outcome = "unbounded" if falls else outcome
    if outcome in ("stopped", "max_steps") and max(met["stationarity"], met["violation"]) <= _EXACT:
        outcome = "solved"
    if outcome == "solved" and not max(met["stationarity"], met["violation"]) <= _SOLVED:
        outcome = "stopped"
    if outcome in ("stopped", "max_steps") and not feasible(problem, x):
        outcome = "infeasible"
    return Solution(x, value, outcome, method, steps, trajectory=trajectory, problem=problem, **met)
