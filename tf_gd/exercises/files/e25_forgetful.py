"""Mend: "momentum does nothing"

From a forum: "With momentum=0.9 my loop trains exactly as without." An
optimizer keeps the velocities; look at how long it lives. Mend the loop. It
returns the losses.
"""

import keras
import tensorflow as tf


def train(model, batches, learning_rate, momentum):
    """Make one step for each batch, and return the losses, a list."""
    losses = []
    for x, y in batches:
        optimizer = keras.optimizers.SGD(learning_rate, momentum=momentum)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(x, training=True) - y) ** 2)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        losses.append(loss)
    return losses


# ---- answers ----
from tf_gd.exercises import training
from tf_gd.exercises.drawing import rate_of, table_of
from tf_gd.exercises.exercise import Mistake


def solution(model, batches, learning_rate, momentum):
    losses = []
    optimizer = keras.optimizers.SGD(learning_rate, momentum=momentum)
    for x, y in batches:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(x, training=True) - y) ** 2)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        losses.append(loss)
    return losses


def build():
    return keras.Sequential(
        [keras.layers.Input((3,)), keras.layers.Dense(5, "tanh"), keras.layers.Dense(2)]
    )


def draw(random, number):
    x, y = table_of(random, 17, 3, 2)
    return {
        "x": x,
        "y": y,
        "learning_rate": rate_of(random),
        "momentum": float(round(random.uniform(0.5, 0.9), 2)),
        "seed": int(random.integers(1000)),
    }


def results(function, x, y, learning_rate, momentum, seed):
    model = training.made(build, keras.optimizers.SGD(learning_rate), seed)
    losses = function(model, training.batches(x, y, 4), learning_rate, momentum)
    return training.numbers(losses), training.weights_of(model)


def expected(x, y, learning_rate, momentum, seed):
    optimizer = keras.optimizers.SGD(learning_rate, momentum=momentum)
    return training.by_keras(training.made(build, optimizer, seed), x, y, 4)


DRAWS = 4
AFTER = "17_why_do_they_differ"
CALL = "train(model, batches, learning_rate={learning_rate}, momentum={momentum})"
RETURNS = ("the loss of each batch", "the weights, one after another")
IDEA = "An optimizer made inside the loop is new in each step, with velocities of zero. Make it once, before."
LINE = "optimizer = keras"
MISTAKES = [
    Mistake(
        "the optimizer is still made anew for each batch",
        "    optimizer = keras.optimizers.SGD(learning_rate, momentum=momentum)\n    for x, y in batches:\n",
        "    for x, y in batches:\n        optimizer = keras.optimizers.SGD(learning_rate, momentum=momentum)\n",
    ),
    Mistake("the momentum is not passed on", ", momentum=momentum", ""),
    Mistake(
        "the step is made twice",
        "        losses.append(loss)",
        "        optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n        losses.append(loss)",
    ),
    Mistake(
        "Nesterov's form, which was not asked for",
        "momentum=momentum)",
        "momentum=momentum, nesterov=True)",
    ),
    Mistake("the learning rate is not passed on: Keras takes 0.01", "SGD(learning_rate, ", "SGD("),
    Mistake(
        "only the first batch: the return stands inside the loop",
        "    return losses",
        "        return losses",
    ),
    Mistake(
        "the losses are from after the step",
        "losses.append(loss)",
        "losses.append(tf.reduce_mean((model(x) - y) ** 2))",
    ),
]
