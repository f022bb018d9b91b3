"""Mend: "the second step fails"

From a forum: "My loop makes one step. In the second, the gradient is None." The
tape watches variables; look at what x is after the first round. Mend the loop;
it returns the losses, each from before its step.
"""

import tensorflow as tf


def losses(f, start, learning_rate, steps):
    """Return the values of f, a list with one for each step."""
    x = tf.Variable(start)
    values = []
    for _ in range(steps):
        with tf.GradientTape() as tape:
            y = f(x)
        values.append(y)
        x = x - learning_rate * tape.gradient(y, x)
    return values


# ---- answers ----
import numpy as np

from tf_gd.exercises.drawing import curve, path_of, rate_of, start_of
from tf_gd.exercises.exercise import Mistake


def solution(f, start, learning_rate, steps):
    x = tf.Variable(start)
    values = []
    for _ in range(steps):
        with tf.GradientTape() as tape:
            y = f(x)
        values.append(y)
        x.assign_sub(learning_rate * tape.gradient(y, x))
    return values


def draw(random, number):
    return {
        "f": curve(random),
        "start": float(start_of(random, 1)[0]),
        "learning_rate": rate_of(random),
        "steps": 2 + number,
    }


def expected(f, start, learning_rate, steps):
    return np.array([f(x) for x in path_of(f, start, learning_rate, steps)[:-1]])


AFTER = "00_the_tape"
RETURNS = "the losses"
IDEA = "x = x - ... makes a tensor, which the next tape does not watch. A variable is changed by x.assign_sub(...)."
LINE = "x.assign_sub"
MISTAKES = [
    Mistake(
        "x is still replaced by a tensor",
        "x.assign_sub(learning_rate * tape.gradient(y, x))",
        "x = x - learning_rate * tape.gradient(y, x)",
    ),
    Mistake("it goes uphill", "assign_sub", "assign_add"),
    Mistake(
        "x is set to the step, not moved by it: assign_sub subtracts", "x.assign_sub(", "x.assign(-"
    ),
    Mistake("the gradient is subtracted without the learning rate", "learning_rate * ", ""),
    Mistake(
        "the losses are from after the step: f(x) once more",
        "        values.append(y)\n        x.assign_sub(learning_rate * tape.gradient(y, x))",
        "        x.assign_sub(learning_rate * tape.gradient(y, x))\n        values.append(f(x))",
    ),
    Mistake(
        "the points are returned, not the losses",
        "values.append(y)",
        "values.append(tf.identity(x))",
    ),
    Mistake(
        "x never moves: a minus between tensors changes nothing",
        "x.assign_sub(learning_rate * tape.gradient(y, x))",
        "x - learning_rate * tape.gradient(y, x)",
    ),
]
