"""Mini-batch gradient descent on a Keras model, by hand: whole epochs inside one compiled
program.
"""

import contextlib
import time
from collections.abc import Callable

from tf_gd import _checks, compiled
from tf_gd._keras import keras
from tf_gd._runtime import Progress
from tf_gd.networks import arrays, replicas
from tf_gd.networks.batches import (
    BATCHES_A_CALL,
    in_order,
    source_for_training,
    source_for_validation,
)
from tf_gd.networks.checks import check_callbacks, check_compiled
from tf_gd.networks.programs import Passes
from tf_gd.networks.resume import Keeper
from tf_gd.networks.step import evaluation_step, step_of_descent


def fit(
    model,
    x,
    y=None,
    *,
    batch_size=None,
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
    validation_steps=None,
    validation_batch_size=None,
    validation_freq=1,
    mode="auto",
    checkpoint=None,
) -> keras.callbacks.History:
    """Train a compiled Keras model as ``model.fit`` does, with a training loop written by hand.

    Every step of SGD goes through :mod:`tf_gd.updates`, and a whole epoch runs inside one compiled
    program. Afterwards the model, its optimizer's velocities and its counter are as after
    ``model.fit``: saving, evaluating and going on with ``model.fit`` just work. (On a data set of
    unknown length ``model.fit`` counts a step too many each epoch; this does not.) A layer made
    untrainable stops at once; one made trainable needs ``model.compile`` again.

    A model built in the scope of a ``tf.distribute`` strategy trains on all of its replicas: each
    takes its share of every batch, their gradients are added up, and then comes one step, which
    clips the sum. ``model.fit`` clips first.

    Args:
        model: a compiled Keras model. With ``keras.optimizers.SGD`` or :class:`tf_gd.ManualSGD` all
            of the step is done by hand, whatever the options; another optimizer updates the weights
            itself, in the same loop.
        x: inputs ``(samples, ...)``; an array, or a list or dict of arrays for a model of several
            inputs. Or a ``tf.data.Dataset`` of batches ``(x, y)`` or ``(x, y, sample_weight)``,
            read in its own order, or what Keras makes one of: a ``keras.utils.PyDataset``, a
            generator of batches, a ``DataLoader``.
        y: targets, likewise.
        batch_size: samples in a batch, by default 32, or as many as make ``steps_per_epoch``
            batches of the data; the last batch of an epoch may be smaller. A data set has its own.
        epochs: up to which epoch to train.
        shuffle: True visits the samples in a new order every epoch, drawn from ``seed``; False in
            the order given; ``"keras"`` in the order of ``model.fit(shuffle=True)`` after the same
            ``keras.utils.set_random_seed``.
        seed: of the orders; None draws them afresh.
        validation_data: a pair ``(x, y)``, a triple with sample weights, or a data set, to evaluate
            after every epoch.
        validation_split: the share of the samples, taken from the end, to validate on instead of
            training on them.
        sample_weight: a weight for each sample, ``(samples,)``.
        class_weight: a dict from class to weight.
        callbacks: Keras callbacks. One that wants every batch makes the loop go batch by batch,
            which is slower.
        verbose: 0 prints nothing, 1, 2 or ``"auto"`` one line an epoch, and in a terminal a bar
            below while it runs.
        initial_epoch: the epoch to begin with.
        steps_per_epoch: how many batches an epoch has; the next one goes on where it stopped. By
            default all there are.
        validation_steps, validation_batch_size: the same for the data to validate on, each time
            from the first batch on.
        validation_freq: validate after every so many epochs, or after those of a list, counted from
            1.
        mode: ``"auto"`` (XLA from some thousand steps on, but a graph for random numbers, large
            convolutions, embeddings, data sets and under :func:`tf_gd.exact_arithmetic`), or
            ``"eager"``, ``"graph"``, ``"xla"``. What was taken stands in
            ``history.params["mode"]``.
        checkpoint: a directory of this run's own. Killed at any moment and called again with the
            same arguments, the run goes on and ends with the same bits: weights, optimizer, seeds
            of Dropout, history, and what Keras's callbacks count. There is a checkpoint after every
            epoch, unless that would take more than 3% of the time, and every half minute within a
            long one. SIGTERM then ends the program with exit code 143. A data set is read again up
            to where the run was, and must yield the same.

    Returns:
        The history, with the keys of ``model.fit``, loss, metrics, and the same for the validation
        data. Ctrl-C keeps what was learnt, and returns the history so far with
        ``history.params["interrupted"]`` set.

    Raises:
        TypeError, ValueError: data that do not fit the model, an option that ``model.fit``
            would refuse, or a model that is not compiled.

    Examples:
        >>> import keras, numpy as np
        >>> dense = keras.layers.Dense(1, kernel_initializer="zeros")
        >>> model = keras.Sequential([keras.layers.Input((2,)), dense])
        >>> model.compile(optimizer=keras.optimizers.SGD(0.25), loss="mse")
        >>> x, y = np.eye(2, dtype="float32"), np.array([[1.0], [0.0]], dtype="float32")
        >>> history = fit(model, x, y, batch_size=2, shuffle=False, verbose=0)
        >>> history.history["loss"], model.weights[0].numpy().ravel().tolist()
        ([0.5], [0.25, 0.0])
    """
    check_compiled(
        model, validates=bool(validation_data is not None or validation_split), replicas=True
    )
    batch_size = _optional("batch_size", batch_size)
    epochs = _checks.whole_number("epochs", epochs, minimum=0)
    initial_epoch = _checks.whole_number("initial_epoch", initial_epoch, minimum=0)
    steps_per_epoch = _optional("steps_per_epoch", steps_per_epoch)
    validates_at = _frequency(validation_freq)
    mode = _checks.one_of("mode", mode, compiled.MODES)
    callbacks = check_callbacks(callbacks)
    verbose = _verbose(verbose)
    share = 0.0 if validation_data is not None else validation_split
    validation = None
    validation_batch_size = _optional("validation_batch_size", validation_batch_size) or batch_size
    validation_steps = _optional("validation_steps", validation_steps)
    if validation_data is not None:
        validation = source_for_validation(
            model, validation_data, validation_batch_size, validation_steps
        )
    with (
        replicas.scope_of(model),
        Keeper(checkpoint, not replicas.several(), replicas.is_chief()) as kept,
    ):
        if replicas.several():
            replicas.check(model, mode, arrays.is_streamed(x), shuffle, seed)
        seed = kept.seed(seed, shuffle)
        batches = dict(
            batch_size=batch_size,
            steps=steps_per_epoch,
            shuffle=shuffle,
            seed=seed,
            epoch=initial_epoch,
        )
        source, held_out = source_for_training(
            model, x, y, sample_weight, class_weight, share=share, **batches
        )
        if held_out:
            validation = in_order(held_out, validation_batch_size, validation_steps)
        kept.settings |= dict(
            initial_epoch=initial_epoch, shuffle=shuffle, seed=seed, data=source.describe()
        )
        run = dict(epochs=epochs, initial_epoch=initial_epoch, mode=mode, verbose=verbose)
        return _train(model, source, validation, validates_at, callbacks, kept, **run)


