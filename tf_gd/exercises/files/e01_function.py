"""A function of two numbers

Rosenbrock's function is f(x) = (a - x1)^2 + b (x2 - x1^2)^2, a narrow bent
valley. Write it. x is a tensor of shape (2,): x[0] is x1, x[1] is x2. A tensor
is added, multiplied and raised to a power (**) like a number.
"""


def rosenbrock(x, a, b):
    """Return f(x), a tensor with one number."""
    raise NotImplementedError


# ---- answers ----
import numpy as np
import tensorflow as tf

from tf_gd.exercises.exercise import Mistake


def solution(x, a, b):
    return (a - x[0]) ** 2 + b * (x[1] - x[0] ** 2) ** 2


def draw(random, number):
    x = np.round(random.uniform(-2, 2, 2), 2).astype("float32")
    a, b = np.round(random.uniform((0.5, 2), (2, 9)), 1).tolist()
    return {"x": tf.constant(x), "a": a, "b": b}


def results(function, x, a, b):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x, a, b)
    return y, tape.gradient(y, x) if tf.is_tensor(y) else None


def expected(x, a, b):
    one, two = x.numpy().astype("float64")
    valley = two - np.square(one)
    slopes = [-2 * (a - one) - 4 * b * one * valley, 2 * b * valley]
    return np.square(a - one) + b * np.square(valley), np.array(slopes)


AFTER = "00_the_tape"
RETURNS = ("f(x)", "the gradient of f(x)")
IDEA = "Two squares are added: of a - x1, and b times that of x2 - x1^2."
LINE = "return"
MISTAKES = [
    Mistake("the square of x1 in the second bracket is left out", "x[0] ** 2)", "x[0])"),
    Mistake(
        "b is squared with the rest: it belongs before the bracket",
        "b * (x[1] - x[0] ** 2) ** 2",
        "(b * (x[1] - x[0] ** 2)) ** 2",
    ),
    Mistake(
        "x1 and x2 are swapped: counting begins at 0",
        "(a - x[0]) ** 2 + b * (x[1] - x[0] ** 2)",
        "(a - x[1]) ** 2 + b * (x[0] - x[1] ** 2)",
    ),
    Mistake(
        "the squares are doubles: ** 2 is a square, * 2 is not",
        "** 2 + b * (x[1] - x[0] ** 2) ** 2",
        "* 2 + b * (x[1] - x[0] * 2) * 2",
    ),
    Mistake("the squares are subtracted", "** 2 + b", "** 2 - b"),
]
