"""Checks of model, data and callbacks before a training begins."""

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from tf_gd import _keras
from tf_gd._keras import keras
from tf_gd.networks.passes import each, leaves_of
from tf_gd.networks.step import innermost
from tf_gd.networks.targets import (
    MisfitError,
    check_target,
    check_weights,
    compared,
    suspected,
)


def check_compiled(model, replicas: bool = False, own_steps: bool = False) -> None:
    """Raise unless this is a Keras model, compiled with an optimizer.

    Args:
        model: to look at.
        replicas: whether a model on several replicas is taken.
        own_steps: whether one with a ``train_step`` of its own is taken.
    """
    if not _keras.is_trainer(model):
        raise TypeError(f"model: got {type(model).__name__}, expected a keras.Model.")
    optimizer = getattr(model, "optimizer", None)
    if not model.compiled or (optimizer is None and not _keras.has_own(model, "train_step")):
        raise ValueError(
            "model: got a model that is not compiled, expected an optimizer and a loss. Call "
            "model.compile(optimizer=keras.optimizers.SGD(0.1), loss=...) first."
        )
    own = own_steps_of(model, trains=True)
    if own and not own_steps:
        raise ValueError(
            f"model: {type(model).__name__} has a {own[0]} of its own, which this would not call. "
            "Override compute_loss instead; tf_gd.fit runs a step of the model's own."
        )
    strategy = model.distribute_strategy
    several = strategy.num_replicas_in_sync > 1
    if several and not replicas:
        raise ValueError(
            f"model: got one of {type(strategy).__name__} with {strategy.num_replicas_in_sync} "
            "replicas, expected one. Build it outside the scope of the strategy; tf_gd.fit takes "
            "one with replicas."
        )


def build_if_possible(model, x, y, sample_weight, prefix: str = "") -> Exception | None:
    """Build the model as :func:`build` does, where that is possible without running it.

    Returns:
        What kept the model from being built: then the first batch builds it, if it can.

    Raises:
        ValueError: the data do not fit the model.
    """
    if not own_steps_of(model, trains=not prefix):  # which may take what it likes
        _check_targets_given(model, y, prefix)
    wanted = _inputs_of(model)
    texts = [leaf for leaf in leaves_of(x) if getattr(leaf, "dtype", None) == tf.string]
    if texts and wanted and not any(one.dtype == "string" for one in wanted):
        raise MisfitError(
            f"{prefix}x: got text, expected an array of numbers, as the model's input. Turn words "
            "into numbers with a keras.layers.TextVectorization or StringLookup."
        )
    symbols = all(_has_symbol(leaf) for leaf in leaves_of((x, y)))
    if model.run_eagerly or not symbols or own_steps_of(model, trains=True):
        return None
    try:
        build(model, x, y, sample_weight, prefix)
    except (MisfitError, Warning):  # a warning, where the user has made them errors
        raise
    except Exception as error:  # of the model: in training it may work all the same
        return error
    return suspected(model, sample_weight, prefix)


def own_steps_of(model, trains: bool) -> list[str]:
    """Return the methods of the model's own that get the batches, to train on or to test with."""
    side = "train" if trains else "test"
    names = (f"{side}_step", f"make_{side}_function")
    return [name for name in names if _keras.has_own(model, name)]


def _check_targets_given(model, y, prefix: str) -> None:
    if y is None and model.loss is not None and not _keras.has_own(model, "compute_loss"):
        raise MisfitError(
            f"{prefix}y: got None, expected targets, which the loss of the model compares with."
        )


def _inputs_of(model) -> list:
    """Return the symbols of a model's inputs, or none where it has not got them."""
    return tf.nest.flatten(getattr(model, "inputs", None) or [])


def _has_symbol(leaf) -> bool:
    """Return whether a symbol of Keras can stand for batches of this."""
    if not isinstance(leaf, np.ndarray | tf.Tensor | tf.TensorSpec):
        return False
    return getattr(leaf.shape, "rank", 0) is not None and leaf.dtype != tf.string


