"""What solving a problem returns: the point, and how well it meets the optimality conditions."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import optimize

from tf_gd.constrained.unbounded import endless, feasible
from tf_gd.show.table import table
from tf_gd.trajectory import Trajectory

OUTCOMES = {
    "solved": "the first-order conditions hold, as they also do at a saddle point",
    "max_steps": "all steps were made, and the conditions do not hold yet",
    "infeasible": "no point was found that meets the constraints",
    "unbounded": "the objective improves without limit",
    "stopped": "the method ended early, and the conditions do not hold",
}
_SOLVED = 1e-4  # the largest residual of a solution, if the method reports one
_EXACT = 1e-9  # the largest residual of a solution, whatever the method reports
_ACTIVE = 1e-5  # the distance from a bound, relative to x, up to which a constraint is active


class NotApplicableError(ValueError):
    """The method is not for this kind of problem."""


@dataclass(frozen=True, eq=False)
class Solution:
    """One answer to a problem.

    At a solution the conditions of Karush, Kuhn and Tucker hold: ``grad f + sum mu_i grad g_i +
    sum lambda_j grad h_j = 0`` with ``mu_i >= 0``, and ``mu_i = 0`` where ``g_i < 0``.
    """

    x: np.ndarray  #: ``(dim,)``
    value: float  #: of the objective
    outcome: str  #: one of :data:`OUTCOMES`
    method: str
    steps: int  #: of the method
    stationarity: float  #: norm of the sum with the best multipliers, over 1 + norm of grad f
    violation: float  #: of the worst constraint
    complementarity: float  #: the largest ``mu_i |g_i|``
    inequality_multipliers: np.ndarray  #: ``mu``, in the order of the constraints, sets last
    equality_multipliers: np.ndarray  #: ``lambda``, in the same order
    trajectory: Trajectory | None  #: the path of gradient descent
    problem: Any = field(repr=False)

    @property
    def residual(self) -> float:
        """The largest of stationarity, violation and complementarity: 0 at an exact solution."""
        return max(self.stationarity, self.violation, self.complementarity)

    def __str__(self) -> str:
        return str(Solutions((self,), {}))

    def plot(self, ax=None):
        """Draw objective, constraints and path in two dimensions; return the axes."""
        return Solutions((self,), {}).plot(ax)


@dataclass(frozen=True, eq=False)
class Solutions(Sequence):
    """Several answers to one problem, and why other methods have none."""

    solutions: tuple[Solution, ...]
    skipped: dict[str, str]

    def __len__(self) -> int:
        return len(self.solutions)

    def __getitem__(self, index):
        return self.solutions[index]

    def __str__(self) -> str:
        rows = []
        for one in self.solutions:
            x = ", ".join([f"{x:.4g}" for x in one.x[:4]] + ["..."] * (len(one.x) > 4))
            numbers = [f"({x})", f"{one.value:.6g}", f"{one.residual:.1e}", one.steps]
            rows.append([one.method.replace("_", " "), one.outcome, *numbers])
        lines = [table(["method", "outcome", "x", "f", "KKT", "steps"], rows)]
        lines += [textwrap.fill(f"{method}: {why}", 80) for method, why in self.skipped.items()]
        return "\n".join(lines)

    def plot(self, ax=None):
        """Draw objective, constraints, paths and answers in two dimensions; return the axes."""
        from tf_gd.show.feasible import plot_solutions

        return plot_solutions(list(self.solutions), ax=ax)


def conditions(problem, x: np.ndarray) -> dict[str, Any]:
    """Return how well a point meets the optimality conditions, with the best multipliers.

    Stationarity is infinite where a derivative is not finite, and violation where `x` is not.
    """
    (_, slope), (g, of_g), (h, of_h) = (one.first(x) for one in (problem.f, problem.g, problem.h))
    mu, lam, stationarity = np.zeros(len(g)), np.zeros(len(h)), np.inf
    if all(np.isfinite(part).all() for part in (x, slope, of_g, of_h)):
        active = np.flatnonzero(g >= -_ACTIVE * (1 + np.abs(x).max()))
        # nnls() crashes without columns: the last is always 0.
        rows = np.concatenate([of_g[active], of_h, -of_h, 0 * slope[None]])
        multipliers, rest = optimize.nnls(rows.T, -slope)
        mu[active], plus, minus, _ = np.split(multipliers, np.cumsum([len(active), len(h), len(h)]))
        lam, stationarity = plus - minus, float(rest / (1 + np.linalg.norm(slope)))
    return dict(
        stationarity=stationarity,
        violation=problem.violation(x) if np.isfinite(x).all() else np.inf,
        complementarity=float(np.abs(mu * g).max(initial=0.0)),
        inequality_multipliers=mu,
        equality_multipliers=lam,
    )


def answer(
    problem, method: str, x, outcome: str, steps: int, trajectory: Trajectory | None = None
) -> Solution:
    """Return a solution, with the outcome corrected where the conditions at `x` contradict it.

    The outcomes "unbounded" and "infeasible" are kept as the method reports them.
    """
    x = np.asarray(x, "float64")
    with np.errstate(all="ignore"):
        met = conditions(problem, x)
        value = float(problem.f(x)) * problem.sign
        if outcome not in ("unbounded", "infeasible"):
            ends = (x,) if outcome == "solved" else (x, problem.start)
            if any(endless(problem, one, problem.start) for one in ends):
                outcome = "unbounded"
    residual = max(met["stationarity"], met["violation"])
    if outcome in ("stopped", "max_steps") and residual <= _EXACT:
        outcome = "solved"
    if outcome == "solved" and not residual <= _SOLVED:
        outcome = "stopped"
    if outcome in ("stopped", "max_steps") and not feasible(problem, x):
        outcome = "infeasible"
    return Solution(x, value, outcome, method, steps, trajectory=trajectory, problem=problem, **met)
