"""Mend: "the last batch weighs too much, or too little"

From a forum: "All batches agree with model.fit, but the last one does not." The
loss of a batch is the mean over the samples that are in it, and over the
outputs. Mend the loss; it is used in a step that is right.
"""

import tensorflow as tf


def loss_of(prediction, y, batch_size):
    """Return the mean squared error; prediction and y are (N, outputs)."""
    return tf.reduce_sum((prediction - y) ** 2) / batch_size / 2


# ---- answers ----
import keras
import numpy as np

from tf_gd.exercises.drawing import table_of
from tf_gd.exercises.exercise import Mistake


def solution(prediction, y, batch_size):
    return tf.reduce_mean((prediction - y) ** 2)


def draw(random, number):
    outputs, size = 1 + number % 3, int(random.integers(4, 8))
    samples = size if number % 3 == 0 else int(random.integers(1, size))
    _, y = table_of(random, samples, 2, outputs)
    prediction = random.normal(size=y.shape).astype("float32")
    return {"prediction": tf.constant(prediction), "y": tf.constant(y), "batch_size": size}


def results(function, prediction, y, batch_size):
    with tf.GradientTape() as tape:
        tape.watch(prediction)
        loss = function(prediction, y, batch_size)
    slope = tape.gradient(loss, prediction) if tf.is_tensor(loss) else None
    return loss, slope


def expected(prediction, y, batch_size):
    loss = np.float64(keras.losses.MeanSquaredError()(y, prediction))
    return loss, 2 * (prediction - y).numpy() / np.size(y)


AFTER = "12_a_few_samples"
RETURNS = ("the loss", "its gradient by the prediction, which a step needs")
IDEA = "Divide by the numbers that there are: tf.reduce_mean does it for any N and any number of outputs."
LINE = "return"
MISTAKES = [
    Mistake(
        "still divided by batch_size and 2",
        "tf.reduce_mean((prediction - y) ** 2)",
        "tf.reduce_sum((prediction - y) ** 2) / batch_size / 2",
    ),
    Mistake(
        "divided by batch_size, but the batch may be smaller",
        "tf.reduce_mean((prediction - y) ** 2)",
        "tf.reduce_mean(tf.reduce_sum((prediction - y) ** 2, axis=0)) / batch_size",
    ),
    Mistake(
        "divided by the samples, but not by the outputs",
        "tf.reduce_mean((prediction - y) ** 2)",
        "tf.reduce_sum((prediction - y) ** 2) / len(y)",
    ),
    Mistake("half the mean squared error", "(prediction - y) ** 2)", "(prediction - y) ** 2) / 2"),
    Mistake("the errors are summed", "reduce_mean", "reduce_sum"),
    Mistake(
        "the root of it",
        "tf.reduce_mean((prediction - y) ** 2)",
        "tf.sqrt(tf.reduce_mean((prediction - y) ** 2))",
    ),
]
