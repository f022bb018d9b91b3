"""Optimization problems: an objective, decision variables and constraints, their equivalent forms, and how to solve them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tf_gd import _checks
from tf_gd.constrained import solvers
from tf_gd.constrained.intersection import Intersection
from tf_gd.constrained.sets import ConvexSet
from tf_gd.constrained.solution import NotApplicableError, Solution, Solutions
from tf_gd.derivatives import Smooth, together
from tf_gd.toy.objectives import Objective, resolve


class Problem:
    """Minimise or maximise an objective, subject to constraints.

    Args:
        objective: a name of the catalogue, an :class:`~tf_gd.Objective`, or a function from a tensor ``(dim,)`` to a number,
            which then needs a ``start``.
        start: where iterations start, ``(dim,)``; by default the objective's own.
        inequality: functions of a point, to a number or a vector, that are to be at most 0. Others are brought into this
            form by :func:`tf_gd.constraints.at_most` and :func:`~tf_gd.constraints.at_least`.
        equality: functions that are to be 0.
        within: sets of :mod:`tf_gd.constraints` to stay in, such as ``Box(0, 1)``.
        sense: ``"min"`` or ``"max"``.

    Raises:
        TypeError, ValueError: an argument is not what it should be; the message says how to mend it.

    Examples:
        The point nearest to (3, 3) among those with x1 + x2 <= 2:

        >>> import tf_gd
        >>> problem = Problem("lecture_bowl", within=[tf_gd.constraints.HalfSpace([1.0, 1.0], 2.0)])
        >>> solution = problem.solve()
        >>> solution.x.round(6).tolist(), round(solution.value, 6), solution.outcome
        ([1.0, 1.0], 8.0, 'solved')
    """

    def __init__(self, objective, *, start=None, inequality=(), equality=(), within=(), sense: str = "min"):
        self.sense = _checks.one_of("sense", sense, ("min", "max"))
        start = None if start is None else _checks.point("start", start, "float64")
        self.objective: Objective = resolve(objective, start)
        self.start = np.array(self.objective.start if start is None else start)
        if len(self.start) != self.objective.dim:
            raise ValueError(f"start: got {len(self.start)} coordinates, expected {self.dim} for {self.objective.name!r}.")
        self.inequality, self.equality = _functions("inequality", inequality), _functions("equality", equality)
        self.within = _sets(within, self.start)
        signed = -1.0 if sense == "max" else 1.0
        self.f = Smooth(lambda x: signed * tf.reshape(self.objective.fn(x), ()), self.dim)  # always to be minimised
        self.g = Smooth(together([*self.inequality, self.region.inequalities]), self.dim)
        self.h = Smooth(together([*self.equality, self.region.equalities]), self.dim)
        _evaluate(self)

    @property
    def dim(self) -> int:
        """How many decision variables there are."""
        return self.objective.dim

    @property
    def region(self) -> Intersection:
        """The sets to stay in, as one."""
        return Intersection(self.within)

    def violation(self, x) -> float:
        """Return by how much the worst constraint is violated at a point; 0 where it is feasible.

        Examples:
            >>> Problem("square", inequality=[lambda x: 1.0 - x]).violation([0.25])
            0.75
        """
        x = _checks.point("x", x, "float64")
        return max(float(self.g(x).max(initial=0.0)), float(np.abs(self.h(x)).max(initial=0.0)))

    def standard_form(self) -> "Problem":
        """Return the same problem as: minimise f, subject to g <= 0.

        Maximising f is minimising -f; h = 0 is h <= 0 and -h <= 0; a set is the inequalities that describe it.

        Examples:
            >>> problem = Problem("square", equality=[lambda x: x - 1.0], sense="max")
            >>> print(problem.standard_form())
            minimise    -(x^2)
            over        x in R^1
            subject to  g1(x) <= 0
                        g2(x) <= 0
        """
        own, sign = self.objective, -1.0 if self.sense == "max" else 1.0
        formula = own.formula or own.name
        objective = Objective(
            own.name if sign > 0 else f"-{own.name}",
            lambda x: sign * own.fn(x),
            start=self.start,
            minima=own.minima if sign > 0 else (),
            domain=own.domain,
            formula=formula if sign > 0 else f"-({formula})",
        )
        smaller = list(self.inequality)
        if any(len(one.inequalities(self.start)) for one in self.within):
            smaller.append(self.region.inequalities)
        equal = list(self.equality)
        if any(len(one.equalities(self.start)) for one in self.within):
            equal.append(self.region.equalities)
        both = [together([function], scale) for function in equal for scale in (1.0, -1.0)]
        return Problem(objective, start=self.start, inequality=[*smaller, *both])

    def solve(self, method: str = "gradient_descent", *, learning_rate=None, steps=20_000, tolerance=1e-7) -> Solution:
        """Solve by one method.

        Args:
            method: ``"gradient_descent"`` (projected onto ``within``, with an augmented Lagrangian for inequality and
                equality), ``"analytic"`` (gradient = 0; quadratic objectives, linear equalities), ``"scipy"`` (SLSQP), or
                ``"cvxpy"`` (convex quadratic problems; needs the extra ``tf-gd[convex]``).
            learning_rate: for gradient descent; None finds one at each step, short enough to go down.
            steps: how many steps of gradient descent, or iterations of SciPy, at most.
            tolerance: of gradient descent: on the step that a rate of 1 would make, and on the violation.

        Returns:
            The solution. That a problem is infeasible or unbounded is an outcome, not an exception.
        """
        method = _checks.one_of("method", method, tuple(solvers.METHODS))
        steps = _checks.whole_number("steps", steps, minimum=1)
        tolerance = _checks.number("tolerance", tolerance, above=0.0, maximum=1e6)
        if learning_rate is not None:
            learning_rate = _checks.number("learning_rate", learning_rate, above=0.0)
        return solvers.solve(self, method, learning_rate, steps, tolerance)

    def solve_all(self, methods: Sequence[str] | None = None, **settings) -> Solutions:
        """Solve by several methods, all that apply by default; print the result for a table of them side by side.

        Examples:
            >>> answers = Problem("lecture_quadratic").solve_all(["gradient_descent", "analytic"])
            >>> [solution.x.round(4).tolist() for solution in answers]
            [[1.0, 2.0], [1.0, 2.0]]
        """
        if isinstance(methods, str):
            methods = [methods]
        found, skipped = [], {}
        for method in methods or solvers.METHODS:
            try:
                found.append(self.solve(method, **settings))
            except NotApplicableError as error:
                if methods:
                    raise
                skipped[method] = str(error)
        return Solutions(tuple(found), skipped)

    def __str__(self) -> str:
        own = self.objective
        lines = [("minimise    " if self.sense == "min" else "maximise    ") + (own.formula or own.name)]
        lines.append(f"over        x in R^{self.dim}")
        named = [(_name(function, f"g{i}(x)"), "<= 0") for i, function in enumerate(self.inequality, start=1)]
        named += [(_name(function, f"h{i}(x)"), "= 0") for i, function in enumerate(self.equality, start=1)]
        texts = [name if any(sign in name for sign in "<>=") else f"{name} {sign}" for name, sign in named]
        texts += [f"x in {one!r}" for one in self.within]
        lines += [("subject to  " if i == 0 else " " * 12) + text for i, text in enumerate(texts)]
        return "\n".join(lines)

    def __repr__(self) -> str:
        many = len(self.inequality) + len(self.equality) + len(self.within)
        return f"Problem({self.sense} {self.objective.name!r}, dim={self.dim}, {many} constraints)"


def _functions(name: str, given) -> tuple[Callable, ...]:
    functions = (given,)
    if isinstance(given, Iterable) and not callable(given) and not isinstance(given, np.ndarray):
        functions = tuple(given)
    if not all(callable(function) for function in functions):
        raise TypeError(f"{name}: got {given!r}, expected functions from a point to a number, as [lambda x: x[0] - 1.0].")
    return functions


def _sets(given, start: np.ndarray) -> tuple[ConvexSet, ...]:
    sets = tuple(given) if isinstance(given, Iterable) and not isinstance(given, np.ndarray) else (given,)
    if not all(hasattr(one, "project") and not isinstance(one, type) for one in sets):
        raise TypeError(f"within: got {given!r}, expected sets with a projection, as tf_gd.constraints.Box(0, 1).")
    for one in sets:
        try:
            shape = np.shape(one.project(start))
        except ValueError:
            shape = None
        if shape != start.shape:
            raise ValueError(f"within: {one!r} does not fit {len(start)} variables, expected a set of as many.")
    return sets


def _evaluate(problem: Problem) -> None:
    """Find out what is wrong with the functions while it can still be said which."""
    parts: list[tuple[str, Any]] = [("objective", problem.objective.fn)]
    parts += [(f"inequality {i}", function) for i, function in enumerate(problem.inequality, start=1)]
    parts += [(f"equality {i}", function) for i, function in enumerate(problem.equality, start=1)]
    for name, function in parts:
        x = tf.constant(problem.start)
        try:
            with tf.GradientTape() as tape:
                tape.watch(x)
                value = function(x)
        except Exception as error:
            said = _checks.raised(error)
            raise ValueError(f"{name}: calling it at {problem.start.tolist()} in float64 raised {said}") from error
        if not tf.is_tensor(value) or not value.dtype.is_floating or value.shape.rank > 1:
            raise ValueError(f"{name}: got {value!r}, expected a number of TensorFlow, or a vector for a constraint.")
        if name == "objective" and value.shape.num_elements() != 1:
            raise ValueError(f"{name}: got values of shape {tuple(value.shape)}, expected one number. Add them up.")
        if not np.isfinite(value.numpy()).all():
            raise ValueError(f"{name}: got {value.numpy()} at the start, expected a finite value. Start from another point.")
        try:
            tf.function(function, autograph=False).get_concrete_function(tf.TensorSpec(x.shape, x.dtype))
        except Exception as error:  # whatever the tracing of a user's function raises
            raise ValueError(
                f"{name}: it runs, but cannot be compiled ({type(error).__name__}). Expected TensorFlow's operations alone: "
                "tf.where in place of if, and no loop that depends on a value."
            ) from error
        if tape.gradient(value, x) is None:
            raise ValueError(f"{name}: it has no gradient with respect to its argument. Use TensorFlow's operations in it.")


def _name(function: Callable, otherwise: str) -> str:
    name = getattr(function, "__name__", "<lambda>")
    return otherwise if name in ("<lambda>", "vector", "inequalities", "equalities") else name