def _train(
    model,
    source,
    validation,
    validates_at,
    callbacks,
    kept,
    *,
    epochs: int,
    initial_epoch: int,
    mode,
    verbose,
):
    """Train for some epochs, a whole one in one call of a compiled program where nobody wants to
    hear of every batch.
    """
    steps = (epochs - initial_epoch) * (source.batches or 0)
    step, measure = step_of_descent, evaluation_step
    if replicas.several():
        step, measure = replicas.step_on_replicas, replicas.evaluation_on_replicas
    programs = Passes(model, kept.mode(mode, step), source.streamed, steps)
    checks = Passes(model, kept.mode(mode, measure), getattr(validation, "streamed", False), steps)
    about = dict(epochs=epochs, steps=source.batches, model=model)
    listeners = keras.callbacks.CallbackList(
        callbacks, add_history=True, add_progbar=False, verbose=0, **about
    )
    at_once = _at_once(callbacks, "train")
    model.stop_training = False
    listeners.on_train_begin()

    def modes() -> dict[str, str]:
        return {step.__name__: programs.mode_of(step), measure.__name__: checks.mode_of(measure)}

    first_epoch, first_batch, logs = kept.go_on(
        model, source, validation, validates_at, callbacks, modes, epochs
    )
    total = (epochs - initial_epoch) * source.batches if source.batches else None
    bar, done = Progress(total, "training") if verbose else contextlib.nullcontext(), 0
    try:
        with bar as progress:
            for epoch in range(first_epoch, 0 if model.stop_training else epochs):
                start = time.perf_counter()
                listeners.on_epoch_begin(epoch)
                for batch, part in source.epoch(
                    at_once, first_batch if epoch == first_epoch else 0
                ):
                    kept.check_order()
                    if at_once == 1:
                        listeners.on_train_batch_begin(batch)
                    logs = programs.run(step, part, fresh=batch == 0)
                    done += part.taken
                    if progress:
                        progress.at(done, f"epoch {epoch + 1}/{epochs}")
                    if at_once == 1 and part.taken:
                        listeners.on_train_batch_end(batch, logs)
                        if model.stop_training:
                            break
                    kept.save(epoch, batch + part.taken, logs)
                if validation is not None and validates_at(epoch + 1):
                    measured = _validate(measure, validation, callbacks, listeners, checks)
                    logs |= {f"val_{name}": value for name, value in measured.items()}
                if verbose:
                    shown = " - ".join(f"{name}: {value:.4f}" for name, value in logs.items())
                    print(
                        f"Epoch {epoch + 1}/{epochs} - {time.perf_counter() - start:.2f} s - "
                        f"{shown}",
                        flush=True,
                    )
                listeners.on_epoch_end(epoch, logs)
                kept.save(epoch + 1, 0, logs, last=model.stop_training or epoch + 1 == epochs)
                if model.stop_training:
                    break
    except KeyboardInterrupt:
        model.history.params["interrupted"] = True
    model.history.params["mode"] = programs.mode_of(step)
    if epochs > initial_epoch:
        model.optimizer.finalize_variable_values(
            model.trainable_variables
        )  # the moving average, where there is one
    listeners.on_train_end(logs=logs)
    return model.history


