"""The loss of a step: the compiled one, or one that a mistake puts in its place."""

import inspect
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tf_gd._keras import LossOfOutputs, compiled_parts, keras, mask_of, of_same_rank
from tf_gd.explain.deviation import is_of
from tf_gd.explain.other_data import PARTS, changed, classes_of

_binary = keras.losses.binary_crossentropy

# Of the prediction as Keras's own losses see it, with the logits that its softmax remembers.
_OF_CLASSES = "the binary cross-entropy"

OTHER_LOSSES: dict[str, Callable] = {
    "the mean squared error": lambda y, p: (y - p) ** 2,
    "the mean absolute error": lambda y, p: tf.abs(y - p),
    "the root of the mean squared error": lambda y, p: tf.sqrt(tf.reduce_mean((y - p) ** 2)),
    "the logarithm of the hyperbolic cosine": keras.losses.log_cosh,
    "Huber's loss": keras.losses.huber,
    "the mean squared logarithmic error": keras.losses.mean_squared_logarithmic_error,
    "the hinge loss": keras.losses.hinge,
    "the squared hinge loss": keras.losses.squared_hinge,
    "the hinge loss, with labels 0 and 1 as they are": lambda y, p: tf.maximum(1 - y * p, 0.0),
    "the Kullback-Leibler divergence": keras.losses.kl_divergence,
    "the cosine similarity": keras.losses.cosine_similarity,
    "Poisson's": keras.losses.poisson,
    "Poisson's, of a logarithm": lambda y, p: tf.exp(p) - y * p,
    "the focal loss": keras.losses.binary_focal_crossentropy,
    "the focal loss of logits": lambda y, p: keras.losses.binary_focal_crossentropy(
        y, p, from_logits=True
    ),
    "the cross-entropy of probabilities": _binary,
    "the cross-entropy of logits": lambda y, p: _binary(y, p, from_logits=True),
    _OF_CLASSES: _binary,
}


# Of one time step; by Deviation.loss.
TIMES = {"of the last time step": -1, "of the first time step": 0}


def _only_loss(model) -> Any:
    """Return the one loss of a model, as a loss object or function; None if it has several."""
    losses = keras.tree.flatten(model.loss)
    return keras.losses.get(losses[0]) if len(losses) == 1 else None


def function_of(model) -> Callable | None:
    """Return the function ``f(y, prediction)`` inside the one loss of a model, which casts neither.

    None if the model has several losses, or a loss object that is not made from a function.
    """
    loss = _only_loss(model)
    return getattr(loss, "fn", None if isinstance(loss, keras.losses.Loss) else loss)


def from_logits_of(model) -> bool | None:
    """Return whether the one loss of a model takes logits; None if it is no cross-entropy."""
    code = getattr(function_of(model), "__code__", None)
    if "from_logits" not in getattr(code, "co_varnames", ()):
        return None
    loss = _only_loss(model)
    return isinstance(loss, keras.losses.Loss) and bool(loss.get_config().get("from_logits"))


def names_of_losses(model) -> list[str]:
    """Return the name of each output that has its own loss; an empty list if there is one loss."""
    losses = model.loss
    if not keras.tree.is_nested(losses) or any(loss is None for loss in keras.tree.flatten(losses)):
        return []
    names = list(losses) if isinstance(losses, dict) else list(model.output_names or [])
    return names if len(names) == len(keras.tree.flatten(losses)) > 1 else []


def numbers_of(model) -> dict[str, float]:
    """Return the numbers that the function of the one loss of a model takes, by their names."""
    loss, function = _only_loss(model), function_of(model)
    if function is None:
        return {}
    config = loss.get_config() if isinstance(loss, keras.losses.Loss) else {}
    parameters = inspect.signature(function).parameters.values()
    numbers = {one.name: config.get(one.name, one.default) for one in parameters}
    return {name: float(value) for name, value in numbers.items() if type(value) is float}


def label_smoothing_of(model) -> float:
    """Return the label smoothing of the one loss of a model, or 0."""
    return numbers_of(model).get("label_smoothing", 0.0)


