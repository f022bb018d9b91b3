"""Keras, checked to run on TensorFlow, and all of its private attributes that the package uses."""

import contextlib
import os
import random
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

from keras.src.backend.tensorflow.trainer import TensorFlowTrainer as Trainer  # noqa: E402
from keras.src.losses.loss import squeeze_or_expand_to_same_rank as of_same_rank  # noqa: E402
from keras.src.trainers.compile_utils import CompileLoss as LossOfOutputs  # noqa: E402

__all__ = ["LossOfOutputs", "keras", "of_same_rank"]
# What a layer puts on its output, beside the numbers: the mask, and the logits of a softmax.
CARRIED = ("_keras_mask", "_keras_logits")
_AVERAGES = "_model_variables_moving_average"


def slots_of(optimizer, variables) -> tuple[list, list, list, Any]:
    """Return the variables that an SGD was built with: velocities, averages, sums and batches.

    Lists in the order of the model's variables, empty where an option is not used. ``batches``
    counts calls of ``apply``; the public ``iterations`` counts moves."""
    places = [optimizer._get_variable_index(variable) for variable in variables]
    averages = getattr(optimizer, _AVERAGES, ()) if optimizer.use_ema else ()
    sums = optimizer._accumulated_gradients if optimizer.gradient_accumulation_steps else ()
    kept = optimizer.momentums if optimizer.momentum else (), averages, sums
    velocities, averages, sums = ([some[n] for n in places] if some else [] for some in kept)
    return velocities, averages, sums, optimizer._iterations


def options_without_variables(optimizer) -> list[str]:
    """Return the options that were set after the optimizer was built without variables for them."""
    if not getattr(optimizer, "built", False) or not optimizer._trainable_variables:
        return []
    momentum = hasattr(optimizer, "momentums") and optimizer.momentum
    accumulates = optimizer.gradient_accumulation_steps
    needed = {
        "momentum": ("momentums", momentum),
        "use_ema": (_AVERAGES, optimizer.use_ema),
        "gradient_accumulation_steps": ("_accumulated_gradients", accumulates),
    }
    return [
        option
        for option, (name, is_set) in needed.items()
        if is_set and not getattr(optimizer, name, None)
    ]


def variables_known_to(optimizer) -> list:
    """Return the variables that an optimizer was built for."""
    return optimizer._trainable_variables


def add_slots(optimizer, variables, name: str) -> list:
    """Return a new variable of the optimizer for each of the model's."""
    if hasattr(optimizer, "add_optimizer_variables"):
        return optimizer.add_optimizer_variables(variables, name)
    add = optimizer.add_variable_from_reference  # before Keras 3.9
    return [add(reference_variable=variable, name=name) for variable in variables]


def decay_of(optimizer, variable) -> float:
    """Return the weight decay of a variable: 0 without one, or where it is excluded from it."""
    return (optimizer.weight_decay or 0.0) if is_decayed(optimizer, variable) else 0.0


def is_decayed(optimizer, variable) -> bool:
    """Return whether a variable is not excluded from weight decay."""
    return optimizer._use_weight_decay(variable)


def compiled_parts(model) -> tuple:
    """Return what ``model.compile`` made of losses and of metrics; None for what there is not."""
    return getattr(model, "_compile_loss", None), getattr(model, "_compile_metrics", None)


def compiled_with(model) -> tuple:
    """Return objects of which at least one is another after each ``model.compile``."""
    return model.optimizer, *compiled_parts(model), getattr(model, "_compile_config", None)


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


def data_adapter(x, y=None, sample_weight=None, **options):
    """Return what Keras makes a ``tf.data.Dataset`` of batches with, of arguments of ``fit``."""
    get = keras.src.trainers.data_adapters.get_data_adapter
    return get(x=x, y=y, sample_weight=sample_weight, **options)


def split_for_validation(parts: tuple, share: float) -> tuple[tuple, tuple]:
    """Return the first part of data of any kind, to train on, and the last, to validate on."""
    slicing = keras.src.trainers.data_adapters.array_slicing
    return slicing.train_validation_split(parts, validation_split=share)


def is_trainer(model) -> bool:
    """Return whether this can be trained: a ``keras.Model``, or a layer that trains itself."""
    return isinstance(model, Trainer)


def has_own(model, method: str) -> bool:
    """Return whether the class of a model, or the model itself, replaces a method of Keras's."""
    own = getattr(getattr(model, method), "__func__", None)
    return own is not getattr(Trainer, method)


def loss_of(model, x, y, prediction, sample_weight, training: bool):
    """Return the loss of a batch, whether or not ``compute_loss`` takes ``training``."""
    return model._compute_loss(
        x=x, y=y, y_pred=prediction, sample_weight=sample_weight, training=training
    )


def mask_of(tensor):
    """Return the mask that a layer has put on its output, or None."""
    return getattr(tensor, CARRIED[0], None)


def loss_tracker(model):
    """Return the metric that averages the loss, also where ``metrics`` leaves it out."""
    return model._loss_tracker


def metrics_or_logs(model, logs):
    """Return the metrics, if a step returned these, or else what it returned."""
    return model._get_metrics_result_or_logs(logs)


def as_python(logs) -> dict[str, Any]:
    """Return metrics as Keras gives them to callbacks: numbers, and arrays of a vector metric."""
    return keras.src.utils.python_utils.pythonify_logs(logs)


def first_epoch_of(model, initial_epoch: int) -> int:
    """Return the epoch to begin with: the one at which ``BackupAndRestore`` found the model."""
    return getattr(model, "_initial_epoch", None) or initial_epoch


def seed_of_session() -> int | None:
    """Return what ``keras.utils.set_random_seed`` was called with, or None."""
    return keras.src.utils.rng_utils.get_random_seed()


def global_seeds() -> list:
    """Return the state of Keras's global generator, which layers without a seed draw from."""
    kept = random.getstate()  # a generator that is made anew draws its seed from there
    seeds = [keras.src.random.seed_generator.global_seed_generator().state]
    random.setstate(kept)
    return seeds


def compiled_metrics_of(model) -> list:
    """Return the metrics, their names or functions, that a model was compiled with."""
    names, metrics = ("_user_metrics", "_user_weighted_metrics"), compiled_parts(model)[1]
    return [m for m in keras.tree.flatten([getattr(metrics, n, None) for n in names]) if m]


def wiring_of(model) -> list[list[int]]:
    """Return for each layer of a functional model the numbers of the layers before it, else []."""
    layers = model.operations if isinstance(model, keras.src.models.Functional) else []
    numbers = {id(layer): number for number, layer in enumerate(layers)}
    key = keras.src.ops.function.make_node_key
    nodes = ([(key(one, n), node) for n, node in enumerate(one._inbound_nodes)] for one in layers)
    before = ([t for k, n in some if k in model._nodes for t in n.input_tensors] for some in nodes)
    found = [[numbers.get(id(t._keras_history.operation), -1) for t in one] for one in before]
    return found + [part for layer in layers for part in wiring_of(layer)]


def limits() -> tuple[int | None, int | None]:
    """Return how many epochs, and steps of each, Keras is set to train for at most, or None."""
    epochs = getattr(keras.config, "max_epochs", lambda: None)()
    return epochs, getattr(keras.config, "max_steps_per_epoch", lambda: None)()


def looks_at_batches(board) -> bool:
    """Return whether a TensorBoard callback writes down, or profiles, single batches."""
    return board._should_trace or board.write_steps_per_second or board.update_freq != "epoch"


def set_monitor_op(callback) -> None:
    """Have a callback decide whether its monitored value is to fall or to rise."""
    callback._set_monitor_op()
