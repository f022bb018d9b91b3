"""Mistakes that can be read off what a loop did: what never moved, how far it went, with which batches."""

import itertools
from collections.abc import Sequence

import numpy as np

from tf_gd.comparison._mistakes import Mistake, together
from tf_gd.comparison._recipe import REDUCTIONS, Recipe

_TURNS = {"training", "loss", "regularised", "frozen_too", "clip", "decay"}  # what changes the way of the first step


def traces_of(search, known: Sequence[Mistake]) -> tuple[list[Mistake], list[tuple[Mistake, ...]]]:
    """Return mistakes by themselves, and some together to begin with: such as make the loss what the loop returned, and
    such as make the first step what it was but for a factor.
    """
    moving = np.flatnonzero(np.any(search.weights != search.weights[0], axis=1))
    if not len(moving):
        return [], []
    first = int(moving[0])
    alone = [*_left_out(search), *_scaled(search, Recipe(), first), *_momentum(search, first), *_reordered(search)]
    turned = (mistake for mistake in known if set(mistake.changes) <= _TURNS)
    pairs: list[tuple[Mistake, ...]] = [
        (mistake, scaled) for mistake in turned for scaled in _scaled(search, together([mistake]), first)
    ]
    return alone, [*_of_the_loss(search, known), *pairs]


def _of_the_loss(search, known: Sequence[Mistake]) -> list[tuple[Mistake, ...]]:
    """Return the mistakes together, as few as will do, that make the first loss what the loop returned."""
    kitchen, returned = search.kitchen, search.losses[0]

    def that_change(field: str) -> list[tuple[Mistake, ...]]:
        return [(), *((mistake,) for mistake in known if set(mistake.changes) == {field})]

    found = []
    for training, loss in itertools.product(that_change("training"), that_change("loss")):
        of_the_data, regularisation = kitchen.first_losses(together([*training, *loss]))
        for reduction, regularised in itertools.product(that_change("reduction"), that_change("regularised")):
            recipe = together([*reduction, *regularised])
            factor = kitchen.factor(recipe.reduction, kitchen.batches[0])
            predicted = factor * of_the_data + recipe.regularised * regularisation
            if np.isclose(returned, predicted, rtol=1e-5):
                found.append((*training, *loss, *reduction, *regularised))
    fewest = min(map(len, found), default=0)
    return [mistakes for mistakes in found if len(mistakes) == fewest > 0]


def _path(kitchen, recipe: Recipe, steps: int) -> list[np.ndarray]:
    """Return the weights at the start and after each of so many steps."""
    reached = [kitchen.vector(kitchen.initial)]

    def stop(step: int, weights: np.ndarray) -> bool:
        reached.append(weights)
        return step == steps

    try:
        with np.errstate(all="ignore"):
            kitchen.cook(recipe, stop)
    except ValueError:
        return [np.full_like(reached[0], np.nan)] * (steps + 1)
    return reached


def _left_out(search) -> list[Mistake]:
    kitchen, left_out, first = search.kitchen, [], 0
    for i in kitchen.compared:
        part = slice(first, first + kitchen.initial[i].size)
        first = part.stop
        stands, moves = (float(np.ptp(w[:, part], axis=0).max(initial=0)) for w in (search.weights, search.base.weights))
        if i in kitchen.trained and stands == 0 and moves > 0:
            left_out.append(kitchen.trained.index(i))
    if not left_out:
        return []
    names = ", ".join(kitchen.names[kitchen.trained[n]] for n in left_out)
    fix = "Update every one of model.trainable_variables, and let the loss come from all of them."
    return [Mistake(f"never updated: {names}", {"left_out": tuple(left_out)}, fix)]


def _scaled(search, recipe: Recipe, first: int) -> list[Mistake]:
    """Return a factor on the rate, and on the loss, where the first step goes the way of the recipe's, but not as far."""
    kitchen = search.kitchen
    ours, way = search.weights[first] - search.weights[0], _path(kitchen, recipe, first)[-1] - search.weights[0]
    length = float(way @ way)
    if length == 0 or not np.isfinite(length) or not np.isfinite(ours).all():
        return []
    factor = float(ours @ way) / length
    if factor == 0 or np.linalg.norm(ours - factor * way) > 1e-3 * np.linalg.norm(ours) or abs(factor - 1) < 1e-4:
        return []
    rate = kitchen.rate(first - 1)
    if abs(factor + 1) < 1e-3:
        return [Mistake("uphill: the step has the sign of the gradient", {"scale": -1.0}, "w.assign_sub(learning_rate * g)")]
    name = f"a learning rate of {factor * rate:.4g} instead of {rate:.4g}"
    fix = f"learning_rate = {rate:.4g}; or look for a factor of {factor:.4g} on the gradients."
    found = [Mistake(name, {"scale": factor}, fix)]
    in_the_table = [kitchen.factor(reduction, kitchen.batches[0]) for reduction in REDUCTIONS]
    if kitchen.by_hand and not any(np.isclose(factor, one, rtol=1e-3) for one in in_the_table) and factor > 0:
        name = f"{factor:.4g} times the loss, or times its gradients"
        found.append(Mistake(name, {"reduction": factor}, "Take the mean over batch and outputs, as Keras's losses do."))
    return found


def _momentum(search, first: int) -> list[Mistake]:
    """Return another momentum, where the second step is the first one's go on and a gradient."""
    kitchen, weights = search.kitchen, search.weights
    if not kitchen.by_hand or len(weights) < first + 2:
        return []
    way = weights[first] - weights[0]
    *_, at_first, without = _path(kitchen, Recipe(velocity="none"), first + 1)
    if np.linalg.norm(at_first - weights[first]) > 1e-3 * np.linalg.norm(way):
        return []
    more = weights[first + 1] - without
    momentum = float(more @ way) / float(way @ way)
    far = np.linalg.norm(more - momentum * way) > 1e-2 * np.linalg.norm(more)
    if not np.isfinite(momentum) or far or not 1e-3 < momentum < 1.5 or abs(momentum - kitchen.optimizer.momentum) < 1e-3:
        return []
    name = f"a momentum of {momentum:.3g} instead of {kitchen.optimizer.momentum:.3g}"
    fix = f"momentum = {kitchen.optimizer.momentum:.3g}, or keras.optimizers.SGD(..., momentum={momentum:.3g})."
    return [Mistake(name, {"momentum": round(momentum, 4), "nesterov": "ignored"}, fix)]


def _reordered(search) -> list[Mistake]:
    """Return the order of batches that leads where the loop went, each step from where the last one led."""
    kitchen, state = search.kitchen, search.kitchen.start()
    order: list[int] = []
    for number in range(len(kitchen.batches)):
        reached = []
        for batch in range(len(kitchen.batches)):
            after, _ = kitchen.step(Recipe(), state, kitchen.batches[batch])
            distance = float(np.linalg.norm(kitchen.vector(after.weights) - search.weights[number + 1]))
            reached.append((distance if np.isfinite(distance) else np.inf, batch != number, batch, after))
        nearest = min(reached, key=lambda entry: entry[:3])
        if not nearest[0] <= 0.01 * np.linalg.norm(search.weights[number + 1] - search.weights[0]):
            return []
        order.append(nearest[2])
        state = nearest[3]
    if order == list(range(len(order))):
        return []
    shown = ", ".join(str(batch + 1) for batch in order)
    fix = "Visit the batches in the order in which they are passed; shuffle=False on both sides while comparing."
    return [Mistake(f"the batches in another order: {shown}", {"batches": tuple(order)}, fix)]
