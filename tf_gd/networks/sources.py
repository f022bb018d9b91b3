"""What :func:`tf_gd.fit` was given, checked, as batches to train on and to validate on."""

from typing import Any

import tensorflow as tf

from tf_gd import _keras
from tf_gd._keras import keras
from tf_gd.networks import arrays, class_weights
from tf_gd.networks.batches import DataSet, InMemory
from tf_gd.networks.checks import build_if_possible, own_steps_of
from tf_gd.networks.orders import Orders
from tf_gd.networks.passes import count_samples

Given = tuple[Any, Any, Any]  # x, y, sample_weight


def source_for_training(
    model, given: Given, class_weight, batch_size, steps, orders: Orders, share: float
) -> "tuple[InMemory | DataSet, tuple | None]":
    """Return where the batches come from, and what is held out to validate on, if anything.

    The model is built for the data, where it can be without running it.

    Args:
        model: a compiled Keras model.
        given: x, y, sample_weight.
        class_weight, batch_size, steps: of :func:`tf_gd.fit`.
        orders: in which to visit the samples.
        share: of the samples, to hold out.
    """
    if arrays.is_streamed(given[0]):
        beside = dict(y=given[1], sample_weight=given[2], validation_split=share or None)
        arrays.nothing_beside(beside)
        return _streamed(model, given, "x", steps, orders.shuffle, class_weight), None
    given, held_out = arrays.texts_as_tensors(given), None
    takes_iterator = _keras.has_own(model, "make_train_function")
    if given[0] is None or (arrays.in_memory(*given) and not takes_iterator):
        samples = arrays.as_arrays(*given, takes_nan=True)
        if share:
            samples, held_out = arrays.split(*samples, share)
        samples = class_weights.weighted_by_class(samples, class_weight)
        ordered = orders.of(count_samples(samples))
        return _in_memory(model, samples, "x", steps, batch_size, ordered), held_out
    if share:
        given, held_out = _keras.split_for_validation(given, share)
    shuffle = orders.shuffle
    return _streamed(model, given, "x", steps, shuffle, class_weight, batch_size), held_out


def source_for_validation(
    model, given, batch_size: int | None, steps: int | None
) -> "InMemory | DataSet":
    """Return where the batches to validate on come from."""
    name = "validation_data"
    if arrays.is_streamed(given):
        return _streamed(model, (given, None, None), name, steps)
    if isinstance(given, (tuple, list)) and len(given) not in (1, 2, 3):
        raise TypeError(
            f"validation_data: got {len(given)} parts, expected (x, y), (x, y, sample_weight) or a "
            "tf.data.Dataset."
        )
    given = tuple(given) if type(given) is list else given
    samples: Given = keras.utils.unpack_x_y_sample_weight(given)
    if arrays.is_streamed(samples[0]):
        raise TypeError("validation_data: got a data set in a tuple, expected the data set itself.")
    samples = arrays.texts_as_tensors(samples)
    takes_iterator = _keras.has_own(model, "make_test_function")
    if takes_iterator or not arrays.in_memory(*samples):
        return _streamed(model, samples, name, steps, batch_size=batch_size)
    samples = arrays.as_arrays(*samples, prefix=_prefix(name), takes_nan=True)
    return _in_memory(model, samples, name, steps, batch_size)


def _prefix(name: str) -> str:
    """Return what to put before x and y in a message about the data of an argument."""
    return "" if name == "x" else "validation "


def _in_memory(model, samples: Given, name: str, steps, batch_size, orders=None) -> InMemory:
    """Return batches of as many samples as given, or of as many as make so many batches, or 32."""
    batch_size = batch_size or (-(-count_samples(samples) // steps) if steps else 32)
    source = InMemory(samples, batch_size, orders, steps, name)
    source.trouble = build_if_possible(model, *samples, prefix=_prefix(name))
    return source


def _streamed(
    model, given: Given, name: str, steps, shuffle=False, class_weight=None, batch_size=None
) -> DataSet:
    if class_weight is not None:
        class_weight = class_weights.with_all_classes(class_weight, given[2], model)
    options = dict(class_weight=class_weight, batch_size=batch_size, steps_per_epoch=steps)
    shuffled = arrays.shuffled_by_keras(given[0], shuffle)
    adapter = arrays.adapter_of(given[0], name, *given[1:], shuffle=shuffled, **options)
    dataset = adapter.get_tf_dataset()
    endless = int(dataset.cardinality()) == tf.data.INFINITE_CARDINALITY
    if steps is None and endless and adapter.num_batches is None:
        argument = "steps_per_epoch" if name == "x" else "validation_steps"
        raise ValueError(
            f"{name}: got a data set that never ends, expected {argument} beside it, or no "
            ".repeat()."
        )
    source = DataSet(adapter, steps, trains=name == "x", name=name)
    source.shuffled = shuffled
    if own_steps_of(model, trains=name == "x"):  # of batches in any form
        return source
    spec: Given = keras.utils.unpack_x_y_sample_weight(arrays.spec_of(dataset, name))
    source.trouble = build_if_possible(model, *spec, prefix=_prefix(name))
    return source
