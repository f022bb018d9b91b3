"""A network by hand

Two layers: hidden = tanh(x W1 + b1), prediction = hidden W2 + b2, trained on
the mean squared error. W1, b1, W2, b2 are tf.Variables in a list. x @ W
multiplies matrices; one tape gives all four gradients in the order of the list.
Make the steps on all samples and return the list.
"""

import tensorflow as tf


def train(x, y, weights, learning_rate, steps):
    """Return the list of the four variables after the steps."""
    raise NotImplementedError


# ---- answers ----
import keras

from tf_gd.exercises.drawing import rate_of, table_of
from tf_gd.exercises.exercise import Mistake


def solution(x, y, weights, learning_rate, steps):
    W1, b1, W2, b2 = weights
    for _ in range(steps):
        with tf.GradientTape() as tape:
            hidden = tf.tanh(x @ W1 + b1)
            prediction = hidden @ W2 + b2
            loss = tf.reduce_mean((prediction - y) ** 2)
        gradients = tape.gradient(loss, weights)
        for w, g in zip(weights, gradients):
            w.assign_sub(learning_rate * g)
    return weights


def draw(random, number):
    x, y = table_of(random, 9, 3, 2)
    shapes = ((3, 4), (4,), (4, 2), (2,))
    weights = [tf.Variable(random.normal(size=shape).astype("float32")) for shape in shapes]
    return {
        "x": tf.constant(x),
        "y": tf.constant(y),
        "weights": weights,
        "learning_rate": rate_of(random),
        "steps": 1 + number % 3,
    }


def results(function, **given):
    trained = function(*given.values())
    return tuple(trained) if isinstance(trained, list | tuple) else trained


def expected(x, y, weights, learning_rate, steps):
    layers = [keras.layers.Input((3,)), keras.layers.Dense(4, "tanh"), keras.layers.Dense(2)]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.SGD(learning_rate), "mse", run_eagerly=True)
    model.set_weights([w.numpy() for w in weights])
    for _ in range(steps):
        model.train_on_batch(x, y)
    return tuple(model.get_weights())


AFTER = "13_network_by_hand"
RETURNS = ("W1", "b1", "W2", "b2")
IDEA = "gradients = tape.gradient(loss, weights), and then a loop over zip(weights, gradients)."
LINE = "gradients ="
MISTAKES = [
    Mistake(
        "w = w - ... makes a tensor, and the variable stays as it was: w.assign_sub(...)",
        "w.assign_sub(learning_rate * g)",
        "w = w - learning_rate * g",
    ),
    Mistake("the tanh is left out", "tf.tanh(x @ W1 + b1)", "x @ W1 + b1"),
    Mistake(
        "tanh on the output as well",
        "prediction = hidden @ W2 + b2",
        "prediction = tf.tanh(hidden @ W2 + b2)",
    ),
    Mistake("relu in place of tanh", "tf.tanh(", "tf.nn.relu("),
    Mistake(
        "the biases are never changed",
        "for w, g in zip(weights, gradients):",
        "for w, g in zip([W1, W2], [gradients[0], gradients[2]]):",
    ),
    Mistake(
        "only the last layer is trained",
        "for w, g in zip(weights, gradients):",
        "for w, g in zip(weights[2:], gradients[2:]):",
    ),
    Mistake("the errors are summed, not averaged", "reduce_mean", "reduce_sum"),
    Mistake("the bias of the output is left out", "hidden @ W2 + b2", "hidden @ W2 + 0 * b2"),
    Mistake("it goes uphill", "assign_sub", "assign_add"),
    Mistake(
        "averaged over the samples, but summed over the outputs",
        "tf.reduce_mean((prediction - y) ** 2)",
        "tf.reduce_mean(tf.reduce_sum((prediction - y) ** 2, axis=1))",
    ),
]
