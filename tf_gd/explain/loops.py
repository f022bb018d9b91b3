"""Two loops on the same batches from the same weights, and what became of the weights."""

import contextlib
import dataclasses
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from tf_gd import _checks
from tf_gd._keras import keras
from tf_gd.comparison.training import build_afresh, check_model_and_loss, compiled, copy_of
from tf_gd.explain.deviation import as_vector, compared
from tf_gd.networks import arrays
from tf_gd.networks.checks import build
from tf_gd.networks.programs import each


class _WithoutRetracing(logging.Filter):
    """Keep TensorFlow from complaining that the many small models of an experiment are each traced."""

    def filter(self, record):
        return "triggered tf.function retracing" not in record.getMessage()


@contextlib.contextmanager
def quietly():
    """Within this context there are no warnings about retracing."""
    only = _WithoutRetracing()
    logger = logging.getLogger("tensorflow")
    logger.addFilter(only)
    try:
        yield
    finally:
        logger.removeFilter(only)


class Loop:
    """Some steps with a model. Record 0 is the start."""

    def __init__(self, model):
        self.model = model
        self.initial = [np.array(variable.numpy()) for variable in model.variables]
        self._compared = compared(model.variables)
        self.weights: list[np.ndarray] = []
        self.losses: list[float] = []
        self.unusable = ""
        self.failed: tuple[str, str] | None = None
        self._record()

    def _record(self) -> None:
        self.weights.append(as_vector([self.model.variables[i].numpy() for i in self._compared]))

    def run(self, step: Callable, batches: list[tuple]) -> None:
        """Make the steps, up to one that fails."""
        for number, (x, y) in enumerate(batches, start=1):
            try:
                returned = step(self.model, x, y)
            except Exception as error:  # whatever it raises is to be explained
                text = " ".join(str(error).split())[:300]
                self.failed = (f"train_step raised {type(error).__name__} at step {number}", text or "without a message")
                return
            loss = _loss_of(returned)
            if loss is None and not self.unusable:
                shape = getattr(returned, "shape", None)
                self.unusable = f"{type(returned).__name__} of shape {tuple(shape)}" if shape else _shown(returned)
            self.losses.append(float("nan") if loss is None else loss)
            self._record()
            if not np.isfinite(self.weights[-1]).all():
                told = f"after step {number} the weights are not finite; the loss returned was {self.losses[-1]:g}"
                self.failed = (f"NaN or infinite weights after step {number}", told)
                return

    def same_as(self, other: "Loop", step: int) -> bool:
        """Return whether the weights of two loops are the same to the bit after so many steps."""
        return np.array_equal(self.weights[step], other.weights[step])

    def farthest_from(self, other: "Loop") -> str:
        """Return the path of the variable that is farthest from the other loop's at the end."""
        last = min(len(self.weights), len(other.weights)) - 1
        with np.errstate(all="ignore"):
            apart = np.nan_to_num(np.abs(self.weights[last] - other.weights[last]), nan=np.inf)
        sizes = [self.initial[i].size for i in self._compared]
        place = np.searchsorted(np.cumsum(sizes), np.argmax(apart), side="right")
        return self.model.variables[self._compared[place]].path


def _shown(returned: Any) -> str:
    text = repr(returned)
    return text if len(text) < 40 else type(returned).__name__


def _loss_of(returned: Any) -> float | None:
    """Return the loss as a number, from what a step returns: a tensor, a dict with a loss, a tuple; None if it is none."""
    if isinstance(returned, dict):
        returned = returned.get("loss")
    if returned is None:
        return None
    if isinstance(returned, (tuple, list)) and returned:
        returned = returned[0]
    try:
        value = np.asarray(returned, "float64")
    except (TypeError, ValueError):
        return None
    return float(value.ravel()[0]) if value.size == 1 else None


@dataclass(frozen=True)
class Case:
    """What both loops are given."""

    build_model: Callable
    optimizer: keras.optimizers.Optimizer
    loss: Any
    loss_weights: Any
    batch_size: int
    steps: int
    seed: int
    given: tuple
    batches: list[tuple]

    @classmethod
    def of(cls, build_model, x, y, *, optimizer, loss, loss_weights, batch_size, steps, seed) -> "Case":
        """Check what is given, and make the batches."""
        check_model_and_loss(build_model, loss)
        if not isinstance(optimizer, keras.optimizers.Optimizer):
            raise TypeError(f"optimizer: got {optimizer!r}, expected a Keras optimizer, as keras.optimizers.SGD(0.1).")
        batch_size = _checks.whole_number("batch_size", batch_size, minimum=1)
        steps = _checks.whole_number("steps", steps, minimum=1)
        seed = _checks.whole_number("seed", seed, minimum=0)
        for weight in keras.tree.flatten(loss_weights) if loss_weights is not None else ():
            _checks.number("loss_weights", weight, minimum=-1e30, maximum=1e30)
        given = arrays.as_tensors(x, y)
        batches = _batches(given, batch_size, steps)
        return cls(build_model, optimizer, loss, loss_weights, batch_size, steps, seed, given, batches)

    def in_the_precision_of(self, model) -> "Case":
        """Return the case with data in float64 if that is what the model computes in."""
        if not any(variable.dtype == "float64" for variable in model.trainable_variables):
            return self
        given = each(lambda leaf: tf.cast(leaf, tf.float64) if leaf.dtype.is_floating else leaf, self.given)
        return dataclasses.replace(self, given=given, batches=_batches(given, self.batch_size, self.steps))

    def fresh(self, other=None, **settings):
        """Return a new model, compiled and built, with the same first weights each time."""
        model = build_afresh(self.build_model, self.seed, other)
        settings |= dict(optimizer=copy_of(self.optimizer), loss=self.loss, loss_weights=self.loss_weights)
        compiled(model, **settings)
        build(model, *self.given)
        return model

    def by_keras(self, other=None, **compiled) -> Loop:
        """Return what Keras makes of it."""
        loop = Loop(self.fresh(other, **compiled))
        loop.run(lambda model, x, y: model.train_on_batch(x, y, return_dict=True)["loss"], self.batches)
        if loop.failed is not None and not loop.losses:
            raise ValueError(f"Keras cannot train this model: {loop.failed[1]}")
        return loop


def _batches(given: tuple, batch_size: int, steps: int) -> list[tuple]:
    """Return the batches of so few samples that an epoch, with its smaller last batch, ends before the last step."""
    samples = arrays.count(given)
    full, rest = divmod(samples, batch_size)
    full = min(full, max(steps - 2, 1)) if rest else min(full, steps)
    ranges = [(number * batch_size, (number + 1) * batch_size) for number in range(full)]
    if rest:
        ranges.append((samples - rest, samples))
    chosen = [ranges[number % len(ranges)] for number in range(steps)]
    return [each(lambda leaf, first=first, last=last: leaf[first:last], given[:2]) for first, last in chosen]
