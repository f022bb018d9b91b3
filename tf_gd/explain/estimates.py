"""Numbers that can be read off what a loop did: its rates, momentum, limit of clipping, weight decay, weights of losses."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tf_gd.explain.deviation import CLIPPINGS, REDUCTIONS, Recipe
from tf_gd.explain.losses import names_of_losses
from tf_gd.explain.mistakes import Mistake

_AS_KERAS = Recipe()
_TOLERANCE = 1e-3  # how far a step may be off the way of a recipe, as a share of the step


@dataclass(frozen=True)
class Along:
    """One step of a loop, beside a recipe's from the same weights.

    Attributes:
        amount: how much of a change there is in the step, by least squares: 0 as without, 1 as with all of it.
        error: of the amount, from rounding.
        off: whether the step goes another way, whatever the amount.
        moved: the step, less what it is without the change.
        way: the step with all of the change, less what it is without.
    """

    amount: float
    error: float
    off: bool
    moved: np.ndarray
    way: np.ndarray


def along(search, without: Recipe, with_it: Recipe) -> Iterator[Along]:
    """Go from record to record of a loop: each step from where the loop was before it, so that nothing adds up."""
    kitchen, state = search.kitchen, search.kitchen.start()
    eps = np.finfo(kitchen.precision).eps
    for number, reached in enumerate(search.weights[1:]):
        with np.errstate(all="ignore"):
            try:
                (less, _), (more, _) = (kitchen.step(r, state, kitchen.batch(r, number)) for r in (without, with_it))
            except ValueError:  # one velocity for variables of different shapes
                return
            start = kitchen.vector(less.weights)
            moved, way = reached - start, kitchen.vector(more.weights) - start
            length, rounding = np.linalg.norm(way), 8 * eps * np.linalg.norm(reached)
            amount = float(moved @ way / length**2) if length > rounding else np.nan
            rest = np.linalg.norm(moved - np.nan_to_num(amount) * way)
        off = not rest <= max(_TOLERANCE * np.linalg.norm(moved), rounding)
        yield Along(amount, rounding / 8 / length if length else np.inf, off, moved, way)
        mixed = {n: v + v.dtype.type(np.nan_to_num(amount)) * (more.velocities[n] - v) for n, v in less.velocities.items()}
        state = kitchen.at(dataclasses.replace(less, velocities=mixed), reached)


def _amounts(steps: Iterator[Along]) -> tuple[np.ndarray, np.ndarray] | None:
    """Return amounts and their errors at all steps; None where one goes another way."""
    taken = []
    for step in steps:
        if step.off:
            return None
        taken.append(step)
    amounts, errors = (np.array([getattr(step, name) for step in taken]) for name in ("amount", "error"))
    return None if np.isnan(amounts).all() else (amounts, errors)


def _constant(amounts: np.ndarray, errors: np.ndarray) -> float | None:
    """Return the one amount that all are, up to their errors."""
    known = np.isfinite(amounts)
    weights = 1 / errors[known] ** 2
    mean = float(weights @ amounts[known] / weights.sum())
    within = np.abs(amounts[known] - mean) <= np.maximum(_TOLERANCE * abs(mean), errors[known])
    return nice(mean, float(weights.sum() ** -0.5)) if within.all() else None


def nice(value: float, error: float) -> float:
    """Return the shortest decimal number that a value can be, given its error."""
    shorter = (float(f"{value:.{digits}g}") for digits in range(1, 7))
    return next((number for number in shorter if abs(number - value) <= max(error, 3e-5 * abs(value))), value)


def rates(search, recipe: Recipe = _AS_KERAS) -> list[Mistake]:
    """Return another rate, or a factor on the loss, where all steps go the way of the recipe's, but not as far."""
    kitchen = search.kitchen
    count = len(search.weights) - 1
    as_set = np.array([kitchen.rate(step) if kitchen.by_hand else 1.0 for step in range(count)])
    if kitchen.by_hand:
        pair = (dataclasses.replace(recipe, rate=(rate,)) for rate in (0.0, 1.0))
    else:
        pair = (dataclasses.replace(recipe, scale=scale) for scale in (0.0, 1.0))
    read = _amounts(along(search, *pair))
    if read is None:
        return []
    amounts, errors = read
    with np.errstate(all="ignore"):
        factors, their_errors = amounts / as_set, errors / np.abs(as_set)
    factors[as_set == 0] = np.nan
    factor = _constant(factors, their_errors) if np.isfinite(factors).any() else None
    stood_still = np.abs(amounts[as_set == 0]) <= errors[as_set == 0]
    if factor is not None and stood_still.all():
        return [] if abs(factor - 1) < 3e-5 else scaled(kitchen, factor)
    if not kitchen.by_hand:
        return []
    rate = _constant(amounts, errors)
    if rate is not None:
        name = f"a constant learning rate of {rate:.4g}, where there is a schedule"
        fix = "learning_rate = schedule(step), with the step counted from 0 in a tf.Variable."
        return [Mistake(name, {"rate": (rate,)}, fix)]
    if np.isnan(amounts).any() or not (amounts > 0).all():
        return []
    if (np.abs(amounts - as_set) <= np.maximum(_TOLERANCE * as_set, errors)).all():
        return []
    taken = [nice(amount, error) for amount, error in zip(amounts, errors, strict=True)]
    shown = (", ".join(f"{rate:.3g}" for rate in list(series)[:4]) for series in (taken, as_set))
    fix = "Use the rate that the optimizer is given: model.optimizer.learning_rate, or the same schedule."
    return [Mistake("other learning rates: {}, ... instead of {}, ...".format(*shown), {"rate": tuple(taken)}, fix)]


