"""Why is this gradient None?

The function below is from a forum: "tape.gradient returns None". It has to work
for any number x, also for a whole one such as 3. Two things are wrong. Mend
them: a gradient needs floating-point numbers, and a tape watches only
variables, unless it is told to watch.
"""

import tensorflow as tf


def slope(f, x):
    """Return the derivative of f at the number x, a tensor."""
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        y = f(x)
    return tape.gradient(y, x)


# ---- answers ----
import numpy as np

from tf_gd.exercises.drawing import curve
from tf_gd.exercises.exercise import Mistake


def solution(f, x):
    x = tf.constant(x, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    return tape.gradient(y, x)


def draw(random, number):
    whole = number % 2 == 0
    x = int(random.integers(-3, 4)) if whole else float(round(random.uniform(-2, 2), 2))
    return {"f": curve(random), "x": x}


def expected(f, x):
    return f.gradient(np.float64(x))


AFTER = "00_the_tape"
RETURNS = "the derivative"
IDEA = "tf.constant(x, tf.float32) makes a floating-point number; tape.watch(x) comes before f(x)."
LINE = "tape.watch"
MISTAKES = [
    Mistake(
        "the number is cut off to a whole one",
        "tf.constant(x, tf.float32)",
        "tf.constant(int(x), tf.float32)",
    ),
    Mistake("x is not watched", "        tape.watch(x)\n", ""),
    Mistake(
        "x is watched, but may be a whole number: tf.constant(x, tf.float32)", ", tf.float32", ""
    ),
    Mistake(
        "x is watched after f was called: too late",
        "        tape.watch(x)\n        y = f(x)",
        "        y = f(x)\n        tape.watch(x)",
    ),
    Mistake(
        "the tape watches another tensor than f gets", "tape.watch(x)", "tape.watch(tf.identity(x))"
    ),
    Mistake(
        "None is replaced by zero: that hides the fault",
        "        tape.watch(x)\n        y = f(x)\n    return tape.gradient(y, x)",
        "        y = f(x)\n    return tape.gradient(y, x, unconnected_gradients='zero')",
    ),
]
