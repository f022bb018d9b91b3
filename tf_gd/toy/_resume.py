"""A descent that can be killed at any moment, and goes on to the same bits."""

import time
from typing import Any

import numpy as np
import tensorflow as tf

from tf_gd.checkpoints import Checkpoints, differences, refuse

SECONDS_BETWEEN = 5.0
_LATER = ("steps", "tolerance")  # settings that may change from one call to the next
Chunks = list[tuple[list[np.ndarray], int]]


class Keeper:
    """Keeps a descent in a directory; without one it keeps nothing. To be used as a context.

    Args:
        directory: of the checkpoints, or None.
    """

    def __init__(self, directory):
        self._checkpoints = None if directory is None else Checkpoints(directory)
        self._settings: dict[str, Any] = {}
        self._update: Any = None
        self._saved_at = time.monotonic()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        if self._checkpoints:
            self._checkpoints.close()

    def go_on(self, update, settings: dict[str, Any], objective, x) -> tuple[Chunks, bool, float]:
        """Take the update to where the run found was, if there is one.

        Args:
            update: at the first point, ``x``.
            settings: of this run.
            objective: what is minimised: it must have the same values, here and there.
            x: the first point.

        Returns:
            What is recorded so far, whether the run has stopped, and how many seconds it took.

        Raises:
            ValueError: what is there is another run, or one with more steps.
        """
        if self._checkpoints is None:
            return [], False, 0.0
        about = {name: value for name, value in settings.items() if name not in _LATER}
        self._settings, self._update = {**about, "start": x.numpy().tolist()}, update
        values = (tf.reduce_sum(objective.fn(point)) for point in (x, 0.9 * x + 0.07))
        self._settings["values of the objective"] = [f"{float(value):.5g}" for value in values]
        found = self._checkpoints.newest()
        if found is None:
            return [], False, 0.0
        state, arrays = found
        refuse(self._checkpoints.directory, differences(state["settings"], self._settings))
        if state["last"] > settings["steps"]:
            asked = f"it has made {state['last']} steps, and {settings['steps']} are asked for"
            refuse(self._checkpoints.directory, [asked])
        variables = self._update.state()
        for variable, array in zip(variables, arrays, strict=False):
            variable.assign(array)
        return [(arrays[len(variables) :], state["last"])], state["stop"], state["seconds"]

    def save(self, chunks: Chunks, stop: bool, seconds: float, *, ends: bool) -> Chunks:
        """Write down where the run is, now and then, and when it ends; return the chunks, as one if they were written."""
        now = time.monotonic()
        if self._checkpoints is None or (not ends and (self._checkpoints.busy or now - self._saved_at < SECONDS_BETWEEN)):
            return chunks
        self._saved_at = now
        records, last = merged(chunks, self._settings["record_every"])
        state = dict(settings=self._settings, last=last, stop=stop, seconds=seconds)
        variables = [np.array(variable.numpy()) for variable in self._update.state()]
        self._checkpoints.save(last, state, [*variables, *records])
        return [(records, last)]


def merged(chunks: Chunks, record_every: int) -> tuple[list[np.ndarray], int]:
    """Return chunks of records as one."""
    last = chunks[-1][1]
    # A chunk that ended between two records left its last slot to the next chunk.
    kept = [r if end == last or end % record_every == 0 else [a[:-1] for a in r] for r, end in chunks]
    return [np.concatenate(part) if len(part) > 1 else part[0] for part in zip(*kept, strict=True)], last
