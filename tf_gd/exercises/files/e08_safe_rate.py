"""The largest safe rate

On f(x) = 1/2 x'Ax (x' is x transposed, A symmetric) a step multiplies the part
of x along an eigenvector by 1 - learning_rate * eigenvalue. It shrinks as long
as that lies between -1 and 1. Return the rate above which some part grows.
np.linalg.eigvalsh(A) returns the eigenvalues, the smallest first.
"""

import numpy as np


def largest_rate(A):
    """Return the limit of the learning rate, a number."""
    raise NotImplementedError


# ---- answers ----
from tf_gd.exercises.exercise import Mistake


def solution(A):
    return 2 / np.linalg.eigvalsh(A)[-1]


def draw(random, number):
    size = int(random.integers(2, 5))
    rotation = np.linalg.qr(random.normal(size=(size, size)))[0]
    return {"A": rotation @ np.diag(random.uniform(0.5, 9, size)) @ rotation.T}


def expected(A):
    return 2 / np.linalg.norm(A, 2)  # the largest singular value of such a matrix


AFTER = "07_narrow_valleys"
RETURNS = "the limit"
IDEA = "1 - rate * eigenvalue reaches -1 first for the largest eigenvalue."
LINE = "return"
MISTAKES = [
    Mistake("1 / the largest eigenvalue is safe, but half of the limit", "2 /", "1 /"),
    Mistake("the smallest eigenvalue is taken: the largest one grows first", "[-1]", "[0]"),
    Mistake(
        "the eigenvalues of A @ A are taken: those of A are the curvatures",
        "eigvalsh(A)",
        "eigvalsh(A @ A)",
    ),
    Mistake(
        "the largest entry on the diagonal is taken, not the largest eigenvalue",
        "np.linalg.eigvalsh(A)[-1]",
        "np.diag(A).max()",
    ),
    Mistake(
        "the sum of the eigenvalues is taken, not the largest",
        "np.linalg.eigvalsh(A)[-1]",
        "np.trace(A)",
    ),
    Mistake(
        "the other way up: the limit falls as the curvature rises",
        "2 / np.linalg.eigvalsh(A)[-1]",
        "np.linalg.eigvalsh(A)[-1] / 2",
    ),
]
