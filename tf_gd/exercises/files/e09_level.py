"""Gradient = 0, by algebra and by descent

The gradient of f(x) = 1/2 x'Ax - b'x is Ax - b. Return where it is zero, twice:
solved by np.linalg.solve, and reached by `steps` steps of gradient descent from
zero. No tape is needed: the gradient is written out. A @ x multiplies.
"""

import numpy as np


def lowest(A, b, learning_rate, steps):
    """Return the point by algebra and the point by descent, two arrays."""
    raise NotImplementedError


# ---- answers ----
from tf_gd.exercises.exercise import Mistake


def solution(A, b, learning_rate, steps):
    by_algebra = np.linalg.solve(A, b)
    x = np.zeros_like(b)
    for _ in range(steps):
        x = x - learning_rate * (A @ x - b)
    return by_algebra, x


def draw(random, number):
    size = 2 + number % 3
    root = random.normal(size=(size, size))
    A = np.round(root @ root.T / size + np.eye(size), 2)
    return {
        "A": A,
        "b": np.round(random.normal(size=size), 2),
        "learning_rate": float(round(random.uniform(0.05, 0.25), 2)),
        "steps": number,
    }


def expected(A, b, learning_rate, steps):
    # Each step takes the error e to (I - rate A) e, and the first error is minus the solution.
    minimum = np.linalg.inv(A) @ b
    shrink = np.linalg.matrix_power(np.eye(len(b)) - learning_rate * A, steps)
    return minimum, minimum - shrink @ minimum


AFTER = "03_formula_or_loop"
RETURNS = ("by algebra", "by descent")
IDEA = "Ax - b = 0 is A x = b: solve(A, b). A step is x - learning_rate * (A @ x - b)."
LINE = "x = x -"
MISTAKES = [
    Mistake(
        "the sign of b: the gradient is Ax - b, so solve Ax = b", "solve(A, b)", "solve(A, -b)"
    ),
    Mistake("multiplied by A instead of solved", "np.linalg.solve(A, b)", "A @ b"),
    Mistake("the sign of b in the gradient", "A @ x - b", "A @ x + b"),
    Mistake(
        "twice the curvature: the derivative of 1/2 x'Ax is Ax", "(A @ x - b)", "(2 * A @ x - b)"
    ),
    Mistake("A * x is taken, entry by entry: the product is A @ x", "A @ x", "A * x"),
    Mistake("it starts from b, not from zero", "np.zeros_like(b)", "b"),
    Mistake("a single step", "range(steps)", "range(1)"),
]
