"""Training data: checks, and conversion to arrays or tensors."""

import numbers
import types
import warnings
from typing import Any

import numpy as np
import tensorflow as tf

from tf_gd import _checks, _keras
from tf_gd._keras import keras
from tf_gd.networks.passes import count_samples, each, leaves_of

_ROWS_AT_ONCE = 4096


def as_tensors(x, y=None, sample_weight=None) -> tuple[Any, Any, Any]:
    """Return inputs, targets and weights as tensors, checked as by :func:`as_arrays`."""
    x, y, sample_weight = as_arrays(x, y, sample_weight)
    return tensors_of(x), tensors_of(y), tensors_of(sample_weight)


def tensors_of(arrays):
    """Return a structure of arrays as tensors."""
    return each(tf.convert_to_tensor, arrays)


def in_memory(x, y=None, sample_weight=None) -> bool:
    """Return whether the data are arrays of numbers; if not, Keras has to make batches of them.

    Raises:
        TypeError: a list of numbers, which is neither.
    """
    for name, value in (("x", x), ("y", y), ("sample_weight", sample_weight)):
        for leaf in leaves_of(value):
            if isinstance(leaf, numbers.Number | str | bytes):
                got = f"a list of {type(leaf).__name__}" if leaf is not value else repr(value)
                numbers_in = "array" if isinstance(leaf, numbers.Number) else "array of text"
                raise TypeError(
                    f"{name}: got {got}, expected an array (samples, ...). Make one with "
                    f"np.array({name}): in a list, each element is an {numbers_in} of its own, "
                    "for a model of several inputs or outputs."
                )
            if "complex" in str(getattr(leaf, "dtype", "")):
                raise TypeError(
                    f"{name}: got complex numbers, expected an array of numbers that are real, as "
                    f"np.stack([{name}.real, {name}.imag], axis=-1)."
                )
    return all(_is_dense(leaf) for leaf in leaves_of((x, y, sample_weight)))


def texts_as_tensors(value):
    """Return a structure with tensors in the place of NumPy's arrays of text."""

    def converted(leaf):
        texts = isinstance(leaf, np.ndarray) and leaf.dtype.kind in "US"
        objects = str(getattr(leaf, "dtype", "")) == "object" and len(leaf) and _is_text(leaf)
        return tf.constant(np.asarray(leaf).tolist()) if texts or objects else leaf

    return each(converted, value)


def _is_text(array) -> bool:
    return isinstance(np.asarray(array).ravel()[0], str | bytes)


def _is_dense(leaf) -> bool:
    if isinstance(leaf, tf.Tensor):
        return leaf.dtype.is_floating or leaf.dtype.is_integer or leaf.dtype.is_bool
    if not hasattr(leaf, "__array__") or isinstance(leaf, tf.RaggedTensor | tf.SparseTensor):
        return False
    return np.asarray(leaf).dtype.kind in "iufb"


def as_arrays(
    x, y=None, sample_weight=None, prefix: str = "", takes_nan: bool = False
) -> tuple[Any, Any, Any]:
    """Return inputs, targets and weights as arrays, or as lists or dicts of arrays, as given.

    Args:
        x, y, sample_weight: as for :func:`tf_gd.fit`.
        prefix: what to call the data in a message.
        takes_nan: whether NaN gets a warning only: a model may mask it.

    Raises:
        TypeError, ValueError: not numbers, not finite, not equally many samples, or none.
    """
    if x is None:
        raise ValueError(f"{prefix}x: got None, expected the inputs, an array (samples, ...).")
    arrays = {}
    for name, value in (("x", x), ("y", y), ("sample_weight", sample_weight)):
        value = _tuples(value)
        arrays[name] = each(lambda leaf, name=name: _array(prefix + name, leaf, takes_nan), value)
    if not leaves_of(arrays["x"]):
        raise ValueError(
            f"{prefix}x: got an empty {type(x).__name__}, expected an array for each input."
        )
    counts = {
        name: {len(leaf) for leaf in leaves_of(value)}
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
    return arrays["x"], arrays["y"], arrays["sample_weight"]


def _tuples(value):
    """Return lists in a structure as tuples, which is what Keras gives to a model."""
    if type(value) in (list, tuple):
        return tuple(map(_tuples, value))
    return {k: _tuples(v) for k, v in value.items()} if type(value) is dict else value


def _array(name: str, value, takes_nan: bool) -> np.ndarray:
    try:
        array = np.asarray(value)
        if array.dtype.name == "bfloat16":  # of which NumPy does not know that it is a number
            array = array.astype("float32")
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
            f"np.array({name.split()[-1]}): a list means several inputs or outputs."
        )
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):
            array = array.astype(keras.config.floatx(), copy=False)
        row = _first_not_finite(array)
        if row is not None:
            got = f"{name}: got NaN, infinite values, or numbers too large for {array.dtype}"
            if not takes_nan:
                raise ValueError(f"{got} in row {row}; expected finite ones. Clean the data first.")
            warnings.warn(
                f"{got}, first in row {row}. Unless the model masks them, the loss becomes NaN.",
                stacklevel=2,
            )
    return array


