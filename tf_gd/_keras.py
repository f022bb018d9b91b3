"""Keras, checked to run on TensorFlow: the package's modules import it from here."""

import os

_HOW = (
    "expected 'tensorflow'. Set the environment variable KERAS_BACKEND=tensorflow before Keras is imported, "
    "or mend the file ~/.keras/keras.json."
)

try:
    import keras
except ImportError as error:
    if os.environ.get("KERAS_BACKEND", "tensorflow") == "tensorflow":
        raise
    raise ValueError(f"Keras backend: got {os.environ['KERAS_BACKEND']!r}, {_HOW}") from error

if keras.config.backend() != "tensorflow":
    raise ValueError(f"Keras backend: got {keras.config.backend()!r}, {_HOW}")

__all__ = ["compiled_parts", "keras", "learning_rate_of"]


def compiled_parts(model) -> tuple:
    """Return what ``model.compile`` made of losses and of metrics; None for what there is not."""
    return model._compile_loss, model._compile_metrics


def learning_rate_of(optimizer):
    """Return the learning rate of an optimizer: its schedule, or the variable that holds it.

    The public attribute is the present value, also where there is a schedule.
    """
    return optimizer._learning_rate
