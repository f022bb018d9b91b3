"""The loop over epochs and batches: many batches in each call of a compiled program."""

import contextlib
import dataclasses
import time
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tf_gd import _keras
from tf_gd._keras import keras
from tf_gd._runtime import Progress
from tf_gd.networks import hooks, replicas, step
from tf_gd.networks.batches import replay
from tf_gd.networks.programs import OwnFunction, Passes
from tf_gd.networks.resume import Keeper


@dataclasses.dataclass
class Training:
    """One call of :func:`tf_gd.fit`, checked."""

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
        self._choose_steps()
        steps = (self.epochs - self.initial_epoch) * (batches or 0)
        own, ends = self.trains_itself, hooks.ends_at_nan(self.callbacks)
        counts_loss = any(one is _keras.loss_tracker(model) for one in model.metrics)
        trains_by_own = _keras.has_own(model, "make_train_function")
        self.passes: Passes | OwnFunction = (
            OwnFunction(model, "train")
            if trains_by_own
            else Passes(
                model,
                self.kept.mode(self.mode, self.step),
                self.source.streamed,
                steps,
                own=own,
                ends_at_nan=ends and counts_loss and not own,
            )
        )
        tests_by_own = self.validation is not None and _keras.has_own(model, "make_test_function")
        self.checks: Passes | OwnFunction = (
            OwnFunction(model, "test")
            if tests_by_own
            else Passes(
                model,
                self.kept.mode(self.mode, self.measure),
                getattr(self.validation, "streamed", False),
                steps,
                own=self.measures_itself,
            )
        )
        callbacks = self.callbacks
        every = trains_by_own or (own and ends)
        self.pace = hooks.pace_of(model, callbacks, "train", self.source, every)
        self.pace_of_checks = hooks.pace_of(model, callbacks, "test", self.validation, tests_by_own)
        self.resets_first = any(
            hooks.has_hook(callback, "on_epoch_begin") for callback in callbacks
        )
        about = dict(epochs=self.epochs, steps=batches, model=model)
        quiet = dict(add_history=True, add_progbar=False, verbose=0)
        self.listeners = keras.callbacks.CallbackList(self.callbacks, **quiet, **about)
        self.logs: dict[str, Any] = {}
        self.done = 0  # batches

    def _choose_steps(self) -> None:
        """Choose what to do with a batch: ours, or what the model does itself."""
        model = self.model
        changes = ("compute_metrics", "get_metrics_result")
        self.step, self.measure = step.step_of_descent, step.evaluation_step
        if replicas.several():
            self.step, self.measure = replicas.step_on_replicas, replicas.evaluation_on_replicas
        if _keras.has_own(model, "train_step"):
            self.step = step.train_step_of_model
        if _keras.has_own(model, "test_step"):
            self.measure = step.test_step_of_model
        own = any(_keras.has_own(model, method) for method in changes)
        self.trains_itself = own or self.step is step.train_step_of_model
        self.measures_itself = own or self.measure is step.test_step_of_model

    def run(self) -> keras.callbacks.History:
        """Train from the first epoch, or from where a checkpoint is, to the last."""
        model, epochs = self.model, self.epochs
        model.stop_training = False
        self.listeners.on_train_begin()
        found = self.source, self.validation, self.validates_at, self.callbacks
        epoch, batch, self.logs = self.kept.go_on(model, *found, self.modes, epochs)
        if not self.kept.keeps:
            epoch = self._replay_to(_keras.first_epoch_of(model, epoch), epoch)
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
        if epochs > self.initial_epoch and isinstance(model.optimizer, keras.Optimizer):
            # Where there is a moving average, it takes the place of the weights.
            model.optimizer.finalize_variable_values(model.trainable_variables)
        self.listeners.on_train_end(logs=self.logs)
        return model.history

    def modes(self) -> dict[str, str]:
        """Return the mode in which each step runs, by the name of the step."""
        pairs = (self.step, self.passes), (self.measure, self.checks)
        return {step.__name__: passes.mode_of(step) for step, passes in pairs}

    def _replay_to(self, epoch: int, first: int) -> int:
        """Go on at the epoch at which ``BackupAndRestore`` found the model, with its order."""
        if not self.source.streamed:
            for _ in range(first, epoch):
                replay(self.source)
        return epoch

    def _epoch(self, epoch: int, first_batch: int, progress) -> None:
        """Train for one epoch, from a batch on; then validate, and tell the callbacks."""
        start = time.perf_counter()
        if self.resets_first and not first_batch:  # who listens may read the metrics
            self.model.reset_metrics()
        self.listeners.on_epoch_begin(epoch)
        for batch, part in self.source.epoch(self.pace, first_batch):
            self.kept.check_order()
            self._part(batch, part)
            if progress:
                progress.at(self.done, f"epoch {epoch + 1}/{self.epochs}")
            if self.model.stop_training:
                break
            self.kept.save(epoch, batch + part.taken, self.logs)
        if self.validation is not None and self.validates_at(epoch + 1):
            measured = self._validate()
            self.logs = self.logs | {f"val_{name}": value for name, value in measured.items()}
        if self.verbose:
            numbers = _keras.as_python(self.logs).items()
            shown = " - ".join(f"{name}: {_shown(value)}" for name, value in numbers)
            took = f"{time.perf_counter() - start:.2f} s"
            print(f"Epoch {epoch + 1}/{self.epochs} - {took} - {shown}", flush=True)
        self.listeners.on_epoch_end(epoch, self.logs)
        self.passes.warn_of_changes()
        last = self.model.stop_training or epoch + 1 == self.epochs
        self.kept.save(epoch + 1, 0, self.logs, last=last)

    def _part(self, batch: int, part) -> None:
        """Train on the next batches; callbacks hear of them as of one."""
        self.listeners.on_train_batch_begin(batch)
        logs = self._timed(self.pace, self.passes, self.step, part, batch, self.source)
        if not part.taken:
            return
        self.logs = logs
        self.done += part.taken
        self.listeners.on_train_batch_end(_last(batch, part, self.pace), self.logs)

    def _validate(self) -> dict[str, Any]:
        """Measure loss and metrics on the data to validate on."""
        model, listeners, pace = self.model, self.listeners, self.pace_of_checks
        measured: dict[str, Any] = {}
        model.stop_evaluating = False
        listeners.on_test_begin()
        for batch, part in self.validation.epoch(pace):
            listeners.on_test_batch_begin(batch)
            logs = self._timed(pace, self.checks, self.measure, part, batch, self.validation)
            if part.taken:
                measured = logs
                listeners.on_test_batch_end(_last(batch, part, pace), measured)
            if model.stop_evaluating:
                break
        measured = _keras.as_python(measured)
        listeners.on_test_end(measured)
        return measured

    def _timed(self, pace, passes, step, part, batch: int, source) -> dict[str, Any]:
        """Run a part, and let the pace know how long it took."""
        start = time.perf_counter()
        try:
            logs = passes.run(step, part, fresh=batch == 0)
        except (ValueError, TypeError, LookupError, tf.errors.OpError) as error:
            if source.trouble is not None:  # what was seen when the model was built says more
                raise source.trouble from error
            raise
        source.trouble = None
        pace.took(part.taken, time.perf_counter() - start)
        return logs


def _last(batch: int, part, pace: hooks.Pace) -> int:
    """Return the number of the last batch of a part, as Keras counts it."""
    return batch + (pace.fixed or part.taken) - 1


def _shown(value) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
