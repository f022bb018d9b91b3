"""Momentum

A velocity keeps a share of the last step: v = momentum * v - learning_rate * g,
and then x = x + v. It starts at zero. That is the form of keras.optimizers.SGD,
with the learning rate inside the velocity. Return the point after the steps.
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
        v = momentum * v - learning_rate * tape.gradient(y, x)
        x.assign_add(v)
    return x


def draw(random, number):
    momentum = float(round(random.uniform(0.3, 0.9), 2))
    return {
        "f": bowl(random),
        "start": start_of(random),
        "learning_rate": rate_of(random),
        "momentum": momentum,
        "steps": (2, 3, 4, 5, 6, 0)[number],
    }


def expected(f, start, learning_rate, momentum, steps):
    return keras_path(f, start, steps, keras.optimizers.SGD(learning_rate, momentum=momentum))[-1]


AFTER = "08_momentum"
RETURNS = "x"
IDEA = (
    "Make v before the loop, of zeros. In the loop: the gradient, the new v, then x.assign_add(v)."
)
LINE = "v = momentum"
MISTAKES = [
    Mistake(
        "dampened: (1 - momentum) times the gradient, which Keras does not do",
        "- learning_rate * tape",
        "- (1 - momentum) * learning_rate * tape",
    ),
    Mistake(
        "the velocity is made anew in each step, and so forgotten",
        "    v = tf.zeros_like(x)\n    for _ in range(steps):\n",
        "    for _ in range(steps):\n        v = tf.zeros_like(x)\n",
    ),
    Mistake(
        "x moves by the old velocity, before the new one is known",
        "        v = momentum * v - learning_rate * tape.gradient(y, x)\n        x.assign_add(v)",
        "        x.assign_add(v)\n        v = momentum * v - learning_rate * tape.gradient(y, x)",
    ),
    Mistake(
        "it goes uphill: the gradient is added to the velocity",
        "v - learning_rate",
        "v + learning_rate",
    ),
    Mistake("momentum is subtracted", "v = momentum * v -", "v = -momentum * v -"),
    Mistake(
        "momentum on the gradient too",
        "v = momentum * v - learning_rate * tape.gradient(y, x)",
        "v = momentum * (v - learning_rate * tape.gradient(y, x))",
    ),
    Mistake("the momentum is left out", "momentum * v - ", "-"),
]
