"""When to stop

Descend until the gradient is short: before each step, stop if its norm (length)
is at most the tolerance: "converged". Stop after `steps` steps: "max_steps".
If the gradient is not finite, f has run away: "diverged". In one variable the
norm is the absolute value. float(...), abs(...) and np.isfinite(...) help.
Return x, the number of steps that were made, and how it ended.
"""

import numpy as np
import tensorflow as tf


def descend(f, start, learning_rate, steps, tolerance):
    """Return x, how many steps were made, and how it ended."""
    x = tf.Variable(start)
    for k in range(steps):
        with tf.GradientTape() as tape:
            y = f(x)
        gradient = float(tape.gradient(y, x))
        raise NotImplementedError("stop here, if it is time")
        x.assign_sub(learning_rate * gradient)
    return x, steps, "max_steps"


# ---- answers ----
from tf_gd.exercises.drawing import curve, start_of
from tf_gd.exercises.exercise import Mistake


def solution(f, start, learning_rate, steps, tolerance):
    x = tf.Variable(start)
    for k in range(steps):
        with tf.GradientTape() as tape:
            y = f(x)
        gradient = float(tape.gradient(y, x))
        if not np.isfinite(gradient):
            return x, k, "diverged"
        if abs(gradient) <= tolerance:
            return x, k, "converged"
        x.assign_sub(learning_rate * gradient)
    return x, steps, "max_steps"


def draw(random, number):
    f = curve(random)
    start = float(start_of(random, 1)[0])
    kind = number % 3
    start = 1e10 if number == 4 else start  # there f is infinite, and its gradient is not
    tolerance = 0.01
    if number == 3:  # the first gradient is as long as the tolerance, to the bit
        x = tf.Variable(start)
        with tf.GradientTape() as tape:
            y = f(x)
        tolerance = abs(float(tape.gradient(y, x)))
    rate = (0.15, 9.0, 0.02)[kind]
    return {
        "f": f,
        "start": start,
        "learning_rate": rate,
        "steps": (120, 30, 5)[kind],
        "tolerance": tolerance,
    }


def expected(f, start, learning_rate, steps, tolerance):
    x = np.float32(start)
    with np.errstate(all="ignore"):
        for k in range(steps):
            g = np.float32(f.gradient(x.astype("float32")))
            if not np.isfinite(g):
                return x, k, "diverged"
            if np.abs(g) <= tolerance * (1 + 1e-6):
                return x, k, "converged"
            x = np.float32(x - np.float32(learning_rate) * g)
    return x, steps, "max_steps"


AFTER = "06_learning_rate"
RETURNS = ("x", "the number of steps", "how it ended")
IDEA = "Two questions before the step: is the gradient not finite? Is its absolute value at most the tolerance?"
LINE = "if abs(gradient)"
MISTAKES = [
    Mistake(
        "smaller than the tolerance, where at most was asked for: <=",
        "abs(gradient) <=",
        "abs(gradient) <",
    ),
    Mistake(
        "the absolute value is left out: a negative gradient is below any tolerance",
        "abs(gradient) <=",
        "gradient <=",
    ),
    Mistake(
        "f is compared with the tolerance, not the gradient", "abs(gradient) <=", "abs(float(y)) <="
    ),
    Mistake(
        "what runs away is never noticed: nothing is smaller than NaN",
        '        if not np.isfinite(gradient):\n            return x, k, "diverged"\n',
        "",
    ),
    Mistake(
        "counted from 1: k steps were made before this one",
        'return x, k, "converged"',
        'return x, k + 1, "converged"',
    ),
    Mistake(
        "the step is made before the question",
        '        if not np.isfinite(gradient):\n            return x, k, "diverged"\n        if abs(gradient) <= tolerance:\n            return x, k, "converged"\n        x.assign_sub(learning_rate * gradient)',
        '        x.assign_sub(learning_rate * gradient)\n        if not np.isfinite(gradient):\n            return x, k + 1, "diverged"\n        if abs(gradient) <= tolerance:\n            return x, k + 1, "converged"',
    ),
    Mistake(
        "the two answers are swapped",
        'return x, k, "diverged"\n        if abs(gradient) <= tolerance:\n            return x, k, "converged"',
        'return x, k, "converged"\n        if abs(gradient) <= tolerance:\n            return x, k, "diverged"',
    ),
]
