"""Two loops on the same batches from the same weights: what each step returned and did."""

import contextlib
import inspect
import logging
import reprlib
from collections.abc import Callable
from typing import Any

import numpy as np

from tf_gd.explain.deviation import as_vector, compared


@contextlib.contextmanager
def quietly():
    """Suppress TensorFlow's warnings about retracing: every small model is traced anew."""

    def is_another(record) -> bool:
        return "triggered tf.function retracing" not in record.getMessage()

    logger = logging.getLogger("tensorflow")
    logger.addFilter(is_another)
    try:
        yield
    finally:
        logger.removeFilter(is_another)


class Loop:
    """Some steps with a model: the weights, at the start and after each step, and the losses."""

    def __init__(self, model):
        self.model = model
        self.initial = [np.array(variable.numpy()) for variable in model.variables]
        self.compared = compared(model.variables)
        self.weights: list[np.ndarray] = []
        self.losses: list[float] = []
        self.unusable = ""  # what a step returned instead of a loss
        self.failed: tuple[str, str] | None = None  # name and evidence of the cause
        self._first: tuple | None = None  # the step, and what it was given first
        self._record()

    def _record(self) -> None:
        self.weights.append(as_vector([self.model.variables[i].numpy() for i in self.compared]))

    def run(self, step: Callable, batches: list[tuple]) -> None:
        """Make the steps, up to the first that raises or leaves weights that are not finite."""
        for number, (x, y, weights) in enumerate(batches, start=1):
            given = (x, y) if weights is None or not takes_weights(step) else (x, y, weights)
            self._first = self._first or (step, given)
            try:
                returned = step(self.model, *given)
            except Exception as error:  # whatever it raises is reported as a cause
                name = f"train_step raised {type(error).__name__} at step {number}"
                text = " ".join(str(error).split())[:300]
                self.failed = (name, text or "without a message")
                return
            loss = _loss_of(returned)
            if loss is None:
                shape = getattr(returned, "shape", ())
                tensor = f"{type(returned).__name__} of shape {tuple(shape)}"
                self.unusable = tensor if shape else reprlib.repr(returned)
            self.losses.append(float("nan") if loss is None else loss)
            self._record()
            if not np.isfinite(self.weights[-1]).all():
                text = f"the weights are not finite; the loss returned was {self.losses[-1]:g}"
                self.failed = (f"NaN or infinite weights after step {number}", text)
                return

    def first_losses_again(self) -> list[float]:
        """Call the step twice more on the first batch, at the initial weights and seeds.

        Returns:
            The losses; an empty list if there are none, or if the step cannot be called again.
        """
        losses = []
        with contextlib.suppress(Exception):
            for step, given in [self._first] * 2 if self._first else []:
                for variable, value in zip(self.model.variables, self.initial, strict=True):
                    variable.assign(value)
                losses.append(_loss_of(step(self.model, *given)))
        return [loss for loss in losses if loss is not None]


def check_step(step: Any) -> None:
    """Raise unless this is a function whose first argument may be the model."""
    expected = "a function train_step(model, x_batch, y_batch) -> loss"
    if not callable(step):
        raise TypeError(f"train_step: got {step!r}, expected {expected}.")
    try:
        names = list(inspect.signature(step).parameters)
    except (TypeError, ValueError):
        return
    if "model" in names[1:]:
        got = f"a function of ({', '.join(names)})"
        raise TypeError(f"train_step: got {got}, expected {expected}: the model comes first.")


def takes_weights(step: Callable) -> bool:
    """Return whether a step takes the weights of the samples after model, x and y."""
    try:
        parameters = inspect.signature(step).parameters.values()
    except (TypeError, ValueError):
        return False
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    counted = [one for one in parameters if one.kind in by_position]
    return len(counted) > 3 or any(one.kind is one.VAR_POSITIONAL for one in parameters)


def places(of) -> dict[int, slice]:
    """Return where each compared variable of a loop or experiment lies in the vector of weights."""
    found, first = {}, 0
    for i in of.compared:
        found[i] = slice(first, first + of.initial[i].size)
        first = found[i].stop
    return found


def _loss_of(returned: Any) -> float | None:
    """Return the loss that a step returned: a number, ``"loss"`` of a dict, the first of a tuple.

    None if there is no single number.
    """
    if isinstance(returned, dict):
        returned = returned.get("loss")
    if isinstance(returned, (tuple, list)) and returned:
        returned = returned[0]
    try:
        value = np.asarray(returned, "float64")
    except (TypeError, ValueError):
        return None
    return float(value.item()) if returned is not None and value.size == 1 else None
