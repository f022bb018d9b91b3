"""Mini-batch gradient descent on a Keras model, by hand: a compiled program runs whole epochs."""

import contextlib
import dataclasses
import time
from collections.abc import Callable
from typing import Any

from tf_gd import _checks, compiled
from tf_gd._keras import keras
from tf_gd._runtime import Progress
from tf_gd.networks import arrays, replicas
from tf_gd.networks.batches import (
    in_order,
    source_for_training,
    source_for_validation,
)
from tf_gd.networks.checks import check_callbacks, check_compiled
from tf_gd.networks.hooks import batches_at_once
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

    :mod:`tf_gd.updates` computes every step of SGD, and one compiled program runs a whole epoch.
    Afterwards the model, its optimizer's velocities and its counter are as after ``model.fit``:
    saving, evaluating and going on with ``model.fit`` just work. (On a data set of unknown length
    ``model.fit`` counts a step too many each epoch; this does not.) A layer that you freeze
    stops learning at once; one that you unfreeze needs ``model.compile`` again.

    A model built in the scope of a ``tf.distribute`` strategy trains on all of its replicas: each
    takes its share of every batch, their gradients are added up, and one step clips and applies the
    sum. ``model.fit`` clips first.

    Args:
        model: a compiled Keras model. With ``keras.optimizers.SGD`` or :class:`tf_gd.ManualSGD` we
            compute the whole step by hand, whatever the options; another optimizer updates the
            weights itself, in the same loop.
        x: inputs ``(samples, ...)``: an array, or a list or dict of arrays for a model of several
            inputs. Or batches ``(x, y)`` or ``(x, y, sample_weight)``, read in their own order: a
            ``tf.data.Dataset``, a ``keras.utils.PyDataset``, a generator, a ``DataLoader``.
        y: targets, likewise; a data set has its own.
        batch_size: samples in a batch, by default 32, or as many as make ``steps_per_epoch``
            batches of the data; the last batch of an epoch may be smaller. A data set has its own.
        epochs: the epoch to train up to.
        shuffle: True visits the samples in a new order every epoch, drawn from ``seed``; False in
            the order given; ``"keras"`` in the order of ``model.fit(shuffle=True)`` after the same
            ``keras.utils.set_random_seed``.
        seed: of the orders; None draws a new one.
        validation_data: a pair ``(x, y)``, a triple with sample weights, or a data set, to evaluate
            after every epoch.
        validation_split: the share of the samples, from the end, to validate on and not to train
            on.
        sample_weight: a weight for each sample, ``(samples,)``.
        class_weight: a dict from class to weight.
        callbacks: Keras callbacks. One with a hook for batches makes the loop go batch by batch,
            which is slower.
        verbose: 0 prints nothing; 1, 2 or ``"auto"`` print one line an epoch, and in a terminal a
            progress bar.
        initial_epoch: the epoch to begin with.
        steps_per_epoch: how many batches an epoch has, by default all; the next epoch goes on where
            this one stopped.
        validation_steps, validation_batch_size: the same for the data to validate on, each time
            from the first batch.
        validation_freq: validate after every so many epochs, or after those of a list, counted from
            1.
        mode: ``"eager"``, ``"graph"``, ``"xla"``, or ``"auto"``: XLA from some thousand steps on,
            but a graph for random numbers, large convolutions, embeddings, data sets and under
            :func:`tf_gd.exact_arithmetic`. ``history.params["mode"]`` holds the choice.
        checkpoint: a directory for this run alone. Killed at any moment and called again with the
            same arguments, the run goes on and ends with the same bits: weights, optimizer, seeds
            of Dropout, history, and what Keras's callbacks count. The run writes a checkpoint after
            every epoch, unless that would take more than 3% of the time, and every half minute
            within a long one. SIGTERM then ends the program with exit code 143. A data set is read
            again up to where the run was, and must yield the same batches.

    Returns:
        The history, with the keys of ``model.fit``: loss, metrics, and the same for the validation
        data. Ctrl-C keeps the weights so far, and returns the history so far with
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
        training = _Training(
            model,
            source,
            validation,
            validates_at,
            callbacks,
            kept,
            mode,
            verbose,
            initial_epoch,
            epochs,
        )
        return training.run()


