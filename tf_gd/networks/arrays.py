"""Training data: checks, conversion to arrays or tensors, and the order of the samples."""

import itertools
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tf_gd import _checks
from tf_gd._keras import data_adapter, keras


def as_tensors(x, y=None, sample_weight=None) -> tuple[Any, Any, Any]:
    """Return inputs, targets and weights as tensors, checked as by :func:`as_arrays`."""
    x, y, sample_weight = as_arrays(x, y, sample_weight)
    return tensors_of(x), tensors_of(y), tensors_of(sample_weight)


def tensors_of(arrays):
    """Return a structure of arrays as tensors."""
    return None if arrays is None else keras.tree.map_structure(tf.convert_to_tensor, arrays)


def as_arrays(
    x, y=None, sample_weight=None, class_weight=None, prefix: str = ""
) -> tuple[Any, Any, Any]:
    """Return inputs, targets and weights as arrays, or as lists or dicts of arrays, as given.

    Raises:
        TypeError, ValueError: not numbers, not finite, not equally many samples, or none.
    """
    if x is None:
        raise ValueError(f"{prefix}x: got None, expected the inputs, an array (samples, ...).")
    arrays = {}
    for name, value in (("x", x), ("y", y), ("sample_weight", sample_weight)):
        arrays[name] = _arrays(prefix + name, list(value) if isinstance(value, tuple) else value)
    if not keras.tree.flatten(arrays["x"]):
        raise ValueError(
            f"{prefix}x: got an empty {type(x).__name__}, expected an array for each input."
        )
    counts = {
        name: {len(leaf) for leaf in keras.tree.flatten(value)}
        for name, value in arrays.items()
        if value is not None
    }
    if len(set().union(*counts.values())) != 1:
        got = ", ".join(
            f"{name} {' and '.join(map(str, sorted(lengths)))}" for name, lengths in counts.items()
        )
        raise ValueError(f"{prefix}x and {prefix}y: got samples of {got}, expected equally many.")
    if counts["x"] == {0}:
        raise ValueError(f"{prefix}x and {prefix}y: got no samples, expected at least one.")
    if class_weight is not None:
        arrays["sample_weight"] = _weights_of_classes(
            arrays["y"], arrays["sample_weight"], class_weight
        )
    return arrays["x"], arrays["y"], arrays["sample_weight"]


def _arrays(name: str, value):
    return (
        None if value is None else keras.tree.map_structure(lambda leaf: _array(name, leaf), value)
    )


def _array(name: str, value) -> np.ndarray:
    try:
        array = np.asarray(value)
    except ValueError:  # lists of different lengths
        array = np.asarray(None)
    if array.dtype.kind not in "iufb" or array.ndim == 0:
        got = (
            f"{array.dtype} of shape {array.shape}"
            if array.dtype.kind in "iufb"
            else type(value).__name__
        )
        raise TypeError(
            f"{name}: got {got}, expected an array of numbers (samples, ...). Make one with "
            f"np.array({name.split()[-1]}): a list means several inputs or outputs. Make a "
            "tf.data.Dataset of a generator."
        )
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):
            array = array.astype(keras.config.floatx(), copy=False)
        if not np.isfinite(array).all():
            raise ValueError(
                f"{name}: got NaN or infinite values, or numbers too large for {array.dtype}; "
                "expected finite ones. Clean the data first."
            )
    return array


def _weights_of_classes(y, sample_weight, class_weight) -> np.ndarray:
    """Return the weight of each sample: that of its class, or 1 where the dict does not name it."""
    if (
        not isinstance(class_weight, dict)
        or sample_weight is not None
        or not isinstance(y, np.ndarray)
    ):
        raise ValueError(
            "class_weight: expected a dict from class to weight, one array of targets, and no "
            "sample_weight."
        )
    classes = (
        y.argmax(axis=-1) if y.ndim > 1 and y.shape[-1] > 1 else y.reshape(len(y)).astype("int64")
    )
    weights = np.ones(len(y), keras.config.floatx())
    for label, weight in class_weight.items():
        weights[classes == label] = weight
    return weights


