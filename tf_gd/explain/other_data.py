"""Other inputs and targets than those passed in, as a loop may make them."""

from collections.abc import Callable

import tensorflow as tf

from tf_gd._keras import keras


def _standardised(x):
    mean, deviation = tf.reduce_mean(x, axis=0), tf.math.reduce_std(x, axis=0)
    return tf.math.divide_no_nan(x - mean, deviation)


def _between_0_and_1(x):
    low, high = tf.reduce_min(x), tf.reduce_max(x)
    return tf.math.divide_no_nan(x - low, high - low)


OTHER_INPUTS: dict[str, Callable] = {
    "divided by 255": lambda x: x / 255.0,
    "divided by 127.5, less 1": lambda x: x / 127.5 - 1.0,
    "times 255": lambda x: x * 255.0,
    "halved": lambda x: x / 2.0,
    "doubled": lambda x: x * 2.0,
    "of the other sign": lambda x: -x,
    "standardised over the batch": _standardised,
    "between 0 and 1 over the batch": _between_0_and_1,
    "each of length 1": lambda x: tf.math.l2_normalize(x, axis=-1),
    "in another order of the features": lambda x: tf.reverse(x, axis=[-1]),
}

OTHER_IMAGES: dict[str, Callable] = {
    "mirrored, left to right": lambda x: tf.reverse(x, axis=[2]),
    "upside down": lambda x: tf.reverse(x, axis=[1]),
}

OTHER_TIMES: dict[str, Callable] = {
    "of the time step after": lambda y: tf.roll(y, -1, axis=1),
    "of the time step before": lambda y: tf.roll(y, 1, axis=1),
}

OTHER_PROBABILITIES: dict[str, Callable] = {
    "the other way round, 1 - y": lambda y: 1 - y,
    "smoothed by 0.1": lambda y: _smoothed(y, 0.1),
    "smoothed by 0.2": lambda y: _smoothed(y, 0.2),
    "smoothed by 0.1, without dividing by the classes": lambda y: 0.9 * y + 0.1,
}

OTHER_TARGETS: dict[str, Callable] = {
    "of the sample before": lambda y: tf.roll(y, 1, axis=0),
    "of the sample after": lambda y: tf.roll(y, -1, axis=0),
    "in the reverse order": lambda y: tf.reverse(y, axis=[0]),
    "standardised over the batch": _standardised,
    "divided by 255": lambda y: y / 255.0,
}

# How many samples of each batch, of how many; by Deviation.data.
PARTS: dict[str, Callable] = {
    "the first sample": lambda samples: 1,
    "the first half": lambda samples: samples // 2,
    "all but the last sample": lambda samples: tf.maximum(samples - 1, 1),
}

_INPUTS = OTHER_INPUTS | OTHER_IMAGES
_TARGETS = OTHER_TARGETS | OTHER_TIMES | OTHER_PROBABILITIES


def _smoothed(y, share: float):
    classes = y.shape[-1] if y.shape.rank > 1 and y.shape[-1] > 1 else 2
    return (1 - share) * y + share / classes


def classes_of(y):
    """Return the class of each sample, from labels, from 0 and 1, or from one-hot vectors."""
    if y.shape.rank > 1 and y.shape[-1] > 1:
        return tf.argmax(y, axis=-1)
    return tf.cast(tf.reshape(y, [-1]), "int64")


def changed(how: str, x, y, classes: int | None):
    """Return x and y as ``Deviation.data`` says.

    Args:
        how: ``"as given"``; ``"x "`` or ``"y "`` with a name of the tables; ``"labels +1"``,
            ``"labels -1"``, ``"labels -1, not below 0"``; ``"outputs swapped"``; ``"inputs"`` with
            the places of two of them.
        x, y: a batch.
        classes: how many there are.
    """
    side, _, name = how.partition(" ")
    if side == "x":
        return _INPUTS[name](x), y
    if side == "y":
        return x, _TARGETS[name](y)
    if side == "inputs":
        leaves = keras.tree.flatten(x)
        one, other = map(int, name.split())
        leaves[one], leaves[other] = leaves[other], leaves[one]
        return keras.tree.pack_sequence_as(x, leaves), y
    if side == "outputs":
        return x, keras.tree.pack_sequence_as(y, keras.tree.flatten(y)[::-1])
    if name == "-1, not below 0":
        return x, tf.maximum(y - 1, 0)
    if name == "-1, nothing below 0":
        return x, y - 1
    if side == "labels":
        return x, tf.math.floormod(y + tf.cast(int(name), y.dtype), tf.cast(classes, y.dtype))
    return x, y