@dataclasses.dataclass
class _Training:
    """One call of :func:`fit`, its arguments checked."""

    model: Any
    source: Any
    validation: Any
    validates_at: Callable[[int], bool]
    callbacks: list
    kept: Keeper
    mode: str
    verbose: bool
    initial_epoch: int
    epochs: int

    def __post_init__(self):
        model, batches = self.model, self.source.batches
        self.step, self.measure = step_of_descent, evaluation_step
        if replicas.several():
            self.step, self.measure = replicas.step_on_replicas, replicas.evaluation_on_replicas
        steps = (self.epochs - self.initial_epoch) * (batches or 0)
        streams = self.source.streamed, getattr(self.validation, "streamed", False)
        self.passes, self.checks = (
            Passes(model, self.kept.mode(self.mode, step), streamed, steps)
            for step, streamed in zip((self.step, self.measure), streams, strict=True)
        )
        about = dict(epochs=self.epochs, steps=batches, model=model)
        quiet = dict(add_history=True, add_progbar=False, verbose=0)
        self.listeners = keras.callbacks.CallbackList(self.callbacks, **quiet, **about)
        self.at_once = batches_at_once(self.callbacks, "train")
        self.logs: dict[str, float] = {}
        self.done = 0  # batches

    def run(self) -> keras.callbacks.History:
        """Train from the first epoch, or from the checkpoint, to the last epoch."""
        model, epochs = self.model, self.epochs
        model.stop_training = False
        self.listeners.on_train_begin()
        found = self.source, self.validation, self.validates_at, self.callbacks
        epoch, batch, self.logs = self.kept.go_on(model, *found, self.modes, epochs)
        batches = self.source.batches
        total = (epochs - self.initial_epoch) * batches if batches else None
        bar = Progress(total, "training") if self.verbose else contextlib.nullcontext()
        try:
            with bar as progress:
                while epoch < epochs and not model.stop_training:
                    self._epoch(epoch, batch, progress)
                    epoch, batch = epoch + 1, 0
        except KeyboardInterrupt:
            model.history.params["interrupted"] = True
        model.history.params["mode"] = self.passes.mode_of(self.step)
        if epochs > self.initial_epoch:
            # Keras replaces the weights by their moving average, where it keeps one.
            model.optimizer.finalize_variable_values(model.trainable_variables)
        self.listeners.on_train_end(logs=self.logs)
        return model.history

    def modes(self) -> dict[str, str]:
        """Return the mode in which each step runs, by the name of the step."""
        pairs = (self.step, self.passes), (self.measure, self.checks)
        return {step.__name__: passes.mode_of(step) for step, passes in pairs}

    def _epoch(self, epoch: int, first_batch: int, progress) -> None:
        """Train for one epoch, from ``first_batch`` on; then validate, and call the callbacks."""
        start = time.perf_counter()
        self.listeners.on_epoch_begin(epoch)
        for batch, part in self.source.epoch(self.at_once, first_batch):
            self.kept.check_order()
            if not self._part(batch, part):
                break
            if progress:
                progress.at(self.done, f"epoch {epoch + 1}/{self.epochs}")
            self.kept.save(epoch, batch + part.taken, self.logs)
        if self.validation is not None and self.validates_at(epoch + 1):
            measured = self._validate()
            self.logs |= {f"val_{name}": value for name, value in measured.items()}
        if self.verbose:
            shown = " - ".join(f"{name}: {value:.4f}" for name, value in self.logs.items())
            took = f"{time.perf_counter() - start:.2f} s"
            print(f"Epoch {epoch + 1}/{self.epochs} - {took} - {shown}", flush=True)
        self.listeners.on_epoch_end(epoch, self.logs)
        last = self.model.stop_training or epoch + 1 == self.epochs
        self.kept.save(epoch + 1, 0, self.logs, last=last)

    def _part(self, batch: int, part) -> bool:
        """Train on the next batches; return whether the epoch goes on."""
        told = self.at_once == 1
        if told:
            self.listeners.on_train_batch_begin(batch)
        self.logs = self.passes.run(self.step, part, fresh=batch == 0)
        self.done += part.taken
        if told and part.taken:
            self.listeners.on_train_batch_end(batch, self.logs)
        return not (told and part.taken and self.model.stop_training)

    def _validate(self) -> dict[str, float]:
        """Measure loss and metrics on the data to validate on."""
        at_once, listeners = batches_at_once(self.callbacks, "test"), self.listeners
        measured: dict[str, float] = {}
        listeners.on_test_begin()
        for batch, part in self.validation.epoch(at_once):
            if at_once == 1:
                listeners.on_test_batch_begin(batch)
            measured = self.checks.run(self.measure, part, fresh=batch == 0)
            if at_once == 1 and part.taken:
                listeners.on_test_batch_end(batch, measured)
        listeners.on_test_end(measured)
        return measured


def _optional(name: str, value) -> int | None:
    return None if value is None else _checks.whole_number(name, value, minimum=1)


def _frequency(given) -> Callable[[int], bool]:
    """Return a function that says whether to validate after an epoch, counted from 1."""
    if isinstance(given, (list, tuple, set)):
        chosen = {_checks.whole_number("validation_freq", epoch, minimum=1) for epoch in given}
        return chosen.__contains__
    every = _checks.whole_number("validation_freq", given, minimum=1)
    return lambda epoch: epoch % every == 0


def _verbose(verbose) -> bool:
    if verbose not in (0, 1, 2, "auto"):
        raise ValueError(f"verbose: got {verbose!r}, expected 0, 1, 2 or 'auto'.")
    return bool(verbose)
