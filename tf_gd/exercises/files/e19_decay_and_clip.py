"""Weight decay and clipping, in Keras's order

keras.optimizers.SGD with weight_decay and clipnorm does this to a weight w with
the gradient g: a gradient longer than clipnorm is shortened to that length;
then learning_rate * weight_decay * w is subtracted from w, and after that
learning_rate times the shortened gradient. tf.norm is the length, and
tf.clip_by_norm(g, clipnorm) shortens.
"""

import tensorflow as tf


def update(w, g, learning_rate, weight_decay, clipnorm):
    """Return the new weight, a tensor of the shape of w."""
    raise NotImplementedError


# ---- answers ----
import keras
import numpy as np

from tf_gd.exercises.drawing import rate_of
from tf_gd.exercises.exercise import Mistake


def solution(w, g, learning_rate, weight_decay, clipnorm):
    g = tf.clip_by_norm(g, clipnorm)
    w = w - learning_rate * weight_decay * w
    return w - learning_rate * g


def draw(random, number):
    w, g = (np.round(random.normal(size=3), 2).astype("float32") for _ in range(2))
    g = g * (number < 5)  # and once a gradient of zero
    clipnorm = float(round(np.linalg.norm(g) * (0.5, 1.5)[number % 2], 2)) + 0.01
    return {
        "w": tf.constant(w),
        "g": tf.constant(g),
        "learning_rate": rate_of(random),
        "weight_decay": float(round(random.uniform(0.3, 0.9), 2)),
        "clipnorm": clipnorm,
    }


def expected(w, g, learning_rate, weight_decay, clipnorm):
    variable = keras.Variable(w)
    keras.optimizers.SGD(learning_rate, weight_decay=weight_decay, clipnorm=clipnorm).apply(
        [g], [variable]
    )
    return variable.numpy()


AFTER = "10_inside_keras_sgd"
RETURNS = "the new weight"
IDEA = "Three lines: clip g; take the decay off w; take learning_rate * g off w."
LINE = "w = w -"
MISTAKES = [
    Mistake("the gradient is not clipped", "    g = tf.clip_by_norm(g, clipnorm)\n", ""),
    Mistake("the weight decay is left out", "    w = w - learning_rate * weight_decay * w\n", ""),
    Mistake(
        "the decay is not multiplied by the learning rate",
        "w - learning_rate * weight_decay * w",
        "w - weight_decay * w",
    ),
    Mistake(
        "the decay is added to the gradient and clipped with it: L2 is not weight decay",
        "    g = tf.clip_by_norm(g, clipnorm)\n    w = w - learning_rate * weight_decay * w\n",
        "    g = tf.clip_by_norm(g + weight_decay * w, clipnorm)\n",
    ),
    Mistake(
        "the decay comes after the step, and so is of another w",
        "    w = w - learning_rate * weight_decay * w\n    return w - learning_rate * g",
        "    w = w - learning_rate * g\n    return w - learning_rate * weight_decay * w",
    ),
    Mistake(
        "a short gradient is made longer: only longer ones are shortened",
        "tf.clip_by_norm(g, clipnorm)",
        "g * clipnorm / tf.norm(g)",
    ),
    Mistake(
        "each number is clipped, not the length",
        "tf.clip_by_norm(g, clipnorm)",
        "tf.clip_by_value(g, -clipnorm, clipnorm)",
    ),
    Mistake(
        "the step is clipped, with the learning rate in it",
        "    g = tf.clip_by_norm(g, clipnorm)\n    w = w - learning_rate * weight_decay * w\n    return w - learning_rate * g",
        "    w = w - learning_rate * weight_decay * w\n    return w - tf.clip_by_norm(learning_rate * g, clipnorm)",
    ),
]
