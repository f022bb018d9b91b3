"""The stages of the step of SGD that a deviation replaces, with the mistake in them."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tf_gd import sgd
from tf_gd.explain.deviation import Deviation


def stages_of(deviation: Deviation, names: Sequence[str]) -> dict[str, Callable]:
    """Return the stages of the step of SGD that a deviation replaces.

    Args:
        deviation: the deviation.
        names: of the variables.
    """
    stages: dict[str, Callable] = {}
    coupled = deviation.decay == "coupled"
    if coupled or deviation.clip == "after decay":
        stages["clip"] = _decay_first if deviation.clip == "after decay" else _decay_second
    if (
        coupled
        or deviation.clip == "after decay"
        or deviation.decay in ("after", "without the rate")
    ):
        stages["decay"] = lambda weights, gradients, learning_rate, decays: list(weights)
    if deviation.decay == "before, without the rate":
        stages["decay"] = lambda w, gradients, _, decays: sgd.decay(w, gradients, 1.0, decays)
    if deviation.velocity in ("clipped", "clipped, pytorch"):
        stages["clip"] = lambda options, gradients, weights, decays: list(gradients)
        stages["step"] = _clipped if deviation.velocity == "clipped" else _clipped_before_the_rate
    if deviation.accumulated == "summed":
        stages["accumulate"] = _summed
    if deviation.velocity == "forgotten":
        stages["step"] = _forgetful
    elif deviation.velocity in ("pytorch", "dampened"):
        stages["step"] = functools.partial(_of_pytorch, deviation.velocity == "dampened")
    elif deviation.velocity in ("shared", "by name"):
        stages["step"] = functools.partial(
            _shared, names if deviation.velocity == "by name" else ["all"] * len(names)
        )
    if deviation.decay in ("after", "without the rate"):
        step = stages.get("step", sgd.step_all)
        stages["step"] = functools.partial(_decay_after, step, deviation.decay == "after")
    return stages


def _with_decay(gradients, weights, decays) -> list:
    """Return the gradients with the weight decay added to them."""
    return [
        g if g is None or not amount else g + w * np.asarray(amount, w.dtype)
        for g, w, amount in zip(gradients, weights, decays, strict=True)
    ]


def _decay_first(options, gradients, weights, decays) -> list:
    return sgd.clip(options, _with_decay(gradients, weights, decays), weights, decays)


def _decay_second(options, gradients, weights, decays) -> list:
    return _with_decay(sgd.clip(options, gradients, weights, decays), weights, decays)


def _summed(options, state, gradients) -> tuple:
    means, sums, due = sgd.accumulate(options, state, gradients)
    count = options.gradient_accumulation_steps or 1
    return [None if mean is None else mean * count for mean in means], sums, due


def _clipped(options, weights, velocities, *rest) -> tuple:
    """Step with the velocity clipped, and not the gradient."""
    _, moved = sgd.step_all(options, weights, velocities, *rest)
    moved = sgd.clip(options, moved, weights, ())
    return [w + v for w, v in zip(weights, moved, strict=True)], moved


def _clipped_before_the_rate(
    options, weights, velocities, gradients, learning_rate, decays
) -> tuple:
    """Step with the velocity of PyTorch's form clipped, and not the gradient."""
    nothing = [np.zeros_like(w) for w in weights]
    _, moved = _of_pytorch(False, options, nothing, velocities, gradients, 1.0, decays)
    moved = sgd.clip(options, moved, weights, ())
    rates = [w.dtype.type(learning_rate) for w in weights]
    return [w - r * v for w, r, v in zip(weights, rates, moved, strict=True)], moved


def _forgetful(options, weights, velocities, *rest) -> tuple:
    return sgd.step_all(options, weights, [np.zeros_like(v) for v in velocities], *rest)


def _of_pytorch(
    dampened: bool, options, weights, velocities, gradients, learning_rate, decays
) -> tuple:
    """Step with the learning rate outside of the velocity."""
    moved = []
    for w, v, g in zip(weights, velocities, gradients, strict=True):
        if g is None:
            moved.append((w, v))
            continue
        rate, momentum = (w.dtype.type(n) for n in (learning_rate, options.momentum))
        v = momentum * v + ((1 - momentum) * g if dampened else g)
        moved.append((w - rate * (g + momentum * v if options.nesterov else v), v))
    return [w for w, _ in moved], [v for _, v in moved]


def _shared(
    keys: Sequence[str], options, weights, velocities, gradients, learning_rate, decays
) -> tuple:
    """Step with one velocity for all variables of the same key, one variable after another."""
    kept: dict[str, Any] = {}
    moved = []
    for key, w, v, g in zip(keys, weights, velocities, gradients, strict=True):
        v = kept.setdefault(key, v)
        if g is not None:
            if np.broadcast_shapes(v.shape, w.shape) != tuple(w.shape):
                raise ValueError("a velocity of another variable, which does not fit")
            w, kept[key] = sgd.step_one(options, w, v, g, learning_rate)
        moved.append(w)
    return moved, [kept[key] for key in keys]


def _decay_after(
    step: Callable, with_rate: bool, options, weights, velocities, gradients, learning_rate, decays
) -> tuple:
    moved, velocities = step(options, weights, velocities, gradients, learning_rate, decays)
    rate = learning_rate if with_rate else 1.0
    return sgd.decay(moved, gradients, rate, decays), velocities
