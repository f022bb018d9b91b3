"""The mistakes that are known: what each would do to a step, where it can be made, and how to mend it."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tf_gd.explain.deviation import Recipe
from tf_gd.explain.experiment import Kitchen
from tf_gd.explain.losses import OTHER_LOSSES, from_logits_of
from tf_gd.explain.possible import clips, could_be, keeps_state, one_number_out, scheduled, several_out, sgd, uncast


@dataclass(frozen=True, eq=False)
class Mistake:
    """A change of the recipe.

    Attributes:
        name: what the loop does.
        changes: which values of the recipe it changes.
        fix: one or two lines of code, or of advice.
        possible: whether it can be made with such a model and optimizer.
    """

    name: str
    changes: dict[str, Any]
    fix: str
    possible: Callable[[Kitchen], Any] = field(default=lambda kitchen: True, repr=False)


def together(mistakes: Iterable[Mistake]) -> Recipe:
    """Return the recipe with all of these mistakes in it."""
    changes: dict = {}
    for mistake in mistakes:
        changes |= mistake.changes
    return dataclasses.replace(Recipe(), **changes)


_ALL = "loss = loss_fn(y, prediction) + sum(model.losses)"
_MEAN = "Take the mean: loss = loss_fn(y, prediction) with a keras.losses object, or tf.reduce_mean."

MISTAKES: Sequence[Mistake] = (
    Mistake(
        "regularisation losses left out",
        {"regularised": 0.0},
        _ALL,
        lambda kitchen: kitchen.model.losses,
    ),
    Mistake(
        "half the regularisation losses, as by tf.nn.l2_loss",
        {"regularised": 0.5},
        _ALL,
        lambda kitchen: kitchen.model.losses,
    ),
    Mistake("the regularisation losses twice", {"regularised": 2.0}, _ALL, lambda kitchen: kitchen.model.losses),
    Mistake(
        "training=True forgotten",
        {"training": False},
        "prediction = model(x, training=True)  # or Dropout and BatchNormalization stand still",
    ),
    Mistake(
        "shapes that broadcast in the loss, every prediction against every target",
        {"loss": "broadcast"},
        "y = tf.reshape(y, tf.shape(prediction))  # (N,) against (N, 1) makes (N, N)",
        one_number_out,
    ),
    Mistake("the loss summed instead of averaged", {"reduction": "sum"}, _MEAN),
    Mistake("the loss summed over the batch, not averaged", {"reduction": "sum over the batch"}, _MEAN, several_out),
    Mistake("the loss summed over the outputs, not averaged", {"reduction": "sum over the outputs"}, _MEAN, several_out),
    Mistake(
        "half the loss, as in 1/2 (prediction - y)^2", {"reduction": "half"}, "Take out the factor 1/2: Keras's has none."
    ),
    Mistake("twice the loss, as by adding up the means of two replicas", {"reduction": "double"}, _MEAN),
    Mistake(
        "the last, smaller batch averaged over the size of a full one",
        {"reduction": "fixed divisor"},
        "Divide by the samples that there are: tf.shape(x)[0], not batch_size.",
    ),
    Mistake(
        "the last, smaller batch dropped",
        {"partial": "dropped"},
        "Train on it as well: x[i : i + batch_size] may be shorter; no drop_remainder.",
    ),
    Mistake(
        "the model called once more before the step", {"calls": "one before"}, "Call the model once a step.", keeps_state
    ),
    Mistake(
        "the model called once more after the step", {"calls": "one after"}, "Look at it with training=False.", keeps_state
    ),
    Mistake(
        "from_logits the other way round",
        {"loss": "from_logits the other way"},
        "Give the loss from_logits=True if the last layer has no softmax or sigmoid, and False if it has.",
        lambda kitchen: from_logits_of(kitchen.model)[1] is not None,
    ),
    Mistake(
        "softmax taken twice",
        {"loss": "softmax twice"},
        "Leave the softmax to the loss, which has from_logits=True.",
        lambda kitchen: from_logits_of(kitchen.model)[1],
    ),
    Mistake(
        "always the first batch",
        {"batches": "the first"},
        "Pass the batch as an argument: what a tf.function reads from outside is baked in when it is traced.",
    ),
    Mistake("the batches backwards", {"batches": "backwards"}, "Visit the batches in the order in which they come."),
    Mistake(
        "frozen variables updated as well",
        {"frozen_too": True},
        "Take gradients for model.trainable_variables, not for model.variables.",
        lambda kitchen: kitchen.by_hand and kitchen.frozen,
    ),
    Mistake(
        "momentum left out",
        {"velocity": "none"},
        "v.assign(momentum * v - learning_rate * g); w.assign_add(v)",
        sgd("momentum"),
    ),
    Mistake(
        "the velocity forgotten after every step",
        {"velocity": "forgotten"},
        "Make the velocities once, before the loop; or the optimizer, if it is one.",
        sgd("momentum"),
    ),
    Mistake(
        "momentum in PyTorch's form, with the rate outside the velocity",
        {"velocity": "pytorch"},
        "v.assign(momentum * v - learning_rate * g); w.assign_add(v)  # the rate inside the velocity",
        sgd("momentum"),
    ),
    Mistake(
        "momentum with dampening, (1 - momentum) on the gradient",
        {"velocity": "dampened"},
        "v.assign(momentum * v - learning_rate * g); w.assign_add(v)  # no (1 - momentum)",
        sgd("momentum"),
    ),
    Mistake(
        "one velocity for all variables",
        {"velocity": "shared"},
        "velocities = [tf.Variable(tf.zeros_like(w)) for w in model.trainable_variables]",
        sgd("momentum"),
    ),
    Mistake(
        "one velocity for all variables of the same name",
        {"velocity": "by name"},
        "Keep velocities by variable.path: variable.name is 'kernel' in every layer.",
        sgd("momentum"),
    ),
    Mistake(
        "Nesterov ignored",
        {"nesterov": "ignored"},
        "w.assign_add(momentum * v - learning_rate * g)  # with the new v, instead of w.assign_add(v)",
        sgd("momentum", "nesterov"),
    ),
    Mistake(
        "Nesterov with the gradient at w + momentum * v",
        {"nesterov": "at the point ahead"},
        "Keras keeps the weights at the point ahead: take g at w, then w.assign_add(momentum * v - learning_rate * g).",
        sgd("momentum", "nesterov"),
    ),
    Mistake(
        "Nesterov, where the optimizer has none",
        {"nesterov": "added"},
        "w.assign_add(v)  # or keras.optimizers.SGD(..., nesterov=True)",
        lambda kitchen: kitchen.by_hand and kitchen.optimizer.momentum and not kitchen.optimizer.nesterov,
    ),
    Mistake(
        "weight decay left out",
        {"decay": "none"},
        "w.assign_sub(learning_rate * weight_decay * w)  # before the step",
        sgd("weight_decay"),
    ),
    Mistake(
        "weight decay coupled, added to the gradient",
        {"decay": "coupled"},
        "w.assign_sub(learning_rate * weight_decay * w)  # before the step, and not in the gradient",
        sgd("weight_decay"),
    ),
    Mistake(
        "weight decay after the step",
        {"decay": "after"},
        "Decay w before the step, and after the gradient.",
        sgd("weight_decay"),
    ),
    Mistake(
        "weight decay without the learning rate",
        {"decay": "without the rate"},
        "w.assign_sub(learning_rate * weight_decay * w)  # times the rate",
        sgd("weight_decay"),
    ),
    Mistake(
        "weight decay also of variables excluded from it",
        {"decay": "excluded too"},
        "Leave out what optimizer.exclude_from_weight_decay names.",
        sgd("weight_decay"),
    ),
    Mistake("gradients not clipped", {"clip": "none"}, "Clip the gradients before the step.", clips),
    Mistake(
        "gradients clipped tensor by tensor instead of all together",
        {"clip": "tensor by tensor"},
        "gradients, _ = tf.clip_by_global_norm(gradients, limit)",
        sgd("global_clipnorm"),
    ),
    Mistake(
        "gradients clipped all together instead of tensor by tensor",
        {"clip": "all together"},
        "gradients = [tf.clip_by_norm(g, limit) for g in gradients]",
        sgd("clipnorm"),
    ),
    Mistake(
        "gradients clipped after weight decay was added to them",
        {"clip": "after decay"},
        "Clip the gradient of the loss alone, and decay w by itself.",
        lambda kitchen: clips(kitchen) and sgd("weight_decay")(kitchen),
    ),
    Mistake(
        "the learning rate of the first step at every step",
        {"rate": "the first"},
        "Read the rate inside the step, as a tensor: learning_rate = schedule(step). A Python number is baked in.",
        scheduled,
    ),
    Mistake(
        "the schedule one step ahead",
        {"rate": "a step later"},
        "Count from 0: take schedule(step) first, and then add 1 to step.",
        scheduled,
    ),
    Mistake(
        "the schedule one step behind",
        {"rate": "a step earlier"},
        "Count every step: the second one has schedule(1).",
        scheduled,
    ),
    Mistake(
        "the loss computed in float64, where Keras casts to float32",
        {"loss": "not cast"},
        "keras.config.set_floatx('float64'), or a loss object with dtype='float64'.",
        uncast,
    ),
    Mistake(
        "numbers not rounded to float32, as Keras rounds them",
        {"exact_numbers": True},
        "learning_rate = tf.cast(tf.constant(0.1, tf.float32), tf.float64), and momentum likewise.",
        lambda kitchen: kitchen.by_hand and any(w.dtype == "float64" for w in kitchen.initial),
    ),
    Mistake(
        "gradients not accumulated",
        {"accumulated": False},
        "Add up the gradients of gradient_accumulation_steps batches, and move by their mean.",
        sgd("gradient_accumulation_steps"),
    ),
    Mistake(
        "gradients added up, and not divided by the number of batches",
        {"accumulated": "summed"},
        "Move by the mean of the gradients: divide their sum by gradient_accumulation_steps.",
        sgd("gradient_accumulation_steps"),
    ),
    Mistake(
        "the average of the weights never put in their place",
        {"averaged": False},
        "w.assign(average) every ema_overwrite_frequency steps.",
        sgd("use_ema", "ema_overwrite_frequency"),
    ),
    Mistake(
        "constraints not applied",
        {"constrained": False},
        "if w.constraint is not None: w.assign(w.constraint(w))  # after the step",
        lambda kitchen: kitchen.by_hand and any(kitchen.variables[i].constraint for i in kitchen.trained),
    ),
    *(
        Mistake(
            f"another loss: {name}",
            {"loss": name},
            "Take the loss that the model is compiled with.",
            could_be(name),
        )
        for name in OTHER_LOSSES
    ),
)