def scaled(kitchen, factor: float) -> list[Mistake]:
    """Return what a factor on every step can come of: the rate, or the loss."""
    if abs(factor + 1) < 1e-3:
        return [Mistake("uphill: the step has the sign of the gradient", {"scale": -1.0}, "w.assign_sub(learning_rate * g)")]
    rates = [kitchen.rate(step) for step in range(len(kitchen.batches))]
    if kitchen.loss_scale != 1 and np.isclose(factor * kitchen.loss_scale, 1, rtol=0.05):
        name = "the scaling of the loss forgotten, which the optimizer undoes"
        fix = "loss = model.optimizer.scale_loss(loss)  # inside the tape; apply() divides the gradients by the scale"
        return [Mistake(name, {"scale": 1 / kitchen.loss_scale}, fix)]
    if np.ptp(rates) == 0:
        name, fix = (
            f"a learning rate of {factor * rates[0]:.6g} instead of {rates[0]:.6g}",
            f"learning_rate = {rates[0]:.6g}",
        )
    else:
        name, fix = f"{factor:.4g} times the learning rates of the schedule", "learning_rate = schedule(step)"
    found = [Mistake(name, {"scale": factor}, f"{fix}; or look for a factor of {factor:.4g} on the gradients.")]
    return [*found, *times_the_loss(kitchen, factor)] if kitchen.by_hand and factor > 0 else found


def times_the_loss(kitchen, factor: float) -> list[Mistake]:
    """Return a factor on the loss, where it is none of those with a name."""
    if any(np.isclose(factor, kitchen.factor(named, kitchen.batches[0]), rtol=1e-3) for named in REDUCTIONS):
        return []
    name = f"{factor:.4g} times the loss, or times its gradients"
    return [Mistake(name, {"reduction": factor}, "Take the mean over batch and outputs, as Keras's losses do.")]


