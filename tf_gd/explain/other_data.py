"""Other inputs and targets than those passed in, as a loop may make them."""

from collections.abc import Callable

import tensorflow as tf


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

OTHER_TARGETS: dict[str, Callable] = {
    "of the sample before": lambda y: tf.roll(y, 1, axis=0),
    "of the sample after": lambda y: tf.roll(y, -1, axis=0),
    "in the reverse order": lambda y: tf.reverse(y, axis=[0]),
    "standardised over the batch": _standardised,
    "divided by 255": lambda y: y / 255.0,
}


def changed(how: str, x, y, classes: int | None):
    """Return x and y as ``Deviation.data`` says.

    Args:
        how: ``"as given"``, ``"x "`` or ``"y "`` with a name of the tables, or ``"labels +1"``.
        x, y: a batch.
        classes: how many there are.
    """
    side, _, name = how.partition(" ")
    if side == "x":
        return OTHER_INPUTS[name](x), y
    if side == "y":
        return x, OTHER_TARGETS[name](y)
    if side == "labels":
        return x, tf.math.floormod(y + tf.cast(int(name), y.dtype), tf.cast(classes, y.dtype))
    return x, y
