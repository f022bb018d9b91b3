"""Go through batches, one step each: the functions that are compiled."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tf_gd import _keras
from tf_gd._keras import keras


def pass_through(
    step: Callable,
    model,
    tensors,
    order,
    first,
    count,
    fresh,
    *,
    batch_size,
    gathered=False,
    ends_at_nan=False,
):
    """Go through some batches of samples in memory; the last batch of all may be smaller.

    Args:
        step: what to do with a batch: ``(model, batch)``, see :mod:`tf_gd.networks.step`.
        model: a compiled Keras model.
        tensors: inputs, targets and sample weights ``(samples, ...)``, in any structure; None for
            what there is not.
        order: the indices of the samples in the order in which to visit them, ``(samples,)``; None
            as they come.
        first: the batch to begin with, a scalar.
        count: how many batches, a scalar.
        fresh: whether the metrics begin anew, a scalar.
        batch_size: samples in a batch; not a tensor, since XLA needs the shapes.
        gathered: put all samples in their order first, where the pass goes through all of them: it
            takes as much memory again, and less time than gathering each batch.
        ends_at_nan: stop after the first batch with which the average loss is not finite.

    Returns:
        The metrics, and how many batches there were.
    """
    _if(fresh, model.reset_metrics)
    samples = count_samples(tensors if order is None else order)
    whole, rest = divmod(samples, batch_size)
    if gathered:
        tensors, order = each(lambda t: tf.gather(t, order), tensors), None

    def train(start, size):
        step(model, _as_keras_sees_it(model, batch_of(tensors, order, start, size)))

    def goes_on(batch):
        return (batch < tf.minimum(first + count, whole)) & _finite(model, ends_at_nan)

    batch = first
    if whole:
        batch = _repeat(goes_on, lambda batch: train(batch * batch_size, batch_size), first)
    if rest:
        last = (batch >= whole) & (first + count > whole) & _finite(model, ends_at_nan)
        _if(last, lambda: train(whole * batch_size, rest))
        batch += tf.cast(last, batch.dtype)
    return model.get_metrics_result(), batch - first


def pass_along(
    step: Callable,
    model,
    iterator,
    count,
    seconds,
    fresh,
    *,
    length_known=False,
    ends_at_nan=False,
):
    """Take batches from an iterator, which may end before: up to ``count``, for some seconds.

    The clock decides here, and not how long the last batches took: an iterator that reads ahead
    gives some at once, and then one after another.

    Args:
        step, model, fresh, ends_at_nan: as of :func:`pass_through`.
        iterator: of a data set.
        count: how many batches at most, a scalar.
        seconds: after which no batch is begun but the first, a scalar.
        length_known: whether the iterator certainly has as many batches.

    Returns:
        The metrics, and how many batches there were.
    """
    _if(fresh, model.reset_metrics)
    until = tf.timestamp() + seconds

    def goes_on(taken):
        in_time = (taken == 0) | (tf.timestamp() < until)
        return (taken < count) & in_time & _finite(model, ends_at_nan)

    if tf.executing_eagerly():
        taken = 0
        while goes_on(taken):
            batch = next(iterator, None)
            if batch is None:
                break
            step(model, without_optionals(batch))
            taken += 1
        return model.get_metrics_result(), taken

    if length_known:
        taken = _repeat(
            goes_on,
            lambda _: step(model, without_optionals(iterator.get_next())),
            tf.constant(0),
        )
        return model.get_metrics_result(), taken

    def body(taken, _, batch):
        step(model, without_optionals(batch.get_value()))
        taken += 1
        more = goes_on(taken)
        return taken, more, tf.cond(more, iterator.get_next_as_optional, lambda: batch)

    start = [tf.constant(0), tf.constant(True), iterator.get_next_as_optional()]
    taken, *_ = tf.while_loop(lambda _, more, batch: more & batch.has_value(), body, start)
    return model.get_metrics_result(), taken


def batch_of(tensors, order, start, size: int):
    """Return the batch of samples from ``start`` on, in their order, as Keras gives it to a step.

    Args:
        tensors: inputs, targets and sample weights ``(samples, ...)``.
        order: the indices of the samples, or None.
        start: the place of the first sample in the order, a scalar.
        size: of the batch, at most as many as there are.
    """
    if order is None:
        rows = each(lambda t: _rows(t, start, size), tensors)
    else:
        chosen = tf.slice(order, [start], [size])
        rows = each(lambda t: tf.gather(t, chosen), tensors)
    return keras.utils.pack_x_y_sample_weight(*rows)


def each(function: Callable, tensors):
    """Return ``function`` of every tensor in a structure of them, leaving out what is None."""
    return tf.nest.map_structure(lambda t: None if t is None else function(t), tensors)


def leaves_of(tensors) -> list:
    """Return the tensors of a structure, leaving out what is None."""
    return [leaf for leaf in tf.nest.flatten(tensors) if leaf is not None]


def count_samples(tensors) -> int:
    """Return the number of samples in a structure of tensors or arrays."""
    return int(leaves_of(tensors)[0].shape[0])


def without_optionals(batch):
    """Return a batch with None for the optional inputs that it leaves out, as Keras does."""
    optional = tf.experimental.Optional
    return tf.nest.map_structure(lambda t: None if isinstance(t, optional) else t, batch)


def _rows(tensor, start, size: int):
    return tf.slice(tensor, [start] + [0] * (tensor.shape.rank - 1), [size, *tensor.shape[1:]])


def _repeat(goes_on: Callable, body: Callable, number):
    """Call ``body(number)`` for one number after another while it goes on; return the next one."""
    if tf.executing_eagerly():
        while goes_on(number):
            body(number)
            number += 1
        return number

    def once(number):
        body(number)
        return (number + 1,)

    return tf.while_loop(goes_on, once, [number])[0]


def _if(condition, action: Callable) -> None:
    """Call the action where the condition holds; in a graph, decided when it runs."""
    if tf.executing_eagerly():
        if condition:
            action()
        return

    def act():
        action()
        return tf.constant(0)

    tf.cond(condition, act, lambda: tf.constant(0))


def _finite(model, asked: bool) -> Any:
    if not asked:
        return True
    return tf.math.is_finite(tf.convert_to_tensor(_keras.loss_tracker(model).total))


def _as_keras_sees_it(model, tensors):
    """Hide the batch's length from a model of several outputs.

    Keras weighs the loss of each output by the length of the batch where that is known when the
    step is traced. In ``model.fit`` it is not, and the history holds the plain mean over the
    batches.
    """
    loss, _ = _keras.compiled_parts(model)
    several_outputs = getattr(loss, "metrics", None)
    if tf.executing_eagerly() or tf.distribute.has_strategy() or not several_outputs:
        return tensors
    return each(
        lambda tensor: tf.compat.v1.placeholder_with_default(tensor, [None, *tensor.shape[1:]]),
        tensors,
    )