def loss_of(model, how: str | tuple[float, ...], y, prediction, sample_weight, weighed: dict):
    """Return the loss of the data for ``Deviation.loss``.

    ``weighed`` caches the compiled losses by the weights of the outputs.
    """
    compiled, _ = compiled_parts(model)
    if isinstance(how, tuple):  # the weights of the losses of several outputs
        if how not in weighed:
            weights = keras.tree.pack_sequence_as(model.loss, how)
            weighed[how] = LossOfOutputs(model.loss, weights, output_names=model.output_names)
        return weighed[how](y, prediction, sample_weight)
    name, _, value = how.partition("=")
    if value:  # the loss with another number
        function, from_logits = function_of(model), from_logits_of(model)
        assert function is not None
        kept = {} if from_logits is None else {"from_logits": from_logits}
        alike = y.shape.rank == prediction.shape.rank
        y, prediction = (y, prediction) if alike else of_same_rank(y, tf.identity(prediction))
        return _mean(function(y, prediction, **kept, **{name: float(value)}), sample_weight)
    if how in TIMES:
        return compiled(y[:, TIMES[how]], tf.identity(prediction)[:, TIMES[how]], sample_weight)
    if how == "broadcast":  # every prediction against every target
        y = tf.cast(tf.reshape(y, [-1]), prediction.dtype)
        targets, predictions = tf.meshgrid(y, tf.reshape(prediction, [-1]))
        return compiled(tf.reshape(targets, (-1, 1)), tf.reshape(predictions, (-1, 1)))
    if how == "softmax twice":
        softmax = tf.nn.sigmoid if prediction.shape[-1] == 1 else tf.nn.softmax
        # Behind tf.identity Keras does not find the softmax, and so does not take its logits.
        prediction = tf.identity(softmax(prediction))
    elif how == _OF_CLASSES:
        y = y if y.shape.rank == prediction.shape.rank else y[..., None]
        return _mean(_binary(tf.cast(y, prediction.dtype), prediction), sample_weight)
    elif how != "keras":
        y, prediction = of_same_rank(y, tf.identity(prediction))
        if how in OTHER_LOSSES:
            return _mean(OTHER_LOSSES[how](tf.cast(y, prediction.dtype), prediction), sample_weight)
        function = function_of(model)
        assert function is not None
        if how == "arguments swapped":
            return _mean(function(prediction, tf.cast(y, prediction.dtype)), sample_weight)
        if how == "not smoothed":
            other = {"from_logits": from_logits_of(model), "label_smoothing": 0.0}
        else:
            other = {} if how == "not cast" else {"from_logits": not from_logits_of(model)}
        return _mean(function(y, prediction, **other), sample_weight)
    return compiled(y, prediction, sample_weight)


def _mean(losses, sample_weight):
    """Return the mean of losses, those of a sample weighed alike."""
    if sample_weight is None or not losses.shape.rank:
        return tf.reduce_mean(losses)
    of_samples = tf.reduce_mean(tf.reshape(losses, (tf.shape(losses)[0], -1)), axis=1)
    return tf.reduce_mean(of_samples * tf.cast(tf.reshape(sample_weight, -1), losses.dtype))


def _penalty(penalised: tuple[str, float], variables, values):
    """Return the sum of the squares of all, of the kernels or of the biases, times a number."""
    which, amount = penalised
    chosen = [
        v
        for variable, v in zip(variables, values, strict=True)
        if variable.trainable and is_of(which, len(v.shape))
    ]
    return amount * tf.add_n([tf.reduce_sum(tf.square(v)) for v in chosen])


# What is divided by what, if the losses of time steps (samples, steps) are added up by a mask.
MASKED: dict[str, Callable] = {
    "sequence by sequence": lambda each, m: tf.reduce_mean(
        tf.math.divide_no_nan(tf.reduce_sum(each * m, 1), tf.reduce_sum(m, 1))
    ),
    "summed over the steps": lambda each, m: tf.reduce_mean(tf.reduce_sum(each * m, 1)),
    "summed": lambda each, m: tf.reduce_sum(each * m),
    "by the targets": lambda each, m: tf.reduce_sum(each * m) / tf.reduce_sum(m),
}


