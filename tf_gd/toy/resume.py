"""Checkpoints of a descent: a killed run resumes and ends with the same bits."""

import hashlib
import time
from typing import Any

import numpy as np
import tensorflow as tf

from tf_gd._runtime import checkpoint_seconds
from tf_gd.checkpoints import Checkpoints, differences, refuse, refuse_kind

SECONDS_BETWEEN = 5.0  # the work that a killed run loses
_LATER = ("steps", "tolerance")  # settings that may change from one call to the next
Chunks = list[list[np.ndarray]]


class Keeper:
    """Writes and reads the checkpoints of a descent; does nothing without a directory."""

    def __init__(self, directory):
        set_to = None if directory is None else checkpoint_seconds()
        self._seconds = SECONDS_BETWEEN if set_to is None else set_to
        self._checkpoints = None if directory is None else Checkpoints(directory)
        self._settings: dict[str, Any] = {}
        self._variables: list[Any] = []
        self._rates: Any = None
        self._tolerance: float | None = None
        self._saved_at = time.monotonic()
        self._unsaved: tuple | None = None  # the state after the last chunk, if it is not saved

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self._checkpoints is None:
            return
        try:
            if self._unsaved and kind in (None, SystemExit):  # Ctrl-C or SIGTERM came
                variables, chunks, *rest = self._unsaved
                self._write(variables, joined(chunks), *rest)
        finally:
            self._checkpoints.close()

    def go_on(
        self, update, settings: dict[str, Any], objective, x, written: dict[str, str], rates
    ) -> tuple[Chunks, int, bool, float]:
        """Restore the newest checkpoint, if there is one.

        Args:
            update: its variables, now at the first point, are assigned.
            settings: of this run.
            objective: its values at two points must be those of the checkpoint.
            x: the first point.
            written: hashes of what the objective and the schedule compute.
            rates: of all steps, or one.

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
        self._tolerance, self._rates = settings["tolerance"], np.asarray(rates)
        values = (tf.reduce_sum(objective.fn(point)) for point in (x, 0.9 * x + 0.07))
        self._settings |= {
            **written,
            "start": x.numpy().tolist(),
            "values of the objective": [f"{float(value):.5g}" for value in values],
        }
        found = checkpoints.newest()
        if found is None:
            return [], -1, True, 0.0
        state, arrays = found
        refuse_kind(checkpoints.directory, state, "gradient_descent")
        refuse(checkpoints.directory, differences(state["settings"], self._settings))
        if state["last"] > settings["steps"]:
            asked = f"it has made {state['last']} steps, and {settings['steps']} are asked for"
            refuse(checkpoints.directory, [asked])
        if state["rates"] != self._digest_of_rates(state["last"]):
            refuse(checkpoints.directory, ["the learning rates of the steps made were others"])
        for variable, array in zip(self._variables, arrays, strict=False):
            variable.assign(array)
        records = arrays[len(self._variables) :]
        before, now = state["tolerance"], self._tolerance
        lower = before is not None and (now is None or now < before)
        finite = all(bool(np.isfinite(one[-1]).all()) for one in records)
        goes_on = state["goes_on"] or (lower and finite)  # it had converged, for another tolerance
        return [records], state["last"], goes_on, state["seconds"]

    def save(
        self, chunks: Chunks, last: int, goes_on: bool, seconds: float, *, ends: bool
    ) -> Chunks:
        """Write a checkpoint if one is due; return the chunks, concatenated if it was written."""
        now = time.monotonic()
        if self._checkpoints is None:
            return chunks
        variables = [np.array(variable.numpy()) for variable in self._variables]
        self._unsaved = (variables, chunks, last, goes_on, seconds)
        if not ends and (self._checkpoints.busy or now - self._saved_at < self._seconds):
            return chunks
        records = joined(chunks)
        self._write(variables, records, last, goes_on, seconds)
        self._saved_at, self._unsaved = now, None
        return [records]

    def _write(self, variables, records, last: int, goes_on: bool, seconds: float) -> None:
        assert self._checkpoints is not None
        state = dict(
            kind="gradient_descent",
            settings=self._settings,
            rates=self._digest_of_rates(last),
            tolerance=self._tolerance,
            last=last,
            goes_on=goes_on,
            seconds=seconds,
        )
        self._checkpoints.save(last, state, [*variables, *records])

    def _digest_of_rates(self, last: int) -> str:
        """Return a hash of the rates of the steps made; later ones may change."""
        rates = self._rates if self._rates.ndim == 0 else self._rates[: last + 1]
        return hashlib.blake2b(rates.tobytes(), digest_size=8).hexdigest()


def joined(chunks: Chunks) -> list[np.ndarray]:
    """Concatenate the chunks, array by array."""
    return [
        np.concatenate(part) if len(part) > 1 else part[0] for part in zip(*chunks, strict=True)
    ]
