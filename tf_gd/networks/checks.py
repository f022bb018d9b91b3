"""Checks of model, data and callbacks before a training begins."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from tf_gd import _keras
from tf_gd._keras import keras
from tf_gd.networks.programs import each
from tf_gd.networks.step import innermost

_losses = keras.losses
_ELEMENT_BY_ELEMENT = {  # losses whose targets have the shape of the output
    _losses.mean_squared_error,
    _losses.mean_absolute_error,
    _losses.mean_absolute_percentage_error,
    _losses.mean_squared_logarithmic_error,
    _losses.huber,
    _losses.log_cosh,
    _losses.binary_crossentropy,
    _losses.binary_focal_crossentropy,
    _losses.categorical_crossentropy,
    _losses.categorical_focal_crossentropy,
    _losses.hinge,
    _losses.squared_hinge,
    _losses.categorical_hinge,
    _losses.kl_divergence,
    _losses.poisson,
    _losses.cosine_similarity,
}


def check_compiled(model, validates: bool = False, replicas: bool = False) -> None:
    """Raise unless this is a Keras model, compiled with an optimizer, with the steps of Keras."""
    if not isinstance(model, keras.Model):
        raise TypeError(f"model: got {type(model).__name__}, expected a keras.Model.")
    if not model.compiled or model.optimizer is None:
        raise ValueError(
            "model: got a model that is not compiled, expected an optimizer and a loss. Call "
            "model.compile(optimizer=keras.optimizers.SGD(0.1), loss=...) first."
        )
    for method in ("train_step", "test_step") if validates else ("train_step",):
        if getattr(type(model), method) is not getattr(keras.Model, method):
            raise ValueError(
                f"model: {type(model).__name__} has a {method} of its own, which this loop would "
                "not call. Override compute_loss instead, which it calls, or train with model.fit."
            )
    if model.distribute_strategy.num_replicas_in_sync > 1 and not replicas:
        raise ValueError(
            f"model: got one of {type(model.distribute_strategy).__name__} with "
            f"{model.distribute_strategy.num_replicas_in_sync} replicas, expected one. Build the "
            "model outside the scope of the strategy, or train it with tf_gd.fit."
        )


def build(model, x, y, sample_weight, prefix: str = "") -> None:
    """Build model, loss, metrics and optimizer for the data, without changing any state.

    Args:
        model: a compiled Keras model.
        x, y, sample_weight: arrays or tensors, or ``tf.TensorSpec`` of a batch.
        prefix: what to call x and y in a message.

    Raises:
        ValueError: there is nothing to train, or the data do not fit the model.
    """
    if y is None and model.loss is not None:
        raise ValueError(
            f"{prefix}y: got None, expected targets, which the loss of the model compares with."
        )
    shapes = repr(each(lambda leaf: (leaf.shape[1:], leaf.dtype), [x, y]))
    known = model.__dict__.setdefault("_tf_gd_outputs", {})
    symbols = each(
        lambda leaf: keras.KerasTensor([None, *leaf.shape[1:]], leaf.dtype.name),
        [x, y, sample_weight],
    )
    if not (model.built and shapes in known):
        _check_input(model, x, prefix)
        known[shapes] = keras.tree.flatten(_keras.outputs_of(model, symbols[0]))
    outputs, targets = known[shapes], keras.tree.flatten(y) if y is not None else []
    losses = _losses_of(model, len(outputs))
    if len(outputs) == len(targets) == len(losses):
        for loss, target, output in zip(losses, targets, outputs, strict=True):
            check_target(loss, target, tuple(output.shape[1:]), prefix)
    if (
        len(outputs) == 1
        and sample_weight is not None
        and not isinstance(sample_weight, tf.TensorSpec)
    ):
        if not hasattr(sample_weight, "shape"):
            raise ValueError(
                f"{prefix}sample_weight: got a {type(sample_weight).__name__}, expected one array."
            )
        _check_weights(tuple(sample_weight.shape), tuple(outputs[0].shape), prefix)
    if not model.trainable_variables:
        raise ValueError("model: got no trainable variables, expected at least one to descend on.")
    if (
        y is not None
        and model.loss is None
        and not model.losses
        and type(model).compute_loss is keras.Model.compute_loss
    ):
        raise ValueError(
            "loss: got None, expected one. Call model.compile(..., loss=...), or have a layer add "
            "one."
        )
    try:
        _keras.build_losses_and_metrics(model, symbols)
    except (TypeError, ValueError, LookupError) as error:
        raise ValueError(
            f"{prefix}x, {prefix}y, loss, metrics: got {type(error).__name__} from the loss or the "
            f"metrics: {error} Expected ones that fit the targets and the model's outputs."
        ) from error
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    _check_optimizer_knows(model)


def _losses_of(model, outputs: int) -> list[Any]:
    """Return the loss of each output, or an empty list where that is not known."""
    if isinstance(model.loss, dict):
        named = [model.loss.get(name) for name in getattr(model, "output_names", [])]
        return named if outputs == len(named) == len(model.loss) else []
    losses = keras.tree.flatten(model.loss) if model.loss is not None else []
    return losses * outputs if len(losses) == 1 else losses


def _check_input(model, x, prefix: str) -> None:
    """Raise where the shape is not that of a model's one input, as from an unbatched data set."""
    wanted, given = getattr(model, "inputs", None) or [], keras.tree.flatten(x)
    if len(wanted) == 1 and len(given) != 1 and not isinstance(x, dict):
        raise ValueError(
            f"{prefix}x: got {len(given)} arrays, expected one for the model's one input: an "
            "array, not a list."
        )
    if len(wanted) != 1 or len(given) != 1:
        return
    expected, got = tuple(wanted[0].shape)[1:], tuple(given[0].shape)[1:]
    fits = len(expected) == len(got) and all(
        a in (b, None) or b is None for a, b in zip(expected, got, strict=True)
    )
    if not fits and got not in (
        (*expected, 1),
        expected[:-1] if expected[-1:] == (1,) else expected,
    ):
        hint = (
            " Batch the data set: call .batch(32) on it."
            if isinstance(given[0], tf.TensorSpec)
            else ""
        )
        raise ValueError(
            f"{prefix}x: got shape {tuple(given[0].shape)}, expected {('samples', *expected)} as "
            f"the model's input.{hint}"
        )