def build(model, x, y, sample_weight, prefix: str = "") -> None:
    """Build model, loss, metrics and optimizer for the data, without changing any state.

    Args:
        model: a compiled Keras model.
        x, y, sample_weight: arrays or tensors, or ``tf.TensorSpec`` of a batch.
        prefix: what to call x and y in a message.

    Raises:
        ValueError: there is nothing to train on, or the data do not fit the model.
    """
    if not own_steps_of(model, trains=not prefix):
        _check_targets_given(model, y, prefix)
    shapes = repr(each(lambda leaf: (leaf.shape[1:], leaf.dtype), [x, y]))
    known = model.__dict__.setdefault("_tf_gd_outputs", {})
    symbols = each(
        lambda leaf: keras.KerasTensor([None, *leaf.shape[1:]], leaf.dtype.name),
        [x, y, sample_weight],
    )
    if not (model.built and shapes in known):
        _check_input(model, x, prefix)
        known[shapes] = _keras.outputs_of(model, symbols[0])
    outputs = known[shapes]
    by_keras = not _keras.has_own(model, "compute_loss")
    for loss, target, output in compared(model, y, outputs) if by_keras else ():
        check_target(loss, target, tuple(output.shape[1:]), prefix)
        if sample_weight is not None and len(tf.nest.flatten(outputs)) == 1:
            check_weights(loss, sample_weight, tuple(output.shape), prefix)
    try:
        _keras.build_losses_and_metrics(model, symbols)
    except (TypeError, ValueError, LookupError) as error:
        raise ValueError(
            f"{prefix}x, {prefix}y, loss, metrics: computing the loss and the metrics raised "
            f"{type(error).__name__}: {error} Expected a loss and metrics that fit the targets "
            "and the model's outputs."
        ) from error
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    check_optimizer(model)


def _check_input(model, x, prefix: str) -> None:
    """Raise where the shape is not that of a model's one input, as from an unbatched data set."""
    wanted, given = _inputs_of(model), leaves_of(x)
    if len(wanted) == 1 and len(given) != 1 and not isinstance(x, dict):
        raise MisfitError(
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
        raise MisfitError(
            f"{prefix}x: got shape {tuple(given[0].shape)}, expected {('samples', *expected)} as "
            f"the model's input.{hint}"
        )


def check_optimizer(model) -> None:
    """Raise where a variable is to be trained that the optimizer was not built for.

    An option set after the optimizer was built without variables for it gets a warning: it does
    nothing, as in ``model.fit``.
    """
    optimizer = innermost(model.optimizer)
    for option in _keras.options_without_variables(optimizer):
        warnings.warn(
            f"optimizer: {option} was set after the optimizer was built without it, so it does "
            "nothing. Call model.compile(...) with a new optimizer.",
            stacklevel=4,
        )
    known = {id(variable) for variable in _keras.variables_known_to(optimizer)}
    new = [variable.path for variable in model.trainable_variables if id(variable) not in known]
    if new:
        raise MisfitError(
            f"model: got {new[0]} to train, which was not there when the optimizer was built; "
            "expected the same variables. Call model.compile(...) again with a new optimizer after "
            "making layers trainable."
        )


def check_callbacks(callbacks: Any) -> list:
    """Return the callbacks as a flat list, from lists in lists too."""
    if isinstance(callbacks, str | np.ndarray | dict):
        raise TypeError(f"callbacks: got {callbacks!r}, expected a list of Keras callbacks.")
    if isinstance(callbacks, Iterable) and not isinstance(callbacks, list | tuple):
        callbacks = list(callbacks)
    flat = leaves_of(callbacks)
    for callback in flat:
        if not hasattr(callback, "set_model"):
            raise TypeError(
                f"callbacks: got {callback!r} ({type(callback).__name__}), expected "
                "keras.callbacks.Callback."
            )
    return flat
