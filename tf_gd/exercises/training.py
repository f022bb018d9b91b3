"""Train a small Keras model by a student's step, and by ``model.fit``, from the same weights."""

from collections.abc import Callable
from typing import Any

import numpy as np


def made(build: Callable, optimizer: Any, seed: int):
    """Return a new model, compiled with a new optimizer, with the weights and Dropout of a seed."""
    import keras

    keras.utils.set_random_seed(seed)
    model = build()
    model.compile(optimizer=optimizer, loss="mse", run_eagerly=True)
    return model


def batches(x, y, size: int) -> list[tuple]:
    """Return the batches of an epoch, in order, as tensors; the last may be smaller."""
    import tensorflow as tf

    starts = range(0, len(x), size)
    return [(tf.constant(x[i : i + size]), tf.constant(y[i : i + size])) for i in starts]


def by_step(train_step: Callable, model, x, y, size: int, learning_rate: float) -> tuple:
    """Return the losses of an epoch that a step returns, and the weights that it leads to."""
    losses = [train_step(model, *batch, learning_rate) for batch in batches(x, y, size)]
    return numbers(losses), weights_of(model)


def numbers(losses: Any) -> list[float]:
    """Return the losses that a student's step returned, as numbers."""
    if losses is None or any(loss is None for loss in losses):
        raise TypeError("None was returned, expected the loss. Is there a return?")
    arrays = [np.asarray(loss) for loss in losses]
    for array in arrays:
        if array.shape:
            raise TypeError(f"an array of shape {array.shape} was returned, expected a number.")
    return [float(array) for array in arrays]


def by_keras(model, x, y, size: int) -> tuple:
    """Return the losses of an epoch of ``model.fit``, and the weights that it leads to."""
    import keras

    class Losses(keras.callbacks.Callback):
        """The loss of each batch, from the averages that Keras reports."""

        def __init__(self):
            super().__init__()
            self.sums, self.sizes = [0.0], [0]

        def on_train_batch_end(self, batch, logs=None):
            self.sizes.append(min(self.sizes[-1] + size, len(x)))
            self.sums.append(float(logs["loss"]) * self.sizes[-1])

    losses = Losses()
    model.fit(x, y, batch_size=size, shuffle=False, verbose=0, callbacks=[losses])
    return (np.diff(losses.sums) / np.diff(losses.sizes)).tolist(), weights_of(model)


def weights_of(model) -> np.ndarray:
    """Return all weights of a model, one after another."""
    return np.concatenate([np.ravel(w) for w in model.get_weights()])
