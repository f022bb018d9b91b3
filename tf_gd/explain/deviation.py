"""How to make a step, with or without mistakes, and the arithmetic of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from tf_gd import updates
from tf_gd._keras import keras


@dataclass(frozen=True)
class Recipe:
    """How to make a step. As it stands, as Keras does; a mistake is a change of some of it.

    The values of a field are explained where it is used, in :class:`~tf_gd.explain.experiment.Kitchen`.
    """

    batches: Any = "as given"
    partial: str = "used"
    training: bool = True
    calls: str = "one"
    loss: str | tuple[float, ...] = "keras"
    reduction: Any = "mean"
    regularised: float = 1.0
    left_out: tuple[int, ...] = ()
    frozen_too: bool = False
    accumulated: bool | str = True
    clip: str | tuple[str, float] = "as set"
    decay: str = "before"
    amount: float | None = None
    decayed: str = "as set"
    momentum: float | None = None
    velocity: str = "keras"
    nesterov: str = "keras"
    rate: str | tuple[float, ...] = "as set"
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


def outputs_of(y) -> int:
    """Return how many numbers there are to predict for each sample."""
    leaf = keras.tree.flatten(y)[0]
    return int(np.prod(leaf.shape[1:])) if leaf.dtype.is_floating else 1


CLIPPINGS = ("tensor by tensor", "all together", "value by value")


def clipped(optimizer, how: str | tuple[str, float], gradients: list) -> list:
    """Return the gradients clipped as the optimizer says, or in another way."""
    per_tensor, of_all, by_value = optimizer.clipnorm, optimizer.global_clipnorm, optimizer.clipvalue
    if isinstance(how, tuple):
        kind, limit = how
        per_tensor, of_all, by_value = (limit if kind == one else None for one in CLIPPINGS)
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
