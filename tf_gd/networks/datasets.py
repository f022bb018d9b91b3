"""Real data that needs no download, and two networks for it."""

from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from tf_gd import _checks
from tf_gd._keras import keras


class Digits(NamedTuple):
    """Images as rows of 64 brightnesses from 0 to 1, float32; labels 0 to 9, int64."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def digits(*, test_share: float = 0.2, seed: int = 0) -> Digits:
    """Return scikit-learn's 1,797 handwritten digits of 8 x 8 pixels, in a training and a test set.

    Args:
        test_share: the share of the samples to test on, the same for every digit.
        seed: of the split.

    Returns:
        ``x_train (1437, 64)``, ``y_train (1437,)``, ``x_test (360, 64)``, ``y_test (360,)`` with
        the default share.

    References:
        Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
        Repository, 1998.

    Examples:
        >>> data = digits()
        >>> data.x_train.shape, data.x_test.shape
        ((1437, 64), (360, 64))
    """
    test_share = _checks.number("test_share", test_share, minimum=0.01, maximum=0.99)
    seed = _checks.whole_number("seed", seed, minimum=0)
    x, y = load_digits(return_X_y=True)
    x = (x / 16.0).astype("float32")
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=test_share, stratify=y, random_state=seed
    )
    return Digits(x_train, y_train, x_test, y_test)


def softmax_regression(inputs: int = 64, classes: int = 10) -> keras.Model:
    """Return one linear layer; its outputs are logits: use a loss with ``from_logits=True``.

    Examples:
        >>> softmax_regression().count_params()
        650
    """
    inputs, classes = _sizes(inputs=inputs, classes=classes)
    return keras.Sequential(
        [keras.layers.Input((inputs,)), keras.layers.Dense(classes)], name="softmax_regression"
    )


def mlp(inputs: int = 64, hidden: int = 64, classes: int = 10) -> keras.Model:
    """Return a network with one hidden layer of rectified linear units; its outputs are logits.

    Examples:
        >>> mlp().count_params()
        4810
    """
    inputs, hidden, classes = _sizes(inputs=inputs, hidden=hidden, classes=classes)
    layers = [
        keras.layers.Input((inputs,)),
        keras.layers.Dense(hidden, "relu"),
        keras.layers.Dense(classes),
    ]
    return keras.Sequential(layers, name="mlp")


def _sizes(**sizes) -> list[int]:
    return [
        _checks.whole_number(name, size, minimum=1, maximum=1_000_000)
        for name, size in sizes.items()
    ]
