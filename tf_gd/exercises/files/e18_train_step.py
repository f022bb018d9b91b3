"""A training step equal to model.fit

The model has an L2 penalty and Dropout. Call it with training=True; the loss is
the mean squared error, tf.reduce_mean, plus the sum of model.losses. Take the
gradients for model.trainable_variables and make a step of plain gradient
descent on each. Return the loss, which is from before the step.
"""

import tensorflow as tf


def train_step(model, x, y, learning_rate):
    """Change the weights of the model, and return the loss."""
    raise NotImplementedError


# ---- answers ----
import keras
import numpy as np

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
        return keras.layers.Dense(*arguments, kernel_regularizer=keras.regularizers.L2(0.1))

    dropout = keras.layers.Dropout(0.3)
    return keras.Sequential([keras.layers.Input((3,)), dense(8, "tanh"), dropout, dense(2)])


def draw(random, number):
    x, y = table_of(random, 14, 3, 2)
    return {"x": x, "y": y, "learning_rate": rate_of(random), "seed": int(random.integers(1000))}


def results(function, x, y, learning_rate, seed):
    model = made(build, keras.optimizers.SGD(learning_rate), seed)
    return by_step(function, model, x, y, 6, learning_rate)


def expected(x, y, learning_rate, seed):
    return by_keras(made(build, keras.optimizers.SGD(learning_rate), seed), x, y, 6)


def explain(function):
    """Return the name that explain_difference gives to the mistake, or nothing."""
    from tf_gd.explain.report import explain_difference

    x, y = table_of(np.random.default_rng(0), 14, 3, 2)
    step = lambda model, *batch: function(model, *batch, 0.1)  # noqa: E731
    given = dict(optimizer=keras.optimizers.SGD(0.1), loss="mse", batch_size=6, steps=4)
    found = explain_difference(build, x, y, step, **given)
    return f"explain_difference says: {found.causes[0].name}." if found.causes else ""


DRAWS = 4
AFTER = "14_keras_model_by_hand"
CALL = "train_step(model, x, y, learning_rate={learning_rate}), for an epoch"
RETURNS = ("the loss of each batch", "the weights, one after another")
IDEA = "prediction = model(x, training=True), and loss = the mean + sum(model.losses), both inside the tape."
LINE = "loss = tf.reduce_mean"
MISTAKES = [
    Mistake("the penalties are left out: + sum(model.losses)", " + sum(model.losses)", ""),
    Mistake(
        "training=True is forgotten, so Dropout stands still", "model(x, training=True)", "model(x)"
    ),
    Mistake("only the first penalty: sum(model.losses)", "sum(model.losses)", "model.losses[0]"),
    Mistake(
        "the penalties are averaged, not added up",
        "sum(model.losses)",
        "tf.reduce_mean(model.losses)",
    ),
    Mistake("the penalties are counted twice", "sum(model.losses)", "2 * sum(model.losses)"),
    Mistake("the errors are summed, not averaged", "reduce_mean", "reduce_sum"),
    Mistake("half the mean squared error", "(prediction - y) ** 2)", "(prediction - y) ** 2) / 2"),
    Mistake(
        "the penalties are added outside the tape, where they have no gradient",
        "(prediction - y) ** 2) + sum(model.losses)\n",
        "(prediction - y) ** 2)\n    loss_of_data, loss = loss, loss + sum(model.losses)\n",
    ),
    Mistake(
        "the loss after the step is returned: Keras reports the one before",
        "    return loss",
        "    return tf.reduce_mean((model(x) - y) ** 2) + sum(model.losses)",
    ),
    Mistake("it goes uphill", "assign_sub", "assign_add"),
]
