"""Other optimizers than Keras was given, and Adam by hand, with what goes wrong in it."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tf_gd._keras import keras

_of = keras.optimizers

OTHERS: dict[str, Callable] = {
    "SGD": lambda: _of.SGD(),
    "SGD with a momentum of 0.9": lambda: _of.SGD(momentum=0.9),
    "SGD with Nesterov's momentum of 0.9": lambda: _of.SGD(momentum=0.9, nesterov=True),
    "Adam": lambda: _of.Adam(),
    "AdamW": lambda: _of.AdamW(),
    "RMSprop": lambda: _of.RMSprop(),
    "Adagrad": lambda: _of.Adagrad(),
    "Adamax": lambda: _of.Adamax(),
    "Nadam": lambda: _of.Nadam(),
    "Lion": lambda: _of.Lion(),
}


@dataclasses.dataclass(frozen=True)
class Adam:
    """The step of Adam (Kingma and Ba 2015), as Keras writes it, or with a mistake.

    Attributes:
        beta_1, beta_2, epsilon: as of ``keras.optimizers.Adam``.
        decay: of the weights, before the step, as of AdamW.
        corrected: which moments have their bias corrected: 1, 2, both or neither.
        outside: whether epsilon is added to the corrected root, as in the paper's Algorithm 1.
        coupled: whether the decay goes into the gradient.
        rate_on_decay: whether the decay is multiplied by the learning rate.
        rooted: whether the root of the second moment is taken.
        counted: ``"a step"``; ``"a variable"`` or ``"all variables"``, which count several for one
            step; ``"never"``.
        first: the number of the first step.
    """

    beta_1: float
    beta_2: float
    epsilon: float
    decay: float = 0.0
    corrected: tuple[int, ...] = (1, 2)
    outside: bool = False
    coupled: bool = False
    rate_on_decay: bool = True
    rooted: bool = True
    counted: str = "a step"
    first: int = 1

    def step(
        self,
        weights: Sequence,
        moments: Sequence,
        gradients: Sequence,
        rate: float,
        step: int,
        decays: Sequence[float],
    ) -> tuple[list, list]:
        """Return the weights and the moments after a step; two moments, one decay a variable."""
        new_weights, new_moments = [], []
        count = len(weights)
        for n, (w, g, decay) in enumerate(zip(weights, gradients, decays, strict=True)):
            m, v = moments[2 * n : 2 * n + 2]
            if g is None:
                new_weights.append(w)
                new_moments += [m, v]
                continue
            number = w.dtype.type
            t = self._time(step, n, count)
            if decay and self.coupled:
                g = g + number(decay) * w
            elif decay:
                w = w - number(decay * (rate if self.rate_on_decay else 1.0)) * w
            m = m + (g - m) * number(1 - self.beta_1)
            v = v + (g * g - v) * number(1 - self.beta_2)
            of_m = 1 - self.beta_1**t if 1 in self.corrected else 1.0
            of_v = 1 - self.beta_2**t if 2 in self.corrected else 1.0
            below = np.sqrt(v) if self.rooted else v
            if self.outside:
                move = number(rate / of_m) * m / (below / number(np.sqrt(of_v)) + self._epsilon(w))
            else:
                move = number(rate * np.sqrt(of_v) / of_m) * m / (below + self._epsilon(w))
            new_weights.append((w - move).astype(w.dtype))
            new_moments += [m, v]
        return new_weights, new_moments

    def _epsilon(self, w):
        return w.dtype.type(self.epsilon)

    def _time(self, step: int, n: int, count: int) -> float:
        if self.counted == "never":
            return float(self.first)
        if self.counted == "a variable":
            return float(self.first + step * count + n)
        if self.counted == "all variables":
            return float(self.first + (step + 1) * count - 1)
        return float(self.first + step)


def adam_of(optimizer) -> Adam | None:
    """Return the Adam that an optimizer of Keras is, or None; AdamW is one with a decay."""
    if type(optimizer) not in (_of.Adam, _of.AdamW):
        return None
    if optimizer.amsgrad or optimizer.use_ema or optimizer.gradient_accumulation_steps:
        return None
    decay = optimizer.weight_decay or 0.0
    return Adam(optimizer.beta_1, optimizer.beta_2, optimizer.epsilon, decay)


def mistaken(adam: Adam) -> list[tuple[str, Adam, str]]:
    """Return what goes wrong in Adam: the name, the step with it, and the fix."""
    change = dataclasses.replace
    fix_of_bias = "alpha = rate * sqrt(1 - beta_2**t) / (1 - beta_1**t), with t from 1."
    fix_of_count = "Count once a step, from 1: t += 1 before the loop over the variables."
    found: list[tuple[str, Adam, str]] = [
        ("Adam without bias correction", change(adam, corrected=()), fix_of_bias),
        (
            "Adam without the correction of the first moment",
            change(adam, corrected=(2,)),
            fix_of_bias,
        ),
        (
            "Adam without the correction of the second moment",
            change(adam, corrected=(1,)),
            fix_of_bias,
        ),
        (
            "Adam without the square root",
            change(adam, rooted=False),
            "Divide by sqrt(v) + epsilon.",
        ),
        ("Adam's step counted once a variable", change(adam, counted="a variable"), fix_of_count),
        (
            "Adam's step counted once a variable, before the update",
            change(adam, counted="all variables"),
            fix_of_count,
        ),
        ("Adam's step never counted", change(adam, counted="never"), fix_of_count),
        (
            "Adam's step stuck at 2, as by a Python number in a tf.function, which is traced twice",
            change(adam, counted="never", first=2),
            fix_of_count,
        ),
        ("Adam's step counted from 2", change(adam, first=2), fix_of_count),
        (
            "Adam's epsilon added after the bias correction, as in PyTorch",
            change(adam, outside=True),
            "Keras: rate * sqrt(1 - beta_2**t) / (1 - beta_1**t) * m / (sqrt(v) + epsilon).",
        ),
        (
            "Adam's two betas swapped",
            change(adam, beta_1=adam.beta_2, beta_2=adam.beta_1),
            f"beta_1 = {adam.beta_1:g} for m, beta_2 = {adam.beta_2:g} for v.",
        ),
    ]
    others: dict[str, tuple[float, ...]] = {
        "epsilon": (1e-8, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 0.0),
        "beta_1": (0.0, 0.1, 0.5, 0.8, 0.9, 0.95, 0.99),
        "beta_2": (0.001, 0.5, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999),
    }
    for name, values in others.items():
        given: Any = getattr(adam, name)
        for value in values:
            if value != given:
                said = f"Adam's {name} of {value:g} instead of {given:g}"
                found.append((said, change(adam, **{name: value}), f"{name} = {given:g}"))
    if adam.decay:
        right = "w.assign_sub(learning_rate * weight_decay * w)  # before the step"
        found += [
            ("Adam's weight decay as L2, in the gradient", change(adam, coupled=True), right),
            ("Adam's weight decay left out", change(adam, decay=0.0), right),
            (
                "Adam's weight decay without the learning rate",
                change(adam, rate_on_decay=False),
                right,
            ),
        ]
    # By hand, Adam is usually written as in the paper, which adds epsilon to another number.
    paper = [
        (f"{name} (and its epsilon as in the paper)", change(one, outside=True), fix)
        for name, one, fix in found
        if not one.outside and one.rooted and " instead of " not in name
    ]
    return found + paper
