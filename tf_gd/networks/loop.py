"""The loop over epochs and batches: many batches in each call of a compiled program."""

import contextlib
import dataclasses
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import tensorflow as tf

from tf_gd import _keras
from tf_gd._keras import keras
from tf_gd._runtime import Progress
from tf_gd._signals import Interrupts
from tf_gd.networks import hooks, replicas, step
from tf_gd.networks.batches import replay
from tf_gd.networks.programs import OwnFunction, Passes
from tf_gd.networks.resume import Keeper

_SIDES = {  # what to do with a batch: the model's own step, on replicas, and else
    "train": (step.train_step_of_model, replicas.step_on_replicas, step.step_of_descent),
    "test": (step.test_step_of_model, replicas.evaluation_on_replicas, step.evaluation_step),
}


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
        self.training, self.testing = self._side("train"), self._side("test")
        self.resets_first = any(hooks.has_hook(one, "on_epoch_begin") for one in self.callbacks)
        about = dict(epochs=self.epochs, steps=self.source.batches, model=self.model)
        quiet = dict(add_history=True, add_progbar=False, verbose=0)
        self.listeners = keras.callbacks.CallbackList(self.callbacks, **quiet, **about)
        self.logs: dict[str, Any] = {}
        self.done = 0  # batches
        self.interrupts = Interrupts()

    def _side(self, what: str) -> "_Side":
        """Return what goes through the batches to ``"train"`` on, or to ``"test"`` with."""
        model, source = self.model, self.source if what == "train" else self.validation
        own = partial(_keras.has_own, model)
        of_model, on_replicas, ours = _SIDES[what]
        chosen = on_replicas if replicas.several() else ours
        chosen = of_model if own(f"{what}_step") else chosen
        # What such a step returns counts, and not the metrics alone.
        returns = chosen is of_model or own("compute_metrics") or own("get_metrics_result")
        ends = what == "train" and hooks.ends_at_nan(self.callbacks)
        every_batch = ends and returns
        if source is not None and own(f"make_{what}_function"):
            every_batch = True
            passes: Passes | OwnFunction = OwnFunction(model, what)
        else:
            counts_loss = any(one is _keras.loss_tracker(model) for one in model.metrics)
            passes = Passes(
                model,
                self.kept.mode(self.mode, chosen),
                getattr(source, "streamed", False),
                (self.epochs - self.initial_epoch) * (self.source.batches or 0),
                own=returns,
                ends_at_nan=ends and counts_loss and not returns,
            )
        pace = hooks.pace_of(model, self.callbacks, what, source, every_batch)
        return _Side(chosen, source, passes, pace, model.steps_per_execution)

    def run(self) -> keras.callbacks.History:
        """Train from the first epoch, or from where a checkpoint is, to the last."""
        model, epochs = self.model, self.epochs
        model.stop_training = False
        self.source.reset()
        self.listeners.on_train_begin()
        found = self.source, self.validation, self.validates_at, self.callbacks
        begins = self.listeners.on_epoch_begin
        epoch, batch, self.logs = self.kept.go_on(model, *found, self.modes, epochs, begins)
        if not self.kept.keeps:
            epoch = self._replay_to(_keras.first_epoch_of(model, epoch), epoch)
        batches = self.source.batches
        total = (epochs - self.initial_epoch) * batches if batches else None
        bar = Progress(total, "training") if self.verbose else contextlib.nullcontext()
        try:
            with self.interrupts, bar as progress:
                while epoch < epochs:
                    self._epoch(epoch, batch, progress)
                    epoch, batch = epoch + 1, 0
                    if model.stop_training:
                        break
        except (KeyboardInterrupt, Exception) as error:
            if not self.interrupts.caused(error):
                raise
            model.history.params["interrupted"] = True
        model.history.params["mode"] = self.training.mode()
        if epochs and isinstance(model.optimizer, keras.Optimizer):
            # Where there is a moving average, it takes the place of the weights.
            model.optimizer.finalize_variable_values(model.trainable_variables)
        self.listeners.on_train_end(logs=self.logs)
        return model.history

    def modes(self) -> dict[str, str]:
        """Return the mode in which each step runs, by the name of the step."""
        return {side.step.__name__: side.mode() for side in (self.training, self.testing)}

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
        if not first_batch:
            self.listeners.on_epoch_begin(epoch)
        # A callback that stops training before an epoch stops it after the next batch, as in Keras.
        pace = self.training.pace_until(self.model.stop_training)
        for batch, part in self.source.epoch(pace, first_batch):
            self.kept.check_order()
            self._part(batch, part)
            self.interrupts.check()
            if progress:
                progress.at(self.done, f"epoch {epoch + 1}/{self.epochs}")
            if self.model.stop_training:
                break
            self.kept.save(epoch, batch + part.taken, self.logs)
        self.logs = self.training.after(self.model, self.logs)
        if self.validation is not None and self.validates_at(epoch + 1):
            measured = self._validate()
            self.logs = self.logs | {f"val_{name}": value for name, value in measured.items()}
        if self.verbose:
            numbers = _keras.as_python(self.logs).items()
            shown = " - ".join(f"{name}: {_shown(value)}" for name, value in numbers)
            took = f"{time.perf_counter() - start:.2f} s"
            print(f"Epoch {epoch + 1}/{self.epochs} - {took} - {shown}", flush=True)
        self.listeners.on_epoch_end(epoch, self.logs)
        self.training.passes.warn_of_changes()
        last = self.model.stop_training or epoch + 1 == self.epochs
        self.kept.save(epoch + 1, 0, self.logs, last=last)

    def _part(self, batch: int, part) -> None:
        """Train on the next batches; callbacks hear of them as of one."""
        self.listeners.on_train_batch_begin(batch)
        logs = self.training.take(part, fresh=batch == 0 and not self.resets_first)
        if not part.taken:
            return
        self.logs = logs
        self.done += part.taken
        self.listeners.on_train_batch_end(self.training.last(batch, part), self.logs)

    def _validate(self) -> dict[str, Any]:
        """Measure loss and metrics on the data to validate on."""
        model, listeners, testing = self.model, self.listeners, self.testing
        measured: dict[str, Any] = {}
        model.stop_evaluating = False
        self.validation.reset()
        listeners.on_test_begin()
        for batch, part in self.validation.epoch(testing.pace_until(model.stop_evaluating)):
            listeners.on_test_batch_begin(batch)
            logs = testing.take(part, fresh=batch == 0)
            if part.taken:
                measured = logs
                listeners.on_test_batch_end(testing.last(batch, part), measured)
            self.interrupts.check()
            if model.stop_evaluating:
                break
        measured = _keras.as_python(testing.after(model, measured))
        listeners.on_test_end(measured)
        return measured