def _check_optimizer_knows(model) -> None:
    known = {id(variable) for variable in innermost(model.optimizer)._trainable_variables}
    new = [variable.path for variable in model.trainable_variables if id(variable) not in known]
    if new:
        raise ValueError(
            f"model: got {new[0]} to train, which was not there when the optimizer was built; "
            "expected the same variables. Call model.compile(...) again with a new optimizer after "
            "making layers trainable."
        )


def check_target(loss, target, output: tuple, prefix: str) -> None:
    """Raise where a target would broadcast against the output, or a label is out of range."""
    loss = keras.losses.get(loss) if isinstance(loss, str) else loss
    function, shape = getattr(loss, "fn", loss), tuple(target.shape[1:])
    if (
        function in _ELEMENT_BY_ELEMENT
        and shape not in (output, (*output, 1))
        and (*shape, 1) != output
    ):
        if len(shape) == len(output) and None in (*shape, *output):
            return
        raise ValueError(
            f"{prefix}y: got shape {tuple(target.shape)}, expected {('samples', *output)} as the "
            "model's output. Shapes that differ would broadcast: the loss would be another one."
        )
    if function is not keras.losses.sparse_categorical_crossentropy or not output:
        return
    if len(shape) == len(output) and shape[-1:] == output[-1:] and output[-1] != 1:
        raise ValueError(
            f"{prefix}y: got shape {tuple(target.shape)}, one-hot vectors, expected labels "
            f"{('samples', *output[:-1])}. Use categorical_crossentropy, or pass "
            "np.argmax(y, axis=-1)."
        )
    if not isinstance(target, tf.TensorSpec):
        labels = tf.cast(tf.reshape(target, -1), tf.int64)
        ignored = getattr(loss, "ignore_class", None)
        if ignored is not None:
            labels = labels[labels != ignored]
        low, high = (
            (int(tf.reduce_min(labels)), int(tf.reduce_max(labels))) if len(labels) else (0, 0)
        )
        if low < 0 or high >= output[-1]:
            expected = f"0 to {output[-1] - 1}, for the model has {output[-1]} outputs"
            raise ValueError(f"{prefix}y: got labels from {low} to {high}, expected {expected}.")


def _check_weights(weights: tuple, output: tuple, prefix: str) -> None:
    losses = output[:-1]  # one loss for each sample, or for each position of a sequence
    fits = weights[1:] in (losses[1 : len(weights)], (1,)) or math.prod(weights[1:]) == 1
    if not fits:
        raise ValueError(
            f"{prefix}sample_weight: got shape {weights}, expected one for each sample, "
            f"{weights[:1]}."
        )


def check_callbacks(callbacks: Any) -> list[keras.callbacks.Callback]:
    """Return the callbacks as a list."""
    if isinstance(callbacks, keras.callbacks.Callback):
        callbacks = [callbacks]
    if not isinstance(callbacks, Iterable | None) or isinstance(callbacks, str | np.ndarray):
        raise TypeError(f"callbacks: got {callbacks!r}, expected a list of Keras callbacks.")
    callbacks = list(callbacks or ())
    for callback in callbacks:
        if not isinstance(callback, keras.callbacks.Callback):
            raise TypeError(
                f"callbacks: got {callback!r} ({type(callback).__name__}), expected "
                "keras.callbacks.Callback."
            )
    return callbacks
