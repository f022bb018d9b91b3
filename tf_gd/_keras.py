"""Keras, checked to run on TensorFlow, and all of its private attributes that the package uses."""

import contextlib
import os
from typing import Any

_HOW = (
    "expected 'tensorflow'. Set the environment variable KERAS_BACKEND=tensorflow before Keras is "
    "imported, or change the file ~/.keras/keras.json."
)

try:
    import keras
except ImportError as error:
    if os.environ.get("KERAS_BACKEND", "tensorflow") == "tensorflow":
        raise
    raise ValueError(f"Keras backend: got {os.environ['KERAS_BACKEND']!r}, {_HOW}") from error

if keras.config.backend() != "tensorflow":
    raise ValueError(f"Keras backend: got {keras.config.backend()!r}, {_HOW}")

from keras.src.losses.loss import squeeze_or_expand_to_same_rank as of_same_rank  # noqa: E402
from keras.src.trainers.compile_utils import CompileLoss as LossOfOutputs  # noqa: E402

__all__ = ["LossOfOutputs", "keras", "of_same_rank"]


def slots_of(optimizer, variables) -> tuple[list, list, list, Any]:
    """Return the variables that an SGD was built with: velocities, averages, sums and batches.

    The lists are in the order of the model's variables, and empty where an option is not used.
    ``batches`` counts calls of ``apply``; the public ``iterations`` counts moves.
    """
    places = [optimizer._get_variable_index(variable) for variable in variables]
    averages = (
        getattr(optimizer, "_model_variables_moving_average", ()) if optimizer.use_ema else ()
    )
    sums = optimizer._accumulated_gradients if optimizer.gradient_accumulation_steps else ()
    kept = optimizer.momentums if optimizer.momentum else (), averages, sums
    velocities, averages, sums = ([some[n] for n in places] if some else [] for some in kept)
    return velocities, averages, sums, optimizer._iterations


def decay_of(optimizer, variable) -> float:
    """Return the weight decay of a variable: 0 without one, or where it is excluded from it."""
    return (
        optimizer.weight_decay
        if optimizer.weight_decay and is_decayed(optimizer, variable)
        else 0.0
    )


def is_decayed(optimizer, variable) -> bool:
    """Return whether a variable is not excluded from weight decay."""
    return optimizer._use_weight_decay(variable)


def compiled_parts(model) -> tuple:
    """Return what ``model.compile`` made of losses and of metrics; None for what there is not."""
    return model._compile_loss, model._compile_metrics


def learning_rate_of(optimizer):
    """Return the learning rate of an optimizer: its schedule, or the variable that holds it.

    The public attribute is the present value, also where there is a schedule.
    """
    return optimizer._learning_rate


@contextlib.contextmanager
def learning_rate_set_to(optimizer, rate):
    """Within this context the optimizer has another learning rate, which may be a schedule."""
    own = optimizer._learning_rate
    optimizer._learning_rate = rate
    try:
        yield
    finally:
        optimizer._learning_rate = own


@contextlib.contextmanager
def summed_already(optimizer):
    """Within this context the optimizer takes gradients as they are, and does not add up those of
    the replicas, which Keras does after clipping.
    """
    optimizer._all_reduce_sum_gradients = lambda pairs: pairs
    try:
        yield
    finally:
        del optimizer._all_reduce_sum_gradients


def excluded_from_decay(optimizer) -> str:
    """Return the pattern of the names of variables without weight decay, or nothing."""
    return getattr(getattr(optimizer, "_exclude_from_weight_decay_pattern", None), "pattern", "")


def layers_of(model) -> list:
    """Return the layers of a model, those inside of others as well."""
    return list(model._flatten_layers(include_self=False))


def made_trainable(model) -> set[int]:
    """Return the ids of the variables that layers have made to be trained, frozen or not."""
    return {id(v) for layer in layers_of(model) for v in layer._trainable_variables}


def is_called(layer) -> bool:
    """Return whether a layer was called on symbols, so that its output is known."""
    return bool(layer._inbound_nodes)


def takes_training(model) -> bool:
    """Return whether a model's ``call`` has an argument ``training``."""
    return model._call_has_training_arg


def build_losses_and_metrics(model, batch) -> None:
    """Build the compiled losses and metrics for symbols of a batch, unless they are."""
    if not (model.optimizer.built and all(part.built for part in compiled_parts(model) if part)):
        model._symbolic_build(data_batch=batch)


def loss_weights_of(model):
    """Return the ``loss_weights`` that a model was compiled with."""
    loss, _ = compiled_parts(model)
    return loss._user_loss_weights if loss else None


def outputs_of(model, symbols):
    """Return the symbols of the outputs of a model for those of its inputs."""
    return keras.src.backend.compute_output_spec(model, symbols, training=False)


def data_adapter(x, class_weight, shuffle: bool):
    """Return what Keras makes a ``tf.data.Dataset`` of batches with."""
    get = keras.src.trainers.data_adapters.get_data_adapter
    return get(x=x, class_weight=class_weight, shuffle=shuffle)


def set_monitor_op(callback) -> None:
    """Have a callback decide whether its monitored value is to fall or to rise."""
    callback._set_monitor_op()
