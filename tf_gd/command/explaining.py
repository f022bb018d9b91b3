"""``tf-gd explain``: a step, a model and data from modules of the user's own."""

import functools

from tf_gd.command import output
from tf_gd.command.modules import called, from_module


def explain(options) -> int:
    """Run ``tf-gd explain``; return the exit code."""
    output.start_tensorflow(options)
    import tf_gd

    step = from_module("train_step", options.train_step)
    build_model = from_module("model", options.model)
    data = from_module("data", options.data)
    data = called("data", options.data, data) if callable(data) else data
    if not callable(build_model):
        raise ValueError(f"model: got {options.model!r}, expected a function.")
    parts = tuple(data) if isinstance(data, tuple | list) else (data,)
    if not 1 <= len(parts) <= 3:
        raise ValueError(
            f"data: got {len(parts)} parts, expected (x, y), (x, y, sample_weight) or batches."
        )
    x, y, weights, *_ = (*parts, None, None)
    optimizer, loss = _compiled_with(options, build_model)
    numbers = dict(batch_size=options.batch_size, steps=options.steps, sample_weight=weights)
    build = functools.partial(called, "model", options.model, build_model)
    found = tf_gd.explain_difference(build, x, y, step, optimizer=optimizer, loss=loss, **numbers)
    if options.json:
        output.print_json(found.report())
    else:
        print(found)
    return 0 if found.agrees else 1


def _compiled_with(options, build_model) -> tuple:
    """Return optimizer and loss: those typed, or those that the model was compiled with."""
    import keras

    optimizer, loss = options.optimizer, options.loss
    if optimizer is not None:
        optimizer = from_module("optimizer", optimizer) if ":" in optimizer else optimizer
        get = optimizer if callable(optimizer) else keras.optimizers.get
        given = () if callable(optimizer) else (optimizer,)
        optimizer = called("optimizer", options.optimizer, get, *given)
    if loss is not None and ":" in loss:
        loss = from_module("loss", loss)
    if optimizer is not None and loss is not None:
        return optimizer, loss
    model = called("model", options.model, build_model)
    if not getattr(model, "compiled", False):
        raise ValueError(
            f"model: {options.model} returned a model that is not compiled, expected an optimizer "
            "and a loss. Compile it there, or pass --optimizer=sgd --loss=mse."
        )
    return optimizer or model.optimizer, model.loss if loss is None else loss
