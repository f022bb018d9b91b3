"""One step of training, by hand: forward, loss, gradients, and all that SGD of Keras does then."""

import warnings

import tensorflow as tf

from tf_gd import _keras, sgd
from tf_gd._keras import keras
from tf_gd.networks.gradients import warn_of_missing


@tf.autograph.experimental.do_not_convert  # as Keras does; and half the time of a first call
def step_of_descent(model, batch) -> dict:
    """Do one step on one batch: what ``model.fit`` does, with the update by hand.

    Args:
        model: a compiled Keras model. The step uses its optimizer's own velocities and counter, so
            that training can go on with either. An optimizer other than SGD updates the weights
            itself.
        batch: ``x``, ``(x, y)`` or ``(x, y, sample_weight)``: tensors ``(batch, ...)``, or lists
            or dicts of tensors.

    Returns:
        The metrics so far.
    """
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
    prediction, loss, gradients = loss_and_gradients(model, x, y, sample_weight)
    count_loss(model, loss, x)
    variables = model.trainable_variables
    if variables:
        warn_of_missing(gradients, variables)
        apply(model.optimizer, gradients, variables)
    else:
        warnings.warn("model: got no trainable variables, so nothing is learnt.", stacklevel=2)
    return model.compute_metrics(x, y, prediction, sample_weight=sample_weight)


def loss_and_gradients(model, x, y, sample_weight, more=None):
    """Return the prediction on a batch, the loss, and its gradient for each trainable variable.

    ``more`` is a function that returns what is to be added to the loss, once it is computed.
    """
    with tf.GradientTape() as tape:
        prediction = forward(model, x, training=True)
        loss = _keras.loss_of(model, x, y, prediction, sample_weight, training=True)
        loss = loss if more is None else loss + more()
        scaled = model.optimizer.scale_loss(loss)
    return (
        prediction,
        loss,
        tape.gradient(scaled, [variable.value for variable in model.trainable_variables]),
    )


def apply(optimizer, gradients, variables) -> None:
    """Move the variables: by hand where the optimizer is SGD, and nobody has changed its steps."""
    if not is_sgd(optimizer) or {"apply", "apply_gradients"} & set(vars(optimizer)):
        optimizer.apply_gradients(zip(gradients, variables, strict=True))  # as Keras's step does
        return
    if not optimizer.built:
        optimizer.build(variables)
    apply_by_hand(optimizer, gradients, variables)


def apply_by_hand(optimizer, gradients, variables):
    """Do what ``optimizer.apply`` does for SGD: the step of :mod:`tf_gd.sgd`, assigned.

    Args:
        optimizer: ``keras.optimizers.SGD``, or one of ours; its own velocities and counter are
            used.
        gradients: one for each variable; None for one that the loss does not reach.
        variables: of Keras, all that the optimizer was built for.
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
    """Assign what a step returned: a new value, or the rows to subtract; nothing if unchanged."""
    if isinstance(value, tf.IndexedSlices):
        held = variable.value if isinstance(variable, keras.Variable) else variable
        held.scatter_sub(value)
    elif value is not old:
        variable.assign(value)


@tf.autograph.experimental.do_not_convert
def evaluation_step(model, batch) -> dict:
    """Measure loss and metrics on one batch, as ``model.evaluate`` does."""
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
    prediction = forward(model, x, training=False)
    loss = _keras.loss_of(model, x, y, prediction, sample_weight, training=False)
    count_loss(model, loss, x)
    return model.compute_metrics(x, y, prediction, sample_weight=sample_weight)


@tf.autograph.experimental.do_not_convert
def train_step_of_model(model, batch) -> dict:
    """Do the model's own step on one batch; the update is its author's."""
    return model.train_step(batch)


@tf.autograph.experimental.do_not_convert
def test_step_of_model(model, batch) -> dict:
    """Measure one batch as the model's own ``test_step`` does."""
    return model.test_step(batch)


def forward(model, x, training: bool):
    """Call the model, with ``training`` if it takes it."""
    return model(x, training=training) if _keras.takes_training(model) else model(x)


def count_loss(model, loss, x, samples=None) -> None:
    """Add the loss of a batch to the metric that averages it over the samples."""
    if samples is None:
        first = next(leaf for leaf in tf.nest.flatten(x) if leaf is not None)
        samples = tf.shape(first)[0]
    _keras.loss_tracker(model).update_state(loss, sample_weight=samples)


def innermost(optimizer):
    """Return the optimizer that makes the step: the one inside, where one only scales the loss."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def is_sgd(optimizer) -> bool:
    """Return whether the step is done by hand: for SGD itself, and for :class:`ManualSGD`."""
    by_hand = getattr(type(optimizer), "is_sgd_by_hand", False)
    return type(optimizer) is keras.optimizers.SGD or by_hand