def _validate(step, validation, callbacks, listeners, programs) -> dict[str, float]:
    """Measure loss and metrics on the data to validate on."""
    at_once = _at_once(callbacks, "test")
    measured: dict[str, float] = {}
    listeners.on_test_begin()
    for batch, part in validation.epoch(at_once):
        if at_once == 1:
            listeners.on_test_batch_begin(batch)
        measured = programs.run(step, part, fresh=batch == 0)
        if at_once == 1 and part.taken:
            listeners.on_test_batch_end(batch, measured)
    listeners.on_test_end(measured)
    return measured


def _optional(name: str, value) -> int | None:
    return None if value is None else _checks.whole_number(name, value, minimum=1)


def _frequency(given) -> Callable[[int], bool]:
    """Return whether to validate after an epoch, counted from 1, as a function: every so many, or
    those of a list.
    """
    if isinstance(given, (list, tuple, set)):
        chosen = {_checks.whole_number("validation_freq", epoch, minimum=1) for epoch in given}
        return chosen.__contains__
    every = _checks.whole_number("validation_freq", given, minimum=1)
    return lambda epoch: epoch % every == 0


def _verbose(verbose) -> bool:
    if verbose not in (0, 1, 2, "auto"):
        raise ValueError(f"verbose: got {verbose!r}, expected 0, 1, 2 or 'auto'.")
    return bool(verbose)


def _at_once(callbacks: list, what: str) -> int:
    """Return how many batches may be done at once: one, where a callback wants to hear of every
    batch.
    """
    hooks = [f"on_{what}_batch_begin", f"on_{what}_batch_end"]
    hooks += ["on_batch_begin", "on_batch_end"] if what == "train" else []
    heard = (callback for callback in callbacks if not _only_by_epoch(callback))
    return (
        1
        if any(_is_own(callback, hook) for callback in heard for hook in hooks)
        else BATCHES_A_CALL
    )


def _is_own(callback, hook: str) -> bool:
    return getattr(getattr(callback, hook), "__func__", None) is not getattr(
        keras.callbacks.Callback, hook
    )


def _only_by_epoch(callback) -> bool:
    """Return whether a callback of Keras's own has batch hooks, but as it was made acts on epochs
    only.
    """
    if isinstance(callback, keras.callbacks.ModelCheckpoint | keras.callbacks.BackupAndRestore):
        return callback.save_freq == "epoch"
    return False
