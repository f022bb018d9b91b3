"""Calls of a model, compiled if they are slow: many mistakes have the call in common."""

import contextlib
import time
from collections.abc import Callable, Iterator

import tensorflow as tf

from tf_gd._keras import CARRIED, keras, layers_of
from tf_gd.networks.passes import each
from tf_gd.networks.step import forward

_SLOW = 0.02  # seconds

# Calls in training, but for some layers; by Deviation.training.
STATISTICS, DROPOUT = "statistics as they are", "without dropout"


@contextlib.contextmanager
def _set(model, training: bool | str) -> Iterator[bool]:
    """Within this context some layers of a model do as in inference; yield whether to train."""
    held: list[tuple] = []
    for layer in layers_of(model) if isinstance(training, str) else ():
        if training == STATISTICS and isinstance(layer, keras.layers.BatchNormalization):
            held.append((layer, "trainable", layer.trainable))
        elif training == DROPOUT and isinstance(layer, keras.layers.Dropout):
            held.append((layer, "rate", layer.rate))
    try:
        for layer, name, _ in held:
            setattr(layer, name, 0)
        yield bool(training)
    finally:
        for layer, name, value in held:
            setattr(layer, name, value)


class Calls:
    """Call a model; a call that took long, of a recurrent layer for example, is compiled.

    Under a gradient tape the gradient is compiled as well. Losses and penalties, in which most
    mistakes differ, stay outside: to trace each of them anew would take longer than to run it.

    Args:
        model: built.
    """

    def __init__(self, model):
        self._model = model
        self._functions: dict[bool | str, Callable] = {}  # by Deviation.training

    def __call__(self, x, training: bool | str) -> tuple:
        """Return the prediction and the losses that layers have added, for inputs of a batch."""
        function = self._functions.get(training)
        if function is not None and not any(leaf is None for leaf in keras.tree.flatten(x)):
            predictions, carried, losses = function(x)
            for leaf, parts in zip(keras.tree.flatten(predictions), carried, strict=True):
                for name, part in zip(CARRIED, parts, strict=True):
                    if part is not None:
                        setattr(leaf, name, part)
            return predictions, losses
        started = time.perf_counter()
        with _set(self._model, training) as trains:
            found = forward(self._model, x, training=trains), list(self._model.losses)
        slow = tf.executing_eagerly() and time.perf_counter() - started > _SLOW
        if slow and not self._model.run_eagerly:
            self._compile(x, training)
        return found

    @property
    def compiled(self) -> bool:
        """Whether the calls were slow, and so are compiled."""
        return bool(self._functions)

    def _compile(self, x, training: bool | str) -> None:
        def call(x):
            with _set(self._model, training) as trains:
                predictions = forward(self._model, x, training=trains)
            leaves = keras.tree.flatten(predictions)
            carried = [tuple(getattr(leaf, name, None) for name in CARRIED) for leaf in leaves]
            return predictions, carried, list(self._model.losses)

        specs = each(lambda leaf: tf.TensorSpec([None, *leaf.shape[1:]], leaf.dtype), x)
        # Models of Python code that cannot be traced stay as they are.
        with contextlib.suppress(Exception):
            traced = tf.function(call, autograph=False, input_signature=[specs])
            traced.get_concrete_function()
            self._functions[training] = traced
