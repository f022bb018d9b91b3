"""Where a mistake can be made: what a model, its data and its optimizer have to have for it."""

from collections.abc import Callable

import numpy as np

from tf_gd._keras import keras
from tf_gd.explain.deviation import Recipe, outputs_of
from tf_gd.explain.experiment import Kitchen
from tf_gd.explain.losses import function_of


def sgd(*options: str) -> Callable[[Kitchen], bool]:
    """Return whether the optimizer is SGD with all of these options."""
    return lambda kitchen: kitchen.by_hand and all(getattr(kitchen.optimizer, option) for option in options)


def clips(kitchen: Kitchen) -> bool:
    """Return whether the optimizer is SGD and clips."""
    optimizer = kitchen.optimizer
    return kitchen.by_hand and bool(optimizer.clipnorm or optimizer.global_clipnorm or optimizer.clipvalue)


def scheduled(kitchen: Kitchen) -> bool:
    """Return whether the optimizer is SGD with a schedule."""
    return kitchen.by_hand and callable(kitchen.optimizer._learning_rate)


def keeps_state(kitchen: Kitchen) -> bool:
    """Return whether a call of the model leaves something behind: statistics of BatchNorm, seeds of Dropout."""
    return len(kitchen.variables) > len(kitchen.trained) + len(kitchen.frozen)


def one_number_out(kitchen: Kitchen) -> bool:
    """Return whether there is one number to predict for each sample."""
    outputs = keras.tree.flatten(kitchen.model.outputs if getattr(kitchen.model, "outputs", None) else [])
    target = keras.tree.flatten(kitchen.batches[0][1])
    size = target[0].shape.num_elements() == target[0].shape[0] if len(target) == 1 else False
    return size and (not outputs or (len(outputs) == 1 and outputs[0].shape[-1] == 1))


def several_out(kitchen: Kitchen) -> bool:
    """Return whether there are several numbers to predict for each sample."""
    return outputs_of(kitchen.batches[0][1]) > 1


def elementwise(kitchen: Kitchen) -> bool:
    """Return whether the targets are numbers of the shape of the one output."""
    outputs, targets = getattr(kitchen.model, "outputs", None) or [], keras.tree.flatten(kitchen.batches[0][1])
    return len(outputs) == len(targets) == 1 and targets[0].shape.num_elements() == targets[0].shape[0] * int(
        np.prod(outputs[0].shape[1:])
    )


def could_be(name: str) -> Callable[[Kitchen], bool]:
    """Return whether another loss could be taken for the compiled one: whether it fits the targets and is another."""

    def another(kitchen: Kitchen) -> bool:
        if not elementwise(kitchen):
            return False
        compiled, other = (kitchen.first_losses(recipe)[0] for recipe in (Recipe(), Recipe(loss=name)))
        return not np.isclose(compiled, other, rtol=1e-2 if kitchen.half else 1e-6)

    return another


def uncast(kitchen: Kitchen) -> bool:
    """Return whether the model computes in more bits than Keras casts the loss to."""
    return kitchen.precision == "float64" and keras.config.floatx() == "float32" and function_of(kitchen.model) is not None
