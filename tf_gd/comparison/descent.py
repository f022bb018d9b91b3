"""Compare the hand-written update with ``keras.optimizers.SGD``, record by record."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from tf_gd import _checks
from tf_gd._keras import keras
from tf_gd.builtin.descent import keras_descent
from tf_gd.comparison.ulp import ulp_distance
from tf_gd.learning_rates import LearningRate
from tf_gd.show.table import table
from tf_gd.toy.descent import gradient_descent
from tf_gd.trajectory import Trajectory

_SHOWN_TENSORS = 12  # rows, so that the table fits a terminal


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two runs side by side, compared at every record that both have.

    Attributes:
        manual: the run by hand, a :class:`~tf_gd.Trajectory` or a ``TrainingRun``.
        builtin: the run with Keras.
        iterations: ``(records,)``, the number of updates before each common record.
        ulp: ``(records,)``, the largest distance at each record, in units in the last place.
        absolute: ``(records,)``, the largest absolute distance at each record.
        complete: whether both runs have the same records; False when one stopped earlier.
        title: what was run.
        cause: why they differ, if that is known.
        tensors: of a training, by name: the largest distance of the tensor in ULP, the largest
            absolute one, and the first record at which it differs, or None.
    """

    manual: Any
    builtin: Any
    iterations: np.ndarray
    ulp: np.ndarray
    absolute: np.ndarray
    complete: bool
    title: str
    cause: str = ""
    tensors: dict[str, tuple[float, float, int | None]] = field(default_factory=dict)

    @property
    def identical(self) -> bool:
        """Whether every common record is the same to the bit, and none is missing."""
        return self.complete and self.max_ulp == 0

    @property
    def max_ulp(self) -> float:
        """The largest distance in units in the last place."""
        return float(self.ulp.max())

    @property
    def max_abs(self) -> float:
        """The largest absolute distance."""
        return float(self.absolute.max())

    @cached_property
    def first_difference(self) -> int | None:
        """The number of updates before the first differing record; None if identical."""
        differing = np.flatnonzero(self.ulp)
        if len(differing):
            return int(self.iterations[differing[0]])
        return None if self.complete else int(self.iterations[-1])

    def verdict(self) -> str:
        """Return one line: whether they are identical."""
        if self.identical:
            return f"identical: yes, 0 ULP on all {len(self.ulp)} records"
        return (
            f"identical: no, {self.max_ulp:g} ULP and {self.max_abs:.3g} absolute at most, "
            f"first at step {self.first_difference}"
        )

    def __str__(self) -> str:
        left, right = self.manual.summary(), self.builtin.summary()
        rows = [[name, left[name], right[name]] for name in left]
        lines = [self.title, "", table(["", "by hand", "keras.optimizers.SGD"], rows), ""]
        if self.tensors:
            lines += [self._table_of_tensors(), ""]
        lines.append(self.verdict())
        return "\n".join(lines + ([f"cause: {self.cause}"] if self.cause else []))

    def _table_of_tensors(self) -> str:
        """Return a row for each tensor, the one that differs first on top."""
        ordered = sorted(
            self.tensors.items(),
            key=lambda item: (item[1][2] is None, item[1][2] or 0, -item[1][1]),
        )
        rows = [
            [name, f"{ulp:g}", f"{absolute:.3g}", "never" if first is None else first]
            for name, (ulp, absolute, first) in ordered[:_SHOWN_TENSORS]
        ]
        if len(ordered) > _SHOWN_TENSORS:
            rows.append([f"and {len(ordered) - _SHOWN_TENSORS} more", "", "", ""])
        return table(["tensor", "ULP", "absolute", "first epoch"], rows)

    def report(self) -> dict[str, Any]:
        """Return the verdict and both runs as numbers, for a program to read."""
        return {
            "identical": self.identical,
            "max_ulp": self.max_ulp,
            "max_abs": self.max_abs,
            "first_difference": self.first_difference,
            "cause": self.cause,
            "manual": self.manual.report(),
            "builtin": self.builtin.report(),
        }

    def plot(self, ax=None):
        """Draw the distance at each record, or both losses if all are 0; return the axes."""
        from tf_gd.show.curves import plot_distance

        common = len(self.iterations)
        runs = {"by hand": self.manual, "built in": self.builtin}
        losses = {label: run.losses[:common] for label, run in runs.items()}
        title = self.title if self.complete else f"{self.title}; one run is longer"
        return plot_distance(self.iterations, self.ulp, self.absolute, title, ax, losses)


