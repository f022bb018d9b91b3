"""One step of training, by hand: forward, loss, gradients, and all that SGD of Keras does then."""

import tensorflow as tf

from tf_gd import _keras, sgd
from tf_gd._keras import keras
from tf_gd.networks.gradients import warn_of_missing


@tf.autograph.experimental.do_not_convert  # as Keras does; and half the time of a first call
def step_of_descent(model, x, y, sample_weight=None):
    """Do one step on one batch: what ``model.fit`` does, with the update by hand.

    Args:
        model: a compiled, built Keras model. The step uses its optimizer's own velocities and
            counter, so that training can go on with either. An optimizer other than SGD updates the
            weights itself.
        x, y: one batch, ``(batch, ...)``, or lists or dicts of arrays.
        sample_weight: ``(batch,)``, or None.
    """
    optimizer, variables = model.optimizer, model.trainable_variables
    prediction, loss, gradients = loss_and_gradients(model, x, y, sample_weight)
    warn_of_missing(gradients, variables)
    loss_metric(model).update_state(loss, sample_weight=tf.shape(tf.nest.flatten(x)[0])[0])

    if is_sgd(optimizer):
        apply_by_hand(optimizer, gradients, variables)
    else:
        optimizer.apply(gradients, variables)
    model.compute_metrics(x, y, prediction, sample_weight=sample_weight)


def loss_and_gradients(model, x, y, sample_weight):
    """Return the prediction on a batch, the loss, and its gradient for each trainable variable."""
    with tf.GradientTape() as tape:
        prediction = forward(model, x, training=True)
        loss = model.compute_loss(
            x=x, y=y, y_pred=prediction, sample_weight=sample_weight, training=True
        )
        scaled = model.optimizer.scale_loss(loss)
    return (
        prediction,
        loss,
        tape.gradient(scaled, [variable.value for variable in model.trainable_variables]),
    )


def apply_by_hand(optimizer, gradients, variables):
    """Do what ``optimizer.apply`` does for SGD: the step of :mod:`tf_gd.sgd`, assigned.

    Args:
        optimizer: ``keras.optimizers.SGD`` or :class:`tf_gd.ManualSGD`, whose velocities and
            counter the step uses.
        gradients: one for each variable; None where the loss does not depend on it.
        variables: Keras variables, all that the optimizer was built for.
    """
    velocities, averages, sums, batches = _keras.slots_of(optimizer, variables)
    held = sgd.State(variables, velocities, averages, sums, batches)
    state = tf.nest.map_structure(tf.convert_to_tensor, held)
    new = sgd.step(
        sgd.Options.of(optimizer),
        state,
        gradients,
        optimizer.learning_rate,
        decays=[_keras.decay_of(optimizer, variable) for variable in variables],
        constraints=[variable.constraint for variable in variables],
    )
    for variable, old, value in zip(*map(tf.nest.flatten, (held, state, new)), strict=True):
        assign(variable, old, value)


def assign(variable, old, value) -> None:
    """Assign what a step returned, unless it is the old value: a new one, or rows to subtract."""
    if isinstance(value, tf.IndexedSlices):
        held = variable.value if isinstance(variable, keras.Variable) else variable
        held.scatter_sub(value)
    elif value is not old:
        variable.assign(value)


@tf.autograph.experimental.do_not_convert
def evaluation_step(model, x, y, sample_weight=None):
    """Measure loss and metrics on one batch, as ``model.evaluate`` does."""
    prediction = forward(model, x, training=False)
    loss = model.compute_loss(
        x=x, y=y, y_pred=prediction, sample_weight=sample_weight, training=False
    )
    loss_metric(model).update_state(loss, sample_weight=tf.shape(tf.nest.flatten(x)[0])[0])
    model.compute_metrics(x, y, prediction, sample_weight=sample_weight)


def forward(model, x, training: bool):
    """Call the model, with ``training`` if it takes that argument."""
    return model(x, training=training) if _keras.takes_training(model) else model(x)


def loss_metric(model):
    """Return the metric that averages the loss."""
    return next(metric for metric in model.metrics if metric.name == "loss")


def innermost(optimizer):
    """Return the optimizer that takes the step: the one inside, where the outer scales the loss."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def is_sgd(optimizer) -> bool:
    """Return whether we do the step by hand: for SGD itself, and for :class:`tf_gd.ManualSGD`."""
    return type(optimizer) is keras.optimizers.SGD or getattr(
        type(optimizer), "is_sgd_by_hand", False
    )
