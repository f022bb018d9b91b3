"""Mend: "the loss stays high"

From a forum: "My network of one output learns nothing, with model.fit it does."
y has the shape (N,), the prediction (N, 1). Subtract them, and look at the
shape. Mend the step, for any N.
"""

import tensorflow as tf


def train_step(model, x, y, learning_rate):
    """Change the weights of the model, and return the loss."""
    variables = model.trainable_variables
    with tf.GradientTape() as tape:
        prediction = model(x, training=True)
        loss = tf.reduce_mean((prediction - y) ** 2)
    for w, g in zip(variables, tape.gradient(loss, variables)):
        w.assign_sub(learning_rate * g)
    return loss


# ---- answers ----
import keras

from tf_gd.exercises.drawing import rate_of, table_of
from tf_gd.exercises.exercise import Mistake
from tf_gd.exercises.training import by_keras, by_step, made


def solution(model, x, y, learning_rate):
    variables = model.trainable_variables
    with tf.GradientTape() as tape:
        prediction = model(x, training=True)[:, 0]
        loss = tf.reduce_mean((prediction - y) ** 2)
    for w, g in zip(variables, tape.gradient(loss, variables)):
        w.assign_sub(learning_rate * g)
    return loss


def build():
    return keras.Sequential(
        [keras.layers.Input((3,)), keras.layers.Dense(5, "tanh"), keras.layers.Dense(1)]
    )


def draw(random, number):
    x, y = table_of(random, 13, 3)
    return {
        "x": x,
        "y": y[:, 0],
        "learning_rate": rate_of(random),
        "seed": int(random.integers(1000)),
    }


def results(function, x, y, learning_rate, seed):
    model = made(build, keras.optimizers.SGD(learning_rate), seed)
    return by_step(function, model, x, y, 5, learning_rate)


def expected(x, y, learning_rate, seed):
    return by_keras(made(build, keras.optimizers.SGD(learning_rate), seed), x, y[:, None], 5)


DRAWS = 4
AFTER = "17_why_do_they_differ"
CALL = "train_step(model, x, y, learning_rate={learning_rate}), for an epoch"
RETURNS = ("the loss of each batch", "the weights, one after another")
IDEA = "(N, 1) - (N,) is (N, N): every prediction against every target. Take the last axis off, or give y one."
LINE = "prediction ="
MISTAKES = [
    Mistake("the shapes still broadcast to (N, N)", "[:, 0]", ""),
    Mistake("only the first prediction, against every target", "[:, 0]", "[0]"),
    Mistake(
        "the mean over the samples is taken first: all predictions become one",
        "[:, 0]",
        "\n        prediction = tf.reduce_mean(prediction)",
    ),
    Mistake("the errors are summed, not averaged", "reduce_mean", "reduce_sum"),
    Mistake(
        "only the diagonal counts, but it is divided by N twice",
        "model(x, training=True)[:, 0]\n        loss = tf.reduce_mean((prediction - y) ** 2)",
        "model(x, training=True)\n        loss = tf.linalg.trace((prediction - y) ** 2) / len(x) ** 2",
    ),
    Mistake(
        "the square of the mean error",
        "tf.reduce_mean((prediction - y) ** 2)",
        "tf.reduce_mean(prediction - y) ** 2",
    ),
]
