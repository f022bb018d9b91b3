"""Mend: "it overfits, and with model.fit it does not"

From a forum: "Same model, same data; with my loop the validation loss rises."
The model has L2 penalties in its layers, and Dropout. Two things are missing in
the step. Mend it.
"""

import tensorflow as tf


def train_step(model, x, y, learning_rate):
    """Change the weights of the model, and return the loss."""
    variables = model.trainable_variables
    with tf.GradientTape() as tape:
        prediction = model(x)
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
        prediction = model(x, training=True)
        loss = tf.reduce_mean((prediction - y) ** 2) + sum(model.losses)
    for w, g in zip(variables, tape.gradient(loss, variables)):
        w.assign_sub(learning_rate * g)
    return loss


def build():
    def dense(*arguments):
        return keras.layers.Dense(*arguments, kernel_regularizer=keras.regularizers.L2(0.05))

    return keras.Sequential(
        [keras.layers.Input((3,)), dense(7, "relu"), keras.layers.Dropout(0.4), dense(2)]
    )


def draw(random, number):
    x, y = table_of(random, 11, 3, 2)
    return {"x": x, "y": y, "learning_rate": rate_of(random), "seed": int(random.integers(1000))}


def results(function, x, y, learning_rate, seed):
    model = made(build, keras.optimizers.SGD(learning_rate), seed)
    return by_step(function, model, x, y, 4, learning_rate)


def expected(x, y, learning_rate, seed):
    return by_keras(made(build, keras.optimizers.SGD(learning_rate), seed), x, y, 4)


DRAWS = 4
AFTER = "17_why_do_they_differ"
CALL = "train_step(model, x, y, learning_rate={learning_rate}), for an epoch"
RETURNS = ("the loss of each batch", "the weights, one after another")
IDEA = "model(x, training=True) turns Dropout on; model.losses holds the penalties."
LINE = "loss = tf.reduce_mean"
MISTAKES = [
    Mistake(
        "neither is mended yet",
        "model(x, training=True)\n        loss = tf.reduce_mean((prediction - y) ** 2) + sum(model.losses)",
        "model(x)\n        loss = tf.reduce_mean((prediction - y) ** 2)",
    ),
    Mistake(
        "Dropout is on, but the penalties are still missing: + sum(model.losses)",
        " + sum(model.losses)",
        "",
    ),
    Mistake(
        "the penalties are there, but Dropout is still off: training=True",
        "model(x, training=True)",
        "model(x)",
    ),
    Mistake("training=False turns Dropout off", "training=True", "training=False"),
    Mistake("only the first penalty: sum(model.losses)", "sum(model.losses)", "model.losses[0]"),
    Mistake(
        "the penalties are averaged, not added up",
        "sum(model.losses)",
        "tf.reduce_mean(model.losses)",
    ),
    Mistake("the penalties are subtracted", "+ sum(model.losses)", "- sum(model.losses)"),
]
