"""A learning rate is a number, a schedule or an array with one rate for each step: one object."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from tf_gd import _checks


@dataclass(frozen=True, eq=False)
class LearningRate:
    """A learning rate, checked.

    A number and an array are values of a variable, so that another one needs no new program; an
    array is filled up to the next power of two, so that few lengths are ever compiled. A schedule
    is compiled in.

    Attributes:
        values: a number ``()``, or one for each step ``(length,)``; for a schedule a 0 that is not
            used.
        schedule: the rate as a function of the step, or None.
        described: a number or a text, for the settings of a run.
    """

    values: np.ndarray
    schedule: Callable | None
    described: float | str

    @classmethod
    def of(cls, given, steps: int, dtype: str) -> "LearningRate":
        """Check a learning rate.

        Args:
            given: a positive number, a schedule (callable), or an array of positive numbers.
            steps: how many rates an array must have.
            dtype: what each rate has to fit into.

        Raises:
            TypeError, ValueError: it is none of these.

        Examples:
            >>> LearningRate.of([0.3, 0.2, 0.1], steps=3, dtype="float32").described
            '3 rates from 0.3 to 0.1'
        """
        if callable(given):
            _check_schedule(given)
            named = getattr(given, "name", None) or getattr(given, "__name__", None)
            return cls(np.zeros(()), given, named or type(given).__name__)
        if _checks.is_one_number(given):
            rate = _checks.number("learning_rate", given, above=0.0)
            _check_fits(np.array([rate]), dtype)
            return cls(np.array(rate), None, rate)
        rates = _checks.point("learning_rate", given, "float64")
        if len(rates) < steps:
            got = f"got {len(rates)} rates"
            raise ValueError(f"learning_rate: {got}, expected one for each of the {steps} steps.")
        if not (rates > 0).all():
            got = f"got a rate of {rates.min()}"
            raise ValueError(f"learning_rate: {got}, expected every rate to be above 0.")
        _check_fits(rates, dtype)
        filled = np.zeros(1 << (len(rates) - 1).bit_length())
        filled[: len(rates)] = rates
        described = f"{len(rates)} rates from {rates[0]:g} to {rates[-1]:g}"
        return cls(filled, None, described)

    def at(self, held, step):
        """Return the rate of a step, a scalar tensor of the dtype of ``held``.

        Args:
            held: the tensor that has the values.
            step: a scalar tensor of int64.
        """
        if self.schedule is not None:
            return tf.cast(self.schedule(step), held.dtype)
        return held if held.shape.rank == 0 else held[step]


def _check_schedule(schedule: Callable) -> None:
    try:
        first = np.asarray(schedule(tf.constant(0, tf.int64)), "float64")
    except Exception as error:
        raise ValueError(
            f"learning_rate: calling {schedule!r} for step 0 raised {_checks.raised(error)} "
            "Expected a schedule: a function from the step, a tensor of int64, to the rate. "
            "Begin with step = tf.cast(step, tf.float32)."
        ) from error
    if first.size != 1 or not np.isfinite(first).all() or first.min() < 0:
        got: Any = first.tolist()
        expected = "expected one rate, at least 0"
        raise ValueError(f"learning_rate: got {got} of {schedule!r} for step 0, {expected}.")


def _check_fits(rates: np.ndarray, dtype: str) -> None:
    with np.errstate(over="ignore", under="ignore"):
        rounded = rates.astype(dtype)
    fits = np.isfinite(rounded) & (rounded > 0)
    if not fits.all():
        expected = f"expected a number that {dtype} can hold, usually 0.001 to 1"
        raise ValueError(f"learning_rate: got {rates[~fits][0]:g}, {expected}.")
