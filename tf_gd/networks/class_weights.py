"""Weights of classes as weights of samples."""

import numbers
from typing import Any

import numpy as np

from tf_gd._keras import keras
from tf_gd.networks.passes import leaves_of


def weighted_by_class(samples: tuple, class_weight) -> tuple[Any, Any, Any]:
    """Return samples with the weight of each: that of its class, or 1 where the dict has none.

    Args:
        samples: x, y, sample_weight, as :func:`as_arrays` returns them.
        class_weight: of :func:`tf_gd.fit`; None leaves the samples as they are.

    Raises:
        ValueError: not a dict from class to weight, several targets, or weights there already.
    """
    x, y, sample_weight = samples
    if class_weight is None:
        return samples
    check_class_weight(class_weight, sample_weight)
    if not isinstance(y, np.ndarray):
        got = "no targets" if y is None else f"a {type(y).__name__} of targets"
        raise ValueError(
            f"class_weight: got {got}, expected one array. Pass a sample_weight, for each output "
            "its own, in the form of y."
        )
    several = y.ndim > 1 and y.shape[-1] > 1 and not (y.dtype.kind in "iu" and (y > 1).any())
    classes = y.argmax(axis=-1) if several else np.round(y.reshape(len(y), -1)).astype("int64")
    if classes.size != len(y):
        raise ValueError(
            f"class_weight: got targets of shape {y.shape}, expected one class for each sample, "
            f"{y.shape[:1]}. Pass a sample_weight, for each position its own."
        )
    weights = np.ones(len(y), keras.config.floatx())
    for label, weight in class_weight.items():
        weights[classes.ravel() == label] = weight
    return x, y, weights


def check_class_weight(class_weight, sample_weight) -> None:
    """Raise where these are not weights of classes, or not the only weights."""
    numbers_in = isinstance(class_weight, dict) and all(
        isinstance(key, numbers.Real)
        and float(key).is_integer()
        and isinstance(weight, numbers.Real)
        for key, weight in class_weight.items()
    )
    if not numbers_in or not class_weight:
        raise ValueError(
            f"class_weight: got {class_weight!r}, expected a dict from class to weight, as "
            "{0: 1.0, 1: 2.5}."
        )
    if sample_weight is not None:
        raise ValueError(
            "class_weight: got one beside sample_weight, expected one of the two. Multiply them: "
            "sample_weight * np.array([class_weight.get(int(label), 1.0) for label in y])."
        )


def with_all_classes(class_weight, sample_weight, model):
    """Return weights with 1 for the classes that they leave out, which Keras does for arrays only.

    Args:
        class_weight, sample_weight: of :func:`tf_gd.fit`, of which one is given.
        model: a Keras model; where its outputs are known, one of them is for each class.
    """
    check_class_weight(class_weight, sample_weight)
    outputs = leaves_of(getattr(model, "outputs", None))
    sizes = [output.shape[-1] or 0 for output in outputs if len(output.shape)]
    whole = {int(label): weight for label, weight in class_weight.items()}
    return dict.fromkeys(range(max([2, *sizes])), 1.0) | whole
