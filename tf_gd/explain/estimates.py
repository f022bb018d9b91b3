"""Numbers measured on a loop: its rates, momentum, clipping limit and weight decay.

Each step is made twice from the weights that the loop had, with a field of the deviation at a low
and at a high value. Where between the two the loop's own step lies says which value the loop used.
"""

import dataclasses
import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tf_gd.explain.deviation import REDUCTIONS, Deviation
from tf_gd.explain.mistakes import Mistake

_AS_KERAS = Deviation()
NO_RATE, FULL_RATE = (0.0,), (1.0,)  # a rate of 0 and of 1 at every step

# How far a step may be off the line, as a share of its length: more than rounding usually makes,
# and less than a step in another direction.
TOLERANCE = 1e-3


class Measured(NamedTuple):
    """One step of a loop, measured on the line between two steps of a deviation."""

    amount: float  # 0 at the step with the low value of the field, 1 at that with the high value
    error: float  # the rounding error of the amount
    off: bool  # whether the step does not lie on the line
    loss: float  # before the step, at the low value
    moved: np.ndarray  # from where the low value leads, to where the loop went
    line: np.ndarray  # from where the low value leads, to where the high value leads


def measured(search, deviation: Deviation, field: str, low, high) -> Iterator[Measured]:
    """Measure each step of a loop, from the weights that the loop had before it."""
    experiment, state = search.experiment, search.experiment.start()
    pair = [dataclasses.replace(deviation, **{field: value}) for value in (low, high)]
    eps = np.finfo(experiment.precision).eps
    for number, reached in enumerate(search.weights[1:]):
        with np.errstate(all="ignore"):
            try:
                (lower, losses), (higher, _) = (
                    experiment.step(r, state, experiment.batch(r, number)) for r in pair
                )
            except ValueError:  # a velocity was shared by variables of different shapes
                return
            origin = experiment.vector(lower.weights)
            moved, line = reached - origin, experiment.vector(higher.weights) - origin
            length, rounding = np.linalg.norm(line), eps * np.linalg.norm(reached)
            amount = float(moved @ line / length**2) if length > 8 * rounding else np.nan
            used = np.nan_to_num(amount)
            distance = np.linalg.norm(moved - used * line)
        off = not distance <= max(TOLERANCE * np.linalg.norm(moved), 8 * rounding)
        error = rounding / length if length else np.inf
        yield Measured(amount, error, off, losses["without the factor"], moved, line)
        pairs = ((n, v, higher.velocities[n]) for n, v in lower.velocities.items())
        velocities = {n: v + v.dtype.type(used) * (w - v) for n, v, w in pairs}
        optimizer = {
            name: [_between(v, w, used) for v, w in zip(held, higher.optimizer[name], strict=True)]
            for name, held in lower.optimizer.items()
        }
        after = dataclasses.replace(lower, velocities=velocities, optimizer=optimizer)
        state = experiment.at(after, reached)


def _between(low: np.ndarray, high: np.ndarray, share: float) -> np.ndarray:
    """Return what an optimizer holds at a value between a low and a high one."""
    return low + low.dtype.type(share) * (high - low) if low.dtype.kind == "f" else low


def amounts_of(search, deviation, field, low, high) -> tuple[np.ndarray, ...] | None:
    """Return the amounts of all steps, their errors, and the losses before them.

    None if one is off the line.
    """
    steps = measured(search, deviation, field, low, high)
    on_line = [
        (s.amount, s.error, s.loss) for s in itertools.takewhile(lambda step: not step.off, steps)
    ]
    amounts, errors, losses = np.array(on_line).reshape(-1, 3).T
    known = len(amounts) == len(search.weights) - 1 and not np.isnan(amounts).all()
    return (amounts, errors, losses) if known else None


