"""The path

Return all the points of a descent in several variables, the start first: an
array with steps + 1 rows. x.numpy() gives the numbers of a variable, as they
are now; np.stack makes an array of a list of points.
"""

import numpy as np
import tensorflow as tf


def descend(f, start, learning_rate, steps):
    """Return the points, an array of shape (steps + 1, len(start))."""
    raise NotImplementedError


# ---- answers ----
from tf_gd.exercises.drawing import bowl, path_of, rate_of, start_of
from tf_gd.exercises.exercise import Mistake


def solution(f, start, learning_rate, steps):
    x = tf.Variable(start)
    path = [x.numpy()]
    for _ in range(steps):
        with tf.GradientTape() as tape:
            y = f(x)
        x.assign_sub(learning_rate * tape.gradient(y, x))
        path.append(x.numpy())
    return np.stack(path)


def draw(random, number):
    dim = int(random.integers(2, 4))
    return {
        "f": bowl(random, dim),
        "start": start_of(random, dim),
        "learning_rate": rate_of(random),
        "steps": number,
    }


def expected(f, start, learning_rate, steps):
    return path_of(f, start, learning_rate, steps)


AFTER = "05_several_variables"
RETURNS = "the path"
IDEA = "Put x.numpy() into a list before the loop, and again after every step."
LINE = "path.append"
MISTAKES = [
    Mistake("the start is missing", "path = [x.numpy()]", "path = []"),
    Mistake(
        "the last point is missing: each is noted before its step",
        "        with tf.GradientTape() as tape:\n            y = f(x)\n        x.assign_sub(learning_rate * tape.gradient(y, x))\n        path.append(x.numpy())\n    return np.stack(path)",
        "        path.append(x.numpy())\n        with tf.GradientTape() as tape:\n            y = f(x)\n        x.assign_sub(learning_rate * tape.gradient(y, x))\n    return np.stack(path[1:])",
    ),
    Mistake(
        "the start stands twice, and the last point is missing",
        "        with tf.GradientTape() as tape:\n            y = f(x)\n        x.assign_sub(learning_rate * tape.gradient(y, x))\n        path.append(x.numpy())",
        "        path.append(x.numpy())\n        with tf.GradientTape() as tape:\n            y = f(x)\n        x.assign_sub(learning_rate * tape.gradient(y, x))",
    ),
    Mistake(
        "the list holds the variable itself, and so its last value in every row",
        "    path = [x.numpy()]\n    for _ in range(steps):\n        with tf.GradientTape() as tape:\n            y = f(x)\n        x.assign_sub(learning_rate * tape.gradient(y, x))\n        path.append(x.numpy())",
        "    path = [x]\n    for _ in range(steps):\n        with tf.GradientTape() as tape:\n            y = f(x)\n        x.assign_sub(learning_rate * tape.gradient(y, x))\n        path.append(x)",
    ),
    Mistake("it goes uphill", "assign_sub", "assign_add"),
    Mistake(
        "the values of f are collected, not the points",
        "path.append(x.numpy())",
        "path.append(0 * x.numpy() + y.numpy())",
    ),
]
