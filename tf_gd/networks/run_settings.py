"""What a run is, in plain values: a checkpoint of another run is refused by it."""

import functools
import hashlib
import re
import types
from typing import Any

import numpy as np
import tensorflow as tf

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
        "metric settings": [_written(metric) for metric in _keras.compiled_metrics_of(model)],
        "wiring": _keras.wiring_of(model),
    }


def of_the_process() -> dict[str, Any]:
    """Return the settings of this process that change the bits."""
    options = tf.config.optimizer.get_experimental_options()
    return {"exact_arithmetic": bool(options.get("disable_meta_optimizer", False))}


def _code_of(function) -> str:
    """Return the name of a function, and a hash of what it computes if it is not Keras's."""
    if isinstance(function, functools.partial):
        given = _written([list(function.args), function.keywords])
        return f"{_code_of(function.func)} with {given}"
    name = getattr(function, "__name__", type(function).__name__)
    module = getattr(function, "__module__", "") or ""
    if not isinstance(function, types.FunctionType) or module.startswith("keras."):
        return name
    digest = hashlib.blake2b(digest_size=6)
    _add_code(digest, function.__code__)
    outside = [cell.cell_contents for cell in function.__closure__ or () if _is_filled(cell)]
    by_name = (function.__kwdefaults__ or {}).items()
    for value in [*outside, *(function.__defaults__ or ()), *(repr(pair) for pair in by_name)]:
        if isinstance(value, bool | int | float | str):
            digest.update(repr(value).encode())
    return f"{name} {digest.hexdigest()}"


def _is_filled(cell) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def _add_code(digest, code: types.CodeType) -> None:
    digest.update(code.co_code)
    digest.update(repr(code.co_names).encode())
    for number, constant in enumerate(code.co_consts):
        if number == 0 and isinstance(constant, str):
            continue  # the docstring
        if isinstance(constant, frozenset):  # in an order that changes with the process
            constant = sorted(map(repr, constant))
        if isinstance(constant, types.CodeType):
            _add_code(digest, constant)
        else:
            digest.update(repr(constant).encode())


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
        # Of a wrapped function the name alone would stand in its settings.
        own = getattr(value, "fn", getattr(value, "_fn", None))
        if own is None and not type(value).__module__.startswith("keras."):
            own = getattr(type(value), "call", getattr(type(value), "update_state", None))
        inside = {} if own is None else {"function": _code_of(own)}
        inside |= _written(dict(getattr(value, "_fn_kwargs", None) or {}))  # not in every config
        return {"class": type(value).__name__, **inside, **_written(value.get_config())}
    return _code_of(value)


def shape_of(variable) -> str:
    """Return a variable's name, without the numbers that Keras puts in, its shape and type."""
    name = re.sub(r"_\d+(?=_|$)", "", getattr(variable, "name", ""))
    return f"{name} {tuple(variable.shape)} {variable.dtype}"


def _in(value) -> list:
    """Return what a list, a tuple or a dict holds, or else the value itself."""
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else [value]


def check_complete(model) -> None:
    """Raise where a checkpoint would not hold all that training changes."""
    if model.optimizer is not None and model.built and not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    if not model.built:
        raise ValueError(
            "checkpoint: got a model without weights so far, expected one that is built. Call it "
            "on a batch first, or give it an Input layer."
        )
    others = [
        name
        for name, value in vars(model).items()
        for one in _in(value)
        if isinstance(one, keras.Optimizer) and one is not model.optimizer
    ]
    if model.optimizer is None:
        raise ValueError("checkpoint: got a model without an optimizer, expected one to keep.")
    if others:
        raise ValueError(
            f"checkpoint: got a model with optimizers of its own ({', '.join(others)}), whose "
            "state a checkpoint does not hold; expected model.optimizer alone. Call fit without "
            "checkpoint, and save weights and optimizers yourself."
        )