def split(x, y, sample_weight, share: float) -> tuple[tuple, tuple]:
    """Return the samples to train on and, as Keras does, the last ``share`` to validate on."""
    share = _checks.number("validation_split", share, above=0.0, maximum=1.0)
    samples = count(x)
    cut = int(np.floor(samples * (1.0 - share)))
    if not 0 < cut < samples:
        raise ValueError(
            f"validation_split: got {share} of {samples} samples, expected some in both parts."
        )

    def part(chosen: slice) -> tuple:
        return tuple(
            None if value is None else keras.tree.map_structure(lambda leaf: leaf[chosen], value)
            for value in (x, y, sample_weight)
        )

    return part(slice(None, cut)), part(slice(cut, None))


def parts_of(batch) -> tuple[Any, Any, Any]:
    """Return inputs, targets and weights of a batch ``x``, ``(x,)``, ``(x, y)`` or with weights."""
    if not isinstance(batch, tuple):
        return batch, None, None
    x, y, sample_weight = (*batch, None, None)[:3]
    return x, y, sample_weight


def is_streamed(x) -> bool:
    """Return whether the data come in batches: a data set, a generator, a PyTorch loader."""
    known = (tf.data.Dataset, keras.utils.PyDataset, types.GeneratorType)
    return isinstance(x, known) or type(x).__name__ == "DataLoader"


def adapter_of(x, name: str, class_weight=None, shuffle: bool = False):
    """Return Keras's own adapter, which makes a ``tf.data.Dataset`` of batches."""
    if class_weight is not None and not isinstance(class_weight, dict):
        raise ValueError(
            f"class_weight: got {class_weight!r}, expected a dict from class to weight."
        )
    shuffle = shuffle and isinstance(x, keras.utils.PyDataset) and x.num_batches is not None
    try:
        return data_adapter(x, class_weight, shuffle)
    except (StopIteration, ValueError) as error:  # Keras reads the first batch of a generator
        raise ValueError(
            f"{name}: got {type(x).__name__}, expected batches, at least one. {error}"
        ) from error


def spec_of(dataset, name: str) -> tuple[Any, Any, Any]:
    """Return the shapes and types of the batches of a data set, as ``tf.TensorSpec``.

    Raises:
        TypeError, ValueError: a batch is not made of dense tensors ``(batch, ...)``.
    """
    spec = dataset.element_spec
    if isinstance(spec, tuple) and not 1 <= len(spec) <= 3:
        raise ValueError(
            f"{name}: got a data set of {len(spec)} parts, expected x, (x, y) or (x, y, "
            "sample_weight)."
        )
    for leaf in keras.tree.flatten(spec):
        if leaf is None:
            continue
        if not isinstance(leaf, tf.TensorSpec):
            raise TypeError(
                f"{name}: got a data set of {leaf}, expected dense tensors. Try .map with "
                "tf.sparse.to_dense."
            )
        if leaf.shape.rank is None:
            raise ValueError(
                f"{name}: got a data set of tensors of unknown rank, expected a known one. Give "
                "from_generator an output_signature, or call .map with tf.ensure_shape."
            )
        if leaf.shape.rank == 0:
            raise ValueError(
                f"{name}: got a data set of single samples, expected batches. Call .batch(32)."
            )
    return parts_of(spec)


def count(x) -> int:
    """Return the number of samples."""
    return int(keras.tree.flatten(x)[0].shape[0])


def orders(shuffle, seed, samples: int, initial_epoch: int) -> Iterator[np.ndarray]:
    """Return an iterator over the orders of the samples, ``(samples,)`` for each epoch."""
    if isinstance(shuffle, str):
        if shuffle != "keras":
            raise ValueError(
                f"shuffle: got {shuffle!r}, expected True, False or 'keras'. Pass a data set for "
                "another order."
            )
        return _orders_of_keras(samples)
    if not _checks.flag("shuffle", shuffle):
        return itertools.repeat(np.arange(samples))
    if seed is not None:
        seed = _checks.whole_number("seed", seed, minimum=0)
    return _drawn_orders(np.random.SeedSequence(seed).entropy, samples, initial_epoch)


def _drawn_orders(seed, samples: int, epoch: int) -> Iterator[np.ndarray]:
    while True:
        yield np.random.default_rng([seed, epoch]).permutation(samples)
        epoch += 1


def _orders_of_keras(samples: int) -> Iterator[np.ndarray]:
    """Yield the orders of ``model.fit(shuffle=True)``: seeded, Keras 3.15 repeats one order."""
    dataset = tf.data.Dataset.range(1).map(
        lambda _: tf.random.shuffle(tf.range(samples, dtype=tf.int64))
    )
    while True:
        yield from dataset.as_numpy_iterator()
