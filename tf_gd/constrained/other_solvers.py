"""Solvers other than gradient descent: gradient = 0 as a linear system, SciPy and CVXPY."""

import warnings

import numpy as np
from scipy import linalg, optimize

from tf_gd.constrained.solution import NotApplicableError, Solution, answer
from tf_gd.constrained.unbounded import FAR, feasible
from tf_gd.derivatives import Smooth

_STALLED = 10  # iterations of SLSQP without a move, after which it only repeats itself
_NO_DESCENT = 8  # SLSQP's status at a solution where only rounding is left, and elsewhere
_STRAIGHT = 1e-9  # the largest second derivative of an equality that counts as linear


def analytic(problem, learning_rate, steps, tolerance) -> Solution:
    """Solve gradient = 0: a linear system for quadratic objectives and linear equalities."""
    h, q, _ = _quadratic(problem, problem.f, "objective")
    if len(problem.g(problem.start)):
        raise NotApplicableError("which inequalities hold with equality is not known beforehand")
    curved, a, offset = _quadratic(problem, problem.h, "equality")
    if np.abs(curved).max(initial=0.0) > _STRAIGHT:
        raise NotApplicableError("an equality is not linear, so gradient = 0 is no linear system")
    matrix = np.block([[h, a.T], [a, np.zeros((len(a), len(a)))]])
    right = np.append(-q, -offset)
    solution = np.linalg.lstsq(matrix, right, rcond=None)[0]
    holds = np.isclose(matrix @ solution, right, atol=1e-8 * (1 + np.abs(right).max()))
    free = linalg.null_space(a, rcond=1e-12) if len(a) else np.eye(problem.dim)
    lowest = np.linalg.eigvalsh(free.T @ h @ free).min(initial=0.0)  # along the equalities
    if not holds[problem.dim :].all():
        outcome = "infeasible"
    elif not holds.all() or lowest < -1e-10 * np.abs(h).max():
        outcome = "unbounded"
    else:
        outcome = "solved"
    return answer(problem, "analytic", solution[: problem.dim], outcome, 1)


def scipy(problem, learning_rate, steps, tolerance) -> Solution:
    """Use SciPy's sequential least squares programming (SLSQP), with our gradients."""
    constraints = [
        {"type": "ineq", "fun": lambda x: -problem.g(x), "jac": lambda x: -problem.g.first(x)[1]},
        {"type": "eq", "fun": problem.h, "jac": lambda x: problem.h.first(x)[1]},
    ]
    steepest = np.abs(problem.f.first(problem.start)[1]).max()
    # SLSQP stops where f changes little: too early if the units of f are small.
    unit = 1 / steepest if 0 < steepest < 1e-3 else 1.0
    far, last, unmoved = FAR * (1 + np.abs(problem.start).max()), problem.start, 0

    def stop(x):
        nonlocal last, unmoved
        unmoved = unmoved + 1 if np.abs(x - last).max() <= 1e-14 * np.abs(x).max() else 0
        last = x.copy()
        if np.abs(x).max() > far or unmoved > _STALLED:
            raise StopIteration

    options = {"maxiter": min(steps, 500), "ftol": min(1e-12, tolerance**2)}
    settings = dict(method="SLSQP", constraints=constraints, options=options, callback=stop)
    found = optimize.minimize(
        lambda x: tuple(unit * part for part in problem.f.first(x)),
        problem.start,
        jac=True,
        **settings,
    )
    met = found.success or unmoved > _STALLED or found.status == _NO_DESCENT
    return answer(problem, "scipy", found.x, "solved" if met else "stopped", int(found.nit))


def cvxpy(problem, learning_rate, steps, tolerance) -> Solution:
    """Use CVXPY, which proves that a quadratic problem is convex and chooses a solver."""
    try:
        import cvxpy as cp
    except ImportError:
        raise NotApplicableError("CVXPY is not installed: pip install 'tf-gd[convex]'") from None
    h, q, c = _quadratic(problem, problem.f, "objective")
    g_h, g_q, g_c = _quadratic(problem, problem.g, "inequality")
    h_h, h_q, h_c = _quadratic(problem, problem.h, "equality")
    convex = all(np.linalg.eigvalsh(one)[0] >= -1e-10 * np.abs(one).max() for one in (h, *g_h))
    if not convex or np.abs(h_h).max(initial=0.0) > _STRAIGHT:
        raise NotApplicableError("the problem is not convex")
    x = cp.Variable(problem.dim)

    def expression(h, q, c):
        curved = cp.quad_form(x, cp.psd_wrap(h)) / 2 if np.abs(h).max() > 1e-12 else 0.0
        return curved + q @ x + float(c)

    constraints = [expression(*part) <= 0 for part in zip(g_h, g_q, g_c, strict=True)]
    constraints += [q @ x + float(c) == 0 for q, c in zip(h_q, h_c, strict=True)]
    program = cp.Problem(cp.Minimize(expression(h, q, c)), constraints)
    with warnings.catch_warnings(action="ignore"):  # of inaccuracy, which `answer` judges
        program.solve(solver=cp.CLARABEL)
    outcomes = {"optimal": "solved", "infeasible": "infeasible", "unbounded": "unbounded"}
    outcome = outcomes.get(program.status.removesuffix("_inaccurate"), "stopped")
    if outcome == "unbounded" and not feasible(problem, problem.start):
        outcome = "infeasible"  # where both hold, CVXPY reports "unbounded"
    point = np.full(problem.dim, np.nan) if x.value is None else np.ravel(x.value)
    return answer(problem, "cvxpy", point, outcome, int(program.solver_stats.num_iters or 0))


def _quadratic(problem, function: Smooth, what: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return H, q and c of a function that is ``x H x / 2 + q x + c`` everywhere, or raise.

    It is judged at the start and at twelve points up to 1e9 away: H must be the same at all, and
    the gradient ``H x + q``, which at a kink it is on one side only.
    """
    x, error = problem.start, NotApplicableError(f"the {what} is not quadratic")
    directions = np.random.default_rng(0).normal(size=(12, len(x)))
    distances = 10.0 ** np.repeat([0, 1, 2, 4, 6, 9], 2)[:, None]
    points = [x, *(x + (1.0 + np.abs(x).max()) * distances * directions)]
    values, slopes, hessians = map(np.array, zip(*map(function.second, points), strict=True))
    h, q = hessians[0], slopes[0] - hessians[0] @ x
    if not np.abs(hessians - h).max(initial=0.0) <= 1e-9 * (1 + np.abs(hessians).max(initial=0.0)):
        raise error
    for point, slope in zip(points, slopes, strict=True):
        terms = np.abs(h).max(initial=0.0) * np.abs(point).max() + np.abs(q).max(initial=0.0)
        if not np.abs(slope - (h @ point + q)).max(initial=0.0) <= 1e-8 * (1e-8 + terms):
            raise error
    return h, q, values[0] - 0.5 * (h @ x) @ x - q @ x