def constant_of(amounts: np.ndarray, errors: np.ndarray) -> float | None:
    """Return the mean of the amounts, weighted by their errors; None if they differ by more."""
    known = np.isfinite(amounts)
    weights = 1 / errors[known] ** 2
    if not known.any():
        return None
    mean = float(weights @ amounts[known] / weights.sum())
    within = np.abs(amounts[known] - mean) <= np.maximum(TOLERANCE * abs(mean), errors[known])
    return nice(mean, float(weights.sum() ** -0.5)) if within.all() else None


def nice(value: float, error: float) -> float:
    """Return the shortest decimal number within the error of a value, or within 3e-5 of it."""
    shorter = (float(f"{value:.{digits}g}") for digits in range(1, 7))
    error = max(error, 3e-5 * abs(value))
    return next((number for number in shorter if abs(number - value) <= error), value)


def rates(search, deviation: Deviation = _AS_KERAS) -> list[Mistake]:
    """Return another rate, or a factor on the loss, if all steps have the deviation's direction."""
    experiment = search.experiment
    as_set = np.array([experiment.rate(step) for step in range(len(search.weights) - 1)])
    read = amounts_of(search, deviation, "rate", NO_RATE, FULL_RATE)
    if read is None:
        return []
    amounts, errors, losses = read
    moves = as_set != 0
    factor = constant_of(amounts[moves] / as_set[moves], errors[moves] / np.abs(as_set[moves]))
    if factor is not None and (np.abs(amounts[~moves]) <= errors[~moves]).all():
        # nice() rounds by up to 3e-5: a factor so close to 1 is Keras's rate.
        return [] if abs(factor - 1) < 3e-5 else scaled(experiment, factor)
    scaled_loss = _scaled_loss(search, amounts / np.where(moves, as_set, 1.0), losses)
    return [*scaled_loss, *_other_schedule(amounts, errors, as_set)]


def _scaled_loss(search, factors: np.ndarray, losses: np.ndarray) -> list[Mistake]:
    """Return a factor on the loss that changes, if what the loop returned has it as well."""
    returned = search.losses
    with np.errstate(all="ignore"):
        ratios = returned / losses
    if not np.isfinite(ratios).all() or not (factors > 0).all():
        return []
    if not np.allclose(ratios, factors, rtol=3 * TOLERANCE):
        return []
    shown = ", ".join(f"{factor:.4g}" for factor in ratios[:4])
    name = f"the loss scaled by a number that changes with the batch: {shown}, ..."
    fix = "Divide by what Keras divides by: the number of samples, tf.shape(x)[0], times outputs."
    return [Mistake(name, {"reduction": tuple(map(float, ratios))}, fix)]


def _other_schedule(amounts, errors, as_set) -> list[Mistake]:
    rate = constant_of(amounts, errors)
    if rate is not None:
        name = f"a constant learning rate of {rate:.4g}, where there is a schedule"
        fix = "learning_rate = schedule(step), with the step counted from 0 in a tf.Variable."
        return [Mistake(name, {"rate": (rate,)}, fix)]
    same = np.abs(amounts - as_set) <= np.maximum(TOLERANCE * as_set, errors)
    if not (amounts > 0).all() or same.all():
        return []
    taken = [nice(amount, error) for amount, error in zip(amounts, errors, strict=True)]
    first = int(np.argmax(~same))  # the first that differs is among those shown
    part = slice(max(first - 1, 0), first + 3)
    for digits in range(3, 8):
        by_hand, by_keras = (
            ", ".join(f"{r:.{digits}g}" for r in series[part]) for series in (taken, as_set)
        )
        if by_hand != by_keras:
            break
    name = f"other learning rates: {by_hand}, ... instead of {by_keras}, ..."
    name += f" from step {part.start + 1} on" if part.start else ""
    fix = "Use the optimizer's rate: model.optimizer.learning_rate, or the same schedule. Or look "
    fix += "for a factor on the loss, or on its gradients, that changes with the batch."
    return [Mistake(name, {"rate": tuple(taken)}, fix)]


