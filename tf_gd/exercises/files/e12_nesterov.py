"""Nesterov's momentum, as in Keras

The velocity is as before: v = momentum * v - learning_rate * g. But x moves a
step further along it: x = x + momentum * v - learning_rate * g, with the new v
and the same gradient g, taken at x. Return the point after the steps.
"""

import tensorflow as tf


def descend(f, start, learning_rate, momentum, steps):
    """Return x after the steps, of the shape of start."""
    raise NotImplementedError


# ---- answers ----
import keras

from tf_gd.exercises.drawing import bowl, keras_path, rate_of, start_of
from tf_gd.exercises.exercise import Mistake


def solution(f, start, learning_rate, momentum, steps):
    x = tf.Variable(start)
    v = tf.zeros_like(x)
    for _ in range(steps):
        with tf.GradientTape() as tape:
            y = f(x)
        g = tape.gradient(y, x)
        v = momentum * v - learning_rate * g
        x.assign_add(momentum * v - learning_rate * g)
    return x


def draw(random, number):
    momentum = float(round(random.uniform(0.3, 0.9), 2))
    return {
        "f": bowl(random),
        "start": start_of(random),
        "learning_rate": rate_of(random, 0.15),
        "momentum": momentum,
        "steps": (2, 3, 4, 5, 6, 0)[number],
    }


def expected(f, start, learning_rate, momentum, steps):
    sgd = keras.optimizers.SGD(learning_rate, momentum=momentum, nesterov=True)
    return keras_path(f, start, steps, sgd)[-1]


AFTER = "08_momentum"
RETURNS = "x"
IDEA = "After the new v: x.assign_add(momentum * v - learning_rate * g)."
LINE = "x.assign_add"
MISTAKES = [
    Mistake(
        "plain momentum: x moves by v alone",
        "x.assign_add(momentum * v - learning_rate * g)",
        "x.assign_add(v)",
    ),
    Mistake(
        "the gradient is taken at the point ahead, x + momentum * v: Nesterov's own form, which gives other points",
        "            y = f(x)\n        g = tape.gradient(y, x)\n        v = momentum * v - learning_rate * g\n        x.assign_add(momentum * v - learning_rate * g)",
        "            ahead = x + momentum * v\n            y = f(ahead)\n        g = tape.gradient(y, ahead)\n        v = momentum * v - learning_rate * g\n        x.assign_add(v)",
    ),
    Mistake(
        "the step of the gradient is missing",
        "x.assign_add(momentum * v - learning_rate * g)",
        "x.assign_add(momentum * v)",
    ),
    Mistake(
        "the gradient counts twice: v has a step in it already",
        "x.assign_add(momentum * v - learning_rate * g)",
        "x.assign_add(v - learning_rate * g)",
    ),
    Mistake(
        "with the old velocity",
        "        v = momentum * v - learning_rate * g\n        x.assign_add(momentum * v - learning_rate * g)",
        "        x.assign_add(momentum * v - learning_rate * g)\n        v = momentum * v - learning_rate * g",
    ),
    Mistake(
        "the gradient is added to the velocity, not subtracted",
        "v - learning_rate * g\n",
        "v + learning_rate * g\n",
    ),
]
