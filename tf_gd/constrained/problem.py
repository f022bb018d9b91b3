"""Optimization problems: objective, decision variables, constraints, and how to solve them."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from tf_gd import _checks
from tf_gd.constrained import solvers
from tf_gd.constrained.sets import SETS, Intersection, several
from tf_gd.constrained.solution import NotApplicableError, Solution, Solutions, answer
from tf_gd.constrained.unbounded import feasible
from tf_gd.derivatives import Smooth, together
from tf_gd.toy.checks import check_start
from tf_gd.toy.objectives import Objective

_FUNCTIONS = "functions from a point to a number, as [lambda x: x[0] - 1.0]"


class Problem:
    """Minimise or maximise an objective, subject to constraints.

    Args:
        objective: a name of the catalogue, an :class:`~tf_gd.Objective`, or a function from a
            tensor ``(dim,)`` to a number, which needs a ``start``.
        start: where iterations start, ``(dim,)``; by default the objective's own start.
        inequality: functions of a point, to a number or a vector, that must be at most 0.
            :func:`tf_gd.constraints.at_most` and :func:`~tf_gd.constraints.at_least` make them.
        equality: functions that must be 0.
        within: sets of :mod:`tf_gd.constraints` to stay in, such as ``Box(0, 1)``.
        sense: ``"min"`` or ``"max"``.

    Raises:
        TypeError, ValueError: an argument has the wrong type or does not fit the others, or a
            function cannot be evaluated, compiled or differentiated at the start.

    Examples:
        >>> import tf_gd
        >>> half_plane = tf_gd.constraints.HalfSpace([1.0, 1.0], 2.0)
        >>> solution = Problem("lecture_bowl", within=half_plane).solve()
        >>> solution.x.round(6).tolist(), round(solution.value, 6), solution.outcome
        ([1.0, 1.0], 8.0, 'solved')
    """

    def __init__(
        self, objective, *, start=None, inequality=(), equality=(), within=(), sense: str = "min"
    ):
        self.sense = _checks.one_of("sense", sense, ("min", "max"))
        self.sign = -1.0 if self.sense == "max" else 1.0
        self.objective, value, x = check_start(objective, start, "float64")
        self.start, self.dim = x.numpy(), self.objective.dim
        self.inequality = several("inequality", inequality, "__call__", _FUNCTIONS)
        self.equality = several("equality", equality, "__call__", _FUNCTIONS)
        self.within = several("within", within, "project", SETS)
        self.region = Intersection(self.within)
        for one in self.within:
            _check_dimension(one, self.start)
        _check_function("objective", value, x)
        for name, functions in (("inequality", self.inequality), ("equality", self.equality)):
            for i, function in enumerate(functions, start=1):
                _check_function(f"{name} {i}", function, x)
        # Solvers minimise f, subject to g <= 0 and h = 0.
        self.f = Smooth(lambda x: self.sign * value(x), self.dim)
        self.g = Smooth(together([*self.inequality, self.region.inequalities]), self.dim)
        self.h = Smooth(together([*self.equality, self.region.equalities]), self.dim)

    def violation(self, x) -> float:
        """Return by how much the worst constraint is violated at a point; 0 if it is feasible.

        Examples:
            >>> Problem("square", inequality=[lambda x: 1.0 - x]).violation([0.25])
            0.75
        """
        x = _checks.point("x", x, "float64")
        return float(np.concatenate([self.g(x), np.abs(self.h(x))]).max(initial=0.0))

    def standard_form(self) -> "Problem":
        """Return the same problem as: minimise f, subject to g <= 0.

        To maximise f is to minimise -f; h = 0 becomes h <= 0 and -h <= 0; a set becomes the
        inequalities that describe it.

        Examples:
            >>> print(Problem("square", equality=[lambda x: x - 1.0], sense="max").standard_form())
            minimise    -(x^2)
            over        x in R^1
            subject to  g1(x) <= 0
                        g2(x) <= 0
        """
        own = self.objective
        name, formula, minima = own.name, own.formula or own.name, own.minima
        if self.sense == "max":
            name, formula, minima = f"-{name}", f"-({formula})", ()
        known = dict(start=self.start, minima=minima, domain=own.domain, formula=formula)
        objective = Objective(name, lambda x: self.sign * own.fn(x), **known)
        inequality, equality = list(self.inequality), list(self.equality)
        if len(self.region.inequalities(self.start)):
            inequality.append(self.region.inequalities)
        if len(self.region.equalities(self.start)):
            equality.append(self.region.equalities)
        for h in equality:
            inequality += [lambda x, h=h: h(x), lambda x, h=h: -h(x)]
        return Problem(objective, start=self.start, inequality=inequality)

    def solve(
        self, method="gradient_descent", *, learning_rate=None, steps=20_000, tolerance=1e-7
    ) -> Solution:
        """Solve by one method.

        Args:
            method: ``"gradient_descent"`` (projected onto ``within``, with an augmented Lagrangian
                for inequality and equality), ``"analytic"`` (gradient = 0, for quadratic objectives
                and linear equalities), ``"scipy"`` (SLSQP), or ``"cvxpy"`` (for convex quadratic
                problems; needs the extra ``tf-gd[convex]``).
            learning_rate: of gradient descent; by default one is found at each step.
            steps: the most steps of gradient descent, or iterations of SciPy.
            tolerance: gradient descent ends where a step with a rate of 1 and the violation are
                at most this.

        Raises:
            TypeError, ValueError: an argument is out of range, or the method does not apply.
        """
        method = _checks.one_of("method", method, tuple(solvers.METHODS))
        steps = _checks.whole_number("steps", steps, minimum=1)
        tolerance = _checks.number("tolerance", tolerance, above=0.0, maximum=1e6)
        if learning_rate is not None:
            learning_rate = _checks.number("learning_rate", learning_rate, above=0.0)
        with np.errstate(all="ignore"):  # an overflow has an outcome of its own
            x = self.region.project(self.start)
            gap = max((np.abs(x - one.project(x)).max() for one in self.within), default=0.0)
            # Where sets only touch, the projection is inexact: a gap alone proves nothing.
            if gap > 1e-6 * (1 + np.abs(self.start).max()) and not feasible(self, x):
                return answer(self, method, self.start, "infeasible", 0)
            return solvers.METHODS[method](self, learning_rate, steps, tolerance)

    def solve_all(self, methods: Sequence[str] | None = None, **settings) -> Solutions:
        """Solve by several methods, by default all that apply; printing the result shows a table.

        Examples:
            >>> answers = Problem("lecture_quadratic").solve_all(["gradient_descent", "analytic"])
            >>> [solution.x.round(4).tolist() for solution in answers]
            [[1.0, 2.0], [1.0, 2.0]]
        """
        found, skipped = [], {}
        for method in [methods] if isinstance(methods, str) else methods or solvers.METHODS:
            try:
                found.append(self.solve(method, **settings))
            except NotApplicableError as error:
                if methods:
                    raise
                skipped[method] = str(error)
        return Solutions(tuple(found), skipped)

    def __str__(self) -> str:
        parts = [_shown(one, f"g{i}(x)", "<=") for i, one in enumerate(self.inequality, start=1)]
        parts += [_shown(one, f"h{i}(x)", "=") for i, one in enumerate(self.equality, start=1)]
        parts += [f"x in {one!r}" for one in self.within]
        lines = [f"{self.sense + 'imise':12}{self.objective.formula or self.objective.name}"]
        lines += [f"{'over':12}x in R^{self.dim}"]
        lines += [f"{'' if i else 'subject to':12}{part}" for i, part in enumerate(parts)]
        return "\n".join(lines)

    def __repr__(self) -> str:
        many = len(self.inequality) + len(self.equality) + len(self.within)
        return f"Problem({self.sense} {self.objective.name!r}, dim={self.dim}, {many} constraints)"


def _check_dimension(one, start: np.ndarray) -> None:
    try:
        fits = np.shape(one.project(start)) == start.shape
    except ValueError:
        fits = False
    if not fits:
        got = f"{one!r} does not fit {len(start)} variables"
        raise ValueError(f"within: {got}, expected a set of as many.")


def _check_function(name: str, function: Callable, x: tf.Tensor) -> None:
    """Raise ValueError for a function without a finite value or without a gradient at the start.

    Inside a solver the same errors could no longer be traced to one function.
    """
    try:
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = function(x)
    except Exception as error:
        said = f"calling it at {x.numpy().tolist()} in float64 raised {_checks.raised(error)}"
        raise ValueError(f"{name}: {said}") from error
    if not tf.is_tensor(value) or not value.dtype.is_floating or value.shape.rank > 1:
        expected = "expected a number of TensorFlow, or a vector for a constraint"
        raise ValueError(f"{name}: got {value!r}, {expected}.")
    if not np.isfinite(value.numpy()).all():
        got = f"got {value.numpy()} at the start"
        raise ValueError(f"{name}: {got}, expected a finite value. Start from another point.")
    try:
        tf.function(function, autograph=False).get_concrete_function(tf.TensorSpec.from_tensor(x))
    except Exception as error:  # tracing a user's function may raise anything
        raise ValueError(
            f"{name}: it runs, but cannot be compiled ({type(error).__name__}). Expected only "
            "TensorFlow operations: tf.where instead of if, and no loop that depends on a value."
        ) from error
    if tape.gradient(value, x) is None:
        advice = "Use TensorFlow operations in it"
        raise ValueError(f"{name}: it has no gradient with respect to its argument. {advice}.")


def _shown(function: Callable, otherwise: str, relation: str) -> str:
    """Return a constraint as text: by the name of its function, if that says anything."""
    name = getattr(function, "__name__", "<lambda>")
    name = otherwise if name in ("<lambda>", "inequalities", "equalities") else name
    return name if any(sign in name for sign in "<>=") else f"{name} {relation} 0"
