"""Conditions on model, data and optimizer, under which the mistakes of mistakes.py can be made.

Each is a function of the experiment, which holds the model, its optimizer and the batches.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tf_gd._keras import excluded_from_decay, keras, layers_of, learning_rate_of
from tf_gd.explain.deviation import LIMITS, Deviation, outputs_of
from tf_gd.explain.experiment import Experiment
from tf_gd.explain.losses import (
    from_logits_of,
    function_of,
    label_smoothing_of,
    names_of_losses,
)
from tf_gd.explain.optimizers import adam_of

_SMALL = 32  # samples, each of which takes a gradient

Condition = Callable[[Experiment], Any]


def sgd(*options: str) -> Condition:
    """Return the condition that the optimizer is SGD with all of these options set."""
    return lambda experiment: (
        experiment.by_hand and all(getattr(experiment.optimizer, o) for o in options)
    )


def clips(experiment: Experiment) -> bool:
    """Return whether the optimizer is SGD and clips gradients in any way."""
    return any(sgd(way)(experiment) for way in LIMITS.values())


def _one_number_per_sample(experiment: Experiment) -> bool:
    outputs, targets = outputs_and_targets(experiment)
    one = len(targets) == 1 and targets[0].shape.num_elements() == targets[0].shape[0]
    return one and len(outputs) == 1 and outputs[0].shape[-1] == 1


def _loss_cast_down(experiment: Experiment) -> bool:
    casts = experiment.precision == "float64" and keras.config.floatx() == "float32"
    return casts and function_of(experiment.model) is not None


def outputs_and_targets(experiment: Experiment) -> tuple[list, list]:
    """Return the predictions and the targets of the first batch."""
    outputs = keras.tree.flatten(experiment.prediction)
    return outputs, keras.tree.flatten(experiment.batches[0][1])


def _masks_steps(experiment: Experiment) -> bool:
    """Return whether there is one output, (samples, steps, numbers), with a mask."""
    outputs, targets = outputs_and_targets(experiment)
    one = len(outputs) == len(targets) == 1 and len(outputs[0].shape) == 3
    return bool(experiment.masks and one and function_of(experiment.model) is not None)


def _changes(experiment: Experiment) -> bool:
    """Return whether a call changes the model, beside its weights.

    BatchNormalization has statistics and Dropout has a seed, neither of them trained nor frozen.
    """
    return len(experiment.variables) > len(experiment.trained) + len(experiment.frozen)


def _training_makes_a_difference(experiment: Experiment) -> bool:
    first, other = (experiment.first_losses(Deviation(training=how)) for how in (True, False))
    return _changes(experiment) or not np.array_equal(first, other, equal_nan=True)


# By the words for them in the table of mistakes; k is the experiment.
CONDITIONS: dict[str, Condition] = {
    "always": lambda k: True,
    "training makes a difference": _training_makes_a_difference,
    "there are regularisation losses": lambda k: k.model.losses,
    "one number is predicted per sample": _one_number_per_sample,
    "several numbers are predicted per sample": lambda k: outputs_of(k.batches[0][1]) > 1,
    "batches are small": lambda k: k.full <= _SMALL,
    "a call changes the model": _changes,
    "the loss takes from_logits": lambda k: from_logits_of(k.model) is not None,
    "from_logits=True": lambda k: from_logits_of(k.model),
    "Keras casts the loss down": _loss_cast_down,
    "labels are smoothed": lambda k: label_smoothing_of(k.model),
    "sample_weight is given": lambda k: k.weighed_by == "sample_weight",
    "class_weight is given": lambda k: k.weighed_by == "class_weight",
    "samples are weighed": lambda k: k.weighed_by,
    "the model masks": lambda k: k.masks,
    "the model masks time steps": _masks_steps,
    "the targets may be masked": lambda k: (
        _masks_steps(k) and not outputs_and_targets(k)[1][0].dtype.is_floating
    ),
    "there are several time steps": lambda k: (
        [len(some) for some in outputs_and_targets(k)] == [1, 1]
        and len(outputs_and_targets(k)[0][0].shape) == 3
        and len(outputs_and_targets(k)[1][0].shape) > 1
    ),
    "there are statistics and dropout": lambda k: (
        {keras.layers.BatchNormalization, keras.layers.Dropout}
        <= set(map(type, layers_of(k.model)))
    ),
    "some are excluded from weight decay": lambda k: (
        k.optimizer.weight_decay and excluded_from_decay(k.optimizer)
    ),
    "there are several outputs": lambda k: len(names_of_losses(k.model)) > 1,
    "a cross-entropy of probabilities": lambda k: (
        from_logits_of(k.model) is not None
        and [len(some) for some in outputs_and_targets(k)] == [1, 1]
        and len({tuple(some[0].shape) for some in outputs_and_targets(k)}) == 1
    ),
    "there are statistics": lambda k: set(k.compared) - set(k.trained) - set(k.frozen),
    "the optimizer has a memory": lambda k: not k.by_hand,
    "the optimizer clips": lambda k: any(getattr(k.optimizer, way) for way in LIMITS.values()),
    "there is a schedule": lambda k: callable(learning_rate_of(k.optimizer)),
    "SGD with frozen layers": lambda k: k.by_hand and k.frozen,
    "SGD in float64": lambda k: k.by_hand and any(w.dtype == "float64" for w in k.initial),
    "SGD with constraints": lambda k: (
        k.by_hand and any(k.variables[i].constraint for i in k.trained)
    ),
    "SGD with momentum": sgd("momentum"),
    "SGD with momentum and clipping": lambda k: sgd("momentum")(k) and clips(k),
    "SGD with Nesterov": sgd("momentum", "nesterov"),
    "SGD with momentum, without Nesterov": lambda k: (
        sgd("momentum")(k) and not k.optimizer.nesterov
    ),
    "SGD with weight_decay": sgd("weight_decay"),
    "SGD or Adam with weight_decay": lambda k: (
        k.optimizer.weight_decay and (k.by_hand or adam_of(k.optimizer))
    ),
    "SGD with clipping": clips,
    "SGD with global_clipnorm": sgd("global_clipnorm"),
    "SGD with clipnorm": sgd("clipnorm"),
    "SGD with clipping and weight_decay": lambda k: clips(k) and k.optimizer.weight_decay,
    "SGD with a schedule": lambda k: k.by_hand and callable(learning_rate_of(k.optimizer)),
    "SGD with gradient_accumulation_steps": sgd("gradient_accumulation_steps"),
    "SGD with overwriting averages": sgd("use_ema", "ema_overwrite_frequency"),
}


def another_loss(name: str) -> Condition:
    """Return the condition that a loss of OTHER_LOSSES fits the targets, with another value."""

    def fits(experiment: Experiment) -> bool:
        outputs, targets = outputs_and_targets(experiment)
        if not len(outputs) == len(targets) == 1:
            return False
        shape = targets[0].shape
        if shape.num_elements() != shape[0] * int(np.prod(outputs[0].shape[1:])):
            return False
        compiled, other = (
            experiment.first_losses(r)[0] for r in (Deviation(), Deviation(loss=name))
        )
        # Equal values cannot be told apart. 16 bits hold about three decimals.
        return not np.isclose(compiled, other, rtol=1e-2 if experiment.half else 1e-6)

    return fits
