"""Limits of clipping and amounts of weight decay, measured on a loop as in estimates.py."""

import numpy as np

from tf_gd import updates
from tf_gd.explain.deviation import CLIPPINGS, Deviation
from tf_gd.explain.estimates import (
    FULL_RATE,
    NO_RATE,
    TOLERANCE,
    Measured,
    amounts_of,
    constant_of,
    measured,
    nice,
)
from tf_gd.explain.loops import places
from tf_gd.explain.mistakes import Mistake


def clippings(search) -> list[Mistake]:
    """Return clipping by another limit or in another way, from the first step that was clipped."""
    steps = measured(search, Deviation(clip="none"), "rate", NO_RATE, FULL_RATE)
    for number, step in enumerate(steps):
        rate = search.experiment.rate(number)
        if rate and (step.off or abs(step.amount - rate) > max(TOLERANCE * rate, step.error)):
            return _limits(search.experiment, step, rate)
    return []


def _limits(experiment, step: Measured, rate: float) -> list[Mistake]:
    """Return every way of clipping that makes this step, each with its limit."""
    optimizer = experiment.optimizer
    factor = rate * (1 + optimizer.momentum if optimizer.nesterov else 1)
    parts = [place for i, place in places(experiment).items() if i in experiment.trained]
    clipped = [step.moved[part] / factor for part in parts]  # up to the sign
    whole = [step.line[part] * (rate / factor) for part in parts]
    lengths, before = ([float(np.linalg.norm(g)) for g in part] for part in (clipped, whole))
    shorter = [n for n, b in zip(lengths, before, strict=True) if n < (1 - TOLERANCE) * b]
    total, largest = float(np.linalg.norm(lengths)), max(np.abs(g).max() for g in clipped)
    of_keras = (optimizer.clipnorm, optimizer.global_clipnorm, optimizer.clipvalue)
    as_set = [f"{kind} at {at:.4g}" for kind, at in zip(CLIPPINGS, of_keras, strict=True) if at]
    ways = (updates.clip_by_norm, updates.clip_by_global_norm, updates.clip_by_value)
    limits = (max(shorter, default=0.0), total, float(largest))
    found = []
    for kind, clip, limit in zip(CLIPPINGS, ways, limits, strict=True):
        if not limit:
            continue
        pairs = zip(clip(whole, limit), clipped, strict=True)
        distance = np.linalg.norm([np.linalg.norm(expected - g) for expected, g in pairs])
        if distance <= max(TOLERANCE * total, step.error):
            limit = nice(limit, 1e-4 * limit)
            name = f"gradients clipped {kind} at {limit:.4g} instead of "
            name += as_set[0] if as_set else "not at all"
            fix = "Clip as the optimizer does; or give it clipnorm, global_clipnorm or clipvalue."
            found.append(Mistake(name, {"clip": (kind, limit)}, fix))
    return found


def decays(search) -> list[Mistake]:
    """Return another weight decay: of which amount, of which variables, in the gradient or not."""
    experiment, found = search.experiment, []
    as_set = experiment.optimizer.weight_decay or 0.0
    # Without momentum, decay in the gradient makes the same steps as decay before the step.
    constant = np.ptp([experiment.rate(step) for step in range(len(search.weights) - 1)]) == 0
    ways = ["before"]
    ways += ["coupled"] if experiment.optimizer.momentum else []
    ways += [] if constant else ["before, without the rate", "without the rate"]
    said = {"coupled": ", coupled, in the gradient"}
    for decayed in ("as set", "kernels"):
        for decay in ways:
            read = amounts_of(search, Deviation(decay=decay, decayed=decayed), "amount", 0.0, 1.0)
            amount = None if read is None else constant_of(*read[:2])
            if amount is None or read is None:
                continue
            error = np.min(read[1])
            # "left out", other places of the same decay, and the kernels alone are in the table.
            if amount <= error or abs(amount - as_set) <= error:
                continue
            name = f"a weight decay of {amount:.4g} instead of {as_set:.4g}"
            name += said.get(decay, ", without the learning rate" if "rate" in decay else "")
            name += ", of the kernels alone" if decayed == "kernels" else ""
            fix = f"Give the optimizer weight_decay={amount:.4g}; a regulariser is not one."
            changes = {"decay": decay, "decayed": decayed, "amount": amount}
            found.append(Mistake(name, changes, fix))
    return found