def momenta(search) -> list[tuple[Mistake, ...]]:
    """Return another momentum, of either kind, by itself or with another rate."""
    kitchen = search.kitchen
    if not kitchen.by_hand:
        return []
    alone = Recipe(velocity="none")
    plain = (dataclasses.replace(alone, scale=scale) for scale in (0.0, 1.0))
    first = next((step for step in along(search, *plain) if np.isfinite(step.amount)), None)
    if first is None or first.off or not first.amount > 0:
        return []
    found: list[tuple[Mistake, ...]] = []
    nesterov = nice(first.amount - 1, first.error)  # of which the first step is 1 + momentum times the plain one
    if 0.1 <= nesterov < 1.2:  # a smaller one is a rate, or hardly to be told from it
        found.append((_momentum(kitchen, nesterov, nesterov=True),))
    scale = nice(first.amount, first.error)
    ahead = dataclasses.replace(Recipe(), scale=scale, nesterov="ignored")
    read = _amounts(along(search, *(dataclasses.replace(ahead, momentum=momentum) for momentum in (1e-12, 1.0))))
    momentum = None if read is None else _constant(*read)
    if momentum is not None and 1e-3 < momentum < 1.5:
        rate = scaled(kitchen, scale)[:1] if abs(scale - 1) > 1e-4 else []
        found.append((*rate, _momentum(kitchen, momentum, nesterov=False)))
    return found


def _momentum(kitchen, momentum: float, *, nesterov: bool) -> Mistake:
    as_set, of_nesterov = kitchen.optimizer.momentum, kitchen.optimizer.nesterov
    kinds = {True: "Nesterov's momentum", False: "a momentum"}
    name = f"{kinds[nesterov]} of {momentum:.4g} instead of {as_set:.4g}"
    if nesterov != of_nesterov and as_set:
        name += f", and {'of the other form' if nesterov else 'not of Nesterov form'}"
    fix = f"momentum = {as_set:.4g}, or keras.optimizers.SGD(..., momentum={momentum:.4g}, nesterov={nesterov})."
    how = "ignored" if not nesterov else "keras" if of_nesterov else "added"
    return Mistake(name, {"momentum": momentum, "nesterov": how}, fix)


def clippings(search) -> list[Mistake]:
    """Return clipping with another limit or of another kind, read off the first step that is not as without clipping."""
    kitchen = search.kitchen
    if not kitchen.by_hand:
        return []
    pair = (Recipe(clip="none", rate=(rate,)) for rate in (0.0, 1.0))
    for number, step in enumerate(along(search, *pair)):
        rate = kitchen.rate(number)
        if step.off or abs(step.amount - rate) > max(_TOLERANCE * rate, step.error):
            return _limits(kitchen, step, rate)
    return []


def _limits(kitchen, step: Along, rate: float) -> list[Mistake]:
    factor = rate * (1 + kitchen.optimizer.momentum if kitchen.optimizer.nesterov else 1)
    if not factor:
        return []
    clipped, whole = step.moved / factor, step.way * (rate / factor)  # the gradients, but for their sign
    parts, first = [], 0
    for i in kitchen.compared:
        if i in kitchen.trained:
            parts.append(slice(first, first + kitchen.initial[i].size))
        first += kitchen.initial[i].size
    norms = [float(np.linalg.norm(clipped[part])) for part in parts]
    smaller = [n for n, part in zip(norms, parts, strict=True) if n < (1 - _TOLERANCE) * np.linalg.norm(whole[part])]
    limits = (max(smaller, default=0.0), float(np.linalg.norm(norms)), float(np.abs(clipped).max()))
    optimizer = kitchen.optimizer
    of_keras = dict(zip(CLIPPINGS, (optimizer.clipnorm, optimizer.global_clipnorm, optimizer.clipvalue), strict=True))
    found = []
    for kind, exact in zip(CLIPPINGS, limits, strict=True):
        expected = np.zeros_like(whole)
        for part in parts:
            norm = float(np.linalg.norm(whole) if kind == "all together" else np.linalg.norm(whole[part]))
            smaller_by = min(1.0, exact / norm) if norm else 1.0
            expected[part] = whole[part].clip(-exact, exact) if kind == "value by value" else whole[part] * smaller_by
        if exact and np.linalg.norm(clipped - expected) <= max(_TOLERANCE * float(np.linalg.norm(clipped)), step.error):
            limit = nice(exact, 1e-4 * exact)
            others = [f"{other} at {at:.4g}" for other, at in of_keras.items() if at]
            name = f"gradients clipped {kind} at {limit:.4g} instead of {others[0] if others else 'not at all'}"
            fix = "Clip as the optimizer does; or give it clipnorm, global_clipnorm or clipvalue."
            found.append(Mistake(name, {"clip": (kind, limit)}, fix))
    return found


