"""How to make a step, with or without mistakes, and the arithmetic of it."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tf_gd import sgd
from tf_gd._keras import is_decayed, keras


@dataclass(frozen=True)
class Deviation:
    """How to make a step. As it stands, as Keras does; a mistake is a change of some of it.

    The values of a field are explained where it is used, in
    :class:`~tf_gd.explain.experiment.Experiment`."""

    batches: Any = "as given"
    data: str = "as given"
    partial: str = "used"
    training: bool | str = True
    calls: str = "one"
    loss: str | tuple[float, ...] = "keras"
    weights: str | tuple[float, ...] = "keras"
    masked: str = "keras"
    reduction: Any = "mean"
    regularised: float | str = 1.0
    penalties: tuple[int, ...] = ()
    penalised: tuple[str, float] | None = None
    statistics: str = "kept"
    permuted: tuple[int, ...] = ()
    transposed: int | None = None
    left_out: tuple[int, ...] = ()
    gradients: str = "fresh"
    repeated: str = "once"
    optimizer: Any = "as set"
    anew: bool = False
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
    shares: tuple[float, ...] = ()
    limit: float | None = None
    row: tuple[int, int] | None = None
    scale: float = 1.0
    exact_numbers: bool = False
    averaged: bool | str = True
    constrained: bool = True


REDUCTIONS: dict[
    str, Callable[[int, int, int], float]
] = {  # samples in this batch, in a full one, outputs
    "mean": lambda batch, full, outputs: 1.0,
    "sum": lambda batch, full, outputs: batch * outputs,
    "sum over the batch": lambda batch, full, outputs: batch,
    "sum over the outputs": lambda batch, full, outputs: outputs,
    "half": lambda batch, full, outputs: 0.5,
    "half the sum": lambda batch, full, outputs: batch * outputs / 2,
    "half the sum over the batch": lambda batch, full, outputs: batch / 2,
    "half, fixed divisor": lambda batch, full, outputs: batch / full / 2,
    "divided twice": lambda batch, full, outputs: 1 / batch,
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
    optimizer: dict[str, list[np.ndarray]]  # the variables of other optimizers, by their name
    sums_of_all: list | None = None  # of the gradients so far, or those before
    step: int = 0


@dataclass
class Run:
    """What came of some steps: the weights ``(steps + 1, size)`` in float64, and the losses
    ``(steps,)`` of each kind.
    """

    weights: np.ndarray
    losses: dict[str, np.ndarray]


def compared(variables) -> list[int]:
    """Return which variables of a model are weights or statistics, and so to be compared; seeds and
    counters are not.
    """
    return [
        i
        for i, variable in enumerate(variables)
        if "seed" not in variable.path and "float" in variable.dtype
    ]


def as_vector(values) -> np.ndarray:
    """Return arrays one after another as one vector, in float64, which holds shorter floats
    exactly.
    """
    return np.concatenate([np.ravel(value).astype("float64") for value in values])


def of_layers(variables) -> list[list[int]]:
    """Return the places of the variables of each layer, in order."""
    groups: dict[str, list[int]] = {}
    for n, variable in enumerate(variables):
        groups.setdefault(variable.path.rpartition("/")[0], []).append(n)
    return list(groups.values())


def outputs_of(y) -> int:
    """Return how many numbers there are to predict for each sample."""
    leaf = keras.tree.flatten(y)[0]
    return int(np.prod(leaf.shape[1:])) if leaf.dtype.is_floating else 1


def is_of(which: str, rank: int) -> bool:
    """Return whether a variable is of ``"every variable"``, ``"the kernels"`` or ``"the biases"``.

    Args:
        which: one of the three.
        rank: of the variable; a bias is a vector.
    """
    return which == "every variable" or (which == "the kernels") == (rank > 1)


CLIPPINGS = ("tensor by tensor", "all together", "value by value")
LIMITS = dict(zip(CLIPPINGS, ("clipnorm", "global_clipnorm", "clipvalue"), strict=True))


def options_of(deviation: Deviation, options: sgd.Options) -> sgd.Options:
    """Return the options of SGD with those deviations that are only other options."""
    changes: dict[str, Any] = {}
    if deviation.momentum is not None:
        changes["momentum"] = deviation.momentum
    if deviation.velocity == "none":
        changes["momentum"] = 0.0
    if deviation.nesterov in ("ignored", "at the point ahead"):  # the gradient was taken there
        changes["nesterov"] = False
    if deviation.nesterov == "added":
        changes["nesterov"] = True
    if isinstance(deviation.clip, tuple):
        changes |= dict.fromkeys(LIMITS.values()) | {LIMITS[deviation.clip[0]]: deviation.clip[1]}
    elif deviation.clip == "none":
        changes |= dict.fromkeys(LIMITS.values())
    elif deviation.clip in LIMITS and (options.clipnorm or options.global_clipnorm):
        limit = options.clipnorm or options.global_clipnorm
        changes |= dict.fromkeys(LIMITS.values()) | {LIMITS[deviation.clip]: limit}
    if not deviation.accumulated:
        changes["gradient_accumulation_steps"] = None
    if not deviation.averaged:
        changes["ema_overwrite_frequency"] = None
    elif deviation.averaged == "swapped":
        changes["ema_momentum"] = 1 - options.ema_momentum
    return dataclasses.replace(options, **changes)


def numbers_of(
    deviation: Deviation, options: sgd.Options, rate_of: Callable, step: int, precision: np.dtype
) -> tuple[Any, sgd.Options]:
    """Return the learning rate of a step and the options, with numbers as Keras rounds them.

    Args:
        deviation: from Keras's step.
        options: of SGD.
        rate_of: the optimizer's learning rate as a function of the step.
        step: counted from 0.
        precision: of the weights.
    """
    if isinstance(deviation.rate, tuple):
        rate = np.float32(deviation.rate[min(step, len(deviation.rate) - 1)])
    else:
        others = {"the first": 0, "a step later": step + 1, "a step earlier": max(step - 1, 0)}
        rate = np.float32(rate_of(others.get(deviation.rate, step)))
        if deviation.exact_numbers:
            options = dataclasses.replace(options, momentum=np.float64(options.momentum))
            # What was typed is the shortest number that float32 rounds to the same.
            return np.float64(str(rate)), options
    scaled = precision.type(rate) * precision.type(deviation.scale)
    return scaled, options


def decay_of(deviation: Deviation, optimizer, variable) -> float:
    """Return the weight decay of a variable."""
    amount = optimizer.weight_decay if deviation.amount is None else deviation.amount
    left_out = deviation.decayed == "kernels" and len(variable.shape) < 2
    if amount is None or deviation.decay == "none" or left_out:
        return 0.0
    everywhere = deviation.decay == "excluded too"
    return amount if everywhere or is_decayed(optimizer, variable) else 0.0
