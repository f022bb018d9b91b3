"""What the model's own step returned last, brought out of a compiled loop."""

from collections.abc import Callable

import tensorflow as tf

from tf_gd import _keras
from tf_gd._keras import keras


class LastLogs:
    """What the step of a model returned for its last batch, kept through a compiled loop.

    The loop cannot return it: before the first step nobody knows how many tensors there are.
    """

    def __init__(self, step: Callable):
        self._step, self._logs = step, None
        self._kept: list[tf.Variable] | None = None

    def __call__(self, model, batch) -> None:
        """Do the step, and keep what it returns."""
        logs = self._step(model, batch)
        if tf.executing_eagerly():
            self._logs = logs
            return
        tensors = [keras.ops.convert_to_tensor(value) for value in tf.nest.flatten(logs)]
        if self._kept is None:
            self._logs = logs
            with tf.init_scope():
                self._kept = [_variable_like(tensor) for tensor in tensors]
        for variable, tensor in zip(self._kept, tensors, strict=True):
            variable.assign(tensor)

    def results(self, model, metrics: dict):
        """Return what Keras puts in the history; the metrics, if there was no step."""
        logs = self._logs
        if self._kept is not None:
            logs = tf.nest.pack_sequence_as(logs, [v.read_value() for v in self._kept])
        return metrics if logs is None else _keras.metrics_or_logs(model, logs)


def _variable_like(tensor) -> tf.Variable:
    shape = [0 if size is None else size for size in tensor.shape]
    return tf.Variable(tf.zeros(shape, tensor.dtype), shape=tensor.shape, trainable=False)
