"""A straight line through points

Fit prediction = w x + b to points by gradient descent on the mean squared
error, from w = 0 and b = 0. x and y are tensors of shape (N,). One tape gives
both gradients: tape.gradient(loss, [w, b]). tf.reduce_mean takes the mean.
"""

import tensorflow as tf


def fit_line(x, y, learning_rate, steps):
    """Return w and b after the steps."""
    raise NotImplementedError


# ---- answers ----
import numpy as np

from tf_gd.exercises.drawing import rate_of, table_of
from tf_gd.exercises.exercise import Mistake


def solution(x, y, learning_rate, steps):
    w, b = tf.Variable(0.0), tf.Variable(0.0)
    for _ in range(steps):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((w * x + b - y) ** 2)
        of_w, of_b = tape.gradient(loss, [w, b])
        w.assign_sub(learning_rate * of_w)
        b.assign_sub(learning_rate * of_b)
    return w, b


def draw(random, number):
    x, y = table_of(random, int(random.integers(4, 12)), 1)
    return {
        "x": tf.constant(x[:, 0]),
        "y": tf.constant(y[:, 0]),
        "learning_rate": rate_of(random),
        "steps": number,
    }


def expected(x, y, learning_rate, steps):
    x, y = x.numpy().astype("float64"), y.numpy().astype("float64")
    w = b = 0.0
    for _ in range(steps):
        error = w * x + b - y
        w, b = w - learning_rate * 2 * np.mean(error * x), b - learning_rate * 2 * np.mean(error)
    return w, b


AFTER = "11_linear_regression"
RETURNS = ("w", "b")
IDEA = "loss = tf.reduce_mean((w * x + b - y) ** 2); then a step for w and one for b."
LINE = "loss ="
MISTAKES = [
    Mistake("the errors are summed, not averaged", "reduce_mean", "reduce_sum"),
    Mistake("half the mean squared error", "(w * x + b - y) ** 2)", "(w * x + b - y) ** 2) / 2"),
    Mistake("b is never changed", "        b.assign_sub(learning_rate * of_b)\n", ""),
    Mistake(
        "the mean absolute error: the square is missing",
        "tf.reduce_mean((w * x + b - y) ** 2)",
        "tf.reduce_mean(tf.abs(w * x + b - y))",
    ),
    Mistake(
        "the square of the mean error, not the mean of the squares",
        "tf.reduce_mean((w * x + b - y) ** 2)",
        "tf.reduce_mean(w * x + b - y) ** 2",
    ),
    Mistake("w gets the gradient of b, and b that of w", "of_w, of_b = tape", "of_b, of_w = tape"),
    Mistake(
        "shapes (N,) and (N, 1) that broadcast: every prediction against every target",
        "+ b - y)",
        "+ b - y[:, None])",
    ),
]
