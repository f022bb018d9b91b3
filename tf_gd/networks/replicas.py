"""The same step on several replicas of a model: each computes the gradient of its share.

``model.fit`` clips each replica's gradient and then adds them, and weighs a replica with few
samples like one with many. Here the loss is the sum over all samples divided by their number,
whatever the shares; clipping, decay and the step come once, after the sum of the gradients, and
every replica takes the same new weights."""

import contextlib
from functools import partial

import tensorflow as tf

from tf_gd import _keras, _runtime
from tf_gd._keras import keras
from tf_gd.networks.gradients import warn_of_missing
from tf_gd.networks.passes import count_samples, each
from tf_gd.networks.step import (
    apply_by_hand,
    count_loss,
    forward,
    innermost,
    is_sgd,
    loss_and_gradients,
)

_STEPS = ("train_step", "test_step", "make_train_function", "make_test_function", "compute_metrics")
_MEANS = ("sum_over_batch_size", "mean")


@tf.autograph.experimental.do_not_convert
def step_on_replicas(model, batch) -> None:
    """Do one step on one batch, spread over the replicas of the strategy.

    Args:
        model: built under the scope of the strategy.
        batch: the whole one, as for :func:`~tf_gd.networks.step.step_of_descent`.
    """
    strategy, variables = tf.distribute.get_strategy(), model.trainable_variables
    replicas = strategy.num_replicas_in_sync
    reached: list[bool] = []

    def on_one():
        x_here, y_here, weights = keras.utils.unpack_x_y_sample_weight(_share(batch))
        here, everywhere = count_samples(x_here), count_samples(batch)
        if here:
            factors = _weights(model, weights, here, everywhere)
            more = partial(_of_layers, model, replicas * here / everywhere - 1.0)
            even = here * replicas == everywhere
            given = (model, x_here, y_here, factors)
            prediction, loss, gradients = loss_and_gradients(*given, None if even else more)
            # the penalties of the replicas that have no sample
            loss += _penalties(model) * max(0.0, 1.0 - everywhere / replicas)
            count_loss(model, loss * (everywhere / here), x_here, here)
            model.compute_metrics(x_here, y_here, prediction, sample_weight=weights)
            reached[:] = [g is not None for g in gradients]
        else:  # the last batch may have fewer samples than replicas
            with tf.GradientTape() as tape:
                loss = model.optimizer.scale_loss(_penalties(model) / replicas)
            gradients = tape.gradient(loss, [variable.value for variable in variables])
        pairs = zip(gradients, variables, strict=True)
        dense = [
            tf.zeros(v.shape, v.dtype) if g is None else tf.convert_to_tensor(g) for g, v in pairs
        ]
        return dense, _statistics(model)

    gradients, statistics = strategy.run(on_one)
    gradients = [strategy.reduce(tf.distribute.ReduceOp.SUM, g, axis=None) for g in gradients]
    gradients = [g if has else None for g, has in zip(gradients, reached, strict=True)]
    warn_of_missing(gradients, variables)
    if is_sgd(model.optimizer):
        apply_by_hand(model.optimizer, gradients, variables)
    else:
        _apply_by_keras(model.optimizer, gradients, variables)
    for variable, values in zip(_averaged(model), statistics, strict=True):
        variable.assign(strategy.reduce(tf.distribute.ReduceOp.MEAN, values, axis=None))


def _apply_by_keras(optimizer, gradients, variables):
    """Let an optimizer of Keras update the weights on every replica, with the summed gradients."""
    with _keras.summed_already(innermost(optimizer)):
        tf.distribute.get_strategy().run(
            lambda parts: optimizer.apply(parts, variables), args=(gradients,)
        )


@tf.autograph.experimental.do_not_convert
def evaluation_on_replicas(model, batch) -> None:
    """Measure loss and metrics on one batch, spread over the replicas of the strategy."""
    strategy = tf.distribute.get_strategy()

    def on_one():
        x_here, y_here, weights = keras.utils.unpack_x_y_sample_weight(_share(batch))
        here, everywhere = count_samples(x_here), count_samples(batch)
        if here:
            prediction = forward(model, x_here, training=False)
            factors = _weights(model, weights, here, everywhere)
            loss = _keras.loss_of(model, x_here, y_here, prediction, factors, training=False)
            count_loss(model, loss * (everywhere / here), x_here, here)
            model.compute_metrics(x_here, y_here, prediction, sample_weight=weights)

    strategy.run(on_one)


def scope_of(model):
    """Return the scope of the strategy that the model was built under.

    Raises:
        ValueError: the call stands in the scope of another strategy.
    """
    strategy = model.distribute_strategy
    if tf.distribute.has_strategy():
        if tf.distribute.get_strategy() is not strategy:
            raise ValueError(
                "model: got one built outside the scope of this strategy. Build and compile it "
                "inside."
            )
        return contextlib.nullcontext()
    return strategy.scope() if _runtime.mirrors(strategy) else contextlib.nullcontext()