def scaled(experiment, factor: float) -> list[Mistake]:
    """Return the mistakes that multiply every step by a factor: in the rate, or in the loss."""
    if abs(factor + 1) < TOLERANCE:
        name = "uphill: the step has the sign of the gradient"
        return [Mistake(name, {"scale": -1.0}, "w.assign_sub(learning_rate * g)")]
    # 5%: such steps are so small (a 32768th) that rounding blurs the factor.
    if experiment.loss_scale != 1 and np.isclose(factor * experiment.loss_scale, 1, rtol=0.05):
        name = "the scaling of the loss forgotten, which the optimizer undoes"
        fix = "loss = model.optimizer.scale_loss(loss)  # in the tape; apply() divides by the scale"
        return [Mistake(name, {"scale": 1 / experiment.loss_scale}, fix)]
    rates = [experiment.rate(step) for step in range(len(experiment.batches))]
    if np.ptp(rates) == 0:
        name = f"a learning rate of {factor * rates[0]:.6g} instead of {rates[0]:.6g}"
        fix = f"learning_rate = {rates[0]:.6g}"
    else:
        name = f"{factor:.4g} times the learning rates of the schedule"
        fix = "learning_rate = schedule(step)"
    fix += f"; or look for a factor of {factor:.4g} on the gradients."
    found = [Mistake(name, {"scale": factor}, fix)]
    return found + (times_the_loss(experiment, factor) if experiment.by_hand and factor > 0 else [])


def times_the_loss(experiment, factor: float) -> list[Mistake]:
    """Return a factor on the loss, unless it is one of ``REDUCTIONS``, which have names."""
    named = [experiment.factor(name, experiment.batches[0]) for name in REDUCTIONS]
    if np.isclose(factor, named, rtol=TOLERANCE).any():
        return []
    name = f"{factor:.4g} times the loss, or times its gradients"
    fix = "Take the mean over batch and outputs, as Keras's losses do."
    return [Mistake(name, {"reduction": factor}, fix)]


def momenta(search) -> list[tuple[Mistake, ...]]:
    """Return another momentum, with or without Nesterov, alone or together with another rate."""
    experiment = search.experiment
    plain = measured(search, Deviation(velocity="none"), "scale", 0.0, 1.0)
    first = next((step for step in plain if np.isfinite(step.amount)), None)
    if first is None or first.off or not first.amount > 0:
        return []
    found: list[tuple[Mistake, ...]] = []
    # Nesterov's first step is 1 + momentum times the plain one. Below 0.1 that is rather a rate.
    nesterov = nice(first.amount - 1, first.error)
    if 0.1 <= nesterov < 1.2:
        found.append((_momentum(experiment, nesterov, nesterov=True),))
    scale = nice(first.amount, first.error)
    # From 1e-12, not 0: without momentum no velocity would be kept.
    read = amounts_of(search, Deviation(scale=scale, nesterov="ignored"), "momentum", 1e-12, 1.0)
    momentum = None if read is None else constant_of(*read[:2])
    if momentum is not None and TOLERANCE < momentum < 1.5:
        rate = scaled(experiment, scale)[:1] if abs(scale - 1) > 1e-4 else []
        found.append((*rate, _momentum(experiment, momentum, nesterov=False)))
    return found


def _momentum(experiment, momentum: float, *, nesterov: bool) -> Mistake:
    as_set, of_keras = experiment.optimizer.momentum, experiment.optimizer.nesterov
    kind = "Nesterov's momentum" if nesterov else "a momentum"
    name = f"{kind} of {momentum:.4g} instead of {as_set:.4g}"
    if nesterov != of_keras and as_set:
        name += f", and {'of the other form' if nesterov else 'not of Nesterov form'}"
    if abs(momentum - 1) < TOLERANCE:
        name += ", as of gradients never set to zero"
    sgd = f"keras.optimizers.SGD(..., momentum={momentum:.4g}, nesterov={nesterov})"
    form = "ignored" if not nesterov else "keras" if of_keras else "added"
    fix = f"momentum = {as_set:.4g}, or {sgd}."
    return Mistake(name, {"momentum": momentum, "nesterov": form}, fix)
