"""The loss of a step: the compiled one, or another that was taken for it."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from keras.src.losses.loss import squeeze_or_expand_to_same_rank
from keras.src.trainers.compile_utils import CompileLoss

from tf_gd._keras import keras

OTHER_LOSSES: dict[str, Callable] = {
    "the mean squared error": lambda y, p: tf.reduce_mean((y - p) ** 2),
    "the mean absolute error": lambda y, p: tf.reduce_mean(tf.abs(y - p)),
    "the root of the mean squared error": lambda y, p: tf.sqrt(tf.reduce_mean((y - p) ** 2)),
    "the logarithm of the hyperbolic cosine": lambda y, p: tf.reduce_mean(keras.losses.log_cosh(y, p)),
    "Huber's loss": lambda y, p: tf.reduce_mean(keras.losses.huber(y, p)),
    "the cross-entropy of probabilities": lambda y, p: tf.reduce_mean(keras.losses.binary_crossentropy(y, p)),
    "the cross-entropy of logits": lambda y, p: tf.reduce_mean(keras.losses.binary_crossentropy(y, p, from_logits=True)),
}


def from_logits_of(model) -> tuple[Any, bool | None]:
    """Return the function of a model's one cross-entropy, and whether it takes logits; None for other losses."""
    loss = keras.tree.flatten(model.loss)
    loss = keras.losses.get(loss[0]) if len(loss) == 1 and isinstance(loss[0], str) else loss[0]
    function = getattr(loss, "fn", loss)
    if "from_logits" not in getattr(getattr(function, "__code__", None), "co_varnames", ()):
        return function, None
    return function, bool(loss.get_config().get("from_logits", False)) if hasattr(loss, "get_config") else False


def names_of_losses(model) -> list[str]:
    """Return the name of each output that has a loss of its own; nothing where there is one loss."""
    losses = model.loss
    if not keras.tree.is_nested(losses) or any(loss is None for loss in keras.tree.flatten(losses)):
        return []
    names = list(losses) if isinstance(losses, dict) else list(model.output_names or [])
    return names if len(names) == len(keras.tree.flatten(losses)) > 1 else []


def function_of(model) -> Callable | None:
    """Return the one loss of a model as a function of targets and predictions that casts neither; None if it has none."""
    loss = keras.tree.flatten(model.loss)
    loss = keras.losses.get(loss[0]) if len(loss) == 1 else None
    return getattr(loss, "fn", loss if callable(loss) and not isinstance(loss, keras.losses.Loss) else None)


def loss_of(model, how: str | tuple[float, ...], y, prediction, weighed: dict):
    """Return the loss of the data, in the way of a recipe; ``weighed`` keeps the losses with other weights, once built."""
    compiled = model._compile_loss
    if isinstance(how, tuple):  # the weights of the losses of several outputs
        if how not in weighed:
            weights = keras.tree.pack_sequence_as(model.loss, how)
            weighed[how] = CompileLoss(model.loss, weights, output_names=model.output_names)
        return weighed[how](y, prediction)
    if how == "broadcast":  # every prediction against every target
        predicted, target = tf.reshape(prediction, (-1, 1)), tf.reshape(y, (1, -1))
        every, each_target = predicted * tf.ones_like(predicted)[:, 0], target * tf.ones_like(target)[0][:, None]
        return compiled(tf.reshape(each_target, (-1, 1)), tf.reshape(every, (-1, 1)))
    if how == "softmax twice":
        softmax = tf.nn.sigmoid if prediction.shape[-1] == 1 else tf.nn.softmax
        prediction = tf.identity(softmax(prediction))  # lest Keras sees where it comes from, and takes the logits
    if how == "from_logits the other way":
        function, from_logits = from_logits_of(model)
        y, prediction = squeeze_or_expand_to_same_rank(y, tf.identity(prediction))
        return tf.reduce_mean(function(y, prediction, from_logits=not from_logits))
    if how in OTHER_LOSSES or how == "not cast":
        y, prediction = squeeze_or_expand_to_same_rank(y, prediction)
        y = tf.cast(y, prediction.dtype) if how in OTHER_LOSSES else y
        other = OTHER_LOSSES.get(how) or function_of(model)
        assert other is not None
        return tf.reduce_mean(other(y, prediction))
    return compiled(y, prediction)
