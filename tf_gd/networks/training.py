"""Mini-batch gradient descent on a Keras model, by hand: whole epochs inside one compiled program."""

import time

import tensorflow as tf

from tf_gd import _checks
from tf_gd._backend import keras
from tf_gd.networks import data
from tf_gd.networks._checked import build, check_callbacks, check_compiled
from tf_gd.networks.programs import MODES, Programs
from tf_gd.networks.sources import DataSet, InMemory
from tf_gd.networks.step import evaluation_step, step_of_descent


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
    steps_per_epoch=None,
    mode="auto",
) -> keras.callbacks.History:
    """Train a compiled Keras model as ``model.fit`` does, with a training loop written by hand.

    Every step of SGD goes through :mod:`tf_gd.updates`, and a whole epoch runs inside one compiled program. Afterwards the
    model, its optimizer's velocities and its counter are as after ``model.fit``: saving, evaluating and going on with
    ``model.fit`` just work. A layer made untrainable stops at once; one made trainable needs ``model.compile`` again.

    Args:
        model: a compiled Keras model. With ``keras.optimizers.SGD`` or :class:`tf_gd.ManualSGD` all of the step is done by
            hand, whatever the options; another optimizer updates the weights itself, in the same loop.
        x: inputs ``(samples, ...)``; an array, or a list or dict of arrays for a model of several inputs. Or a
            ``tf.data.Dataset`` of batches ``(x, y)`` or ``(x, y, sample_weight)``, read in its own order.
        y: targets, likewise.
        batch_size: samples in a batch; the last batch of an epoch may be smaller. A data set has its own.
        epochs: up to which epoch to train.
        shuffle: True visits the samples in a new order every epoch, drawn from ``seed``; False in the order given;
            ``"keras"`` in the order of ``model.fit(shuffle=True)`` after the same ``keras.utils.set_random_seed``.
        seed: of the orders; None draws them afresh.
        validation_data: a pair ``(x, y)``, a triple with sample weights, or a data set, to evaluate after every epoch.
        validation_split: the share of the samples, taken from the end, to validate on instead of training on them.
        sample_weight: a weight for each sample, ``(samples,)``.
        class_weight: a dict from class to weight.
        callbacks: Keras callbacks. One that wants every batch makes the loop go batch by batch, which is slower.
        verbose: 0 prints nothing, 1, 2 or ``"auto"`` one line an epoch.
        initial_epoch: the epoch to begin with.
        steps_per_epoch: how many batches an epoch has; the next one goes on where it stopped. By default all there are.
        mode: ``"auto"`` (XLA, but a graph for random numbers, convolutions, data sets and under
            :func:`tf_gd.exact_arithmetic`), or ``"eager"``, ``"graph"``, ``"xla"``. What was taken stands in
            ``history.params["mode"]``.

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
    check_compiled(model, validates=bool(validation_data is not None or validation_split))
    batch_size = _checks.whole_number("batch_size", batch_size, minimum=1)
    epochs = _checks.whole_number("epochs", epochs, minimum=0)
    initial_epoch = _checks.whole_number("initial_epoch", initial_epoch, minimum=0)
    if steps_per_epoch is not None:
        steps_per_epoch = _checks.whole_number("steps_per_epoch", steps_per_epoch, minimum=1)
    mode = _checks.one_of("mode", mode, MODES)
    callbacks = check_callbacks(callbacks)
    verbose = _verbose(verbose)
    source: DataSet | InMemory
    validation: DataSet | InMemory | None = None
    if validation_data is not None:
        validation = _validation(model, validation_data, batch_size)
    if isinstance(x, tf.data.Dataset):
        _refuse_beside_a_data_set(y=y, sample_weight=sample_weight, validation_split=validation_split or None)
        x = data.with_class_weights(x, class_weight)
        build(model, *data.spec_of(x, "x"))
        source = DataSet(x, steps_per_epoch)
    else:
        tensors = data.as_tensors(x, y, sample_weight, class_weight)
        if validation_split and validation is None:
            tensors, held_out = data.split(*tensors, validation_split)
            validation = InMemory(held_out, batch_size)
        orders = data.orders(shuffle, seed, data.count(tensors), initial_epoch)
        build(model, *tensors)
        source = InMemory(tensors, batch_size, orders, steps_per_epoch)
    return _train(model, source, validation, callbacks, epochs, initial_epoch, mode, verbose)


def _train(model, source, validation, callbacks, epochs: int, initial_epoch: int, mode: str, verbose: bool):
    """Train for some epochs, a whole one in one call of a compiled program where nobody wants to hear of every batch."""
    programs, checks = Programs(model, mode, source.streamed), Programs(model, mode, getattr(validation, "streamed", False))
    listeners, wants_batches = _listeners(model, callbacks, epochs, source.batches)
    at_once = {"at_once": 1} if wants_batches else {}
    model.stop_training = False
    listeners.on_train_begin()
    logs: dict[str, float] = {}
    try:
        for epoch in range(initial_epoch, epochs):
            start = time.perf_counter()
            listeners.on_epoch_begin(epoch)
            for batch, part in source.epoch(**at_once):
                if wants_batches:
                    listeners.on_train_batch_begin(batch)
                logs = programs.run(step_of_descent, part, fresh=batch == 0)
                if wants_batches and part.taken:
                    listeners.on_train_batch_end(batch, logs)
                    if model.stop_training:
                        break
            if validation is not None:
                for batch, part in validation.epoch():
                    measured = checks.run(evaluation_step, part, fresh=batch == 0)
                logs |= {f"val_{name}": value for name, value in measured.items()}
            if verbose:
                shown = " - ".join(f"{name}: {value:.4f}" for name, value in logs.items())
                print(f"Epoch {epoch + 1}/{epochs} - {time.perf_counter() - start:.2f} s - {shown}", flush=True)
            listeners.on_epoch_end(epoch, logs)
            if model.stop_training:
                break
    except KeyboardInterrupt:
        model.history.params["interrupted"] = True
    model.history.params["mode"] = programs.mode_of(step_of_descent)
    if epochs > initial_epoch:
        model.optimizer.finalize_variable_values(model.trainable_variables)  # the moving average, where there is one
    listeners.on_train_end(logs=logs)
    return model.history


def _validation(model, given, batch_size: int) -> DataSet | InMemory:
    """Return the data to validate on, checked."""
    if isinstance(given, tf.data.Dataset):
        build(model, *data.spec_of(given, "validation_data"))
        return DataSet(given)
    if not isinstance(given, (tuple, list)) or len(given) not in (2, 3):
        got = type(given).__name__
        raise TypeError(f"validation_data: got {got}, expected (x, y), (x, y, sample_weight) or a tf.data.Dataset.")
    x, y, sample_weight = (*given, None)[:3]
    tensors = data.as_tensors(x, y, sample_weight, prefix="validation ")
    build(model, *tensors)
    return InMemory(tensors, batch_size)


def _refuse_beside_a_data_set(**given) -> None:
    for name, value in given.items():
        if value is not None:
            raise ValueError(f"{name}: got one beside a data set, expected none: the data set has x, y and weights in it.")


def _verbose(verbose) -> bool:
    if verbose not in (0, 1, 2, "auto"):
        raise ValueError(f"verbose: got {verbose!r}, expected 0, 1, 2 or 'auto'.")
    return bool(verbose)


def _listeners(model, callbacks: list, epochs: int, steps: int | None) -> tuple[keras.callbacks.CallbackList, bool]:
    """Return the callbacks with a history among them, and whether one of them wants to hear of every batch."""
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