def decays(search) -> list[Mistake]:
    """Return another weight decay: its amount, whether in the gradient, and whether of the kernels alone."""
    kitchen, found = search.kitchen, []
    if not kitchen.by_hand:
        return []
    as_set = kitchen.optimizer.weight_decay or 0.0
    forms = ("before", "coupled") if kitchen.optimizer.momentum else ("before",)
    for decayed in ("as set", "kernels"):
        for decay in forms:
            recipe = Recipe(decay=decay, decayed=decayed)
            read = _amounts(along(search, *(dataclasses.replace(recipe, amount=amount) for amount in (0.0, 1.0))))
            amount = None if read is None else _constant(*read)
            if amount is None or read is None or not abs(amount - as_set) > np.min(read[1]):
                continue
            if amount <= np.min(read[1]):  # none at all: that mistake is known
                continue
            name = f"a weight decay of {amount:.4g} instead of {as_set:.4g}"
            name += ", coupled, in the gradient" if decay == "coupled" else ""
            name += ", of the kernels alone" if decayed == "kernels" else ""
            fix = f"Leave it out, or give the optimizer weight_decay={amount:.4g}. A regulariser is not a weight decay."
            found.append(Mistake(name, {"decay": decay, "decayed": decayed, "amount": amount}, fix))
    return found


def weights_of_losses(search, first: int) -> list[Mistake]:
    """Return which of the losses of several outputs were left out, or weighed in another way."""
    kitchen = search.kitchen
    names = names_of_losses(kitchen.model)
    if not names or not kitchen.by_hand:
        return []

    def step(of_losses: Sequence[float] | None) -> np.ndarray:
        recipe = Recipe() if of_losses is None else Recipe(loss=tuple(of_losses))
        return kitchen.vector(kitchen.step(recipe, kitchen.start(), kitchen.batches[0])[0].weights)

    without = step([0.0] * len(names))
    ways = np.stack([step(one) - without for one in np.eye(len(names)).tolist()], axis=1)
    if first != 1 or not np.isfinite(ways).all():
        return []
    by_hand, by_keras = (
        np.linalg.lstsq(ways, reached - without, rcond=None)[0] for reached in (search.weights[1], step(None))
    )
    if np.linalg.norm(ways @ by_hand + without - search.weights[1]) > _TOLERANCE * np.linalg.norm(
        search.weights[1] - without
    ):
        return []
    if np.ptp(by_hand) <= _TOLERANCE * np.abs(by_hand).max() and np.ptp(by_keras) > _TOLERANCE:
        by_hand = np.ones_like(by_hand)  # and another rate
    taken, as_set = ([nice(w, 1e-4) if abs(w) > 1e-4 else 0.0 for w in found.tolist()] for found in (by_hand, by_keras))
    if np.allclose(taken, as_set, rtol=_TOLERANCE):
        return []
    left_out = [name for name, weight in zip(names, taken, strict=True) if weight == 0]
    if left_out and all(t in (0, s) for t, s in zip(taken, as_set, strict=True)):
        name = f"the loss of {', '.join(left_out)} left out"
    elif all(weight == 1 for weight in taken):
        name = "loss_weights not applied"
    else:
        shown = (", ".join(f"{n} {w:.4g}" for n, w in zip(names, weights, strict=True)) for weights in (taken, as_set))
        name = "the losses weighed {} instead of {}".format(*shown)
    fix = "loss = sum(weight * loss_of(y[name], prediction[name]) for every output), with the weights of compile."
    return [Mistake(name, {"loss": tuple(taken)}, fix)]
