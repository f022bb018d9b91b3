"""Two loops on the same batches from the same weights: what each step returned and did."""

import contextlib
import dataclasses
import logging
import reprlib
from collections.abc import Callable, Iterator
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
from tf_gd.networks.passes import count_samples, each


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
        self._record()

    def _record(self) -> None:
        self.weights.append(as_vector([self.model.variables[i].numpy() for i in self.compared]))

    def run(self, step: Callable, batches: list[tuple]) -> None:
        """Make the steps, up to the first that raises or leaves weights that are not finite."""
        for number, (x, y) in enumerate(batches, start=1):
            try:
                returned = step(self.model, x, y)
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


@dataclass(frozen=True)
class Case:
    """What both loops get: the model, the data in batches, and how to compile."""

    build_model: Callable
    seed: int
    settings: dict[str, Any]
    given: tuple
    batch_size: int
    steps: int

    @classmethod
    def of(
        cls, build_model, x, y, *, optimizer, loss, loss_weights, batch_size, steps, seed
    ) -> "Case":
        """Check the arguments of ``explain_difference``, and return the case."""
        check_model_and_loss(build_model, loss)
        if not isinstance(optimizer, keras.optimizers.Optimizer):
            expected = "a Keras optimizer, as keras.optimizers.SGD(0.1)"
            raise TypeError(f"optimizer: got {optimizer!r}, expected {expected}.")
        batch_size = _checks.whole_number("batch_size", batch_size, minimum=1)
        steps = _checks.whole_number("steps", steps, minimum=1)
        seed = _checks.whole_number("seed", seed, minimum=0)
        for weight in keras.tree.flatten(loss_weights) if loss_weights is not None else ():
            _checks.number("loss_weights", weight, minimum=-1e30, maximum=1e30)
        settings = dict(optimizer=optimizer, loss=loss, loss_weights=loss_weights)
        return cls(build_model, seed, settings, arrays.as_tensors(x, y), batch_size, steps)

    @property
    def batches(self) -> list[tuple]:
        """One batch per step: so few different ones that the smaller last one is among them."""
        samples = count_samples(self.given)
        full, rest = divmod(samples, self.batch_size)
        full = min(full, max(self.steps - 2, 1) if rest else self.steps)
        ranges = [(n * self.batch_size, (n + 1) * self.batch_size) for n in range(full)]
        ranges += [(samples - rest, samples)] if rest else []
        chosen = (slice(*ranges[number % len(ranges)]) for number in range(self.steps))
        return [each(lambda leaf, part=part: leaf[part], self.given[:2]) for part in chosen]

    def in_the_precision_of(self, model) -> "Case":
        """Return the case with data in float64 if the model has float64 weights."""
        if not any(variable.dtype == "float64" for variable in model.trainable_variables):
            return self

        def cast(leaf):
            return tf.cast(leaf, tf.float64) if leaf.dtype.is_floating else leaf

        return dataclasses.replace(self, given=each(cast, self.given))

    def new_optimizer(self) -> keras.optimizers.Optimizer:
        """Return a copy of the optimizer, in its initial state."""
        return copy_of(self.settings["optimizer"])

    def fresh(self, other=None, **mode):
        """Return a new model, compiled and built, with the same initial weights each time."""
        model = build_afresh(self.build_model, self.seed, other)
        compiled(model, **{**self.settings, "optimizer": self.new_optimizer()}, **mode)
        build(model, *self.given)
        return model

    def by_keras(self, other=None, **mode) -> Loop:
        """Return the steps of ``train_on_batch``, compiled in a mode (eager, XLA)."""
        loop = Loop(self.fresh(other, **mode))
        loop.run(lambda model, x, y: model.train_on_batch(x, y, return_dict=True), self.batches)
        if loop.failed is not None and not loop.losses:
            raise ValueError(f"Keras cannot train this model: {loop.failed[1]}")
        return loop

    def in_other_modes(self) -> Iterator[tuple[str, Loop]]:
        """Run Keras's steps in the modes that are not its default, where the model allows it."""
        modes = {
            "eager (run_eagerly=True)": {"run_eagerly": True},
            "compiled by XLA (jit_compile=True)": {"jit_compile": True},
        }
        for name, mode in modes.items():
            with contextlib.suppress(ValueError):  # XLA cannot compile every layer
                yield name, self.by_keras(**mode)