def _masked(model, how: str, y, prediction, mask):
    """Return the loss of the time steps under the mask, or under one made from the targets."""
    function = function_of(model)
    assert function is not None
    logits = {} if from_logits_of(model) is None else {"from_logits": from_logits_of(model)}
    each = function(*of_same_rank(y, tf.identity(prediction)), **logits)
    mask = tf.reshape(y, tf.shape(each)) != 0 if how == "by the targets" else mask
    return MASKED[how](each, tf.cast(mask, each.dtype))


def gradients_of(
    deviation,
    model,
    call: Callable,
    variables,
    weighed: dict,
    dense: bool,
    classes: int | None,
    x,
    y,
    sample_weight,
    factor,
    regularised,
):
    """Return the loss, that of the data, that without the factor, and the gradients on a batch.

    Args:
        deviation: how the model is called, and which loss is taken.
        model: with its weights in it.
        call: the model, as :class:`~tf_gd.explain.calls.Calls` does.
        variables: to take gradients for.
        weighed: losses with other weights, once built.
        dense: whether to add up the rows of sparse gradients. Optimizers other than SGD may treat
            the rows of an embedding in their own way.
        classes: how many there are, for labels.
        x, y, sample_weight: the batch.
        factor, regularised: on the loss of the data, and on the regularisation losses; scalars.
    """
    values = [variable.value for variable in variables]
    x, y = changed(deviation.data, x, y, classes)
    weights = None if deviation.weights in ("left out", "broadcast") else sample_weight
    if isinstance(deviation.weights, tuple):  # of the classes
        weights = tf.gather(tf.constant(deviation.weights, "float32"), classes_of(y))
    if deviation.weights == "twice" and sample_weight is not None:
        weights = sample_weight * sample_weight
    if deviation.data in PARTS:
        count = PARTS[deviation.data](tf.shape(keras.tree.flatten(x)[0])[0])
        x, y = (keras.tree.map_structure(lambda leaf: leaf[:count], part) for part in (x, y))
        weights = None if weights is None else weights[:count]
    if deviation.data == "labels -1, nothing below 0":
        weights = tf.cast(tf.reshape(y, tf.shape(y)[:1]) if y.shape[-1] == 1 else y, "float32")
        weights, y = tf.cast(weights >= 0, "float32"), tf.maximum(y, 0)
    if deviation.calls == "one before":
        call(x, training=True)
    with tf.GradientTape() as tape:
        tape.watch(values)
        prediction, losses = call(x, training=deviation.training)
        if deviation.penalties:
            losses = [losses[n] for n in deviation.penalties]
        if deviation.penalised is None:
            losses = [tf.cast(loss, "float32") for loss in losses]
        else:
            losses = [tf.cast(_penalty(deviation.penalised, variables, values), "float32")]
        penalties = tf.add_n([tf.zeros(()), *losses])
        mask = mask_of(prediction)
        if deviation.masked == "left out":
            prediction = tf.identity(prediction)
        if deviation.masked in MASKED:
            data = _masked(model, deviation.masked, y, prediction, mask)
        else:
            data = loss_of(model, deviation.loss, y, prediction, weights, weighed)
        if deviation.masked == "counted" and mask is not None:
            data = data * tf.reduce_mean(tf.cast(mask, data.dtype))
        if deviation.weights == "over their sum" and sample_weight is not None:
            data = data / tf.reduce_mean(tf.cast(sample_weight, data.dtype))
        if deviation.weights == "broadcast" and sample_weight is not None:
            data = data * tf.reduce_mean(tf.cast(sample_weight, data.dtype))
        data = tf.cast(data, factor.dtype)
        of_the_data = data * factor
        penalties = regularised * tf.cast(penalties, factor.dtype)
        loss = of_the_data + penalties
    gradients = tape.gradient(loss, values)
    if dense:
        gradients = [None if g is None else tf.convert_to_tensor(g) for g in gradients]
    return loss, of_the_data, data + penalties, *gradients
