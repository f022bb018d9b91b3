"""Other people's solvers on our problems: SciPy, and CVXPY for problems in natural form."""

import warnings

import numpy as np
from scipy import optimize

from tf_gd.constrained.solution import NotApplicableError, Solution, answer
from tf_gd.constrained.unbounded import FAR, feasible
from tf_gd.derivatives import quadratic

_STALLED = 10  # iterations without a move
_NO_DESCENT = 8  # what SLSQP says where f is so well solved that only rounding is left, or not: the conditions will tell


def scipy(problem, learning_rate, steps, tolerance) -> Solution:
    """Use SciPy's sequential least squares programming (SLSQP), with our gradients."""
    kinds = (("ineq", problem.g, -1.0), ("eq", problem.h, 1.0))
    constraints = [
        {"type": kind, "fun": lambda x, c=c, s=s: s * c(x), "jac": lambda x, c=c, s=s: s * c.first(x)[1]}
        for kind, c, s in kinds
        if len(c(problem.start))
    ]

    steepest = float(np.abs(problem.f.first(problem.start)[1]).max())
    unit = 1 / steepest if 0 < steepest < 1e-3 else 1.0  # SLSQP stops by the size of f

    def evaluate(x):
        value, slope = problem.f.first(x)
        return unit * float(value), unit * slope

    far, last, unmoved = FAR * (1 + np.abs(problem.start).max()), problem.start, 0

    def stop(x):
        """Far away, or where the line search finds nothing more, which SLSQP would repeat to its last iteration."""
        nonlocal last, unmoved
        unmoved = unmoved + 1 if np.abs(x - last).max() <= 1e-14 * np.abs(x).max() else 0
        last = x.copy()
        if np.abs(x).max() > far or unmoved > _STALLED:
            raise StopIteration

    options = {"maxiter": min(steps, 500), "ftol": min(1e-12, tolerance**2)}
    settings = dict(method="SLSQP", constraints=constraints, options=options, callback=stop)
    with np.errstate(all="ignore"):
        found = optimize.minimize(evaluate, problem.start, jac=True, **settings)
    met = found.success or unmoved > _STALLED or found.status == _NO_DESCENT
    return answer(problem, "scipy", found.x, "solved" if met else "stopped", int(found.nit), None)


def cvxpy(problem, learning_rate, steps, tolerance) -> Solution:
    """Hand the problem in its natural form to CVXPY, which finds out whether it is convex and which solver it needs."""
    try:
        import cvxpy as cp
    except ImportError:
        raise NotApplicableError("CVXPY is not installed: pip install 'tf-gd[convex]'") from None
    x, start = cp.Variable(problem.dim), problem.start

    def expression(h, q, c):
        curved = cp.quad_form(x, cp.psd_wrap(h)) / 2 if np.abs(h).max() > 1e-12 else 0.0
        return curved + q @ x + float(c)

    def natural_form(function, what: str):
        found = quadratic(function, start)
        if found is None:
            raise NotApplicableError(f"the {what} is not quadratic, and CVXPY cannot look into a TensorFlow function")
        return found

    h, q, c = natural_form(problem.f, "objective")
    of_g, g_q, g_c = natural_form(problem.g, "inequality")
    of_h, h_q, h_c = natural_form(problem.h, "equality")
    curvatures = [np.linalg.eigvalsh(one)[0] + 1e-10 * np.abs(one).max() for one in (h, *of_g)]
    if min(curvatures) < 0 or np.abs(of_h).max(initial=0.0) > 1e-9:
        raise NotApplicableError("the problem is not convex")
    constraints = [expression(*part) <= 0 for part in zip(of_g, g_q, g_c, strict=True)]
    constraints += [q @ x + float(c) == 0 for q, c in zip(h_q, h_c, strict=True)]
    program = cp.Problem(cp.Minimize(expression(h, q, c)), constraints)
    with warnings.catch_warnings(action="ignore"):  # inaccurate? We check
        program.solve(solver=cp.CLARABEL)
    outcomes = {"optimal": "solved", "infeasible": "infeasible", "unbounded": "unbounded"}
    outcome = outcomes.get(program.status.removesuffix("_inaccurate"), "stopped")
    if outcome == "unbounded" and not feasible(problem, start):
        outcome = "infeasible"  # CVXPY says so where both hold
    point = np.full_like(start, np.nan) if x.value is None else np.ravel(x.value)
    return answer(problem, "cvxpy", point, outcome, int(program.solver_stats.num_iters or 0), None)
