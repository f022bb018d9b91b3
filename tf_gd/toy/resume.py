"""A descent that can be killed at any moment, and goes on to the same bits."""

import time
from typing import Any

import numpy as np
import tensorflow as tf

from tf_gd.checkpoints import Checkpoints, differences, refuse

SECONDS_BETWEEN = 5.0
_LATER = ("steps", "tolerance")  # settings that may change from one call to the next
Chunks = list[list[np.ndarray]]


class Keeper:
    """Keeps a descent in a directory; without one it keeps nothing. To be used as a context.

    Args:
        directory: of the checkpoints, or None.
    """

    def __init__(self, directory):
        self._checkpoints = None if directory is None else Checkpoints(directory)
        self._settings: dict[str, Any] = {}
        self._variables: list[Any] = []
        self._saved_at = time.monotonic()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        if self._checkpoints:
            self._checkpoints.close()

    def go_on(self, update, settings: dict[str, Any], objective, x) -> tuple[Chunks, int, bool, float]:
        """Take the update to where the run found was, if there is one.

        Args:
            update: at the first point, ``x``.
            settings: of this run.
            objective: what is minimised: it must have the same values, here and there.
            x: the first point.

        Returns:
            What is recorded so far, the last step (-1 before the first), whether the run goes on,
            and how many seconds it took.

        Raises:
            ValueError: the checkpoint is of another run, or of one with more steps.
        """
        if self._checkpoints is None:
            return [], -1, True, 0.0
        about = {name: value for name, value in settings.items() if name not in _LATER}
        self._settings = {**about, "start": x.numpy().tolist()}
        self._variables = [update.point, *update.state]
        values = (tf.reduce_sum(objective.fn(point)) for point in (x, 0.9 * x + 0.07))
        self._settings["values of the objective"] = [f"{float(value):.5g}" for value in values]
        found = self._checkpoints.newest()
        if found is None:
            return [], -1, True, 0.0
        state, arrays = found
        refuse(self._checkpoints.directory, differences(state["settings"], self._settings))
        if state["last"] > settings["steps"]:
            asked = f"it has made {state['last']} steps, and {settings['steps']} are asked for"
            refuse(self._checkpoints.directory, [asked])
        for variable, array in zip(self._variables, arrays, strict=False):
            variable.assign(array)
        records = arrays[len(self._variables) :]
        return [records], state["last"], state["goes_on"], state["seconds"]

    def save(self, chunks: Chunks, last: int, goes_on: bool, seconds: float, *, ends: bool) -> Chunks:
        """Write a checkpoint now and then, and at the end; return the chunks, joined if it was written."""
        now = time.monotonic()
        if self._checkpoints is None:
            return chunks
        if not ends and (self._checkpoints.busy or now - self._saved_at < SECONDS_BETWEEN):
            return chunks
        self._saved_at = now
        records = joined(chunks)
        state = dict(settings=self._settings, last=last, goes_on=goes_on, seconds=seconds)
        variables = [np.array(variable.numpy()) for variable in self._variables]
        self._checkpoints.save(last, state, [*variables, *records])
        return [records]


def joined(chunks: Chunks) -> list[np.ndarray]:
    """Return the records of chunks as one array each."""
    return [np.concatenate(part) if len(part) > 1 else part[0] for part in zip(*chunks, strict=True)]
