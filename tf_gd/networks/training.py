"""Mini-batch gradient descent on a Keras model, by hand: whole epochs inside one compiled program."""

import time
from collections.abc import Iterable
from typing import Any

import tensorflow as tf

from tf_gd import _checks
from tf_gd._backend import keras
from tf_gd.networks import data
from tf_gd.networks.programs import MODES, Programs, each
from tf_gd.networks.step import evaluation_step, step_of_descent

_BATCHES_A_CALL = 4096  # so that a very long epoch answers Ctrl-C, and gathers only so many rows at once


def fit(
    model,
    x,
    y=None,
    *,
    batch_size=32,
    epochs=1,
    shuffle=True,
    seed=None,
    validation_data=None,
    validation_split=0.0,
    sample_weight=None,
    class_weight=None,
    callbacks=None,
    verbose="auto",
    initial_epoch=0,
    mode="auto",
) -> keras.callbacks.History:
    """Train a compiled Keras model as ``model.fit`` does, with a training loop written by hand.

    Every step of SGD goes through :mod:`tf_gd.updates`, and a whole epoch runs inside one compiled program. Afterwards the
    model, its optimizer's velocities and its counter are as after ``model.fit``: saving, evaluating and going on with
    ``model.fit`` just work.

    Args:
        model: a compiled Keras model. With ``keras.optimizers.SGD`` or :class:`tf_gd.ManualSGD` all of the step is done by
            hand, whatever the options; another optimizer updates the weights itself, in the same loop.
        x: inputs ``(samples, ...)``; an array, or a list or dict of arrays for a model of several inputs.
        y: targets, likewise.
        batch_size: samples in a batch; the last batch of an epoch may be smaller.
        epochs: up to which epoch to train.
        shuffle: True visits the samples in a new order every epoch, drawn from ``seed``; False in the order given;
            ``"keras"`` in the order of ``model.fit(shuffle=True)`` after the same ``keras.utils.set_random_seed``.
        seed: of the orders; None draws them afresh.
        validation_data: a pair ``(x, y)``, or a triple with sample weights, to evaluate after every epoch.
        validation_split: the share of the samples, taken from the end, to validate on instead of training on them.
        sample_weight: a weight for each sample, ``(samples,)``.
        class_weight: a dict from class to weight.
        callbacks: Keras callbacks. One that wants every batch makes the loop go batch by batch, which is slower.
        verbose: 0 prints nothing, 1, 2 or ``"auto"`` one line an epoch.
        initial_epoch: the epoch to begin with.
        mode: ``"auto"`` (XLA, but for models with random numbers and under :func:`tf_gd.exact_arithmetic`, else graph), or
            ``"eager"``, ``"graph"``, ``"xla"``. What was taken stands in ``history.params["mode"]``.

    Returns:
        The history, with the keys of ``model.fit``: loss, metrics, and the same for the validation data. Ctrl-C keeps what
        was learnt, and returns the history so far with ``history.params["interrupted"]`` set.

    Raises:
        TypeError, ValueError: an argument is not what it should be; the message says how to mend it.

    Examples:
        >>> import keras, numpy as np
        >>> model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1, kernel_initializer="zeros")])
        >>> model.compile(optimizer=keras.optimizers.SGD(0.25), loss="mse")
        >>> x, y = np.eye(2, dtype="float32"), np.array([[1.0], [0.0]], dtype="float32")
        >>> history = fit(model, x, y, batch_size=2, shuffle=False, verbose=0)
        >>> history.history["loss"], model.weights[0].numpy().ravel().tolist()
        ([0.5], [0.25, 0.0])
    """
    check_compiled(model)
    batch_size = _checks.whole_number("batch_size", batch_size, minimum=1)
    epochs = _checks.whole_number("epochs", epochs, minimum=0)
    initial_epoch = _checks.whole_number("initial_epoch", initial_epoch, minimum=0)
    mode = _checks.one_of("mode", mode, MODES)
    training = data.as_tensors(x, y, sample_weight, class_weight)
    validation = None if validation_data is None else _validation(validation_data)
    if validation_split and validation is None:
        training, validation = data.split(*training, validation_split)
    samples = data.count(training)
    orders = data.orders(shuffle, seed, samples, initial_epoch)
    build(model, *training)
    programs = Programs(model, mode, batch_size)
    batches = -(-samples // batch_size)
    listeners, wants_batches = _listeners(model, callbacks, epochs, batches)
    batches_a_call = 1 if wants_batches else min(batches, _BATCHES_A_CALL)

    model.stop_training = False
    listeners.on_train_begin()
    logs: dict[str, float] = {}
    try:
        for epoch in range(initial_epoch, epochs):
            start = time.perf_counter()
            listeners.on_epoch_begin(epoch)
            order = tf.convert_to_tensor(next(orders))
            for batch in range(0, batches, batches_a_call):
                visited = order[batch * batch_size : (batch + batches_a_call) * batch_size]
                if wants_batches:
                    listeners.on_train_batch_begin(batch)
                logs = programs.run(step_of_descent, training, visited, fresh=batch == 0)
                if wants_batches:
                    listeners.on_train_batch_end(batch, logs)
            if validation is not None:
                measured = programs.run(evaluation_step, validation)
                logs |= {f"val_{name}": value for name, value in measured.items()}
            if verbose:
                shown = " - ".join(f"{name}: {value:.4f}" for name, value in logs.items())
                print(f"Epoch {epoch + 1}/{epochs} - {time.perf_counter() - start:.2f} s - {shown}", flush=True)
            listeners.on_epoch_end(epoch, logs)
            if model.stop_training:
                break
    except KeyboardInterrupt:
        model.history.params["interrupted"] = True
    model.history.params["mode"] = programs.mode
    if epochs > initial_epoch:
        model.optimizer.finalize_variable_values(model.trainable_variables)  # the moving average, where there is one
    listeners.on_train_end(logs=logs)
    return model.history


def _validation(given):
    if not isinstance(given, (tuple, list)) or len(given) not in (2, 3):
        raise TypeError(f"validation_data: got {type(given).__name__}, expected (x, y) or (x, y, sample_weight).")
    x, y, sample_weight = (*given, None)[:3]
    return data.as_tensors(x, y, sample_weight, prefix="validation ")


def check_compiled(model) -> None:
    """Raise unless this is a Keras model, compiled with an optimizer."""
    if not isinstance(model, keras.Model):
        raise TypeError(f"model: got {type(model).__name__}, expected a keras.Model.")
    if not model.compiled or model.optimizer is None:
        raise ValueError(
            "model: got a model that is not compiled, expected an optimizer and a loss. Call "
            "model.compile(optimizer=keras.optimizers.SGD(0.1), loss=...) first."
        )


def build(model, x, y, sample_weight) -> None:
    """Build model, loss, metrics and optimizer for such data, without changing any state.

    Raises:
        ValueError: nothing to train, or targets that do not fit the model.
    """
    if y is None and model.loss is not None:
        raise ValueError("y: got None, expected targets: the model was compiled with a loss that compares with them.")
    shapes = repr(each(lambda leaf: (leaf.shape[1:], leaf.dtype), [x, y]))
    known = model.__dict__.setdefault("_tf_gd_outputs", {})
    if not (model.built and model.optimizer.built and shapes in known):
        x_one, y_one, weight_one = each(lambda tensor: tensor[:1], (x, y, sample_weight))
        model._symbolic_build(data_batch=(x_one, y_one, weight_one))
        if not model.trainable_variables:
            raise ValueError("model: got no trainable variables, expected at least one to descend on.")
        model.optimizer.build(model.trainable_variables)
        known[shapes] = keras.tree.flatten(keras.src.backend.compute_output_spec(model, x_one, training=False))
    targets = keras.tree.flatten(y) if y is not None else []
    if len(known[shapes]) == 1 and len(targets) == 1:
        _check_target(model, targets[0], tuple(known[shapes][0].shape[1:]))


def _check_target(model, target, wanted: tuple) -> None:
    if target.dtype.is_floating and target.shape.rank > 1 and tuple(target.shape[1:]) != wanted:
        raise ValueError(
            f"y: got shape {tuple(target.shape)}, expected {('samples', *wanted)} as the model's output. "
            "Shapes that differ broadcast against each other in the loss and train towards something else."
        )
    if getattr(model.loss, "name", model.loss) == "sparse_categorical_crossentropy" and wanted:
        low, high = int(tf.reduce_min(target)), int(tf.reduce_max(target))
        if low < 0 or high >= wanted[-1]:
            expected = f"0 to {wanted[-1] - 1}, for the model has {wanted[-1]} outputs"
            raise ValueError(f"y: got labels from {low} to {high}, expected {expected}.")


def _listeners(model, callbacks: Any, epochs: int, steps: int) -> tuple[keras.callbacks.CallbackList, bool]:
    """Return the callbacks with a history among them, and whether one of them wants to hear of every batch."""
    if isinstance(callbacks, keras.callbacks.Callback):
        callbacks = [callbacks]
    if not isinstance(callbacks, Iterable | None):
        raise TypeError(f"callbacks: got {callbacks!r}, expected a list of Keras callbacks.")
    callbacks = list(callbacks or ())
    hooks = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")
    wanting = [
        callback for callback in callbacks if not _only_by_epoch(callback) and any(_is_own(callback, hook) for hook in hooks)
    ]
    listeners = keras.callbacks.CallbackList(
        callbacks, add_history=True, add_progbar=False, verbose=0, epochs=epochs, steps=steps, model=model
    )
    return listeners, bool(wanting)


def _is_own(callback, hook: str) -> bool:
    return getattr(getattr(callback, hook), "__func__", None) is not getattr(keras.callbacks.Callback, hook)


def _only_by_epoch(callback) -> bool:
    """Return whether a callback of Keras's own has batch hooks, but as it was made acts on epochs only."""
    if isinstance(callback, keras.callbacks.ModelCheckpoint | keras.callbacks.BackupAndRestore):
        return callback.save_freq == "epoch"
    return False
