"""What a run is, in plain values: a checkpoint of another run is refused by it."""

import re
from typing import Any

import numpy as np

from tf_gd import _keras
from tf_gd._keras import keras


def of_model(model) -> dict[str, Any]:
    """Return the settings of the layers, the optimizer, the losses and the metrics of a model."""
    optimizer = {"class": type(model.optimizer).__name__, **model.optimizer.get_config()}
    optimizer.pop("name", None)
    losses = keras.tree.flatten(model.loss) if model.loss is not None else []
    return {
        "layers": [_of_layer(layer) for layer in _keras.layers_of(model)],
        "optimizer": {name: _written(value) for name, value in optimizer.items()},
        "loss": [_written(loss) for loss in losses],
        "loss_weights": _written(_keras.loss_weights_of(model)),
        "metrics": list(model.metrics_names),
    }


def _of_layer(layer) -> dict[str, Any]:
    """Return the settings of a layer, without initializers and its name, which Keras numbers."""
    try:
        config = layer.get_config()
    except (NotImplementedError, TypeError, ValueError):  # a user's layer that Keras cannot save
        config = {}
    inside = ("name", "layers", "input_layers", "output_layers", "build_config")
    kept = {
        name: part
        for name, part in config.items()
        if name not in inside and not name.endswith("_initializer")
    }
    return {"class": type(layer).__name__, **_written(kept)}


def _written(value) -> Any:
    """Return a setting as JSON: numbers and texts as they are, objects as class and settings."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {
            str(name): _written(part)
            for name, part in value.items()
            if name not in ("registered_name", "module", "name")
        }
    if isinstance(value, list | tuple):
        return [_written(part) for part in value]
    if hasattr(value, "get_config"):
        return {"class": type(value).__name__, **_written(value.get_config())}
    return getattr(value, "__name__", type(value).__name__)


def shape_of(variable) -> str:
    """Return a variable's name, without the numbers that Keras puts in, its shape and type."""
    name = re.sub(r"_\d+(?=_|$)", "", getattr(variable, "name", ""))
    return f"{name} {tuple(variable.shape)} {variable.dtype}"