def compare(
    objective,
    start=None,
    *,
    learning_rate=0.01,
    momentum=0.0,
    nesterov=False,
    weight_decay=None,
    steps=1000,
    record_every=1,
    mode="auto",
    dtype="float32",
    device="auto",
) -> Comparison:
    """Run the update written by hand and ``keras.optimizers.SGD`` through the same loop, and
    compare every record.

    Args:
        objective, start, learning_rate, momentum, nesterov, weight_decay: as for
            :func:`tf_gd.gradient_descent`.
        steps, record_every, mode, dtype, device: likewise.

    Returns:
        The comparison; print it for a table, ``.plot()`` it for a picture.

    Raises:
        TypeError, ValueError: an unknown objective, a start of another dimension, or a setting
            out of its range.

    Examples:
        >>> result = compare("himmelblau", learning_rate=0.01, momentum=0.9, steps=100)
        >>> result.identical, result.max_ulp, result.first_difference
        (True, 0.0, None)
    """
    steps = _checks.whole_number("steps", steps, minimum=0)
    checked = LearningRate.of(learning_rate, steps, "float32")  # as Keras rounds it
    rate = checked.schedule or (float(checked.values) if checked.values.ndim == 0 else None)
    if rate is None:
        given = np.asarray(learning_rate, "float64")
        rate = _RateOfEachStep(given)  # Keras takes no array: both get this schedule
    elif callable(rate) and not isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        rate = _RateByFunction(rate)  # nor a plain function
    by_hand: dict[str, Any] = dict(learning_rate=rate, momentum=momentum, nesterov=nesterov)
    by_hand["weight_decay"] = weight_decay
    run: dict[str, Any] = dict(steps=steps, record_every=record_every, dtype=dtype, device=device)
    manual = gradient_descent(objective, start, mode=mode, **by_hand, **run)
    run["mode"] = manual.settings["mode"]  # what "auto" chose
    optimizer = keras.optimizers.SGD(
        learning_rate=rate,
        momentum=float(momentum),
        nesterov=bool(nesterov),
        weight_decay=None if weight_decay is None else float(weight_decay),
    )
    builtin = keras_descent(objective, start, optimizer=optimizer, **run)
    result = _compared(manual, builtin)
    if dtype == "float32" or result.identical:
        return result

    by_hand["momentum"] = float(np.float32(momentum))
    by_hand["weight_decay"] = None if weight_decay is None else float(np.float32(weight_decay))
    by_hand["learning_rate"] = rate if callable(rate) else float(np.float32(rate))
    rounded = gradient_descent(objective, start, **by_hand, **run)
    return (
        dataclasses.replace(result, cause=_ROUNDED)
        if _compared(rounded, builtin).identical
        else result
    )


_ROUNDED = (
    "Keras rounds the learning rate and the momentum to float32, also for float64 variables.\n"
    "With both rounded by hand as well, the two are identical (0 ULP)."
)


def _compared(manual: Trajectory, builtin: Trajectory) -> Comparison:
    common = min(len(manual.points), len(builtin.points))
    left, right = (
        np.column_stack([run.points, run.losses, run.gradient_norms])[:common]
        for run in (manual, builtin)
    )
    complete = bool(np.array_equal(manual.iterations, builtin.iterations))
    ulp, absolute = distances(left, right)
    return Comparison(
        manual, builtin, manual.iterations[:common], ulp, absolute, complete, _title(manual)
    )


def distances(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each row's largest ULP and absolute distance; 0 between equal infinities or NaNs."""
    ulp = ulp_distance(left, right)
    with np.errstate(invalid="ignore"):
        absolute = np.where(ulp == 0, 0.0, np.abs(left.astype("float64") - right))
    return ulp.max(axis=1), absolute.max(axis=1)


def _title(run: Trajectory) -> str:
    shown = run.settings
    rate = shown["learning_rate"]
    kind = (
        f"momentum {shown['momentum']:g}" + (", Nesterov" if shown["nesterov"] else "")
        if shown["momentum"]
        else "plain"
    )
    rate = f"{rate:g}" if isinstance(rate, float) else rate
    kind += f", weight decay {shown['weight_decay']:g}" if "weight_decay" in shown else ""
    how = f"learning rate {rate}, {kind}, {shown['dtype']}, mode {shown['mode']}"
    return f"{shown['objective']}: {how}"


class _RateOfEachStep(keras.optimizers.schedules.LearningRateSchedule):
    """An array of rates as a Keras schedule."""

    def __init__(self, rates: np.ndarray):
        self._rates = rates.astype("float32")
        self.name = (
            f"{len(rates)} rates from {rates[0]:g} to {rates[-1]:g}" if len(rates) else "no rates"
        )

    def __call__(self, step):
        return keras.ops.take(self._rates, keras.ops.minimum(step, len(self._rates) - 1))

    def get_config(self):
        return {"rates": self._rates.tolist()}


class _RateByFunction(keras.optimizers.schedules.LearningRateSchedule):
    """A function of the step as a Keras schedule."""

    def __init__(self, function: Callable):
        self._function = function
        self.name = getattr(function, "__name__", type(function).__name__)

    def __call__(self, step):
        return self._function(step)

    def get_config(self):
        return {"name": self.name}
