"""An epoch of mini-batches

An epoch goes once through all samples, batch_size of them at a time, and makes
a step on each batch: on the mean squared error of the predictions, which are
tf.linalg.matvec(x, w), against y, over the samples of that batch.
x[i : i + batch_size] takes some rows; at the end there may be fewer. Return w
after the epoch.
"""

import tensorflow as tf


def epoch(x, y, w, batch_size, learning_rate):
    """Return the weights after the epoch; x is (N, d), y is (N,), w is (d,)."""
    raise NotImplementedError


# ---- answers ----
import numpy as np

from tf_gd.exercises.drawing import rate_of, table_of
from tf_gd.exercises.exercise import Mistake


def solution(x, y, w, batch_size, learning_rate):
    w = tf.Variable(w)
    for i in range(0, len(x), batch_size):
        inputs, targets = x[i : i + batch_size], y[i : i + batch_size]
        with tf.GradientTape() as tape:
            prediction = tf.linalg.matvec(inputs, w)
            loss = tf.reduce_mean((prediction - targets) ** 2)
        w.assign_sub(learning_rate * tape.gradient(loss, w))
    return w


def draw(random, number):
    size, rest = int(random.integers(3, 6)), number % 3  # at times none is left over
    x, y = table_of(random, 3 * size + rest, 2)
    return {
        "x": tf.constant(x),
        "y": tf.constant(y[:, 0]),
        "w": np.float32(np.round(random.normal(size=2), 2)),
        "batch_size": size if number < 5 else 4 * size,
        "learning_rate": rate_of(random),
    }


def expected(x, y, w, batch_size, learning_rate):
    x, y, w = (np.asarray(one, "float64") for one in (x, y, w))
    for i in range(0, len(x), batch_size):
        part, wanted = x[i : i + batch_size], y[i : i + batch_size]
        w = w - learning_rate * 2 / len(part) * part.T @ (part @ w - wanted)
    return w


AFTER = "12_a_few_samples"
RETURNS = "w"
IDEA = "for i in range(0, len(x), batch_size): take the rows, then tape, gradient, step, as ever."
LINE = "for i in range"
MISTAKES = [
    Mistake(
        "(N, 1) and (N,) broadcast: every prediction against every target",
        "prediction = tf.linalg.matvec(inputs, w)",
        "prediction = inputs @ w[:, None]",
    ),
    Mistake(
        "the last, smaller batch is left out",
        "range(0, len(x), batch_size)",
        "range(0, len(x) - batch_size + 1, batch_size)",
    ),
    Mistake(
        "the last, smaller batch is divided by batch_size, not by its own samples",
        "tf.reduce_mean((prediction - targets) ** 2)",
        "tf.reduce_sum((prediction - targets) ** 2) / batch_size",
    ),
    Mistake(
        "a single step on all samples",
        "range(0, len(x), batch_size)",
        "[0]:\n        batch_size = len(x)\n    for i in range(1)",
    ),
    Mistake("the errors are summed, not averaged", "reduce_mean", "reduce_sum"),
    Mistake(
        "only the first batch, again and again",
        "x[i : i + batch_size], y[i : i + batch_size]",
        "x[:batch_size], y[:batch_size]",
    ),
    Mistake(
        "one sample at a time: i goes up by 1",
        "range(0, len(x), batch_size)",
        "range(0, len(x), 1)",
    ),
    Mistake(
        "only the first batch: the return stands inside the loop",
        "    return w",
        "        return w",
    ),
    Mistake(
        "half the mean squared error",
        "(prediction - targets) ** 2)",
        "(prediction - targets) ** 2) / 2",
    ),
]
