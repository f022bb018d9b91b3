"""The one table of test problems that every solver meets, with an independent way to compute each."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TestProblem:
    """A catalogue objective, written again in NumPy with its gradient worked out by hand.

    Attributes:
        name: in the catalogue.
        f: ``(dim,)`` -> number, in float64.
        gradient: ``(dim,)`` -> ``(dim,)``, in float64.
        rate: a learning rate at which descent from the objective's start stays in bounds, also with momentum 0.9.
        lowest: f at the global minimum; None where there is none.
    """

    __test__ = False
    name: str
    f: Callable
    gradient: Callable
    rate: float
    lowest: float | None


def _rosenbrock_gradient(x):
    return np.array([-400 * x[0] * (x[1] - x[0] ** 2) - 2 * (1 - x[0]), 200 * (x[1] - x[0] ** 2)])


def _himmelblau_gradient(x):
    a, b = x[0] ** 2 + x[1] - 11, x[0] + x[1] ** 2 - 7
    return np.array([4 * x[0] * a + 2 * b, 2 * a + 4 * x[1] * b])


def _beale(x):
    return sum((c - x[0] + x[0] * x[1] ** p) ** 2 for p, c in ((1, 1.5), (2, 2.25), (3, 2.625)))


def _beale_gradient(x):
    total = np.zeros(2)
    for p, c in ((1, 1.5), (2, 2.25), (3, 2.625)):
        r = c - x[0] + x[0] * x[1] ** p
        total += 2 * r * np.array([x[1] ** p - 1, p * x[0] * x[1] ** (p - 1)])
    return total


_A, _U = 0.15 * np.pi, 3.425618459481728

PROBLEMS = [
    TestProblem("square", lambda x: x[0] ** 2, lambda x: 2 * x, 0.05, 0.0),
    TestProblem(
        "cosine_wave",
        lambda x: x[0] * np.cos(_A * x[0]),
        lambda x: np.cos(_A * x) - _A * x * np.sin(_A * x),
        0.05,
        _U * np.cos(_U) / _A,
    ),
    TestProblem(
        "quartic", lambda x: 2 * x[0] ** 4 + 3 * x[0] ** 3 + 2, lambda x: 8 * x**3 + 9 * x**2, 0.01, 2 - 2187 / 2048
    ),
    TestProblem("double_well", lambda x: (x[0] ** 2 - 1) ** 2, lambda x: 4 * x * (x**2 - 1), 0.02, 0.0),
    TestProblem(
        "lecture_quadratic",
        lambda x: 2 * x[0] ** 2 + x[1] ** 2 + x[0] * x[1] - 6 * x[0] - 5 * x[1],
        lambda x: np.array([[4.0, 1.0], [1.0, 2.0]]) @ x - [6, 5],
        0.05,
        -8.0,
    ),
    TestProblem("lecture_bowl", lambda x: ((x - 3) ** 2).sum(), lambda x: 2 * (x - 3), 0.05, 0.0),
    TestProblem("ellipse", lambda x: x[0] ** 2 + 2 * x[1] ** 2, lambda x: np.array([2, 4]) * x, 0.05, 0.0),
    TestProblem("flat_ellipse", lambda x: 0.1 * x[0] ** 2 + 2 * x[1] ** 2, lambda x: np.array([0.2, 4]) * x, 0.05, 0.0),
    TestProblem("bowl", lambda x: 0.5 * (x[0] ** 2 + 100 * x[1] ** 2), lambda x: np.array([1, 100]) * x, 0.01, 0.0),
    TestProblem("saddle", lambda x: 0.5 * (x[0] ** 2 - x[1] ** 2), lambda x: np.array([1, -1]) * x, 0.01, None),
    TestProblem("rosenbrock", lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2, _rosenbrock_gradient, 2e-4, 0.0),
    TestProblem(
        "himmelblau",
        lambda x: (x[0] ** 2 + x[1] - 11) ** 2 + (x[0] + x[1] ** 2 - 7) ** 2,
        _himmelblau_gradient,
        0.002,
        0.0,
    ),
    TestProblem("beale", _beale, _beale_gradient, 0.002, 0.0),
    TestProblem(
        "booth",
        lambda x: (x[0] + 2 * x[1] - 7) ** 2 + (2 * x[0] + x[1] - 5) ** 2,
        lambda x: np.array([10 * x[0] + 8 * x[1] - 34, 8 * x[0] + 10 * x[1] - 38]),
        0.02,
        0.0,
    ),
    TestProblem(
        "matyas",
        lambda x: 0.26 * (x[0] ** 2 + x[1] ** 2) - 0.48 * x[0] * x[1],
        lambda x: 0.52 * x - 0.48 * x[::-1],
        0.2,
        0.0,
    ),
    TestProblem(
        "three_hump_camel",
        lambda x: 2 * x[0] ** 2 - 1.05 * x[0] ** 4 + x[0] ** 6 / 6 + x[0] * x[1] + x[1] ** 2,
        lambda x: np.array([4 * x[0] - 4.2 * x[0] ** 3 + x[0] ** 5 + x[1], x[0] + 2 * x[1]]),
        0.05,
        0.0,
    ),
    TestProblem(
        "rastrigin",
        lambda x: 20 + (x**2 - 10 * np.cos(2 * np.pi * x)).sum(),
        lambda x: 2 * x + 20 * np.pi * np.sin(2 * np.pi * x),
        2e-4,
        0.0,
    ),
    TestProblem(
        "mccormick",
        lambda x: np.sin(x[0] + x[1]) + (x[0] - x[1]) ** 2 - 1.5 * x[0] + 2.5 * x[1] + 1,
        lambda x: np.cos(x[0] + x[1]) + 2 * (x[0] - x[1]) * np.array([1, -1]) + [-1.5, 2.5],
        0.02,
        -1.91322295498,
    ),
    TestProblem(
        "styblinski_tang",
        lambda x: 0.5 * (x**4 - 16 * x**2 + 5 * x).sum(),
        lambda x: 0.5 * (4 * x**3 - 32 * x + 5),
        0.002,
        -78.3323314075,
    ),
]

KINDS = {
    "plain": {},
    "momentum": {"momentum": 0.9},
    "nesterov": {"momentum": 0.9, "nesterov": True},
}


def descend(problem: TestProblem, start, rate, steps: int, momentum: float = 0.0, nesterov: bool = False) -> np.ndarray:
    """Return the path ``(steps + 1, dim)`` in float64, from the formulas of the papers rather than from ours."""
    x = np.array(start, "float64")
    velocity = np.zeros_like(x)
    path = [x]
    for _ in range(steps):
        gradient = problem.gradient(x)
        velocity = momentum * velocity - rate * gradient
        x = x + (momentum * velocity - rate * gradient if nesterov else velocity)
        path.append(x)
    return np.array(path)
