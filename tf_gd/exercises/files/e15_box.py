"""Descent in a box

Projected gradient descent: make the step, and then put x back into the box,
where every coordinate lies between low and high. tf.clip_by_value(x, low, high)
does that; x.assign(...) sets the variable. Return the point after the steps.
"""

import tensorflow as tf


def descend(f, start, low, high, learning_rate, steps):
    """Return x after the steps, of the shape of start."""
    raise NotImplementedError


# ---- answers ----
import numpy as np

from tf_gd.exercises.drawing import bowl, rate_of
from tf_gd.exercises.exercise import Mistake


def solution(f, start, low, high, learning_rate, steps):
    x = tf.Variable(start)
    for _ in range(steps):
        with tf.GradientTape() as tape:
            y = f(x)
        x.assign_sub(learning_rate * tape.gradient(y, x))
        x.assign(tf.clip_by_value(x, low, high))
    return x


def draw(random, number):
    f = bowl(random)
    side = (-1.2, 1.2)[number % 2]  # of the box, seen from the lowest point
    low, high = np.round(side + random.uniform((-0.6, 0.2), (-0.2, 0.6)), 2).tolist()
    start = np.round(random.uniform(low - 1.5, high + 1.5, 2), 2).astype("float32")
    return {
        "f": f,
        "start": start,
        "low": low,
        "high": high,
        "learning_rate": rate_of(random, 0.3),
        "steps": number,
    }


def expected(f, start, low, high, learning_rate, steps):
    x = start.astype("float64")
    for _ in range(steps):
        x = np.minimum(np.maximum(x - learning_rate * f.gradient(x), low), high)
    return x


AFTER = "19_constraints"
RETURNS = "x"
IDEA = (
    "The step as ever, and right after it, in the loop: x.assign(tf.clip_by_value(x, low, high))."
)
LINE = "x.assign(tf"
MISTAKES = [
    Mistake(
        "put back once, after the loop",
        "        x.assign(tf.clip_by_value(x, low, high))\n    return x",
        "    return tf.clip_by_value(x, low, high)",
    ),
    Mistake(
        "put back before the step: the last step may leave the box",
        "        with tf.GradientTape() as tape:\n            y = f(x)\n        x.assign_sub(learning_rate * tape.gradient(y, x))\n        x.assign(tf.clip_by_value(x, low, high))",
        "        x.assign(tf.clip_by_value(x, low, high))\n        with tf.GradientTape() as tape:\n            y = f(x)\n        x.assign_sub(learning_rate * tape.gradient(y, x))",
    ),
    Mistake(
        "the gradient is clipped, not the point",
        "        x.assign_sub(learning_rate * tape.gradient(y, x))\n        x.assign(tf.clip_by_value(x, low, high))",
        "        g = tf.clip_by_value(tape.gradient(y, x), low, high)\n        x.assign_sub(learning_rate * g)",
    ),
    Mistake(
        "clip_by_value returns a tensor and changes nothing: x.assign(...)",
        "x.assign(tf.clip_by_value(x, low, high))",
        "tf.clip_by_value(x, low, high)",
    ),
    Mistake("only the upper limit", "tf.clip_by_value(x, low, high)", "tf.minimum(x, high)"),
    Mistake("only the lower limit", "tf.clip_by_value(x, low, high)", "tf.maximum(x, low)"),
]
