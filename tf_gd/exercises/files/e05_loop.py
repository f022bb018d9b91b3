"""The loop

Repeat the step. Keep x in a tf.Variable, take the gradient anew in each round,
and change the variable with x.assign_sub(...), which subtracts. Return x after
`steps` steps.
"""

import tensorflow as tf


def descend(f, start, learning_rate, steps):
    """Return x after the steps, one number."""
    raise NotImplementedError


# ---- answers ----
from tf_gd.exercises.drawing import curve, path_of, rate_of, start_of
from tf_gd.exercises.exercise import Mistake


def solution(f, start, learning_rate, steps):
    x = tf.Variable(start)
    for _ in range(steps):
        with tf.GradientTape() as tape:
            y = f(x)
        x.assign_sub(learning_rate * tape.gradient(y, x))
    return x


def draw(random, number):
    start = float(start_of(random, 1)[0])
    return {
        "f": curve(random),
        "start": start,
        "learning_rate": rate_of(random),
        "steps": number,
    }


def expected(f, start, learning_rate, steps):
    return path_of(f, start, learning_rate, steps)[-1]


AFTER = "02_one_variable"
RETURNS = "x"
IDEA = "for _ in range(steps): a new tape around y = f(x), then x.assign_sub(learning_rate * gradient)."
LINE = "x.assign_sub"
MISTAKES = [
    Mistake(
        "x begins anew in each step: make the variable before the loop",
        "    x = tf.Variable(start)\n    for _ in range(steps):\n",
        "    for _ in range(steps):\n        x = tf.Variable(start)\n",
    ),
    Mistake("one step too few", "range(steps)", "range(steps - 1)"),
    Mistake("one step too many", "range(steps)", "range(steps + 1)"),
    Mistake("it goes uphill: assign_add adds", "assign_sub", "assign_add"),
    Mistake("a single step: the return stands inside the loop", "    return x", "        return x"),
    Mistake(
        "the gradient is taken once, before the loop",
        "    for _ in range(steps):\n        with tf.GradientTape() as tape:\n            y = f(x)\n        x.assign_sub(learning_rate * tape.gradient(y, x))",
        "    with tf.GradientTape() as tape:\n        y = f(x)\n    g = tape.gradient(y, x)\n    for _ in range(steps):\n        x.assign_sub(learning_rate * g)",
    ),
    Mistake("f(x) is returned, not x", "return x", "return f(x)"),
    Mistake(
        "x is replaced by a tensor, which the next tape does not watch: use x.assign_sub",
        "x.assign_sub(learning_rate * tape.gradient(y, x))",
        "x = x - learning_rate * tape.gradient(y, x)",
    ),
]
