"""A training run that you can kill at any moment: its checkpoints, and how it goes on from them."""

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tf_gd import _keras
from tf_gd._keras import keras
from tf_gd._runtime import checkpoint_seconds
from tf_gd.checkpoints import Checkpoints, differences, refuse, refuse_kind
from tf_gd.networks.batches import replay
from tf_gd.networks.callback_state import (
    changed,
    left_out,
    pack,
    plain_parts,
    put_back,
    unpack,
)
from tf_gd.networks.orders import seed_of_session
from tf_gd.networks.run_settings import check_complete, of_model, of_the_process, shape_of
from tf_gd.networks.step import innermost

SECONDS_BETWEEN = 30.0  # between checkpoints within an epoch: a kill loses about so much
PAUSE = 30.0  # times what the last checkpoint took: at most some 3% of the time goes into them


class Keeper:
    """Keeps checkpoints of a run in a directory; without one it keeps nothing. A context manager.

    Args:
        directory: of the checkpoints, or None.
        alone: whether the model has no replicas; with replicas, it keeps none within an epoch.
        writes: whether this process writes for all.
    """

    def __init__(self, directory, alone: bool = True, writes: bool = True):
        set_to = None if directory is None else checkpoint_seconds()
        self._seconds = SECONDS_BETWEEN if set_to is None else set_to
        self._pause = PAUSE if set_to is None else 0.0
        self._checkpoints = None if directory is None else Checkpoints(directory, writes)
        self._alone = alone
        self._found = self._newest()
        self._unsaved: set[str] = set()  # what was said not to be kept
        self._saved_at = time.monotonic()
        self._saves = 0
        self._order: int | None = None
        self.settings: dict[str, Any] = {}  # of this run: a run with others is refused

    def _newest(self) -> tuple | None:
        if self._checkpoints is None:
            return None
        try:
            found = self._checkpoints.newest()
            if found:
                refuse_kind(self._checkpoints.directory, found[0], "fit")
        except BaseException:
            self._checkpoints.close()  # nobody else will
            raise
        return found

    @property
    def keeps(self) -> bool:
        """Whether there is a directory to keep the run in."""
        return self._checkpoints is not None

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        if self._checkpoints:
            self._checkpoints.close()

    def seed(self, seed, shuffle, optimizer):
        """Return the seed of the orders: the one given, that of the run found, or another one."""
        if seed is not None or shuffle is not True:
            return seed
        if self._found:
            return self._found[0]["settings"]["seed"]
        return seed_of_session(optimizer)

    def describe(self, source, validation=None) -> None:
        """Make the data a part of what the run is, and those to validate on."""
        if self._checkpoints is None:
            return
        if source.shuffled and _keras.seed_of_session() is None:
            raise ValueError(
                "checkpoint: got data that Keras shuffles, in an order that the run could not "
                "find again. Call keras.utils.set_random_seed(7) before, or pass shuffle=False."
            )
        self.settings["data"] = source.describe()
        self.settings["validation_data"] = validation and validation.describe()

    def mode(self, mode: str, step) -> str:
        """Return the mode to run a step in: ``"auto"`` stands for that of the run found, if any."""
        return self._found[0]["modes"][step.__name__] if self._found and mode == "auto" else mode

    def go_on(
        self,
        model,
        source,
        validation,
        validates_at,
        callbacks: list,
        modes: Callable,
        epochs: int,
        begins: Callable[[int], Any],
    ) -> tuple:
        """Restore the model, its optimizer, the history and the callbacks from the checkpoint.

        Args:
            model, source, validation, validates_at, callbacks, epochs: of this run.
            modes: returns the mode of each step.
            begins: tells the callbacks that an epoch begins.

        Returns:
            The epoch, how many of its batches are done, and the metrics so far.

        Raises:
            ValueError: the directory holds another run.
        """
        first = self.settings["initial_epoch"]
        if self._checkpoints is None:
            return first, 0, {}
        check_complete(model)
        self._model, self._source, self._modes = model, source, modes
        if not all(part is None or part.built for part in _keras.compiled_parts(model)):
            self._alone = False  # the metrics of an epoch are made in it: only whole ones are kept
        self._variables = [*model.variables, *model.optimizer.variables, *_keras.global_seeds()]
        if self._alone:  # else no checkpoint falls within an epoch, and each epoch resets them
            self._variables += model.metrics_variables
        self.settings |= {
            **of_model(model),
            **of_the_process(),
            "variables": [shape_of(variable) for variable in self._variables],
        }
        self._callbacks = [(callback, plain_parts(callback)) for callback in callbacks]
        self._validates_at = validates_at if validation is not None else lambda epoch: False
        if self._found is None:
            return first, 0, {}
        state, arrays = self._found
        self._refuse_another(state["settings"], arrays)
        if state["validated"] != self._validated(state["epoch"]):
            refuse(self._checkpoints.directory, ["validation_freq names other epochs"])
        begun = state["epoch"] + bool(state["batch"])
        if begun > epochs:
            refuse(
                self._checkpoints.directory,
                [f"it has gone on for {begun} epochs, and {epochs} are asked for"],
            )
        self._warn_of_lost(self._restore(state, arrays))
        if state["batch"]:
            # The epoch began before: the callbacks hear of it, as objects that only they know have
            # to be made, and what they change is restored.
            begins(state["epoch"])
            self._restore(state, arrays)
        model.history.epoch = state["epochs"]
        model.history.history = unpack(state["history"], arrays)
        model.stop_training = state["stopped"]
        for past in range(first, state["epoch"]):
            replay(source)
            if validation is not None and validates_at(past + 1):
                validation.reset()
                replay(validation)
        self._saves, self._order = state["saves"], state["order"]
        epoch = epochs if state["stopped"] else state["epoch"]  # nothing is left to do
        return epoch, state["batch"], unpack(state["logs"], arrays)

    def _restore(self, state: dict[str, Any], arrays: list[np.ndarray]) -> list[str]:
        """Restore variables and callbacks; return the classes of which there is no callback."""
        for variable, array in zip(self._variables, arrays, strict=False):
            variable.assign(array)
        return put_back(self._callbacks, state["callbacks"], arrays)

    def _warn_of_lost(self, classes: list[str]) -> None:
        if classes:
            said = f"holds the state of {', '.join(classes)}, of which this run has none."
            warnings.warn(f"checkpoint: {said}", stacklevel=4)

    def _validated(self, epochs: int) -> list[bool]:
        return [bool(self._validates_at(epoch + 1)) for epoch in range(epochs)]

    def _refuse_another(self, saved: dict[str, Any], arrays: list[np.ndarray]) -> None:
        """Raise if the run found had other settings, but for a rate set by a callback."""
        rate = _keras.learning_rate_of(innermost(self._model.optimizer))
        now = self.settings
        at = next((n for n, variable in enumerate(self._variables) if variable is rate), None)
        if (
            at is not None
            and at < len(arrays)
            and np.array_equal(keras.ops.convert_to_numpy(rate), arrays[at])
        ):
            now = {
                **now,
                "optimizer": {
                    **now["optimizer"],
                    "learning_rate": saved["optimizer"].get("learning_rate"),
                },
            }
        assert self._checkpoints is not None
        refuse(self._checkpoints.directory, differences(saved, now))
        self.settings = saved

    def check_order(self) -> None:
        """Raise where the order of the samples is not that of the run found."""
        if self._checkpoints and self._order not in (None, self._source.first_order):
            refuse(
                self._checkpoints.directory,
                ["the samples came in another order; set the same random seed before"],
            )
        self._order = None

    def save(self, epoch: int, batch: int, logs: dict, *, last: bool = False) -> None:
        """Write a checkpoint after ``epoch`` epochs and ``batch`` batches of the next.

        None is written soon after another, or while one is being written, except the last.
        """
        if self._checkpoints is None or (batch and not self._alone):
            return
        pause = max(self._seconds if batch else 0.0, self._pause * self._checkpoints.seconds)
        if not last and (self._checkpoints.busy or time.monotonic() - self._saved_at < pause):
            return
        self._saved_at = time.monotonic()
        self._saves += 1
        # TensorFlow copies a variable's memory when a later step writes to it, not here.
        arrays = [tf.convert_to_tensor(variable.value) for variable in self._variables]
        history = self._model.history
        if self._saves == 1:
            self._warn_once([name for one, _ in self._callbacks for name in left_out(one)])
        state = dict(
            kind="fit",
            settings=self.settings,
            modes=self._modes(),
            epoch=epoch,
            batch=batch,
            logs=self._packed(_keras.as_python(logs), arrays),
            saves=self._saves,
            stopped=self._model.stop_training,
            epochs=list(history.epoch),
            history=self._packed(history.history, arrays),
            order=self._source.first_order,
            validated=self._validated(epoch),
            callbacks=[changed(callback, before, arrays) for callback, before in self._callbacks],
        )
        self._checkpoints.save(self._saves, state, arrays)

    def _packed(self, logs: dict[str, Any], arrays: list) -> dict[str, Any]:
        """Return logs packed; what a checkpoint cannot keep is left out with a warning, once."""
        kept = []
        for name, value in logs.items():
            try:
                kept.append([name, pack(value, arrays)])
            except Exception:  # a value of the user's may raise anything
                self._warn_once([f"logs[{name!r}]"])
        return {"dict": kept}

    def _warn_once(self, names: list[str]) -> None:
        if new := sorted(set(names) - self._unsaved):
            self._unsaved |= set(new)
            warnings.warn(
                f"checkpoint: does not keep {', '.join(new)}: a run that goes on starts with what "
                "your program sets. Numbers, texts, arrays, and lists, tuples, sets and "
                "dictionaries of them are kept.",
                stacklevel=4,
            )
