"""Checkpoints of a descent: a killed run resumes and ends with the same bits."""

import time
from typing import Any

import numpy as np
import tensorflow as tf

from tf_gd.checkpoints import Checkpoints, differences, refuse

SECONDS_BETWEEN = 5.0  # the work that a killed run loses
_LATER = ("steps", "tolerance")  # settings that may change from one call to the next
Chunks = list[list[np.ndarray]]


class Keeper:
    """Writes and reads the checkpoints of a descent; does nothing without a directory."""

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

    def go_on(
        self, update, settings: dict[str, Any], objective, x
    ) -> tuple[Chunks, int, bool, float]:
        """Restore the newest checkpoint, if there is one.

        Args:
            update: its variables, now at the first point, are assigned.
            settings: of this run.
            objective: its values at two points must be those of the checkpoint.
            x: the first point.

        Returns:
            The records, the last step (-1 before the first), whether the run goes on, and the
            seconds it took.

        Raises:
            ValueError: the checkpoint is of a run with other settings, or has more steps.
        """
        checkpoints = self._checkpoints
        if checkpoints is None:
            return [], -1, True, 0.0
        self._variables = [update.point, *update.state]
        self._settings = {name: settings[name] for name in settings if name not in _LATER}
        values = (tf.reduce_sum(objective.fn(point)) for point in (x, 0.9 * x + 0.07))
        self._settings |= {
            "start": x.numpy().tolist(),
            "values of the objective": [f"{float(value):.5g}" for value in values],
        }
        found = checkpoints.newest()
        if found is None:
            return [], -1, True, 0.0
        state, arrays = found
        refuse(checkpoints.directory, differences(state["settings"], self._settings))
        if state["last"] > settings["steps"]:
            asked = f"it has made {state['last']} steps, and {settings['steps']} are asked for"
            refuse(checkpoints.directory, [asked])
        for variable, array in zip(self._variables, arrays, strict=False):
            variable.assign(array)
        records = arrays[len(self._variables) :]
        return [records], state["last"], state["goes_on"], state["seconds"]

    def save(
        self, chunks: Chunks, last: int, goes_on: bool, seconds: float, *, ends: bool
    ) -> Chunks:
        """Write a checkpoint if one is due; return the chunks, concatenated if it was written."""
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
    """Concatenate the chunks, array by array."""
    return [
        np.concatenate(part) if len(part) > 1 else part[0] for part in zip(*chunks, strict=True)
    ]