@dataclasses.dataclass
class _Side:
    """Batches to train on, or to measure, and what goes through them."""

    step: Callable
    source: Any
    passes: Passes | OwnFunction
    pace: hooks.Pace
    executes: int  # batches at once, as Keras is told to

    def mode(self) -> str:
        """Return the mode in which the step runs."""
        return self.passes.mode_of(self.step)

    def pace_until(self, stopped: bool) -> hooks.Pace:
        """Return the pace of an epoch, where that of one that is stopped already is the slowest."""
        return hooks.Pace(self.executes) if stopped else self.pace

    def take(self, part, fresh: bool) -> dict[str, Any]:
        """Go through a part, and let the pace know how long it took."""
        start = time.perf_counter()
        try:
            logs = self.passes.run(self.step, part, fresh)
        except (ValueError, TypeError, LookupError, tf.errors.OpError) as error:
            if self.source.trouble is not None:  # what was seen when the model was built says more
                raise self.source.trouble from error
            raise
        self.source.trouble = None
        self.pace.took(part.taken, time.perf_counter() - start)
        return logs

    def after(self, model, logs: dict[str, Any]) -> dict[str, Any]:
        """Return the logs of an epoch: what Keras reads at its end, should a hook have measured."""
        return _keras.metrics_or_logs(model, logs) if self.pace.fixed and logs else logs

    def last(self, batch: int, part) -> int:
        """Return the number of the last batch of a part, as Keras counts it."""
        return batch + (self.pace.fixed or part.taken) - 1


def _shown(value) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