def several() -> bool:
    """Return whether this is the scope of a strategy with replicas, one or more."""
    return _runtime.mirrors(tf.distribute.get_strategy())


def check(model, mode: str, streamed: bool, shuffle, seed) -> None:
    """Check that a run on several replicas is possible, and right.

    Raises:
        ValueError: an option, the data, the loss or the optimizer does not allow it.
    """
    for method in _STEPS:
        if _keras.has_own(model, method):
            raise ValueError(
                f"model: got one with a {method} of its own under a strategy with replicas, "
                "expected Keras's. Build it outside the strategy's scope, or call model.fit."
            )
    if model.run_eagerly:
        raise ValueError(
            "model: got run_eagerly=True under a strategy with replicas, expected a graph. Build "
            "it outside the strategy's scope, or call model.fit."
        )
    for option in (
        ()
        if is_sgd(model.optimizer)
        else ("gradient_accumulation_steps", "ema_overwrite_frequency")
    ):
        if getattr(innermost(model.optimizer), option):
            raise ValueError(
                f"optimizer: got {type(model.optimizer).__name__} with {option} on several "
                f"replicas, which Keras cannot do. Take SGD, or {option}=None."
            )
    if mode == "xla":
        raise ValueError(
            'mode: got "xla" on several replicas, which TensorFlow cannot do. Take "graph" or '
            '"auto".'
        )
    if streamed and _has_workers():
        raise ValueError(
            "x: got a data set with several workers, expected arrays: all workers must share the "
            "same batches."
        )
    if shuffle == "keras":
        raise ValueError(
            'shuffle: got "keras" on several replicas, expected True, with a seed, or False.'
        )
    if shuffle is True and seed is None and _has_workers():
        raise ValueError(
            "seed: got None with several workers, expected a number: all need the same order."
        )
    if _keras.has_own(model, "compute_loss"):
        raise ValueError(
            "model: got one with its own compute_loss, expected Keras's, whose mean over the "
            "samples we know."
        )
    losses = [loss for loss in keras.tree.flatten(model.loss) if loss is not None]
    if len(losses) > 1:
        raise ValueError(
            f"model: got {len(losses)} losses on several replicas, expected one. Add them up in "
            "one output."
        )
    reductions = {getattr(loss, "reduction", "mean") for loss in losses}
    if len(reductions) > 1 or not reductions <= {*_MEANS, "sum"}:
        got = ", ".join(map(str, sorted(reductions)))
        raise ValueError(
            f"loss: got reductions {got} on several replicas, expected one of {', '.join(_MEANS)} "
            "or sum."
        )


def check_built(model) -> None:
    """Raise where the model would make its variables in the first step, on one replica alone."""
    if not (model.built and model.optimizer.built):
        raise ValueError(
            "model: got one that is not built under a strategy with replicas, expected its "
            "weights. Give it an Input layer, and numbers as data; or call model.fit."
        )


def is_chief() -> bool:
    """Return whether this process writes for all: the only one, or the first of several workers."""
    return _runtime.worker_number(tf.distribute.get_strategy()) == 0


def _has_workers() -> bool:
    return _runtime.workers(tf.distribute.get_strategy()) > 1


def _share(tensors):
    """Return this replica's rows: as many as the others have, or one more."""
    context = tf.distribute.get_replica_context()
    number, count = (
        int(tf.get_static_value(context.replica_id_in_sync_group)),
        context.num_replicas_in_sync,
    )
    return each(lambda tensor: tensor[_runtime.share(tensor.shape[0], number, count)], tensors)


def _weights(model, sample_weight, here: int, everywhere: int):
    """Return sample weights with which the replicas' losses add up to the loss of the batch.

    Keras divides by the samples here times the number of replicas; right is by the samples
    everywhere."""
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    loss = keras.tree.flatten(model.loss)[0] if model.loss is not None else None
    if here * replicas == everywhere or getattr(loss, "reduction", "mean") == "sum":
        return sample_weight
    factor = replicas * here / everywhere
    return factor * sample_weight if sample_weight is not None else tf.fill([here], factor)


def _penalties(model):
    """Return the sum of the penalties that regularizers add to the loss."""
    return tf.add_n(
        [
            tf.zeros(()),
            *(v.regularizer(v) for v in model.trainable_variables if v.regularizer is not None),
        ]
    )


def _of_layers(model, factor: float):
    """Return a factor times what layers add to the loss besides penalties: means over the samples
    here, of which Keras takes the mean over the replicas.
    """
    losses = (tf.reduce_sum(tf.cast(loss, "float32")) for loss in model.losses)
    added = tf.add_n([tf.zeros(()), *losses])
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    return factor * (added - _penalties(model)) / replicas


def _averaged(model) -> list:
    """Return what each replica updates for itself: moving statistics of BatchNormalization."""
    return [
        v
        for v in model.non_trainable_variables
        if "seed_generator" not in v.path and v.dtype.startswith("float")
    ]


def _statistics(model) -> list:
    return [tf.identity(variable.value) for variable in _averaged(model)]
