"""The gradient, from a tape

The tape writes down what is done to a variable, and then goes through it
backwards. Return the gradient of f at x: make a tf.Variable of x, call f on it
inside `with tf.GradientTape() as tape:`, and then ask the tape: tape.gradient
takes two things, what to differentiate and by what.
"""

import tensorflow as tf


def gradient(f, x):
    """Return the gradient of f at x, a tensor of the shape of x."""
    raise NotImplementedError


# ---- answers ----
from tf_gd.exercises.drawing import bowl, start_of
from tf_gd.exercises.exercise import Mistake


def solution(f, x):
    x = tf.Variable(x)
    with tf.GradientTape() as tape:
        y = f(x)
    return tape.gradient(y, x)


def draw(random, number):
    return {"f": bowl(random), "x": start_of(random)}


def expected(f, x):
    return f.gradient(x.astype("float64"))


AFTER = "00_the_tape"
RETURNS = "the gradient"
IDEA = "Three lines: the variable, y = f(x) inside the tape, and tape.gradient of y by x."
LINE = "tape.gradient"
MISTAKES = [
    Mistake(
        "f gets another x than the variable that the tape watches", "y = f(x)", "y = f(x.numpy())"
    ),
    Mistake("f is returned, not its gradient", "return tape.gradient(y, x)", "return y"),
    Mistake(
        "f is called before the tape records",
        "    with tf.GradientTape() as tape:\n        y = f(x)",
        "    y = f(x)\n    with tf.GradientTape() as tape:\n        pass",
    ),
    Mistake("x is not watched: make it a tf.Variable", "x = tf.Variable(x)", "x = tf.constant(x)"),
    Mistake(
        "the sign is turned: the gradient points uphill, the step turns it",
        "return tape",
        "return -tape",
    ),
    Mistake("y and x are swapped: the tape takes first what to differentiate", "(y, x)", "(x, y)"),
    Mistake("the gradient of the square of f", "y = f(x)", "y = f(x) ** 2"),
]
