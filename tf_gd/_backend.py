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

__all__ = ["keras"]
