"""One step of training, by hand: forward, loss, gradients, and everything that ``keras.optimizers.SGD`` does then."""

import tensorflow as tf

from tf_gd import updates
from tf_gd._keras import keras
from tf_gd.networks.gradients import warn_of_missing


@tf.autograph.experimental.do_not_convert  # as Keras does; and half the time of a first call
def step_of_descent(model, x, y, sample_weight=None):
    """Do one step on one batch: what ``model.fit`` does, with the update by hand.

    Args:
        model: a compiled, built Keras model. Its optimizer's own velocities and counter are used, so that training can go
            on with either. An optimizer other than SGD updates the weights itself.
        x, y: one batch, ``(batch, ...)``, or lists or dicts of such.
        sample_weight: ``(batch,)``, or nothing.
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
        loss = model.compute_loss(x=x, y=y, y_pred=prediction, sample_weight=sample_weight, training=True)
        scaled = model.optimizer.scale_loss(loss)
    return prediction, loss, tape.gradient(scaled, [variable.value for variable in model.trainable_variables])


def apply_by_hand(optimizer, gradients, variables):
    """Do what ``optimizer.apply`` does for SGD, by hand and in the same order.

    Unscale, accumulate, clip, decay, step, average, constrain, count.
    """
    reached = [(g, variable) for g, variable in zip(gradients, variables, strict=True) if g is not None]
    gradients, variables = [g for g, _ in reached], [variable for _, variable in reached]
    if optimizer.loss_scale_factor is not None:
        gradients = [g / optimizer.loss_scale_factor for g in gradients]

    if optimizer.gradient_accumulation_steps:
        _accumulate(optimizer, gradients, variables)
    else:
        _move(optimizer, gradients, variables)

    if optimizer.use_ema:
        _average(optimizer)
    for variable in variables:
        if variable.constraint is not None:
            variable.assign(variable.constraint(variable))
    optimizer._iterations.assign_add(1)


def _accumulate(optimizer, gradients, variables):
    """Add up the gradients of several batches, and move by their mean when it is time to.

    ``_iterations`` counts batches; the public ``iterations`` counts moves.
    """
    count = optimizer.gradient_accumulation_steps
    sums = [optimizer._accumulated_gradients[optimizer._get_variable_index(variable)] for variable in variables]

    def move():
        _move(optimizer, [(g + total) / count for g, total in zip(gradients, sums, strict=True)], variables)
        for total in sums:
            total.assign(tf.zeros(total.shape, total.dtype))

    def wait():
        for g, total in zip(gradients, sums, strict=True):
            total.assign(g + total)

    tf.cond((optimizer._iterations + 1) % count == 0, move, wait)


def _move(optimizer, gradients, variables):
    """Clip, then decay and step, variable by variable."""
    for g, variable in zip(_clip(optimizer, gradients), variables, strict=True):
        learning_rate = tf.cast(optimizer.learning_rate, variable.dtype)
        if optimizer.weight_decay is not None and optimizer._use_weight_decay(variable):
            weight_decay = tf.cast(optimizer.weight_decay, variable.dtype)
            variable.assign(updates.decay(tf.convert_to_tensor(variable), learning_rate, weight_decay))
        velocity = optimizer.momentums[optimizer._get_variable_index(variable)] if optimizer.momentum else None
        move(variable, velocity, g, learning_rate, optimizer.momentum, optimizer.nesterov)


def move(variable, velocity, g, learning_rate, momentum: float, nesterov: bool):
    """Move one variable, and its velocity if it has one, by one step of :mod:`tf_gd.updates`."""
    variable = variable.value if isinstance(variable, keras.Variable) else variable
    if isinstance(g, tf.IndexedSlices):
        # An embedding: the rows that were looked up, some of them more than once. Keras scales them before adding up.
        g = tf.IndexedSlices(tf.cast(g.values, variable.dtype) * learning_rate, g.indices, g.dense_shape)
        if velocity is None:
            variable.scatter_sub(g)
            return
        learning_rate = tf.ones_like(learning_rate)
    w, g, v = tf.convert_to_tensor(variable), tf.cast(tf.convert_to_tensor(g), variable.dtype), None
    if velocity is not None:
        v, momentum = tf.convert_to_tensor(velocity), tf.cast(momentum, variable.dtype)
    w, v = updates.step(w, v, g, learning_rate, None if v is None else momentum, nesterov)
    if velocity is not None:
        velocity.assign(v)
    variable.assign(w)


def _clip(optimizer, gradients):
    for limit, clip in (
        (optimizer.clipnorm, updates.clip_by_norm),
        (optimizer.global_clipnorm, updates.clip_by_global_norm),
        (optimizer.clipvalue, updates.clip_by_value),
    ):
        if limit:
            return clip([tf.convert_to_tensor(g) for g in gradients], limit)
    return gradients


def _average(optimizer):
    """Follow the weights with their moving average, and put it in their place every so many steps."""
    pairs = list(zip(optimizer._trainable_variables, optimizer._model_variables_moving_average, strict=True))
    for variable, average in pairs:
        momentum = tf.cast(optimizer.iterations != 0, variable.dtype) * optimizer.ema_momentum
        average.assign(updates.moving_average(average, variable, momentum))
    if optimizer.ema_overwrite_frequency:

        def overwrite():
            for variable, average in pairs:
                variable.assign(average)

        tf.cond((optimizer.iterations + 1) % optimizer.ema_overwrite_frequency == 0, overwrite, lambda: None)


@tf.autograph.experimental.do_not_convert
def evaluation_step(model, x, y, sample_weight=None):
    """Measure loss and metrics on one batch, as ``model.evaluate`` does."""
    prediction = forward(model, x, training=False)
    loss = model.compute_loss(x=x, y=y, y_pred=prediction, sample_weight=sample_weight, training=False)
    loss_metric(model).update_state(loss, sample_weight=tf.shape(tf.nest.flatten(x)[0])[0])
    model.compute_metrics(x, y, prediction, sample_weight=sample_weight)


def forward(model, x, training: bool):
    """Call the model, with ``training`` if it takes it."""
    return model(x, training=training) if model._call_has_training_arg else model(x)


def loss_metric(model):
    """Return the metric that averages the loss."""
    return next(metric for metric in model.metrics if metric.name == "loss")


def innermost(optimizer):
    """Return the optimizer that makes the step: the one inside, where one only scales the loss for it."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def is_sgd(optimizer) -> bool:
    """Return whether the step is done by hand: for SGD itself, and for our own optimizer of the same make."""
    return type(optimizer) is keras.optimizers.SGD or getattr(type(optimizer), "is_sgd_by_hand", False)
