"""Which learning rate? A range test: train with a growing rate, and see where the loss explodes."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tf_gd import _checks, _keras
from tf_gd._keras import keras
from tf_gd.networks import arrays
from tf_gd.networks.checks import build, check_compiled
from tf_gd.networks.parts import Rows
from tf_gd.networks.passes import count_samples
from tf_gd.networks.programs import Passes
from tf_gd.networks.step import innermost, step_of_descent

_SMOOTHING = 0.9  # the weight of the earlier losses in the average: it spans some ten steps
_EXPLODED = 4.0  # stop where the average is so many times the lowest, as fast.ai's finder does


@dataclass(frozen=True, eq=False)
class LearningRateRange:
    """The result of a range test.

    Attributes:
        rates: ``(steps,)``, the learning rates in the order in which they were tried.
        losses: ``(steps,)``, the loss of each batch before its step.
        smoothed: ``(steps,)``, their exponential average.
        suggestion: a tenth of ``lowest``, the usual rule: there the loss falls, far below the rate
            at which it explodes. Not below the first rate tried.
        lowest: the rate at which the average is lowest.
        exploded: the rate at which the average exceeds its first value, or None if it never does.
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    suggestion: float
    lowest: float
    exploded: float | None

    def __str__(self) -> str:
        if self.lowest == self.rates[0]:
            where = f"the loss falls at no rate from {self.lowest:.3g} on"
            return f"{where}: look lower, or the model is trained already"
        end = f"does not explode up to {self.rates[-1]:.3g}"
        if self.exploded is not None:
            end = f"explodes at {self.exploded:.3g}"
        first = f"begin with a learning rate of {self.suggestion:.2g}"
        return f"{first}: the loss is lowest at {self.lowest:.3g}, and {end}"

    def plot(self, ax=None):
        """Draw the loss over the rate; return the axes."""
        from tf_gd.show.rates import plot_range_test

        return plot_range_test(self, ax=ax)


def find_learning_rate(
    model, x, y=None, *, low=1e-6, high=10.0, steps=100, batch_size=32, sample_weight=None, seed=0
) -> LearningRateRange:
    """Train for some batches with a learning rate that grows from ``low`` to ``high``.

    Afterwards the weights, the statistics, the optimizer's state and its learning rate are as
    before.

    Args:
        model: a compiled Keras model, with any optimizer; a schedule has no effect meanwhile.
        x, y, sample_weight, batch_size: as for :func:`tf_gd.fit`.
        low, high: the first and the last rate; between them they grow by the same factor each step.
        steps: how many steps to take; fewer where the loss explodes.
        seed: of the order of the samples.

    Returns:
        The rates and losses, a rate to begin with, and more; ``.plot()`` draws it.

    Raises:
        TypeError, ValueError: rates that do not rise, fewer than ten steps, or data that do
            not fit the model.

    Examples:
        >>> import keras, numpy as np
        >>> model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
        >>> x = np.random.default_rng(0).normal(size=(64, 2)).astype("float32")
        >>> found = find_learning_rate(model, x, x[:, :1] + x[:, 1:])
        >>> 0.001 < found.suggestion < found.exploded
        True

    References:
        Smith, "Cyclical learning rates for training neural networks", 2017.
    """
    check_compiled(model)
    low = _checks.number("low", low, above=0.0)
    high = _checks.number("high", high, above=low, maximum=1e30)
    steps = _checks.whole_number("steps", steps, minimum=10)
    batch_size = _checks.whole_number("batch_size", batch_size, minimum=1)
    seed = _checks.whole_number("seed", seed, minimum=0)
    tensors = arrays.as_tensors(x, y, sample_weight)
    build(model, *tensors)
    batch_size = min(batch_size, count_samples(tensors))
    rates = np.geomspace(low, high, steps)

    optimizer = innermost(model.optimizer)
    state = [*model.variables, *model.optimizer.variables]
    before, given = [tf.identity(variable.value) for variable in state], _Given()
    try:
        with _keras.learning_rate_set_to(optimizer, given):
            losses, averages = _losses(model, given, tensors, rates, batch_size, seed)
    finally:
        for variable, value in zip(state, before, strict=True):
            variable.assign(value)
        model.reset_metrics()
    return _judged(rates[: len(losses)], np.array(losses), np.array(averages))


class _Given(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that the range test sets, in place of the optimizer's number or schedule."""

    def __init__(self):
        self.rate = tf.Variable(0.0, trainable=False)

    def __call__(self, step):
        return tf.convert_to_tensor(self.rate)

    def get_config(self):
        return {}


def _losses(
    model, given: _Given, tensors, rates, batch_size: int, seed: int
) -> tuple[list[float], list[float]]:
    """Return the losses of the batches, until one explodes, and their exponential averages."""
    samples, programs = count_samples(tensors), Passes(model, "auto")
    losses: list[float] = []
    averages: list[float] = []
    average = 0.0  # before it is divided by the sum of its weights
    generator = np.random.default_rng(seed)
    order = generator.permutation(samples)
    for step, rate in enumerate(rates):
        if len(order) < batch_size:
            order = np.concatenate([order, generator.permutation(samples)])
        batch, order = tf.convert_to_tensor(order[:batch_size]), order[batch_size:]
        given.rate.assign(rate)
        part = Rows(tensors, batch, batch_size)
        losses.append(float(programs.run(step_of_descent, part)["loss"]))
        average = _SMOOTHING * average + (1 - _SMOOTHING) * losses[-1]
        averages.append(average / (1 - _SMOOTHING ** (step + 1)))
        if not np.isfinite(losses[-1]) or (step >= 10 and averages[-1] > _EXPLODED * min(averages)):
            break
    return losses, averages


def _judged(rates: np.ndarray, losses: np.ndarray, averages: np.ndarray) -> LearningRateRange:
    """Read off where the loss is lowest and where it explodes; only the last may be not finite."""
    finite = np.isfinite(losses)
    if not finite.any():
        raise ValueError(
            f"model: the loss is {losses[0]:g} before any step, expected a finite one. Check x, y "
            "and the weights."
        )
    smoothed = averages[finite]
    best = int(np.argmin(smoothed))
    worse = np.flatnonzero(smoothed[best:] > smoothed[0]) + best
    exploded = float(rates[worse[0]]) if len(worse) else None if finite.all() else float(rates[-1])
    lowest = float(rates[finite][best])
    return LearningRateRange(
        rates[finite], losses[finite], smoothed, max(lowest / 10, float(rates[0])), lowest, exploded
    )