def _first_not_finite(array: np.ndarray) -> int | None:
    """Return the first row with such a number; looked for in parts, which take little memory."""
    for start in range(0, len(array), _ROWS_AT_ONCE):
        finite = np.isfinite(array[start : start + _ROWS_AT_ONCE])
        if not finite.all():
            rows = finite.reshape(len(finite), -1).all(axis=1)
            return start + int(np.argmin(rows))
    return None


def split(x, y, sample_weight, share: float) -> tuple[tuple, tuple]:
    """Return the samples to train on and, as Keras does, the last ``share`` to validate on."""
    share = _checks.number("validation_split", share, above=0.0, maximum=1.0)
    samples = count_samples(x)
    cut = int(np.floor(samples * (1.0 - share)))
    if not 0 < cut < samples:
        raise ValueError(
            f"validation_split: got {share} of {samples} samples, expected some in both parts."
        )

    def part(chosen: slice) -> tuple:
        return tuple(each(lambda leaf: leaf[chosen], value) for value in (x, y, sample_weight))

    return part(slice(None, cut)), part(slice(cut, None))


def is_streamed(x) -> bool:
    """Return whether the data come in batches: a data set, a generator, a PyTorch loader."""
    of_tensorflow = (tf.data.Dataset, tf.distribute.DistributedDataset)
    known = (*of_tensorflow, keras.utils.PyDataset, types.GeneratorType)
    return isinstance(x, known) or type(x).__module__.partition(".")[0] in ("grain", "torch")


def shuffled_by_keras(x, shuffle) -> bool:
    """Return whether Keras shuffles data of which it makes batches: not those it gets as such."""
    known_length = isinstance(x, keras.utils.PyDataset) and x.num_batches is not None
    return bool(shuffle) and (known_length or not is_streamed(x))


def adapter_of(x, name: str, y=None, sample_weight=None, shuffle: bool = False, **options):
    """Return Keras's own adapter for data, which makes a ``tf.data.Dataset`` of them.

    Args:
        x, y, sample_weight: as ``model.fit`` takes them.
        name: of the argument.
        shuffle: as :func:`shuffled_by_keras` says.
        **options: as of :func:`tf_gd._keras.data_adapter`.
    """
    weighed = options.get("class_weight") is not None
    if weighed and is_streamed(x) and not isinstance(x, tf.data.Dataset | keras.utils.PyDataset):
        raise ValueError(
            f"class_weight: got one beside a {type(x).__name__}, expected none. Let it yield "
            "(x, y, sample_weight)."
        )
    try:  # Keras reads the first batch
        return _keras.data_adapter(x, y, sample_weight, shuffle=shuffle, **options)
    except (StopIteration, LookupError, ValueError, TypeError) as error:
        expected = "batches, at least one" if is_streamed(x) else "arrays, tensors or a data set"
        raise ValueError(f"{name}: got {type(x).__name__}, expected {expected}. {error}") from error


def spec_of(dataset, name: str):
    """Return the shapes and types of the batches of a data set, in the form of a batch.

    Raises:
        ValueError: the data set is not one of batches ``(batch, ...)``.
    """
    spec = dataset.element_spec
    if isinstance(spec, tuple) and not 1 <= len(spec) <= 3:
        raise ValueError(
            f"{name}: got a data set of {len(spec)} parts, expected x, (x, y) or "
            "(x, y, sample_weight)."
        )
    for leaf in leaves_of(keras.utils.unpack_x_y_sample_weight(spec)[0]):
        if isinstance(leaf, tf.TensorSpec) and leaf.shape.rank == 0:
            raise single_samples(name)
    return spec


def single_samples(name: str) -> ValueError:
    """Return the error about a data set that is not one of batches."""
    expected = "expected batches. Call .batch(32) on it."
    return ValueError(f"{name}: got a data set of single samples, {expected}")


def nothing_beside(beside: dict[str, Any]) -> None:
    """Raise if one of some arguments, by name, is given beside a data set."""
    for name, value in beside.items():
        if value is not None:
            raise ValueError(
                f"{name}: got one beside a data set, expected none: batches hold x, y and "
                "weights, and data to validate on are a data set of their own."
            )
