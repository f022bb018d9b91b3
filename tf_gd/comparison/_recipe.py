"""How to make a step, with or without mistakes, and the arithmetic of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from tf_gd import updates
from tf_gd._backend import keras


@dataclass(frozen=True)
class Recipe:
    """How to make a step. As it stands, as Keras does; a mistake is a change of some of it.

    The values of a field are explained where it is used, in :class:`~tf_gd.comparison._kitchen.Kitchen`.
    """

    batches: Any = "as given"
    partial: str = "used"
    training: bool = True
    calls: str = "one"
    loss: str = "keras"
    reduction: Any = "mean"
    regularised: float = 1.0
    left_out: tuple[int, ...] = ()
    frozen_too: bool = False
    accumulated: bool = True
    clip: str = "as set"
    decay: str = "before"
    momentum: float | None = None
    velocity: str = "keras"
    nesterov: str = "keras"
    rate: str = "as set"
    scale: float = 1.0
    exact_numbers: bool = False
    averaged: bool = True
    constrained: bool = True


REDUCTIONS: dict[str, Callable[[int, int, int], float]] = {  # samples in this batch, in a full one, outputs
    "mean": lambda batch, full, outputs: 1.0,
    "sum": lambda batch, full, outputs: batch * outputs,
    "sum over the batch": lambda batch, full, outputs: batch,
    "sum over the outputs": lambda batch, full, outputs: outputs,
    "half": lambda batch, full, outputs: 0.5,
    "double": lambda batch, full, outputs: 2.0,
    "fixed divisor": lambda batch, full, outputs: batch / full,
}

OTHER_LOSSES: dict[str, Callable] = {
    "the mean squared error": lambda y, p: tf.reduce_mean((y - p) ** 2),
    "the mean absolute error": lambda y, p: tf.reduce_mean(tf.abs(y - p)),
    "the root of the mean squared error": lambda y, p: tf.sqrt(tf.reduce_mean((y - p) ** 2)),
    "Huber's loss": lambda y, p: tf.reduce_mean(keras.losses.huber(y, p)),
    "the cross-entropy of probabilities": lambda y, p: tf.reduce_mean(keras.losses.binary_crossentropy(y, p)),
    "the cross-entropy of logits": lambda y, p: tf.reduce_mean(keras.losses.binary_crossentropy(y, p, from_logits=True)),
}


@dataclass
class State:
    """Everything that a step starts from."""

    weights: list[np.ndarray]  # of the model, in the order of model.variables
    velocities: dict[Any, np.ndarray]
    averages: list[np.ndarray]
    sums: list[np.ndarray]
    optimizer: list[np.ndarray]  # of an optimizer other than SGD
    step: int = 0


@dataclass
class Run:
    """What came of some steps: the weights ``(steps + 1, size)`` in float64, and the losses ``(steps,)`` of each kind."""

    weights: np.ndarray
    losses: dict[str, np.ndarray]


def compared(variables) -> list[int]:
    """Return which variables of a model are weights or statistics, and so to be compared; seeds and counters are not."""
    return [i for i, variable in enumerate(variables) if "seed" not in variable.path and "float" in variable.dtype]


def as_vector(values) -> np.ndarray:
    """Return arrays one after another as one vector, in float64, which holds shorter floats exactly."""
    return np.concatenate([np.ravel(value).astype("float64") for value in values])


def from_logits_of(model) -> tuple[Any, bool | None]:
    """Return the function of a model's one cross-entropy, and whether it takes logits; None for other losses."""
    loss = keras.tree.flatten(model.loss)
    loss = keras.losses.get(loss[0]) if len(loss) == 1 and isinstance(loss[0], str) else loss[0]
    function = getattr(loss, "fn", loss)
    if "from_logits" not in getattr(getattr(function, "__code__", None), "co_varnames", ()):
        return function, None
    return function, bool(loss.get_config().get("from_logits", False)) if hasattr(loss, "get_config") else False


def outputs_of(y) -> int:
    """Return how many numbers there are to predict for each sample."""
    leaf = keras.tree.flatten(y)[0]
    return int(np.prod(leaf.shape[1:])) if leaf.dtype.is_floating else 1


def clipped(optimizer, how: str, gradients: list) -> list:
    """Return the gradients clipped as the optimizer says, or in another way."""
    per_tensor, of_all, by_value = optimizer.clipnorm, optimizer.global_clipnorm, optimizer.clipvalue
    if how == "none" or not (per_tensor or of_all or by_value):
        return gradients
    if by_value:
        clipped = updates.clip_by_value(gradients, by_value)
    elif how == "tensor by tensor" or (per_tensor and how != "all together"):
        clipped = updates.clip_by_norm([tf.convert_to_tensor(g) for g in gradients], per_tensor or of_all)
    else:
        clipped = updates.clip_by_global_norm([tf.convert_to_tensor(g) for g in gradients], per_tensor or of_all)
    return [np.asarray(g) for g in clipped]


def stepped(recipe: Recipe, w, v, g, rate, momentum, nesterov: bool):
    """Return weights and velocity after one step, in the form of the recipe."""
    if v is not None and np.broadcast_shapes(v.shape, w.shape) != w.shape:
        raise ValueError("a velocity of another variable, which does not fit")
    if momentum is None or momentum == 0 or recipe.velocity == "none":
        return updates.plain(w, g, rate), v
    v = np.zeros_like(w) if v is None or recipe.velocity == "forgotten" else v
    nesterov = (nesterov or recipe.nesterov == "added") and recipe.nesterov != "ignored"
    if recipe.velocity in ("pytorch", "dampened"):
        v = momentum * v + (g if recipe.velocity == "pytorch" else (1 - momentum) * g)
        return w - rate * (g + momentum * v if nesterov else v), v
    if recipe.nesterov == "at the point ahead":
        nesterov = False  # the gradient was taken there
    return updates.step(w, v, g, rate, momentum, nesterov)
