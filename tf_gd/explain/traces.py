"""Mistakes that can be read off what a loop did: what never moved, how far it went, with which batches."""

import itertools
from collections.abc import Sequence

import numpy as np

from tf_gd.explain.deviation import Recipe
from tf_gd.explain.estimates import clippings, decays, momenta, nice, rates, times_the_loss, weights_of_losses
from tf_gd.explain.mistakes import Mistake, together
from tf_gd.explain.possible import clips

_ALL_OF_THEM = "loss = loss_fn(y, prediction) + sum(model.losses), each with the factor that the model gives it"
_LENGTHS = {"reduction", "scale", "rate", "batches"}  # what changes how far steps go, or that is tried by itself


def traces_of(search, known: Sequence[Mistake]) -> tuple[list[Mistake], list[tuple[Mistake, ...]]]:
    """Return mistakes by themselves, and some together to begin with: such as make the loss what the loop returned, and
    such as make the first step what it was but for a factor.
    """
    moving = np.flatnonzero(np.any(search.weights != search.weights[0], axis=1))
    if not len(moving):
        return [], []
    first = int(moving[0])
    weighed = weights_of_losses(search, first)
    constant, limits = rates(search), clippings(search)
    changing = [mistake for mistake in constant if len(mistake.changes.get("rate", ())) > 1]
    constant = [mistake for mistake in constant if mistake not in changing]
    numbers = [*limits, *constant] if clips(search.kitchen) else [*constant, *limits]  # the likelier ones first
    alone = [*_left_out(search), *numbers, *changing, *decays(search), *weighed, *_reordered(search)]
    of_momentum = momenta(search)
    alone += [mistake for mistakes in of_momentum if len(mistakes) == 1 for mistake in mistakes]
    of_the_loss = _of_the_loss(search, known)
    turned: list[tuple[Mistake, ...]] = [(mistake,) for mistake in known if not set(mistake.changes) & _LENGTHS]
    turned += [(mistake,) for mistake in weighed]
    turned += [mistakes for mistakes in of_the_loss if mistakes not in turned]
    scaled = [
        (*mistakes, rate)
        for mistakes in turned
        if not any(set(mistake.changes) & _LENGTHS for mistake in mistakes)
        for rate in rates(search, together(mistakes))
    ]
    return alone, [*of_the_loss, *scaled, *(mistakes for mistakes in of_momentum if len(mistakes) > 1)]


def _of_the_loss(search, known: Sequence[Mistake]) -> list[tuple[Mistake, ...]]:
    """Return the mistakes together, as few as will do, that make the first loss what the loop returned."""
    kitchen, returned = search.kitchen, search.losses[0]

    def that_change(field: str) -> list[tuple[Mistake, ...]]:
        return [(), *((mistake,) for mistake in known if set(mistake.changes) == {field})]

    found: list[tuple[Mistake, ...]] = []
    others: list[tuple[Mistake, ...]] = []
    for training, loss in itertools.product(that_change("training"), that_change("loss")):
        of_the_data, regularisation = kitchen.first_losses(together([*training, *loss]))
        for reduction, regularised in itertools.product(that_change("reduction"), that_change("regularised")):
            recipe = together([*reduction, *regularised])
            factor = kitchen.factor(recipe.reduction, kitchen.batches[0])
            predicted = factor * of_the_data + recipe.regularised * regularisation
            if np.isclose(returned, predicted, rtol=1e-5):
                found.append((*training, *loss, *reduction, *regularised))
        for regularised in that_change("regularised") if not loss else []:  # and a factor that has no name
            rest = returned - together(regularised).regularised * regularisation
            if rest > 0 and of_the_data > 0:
                factor = nice(rest / of_the_data, 1e-5 * rest / of_the_data)
                others.extend((*training, *regularised, times) for times in times_the_loss(kitchen, factor))
        share = (returned - of_the_data) / regularisation if regularisation > 0 else 0.0
        if not loss and share > 1e-3 and not np.isclose(share, (0.5, 1.0, 2.0), rtol=1e-3).any():
            share = nice(share, 1e-4 * share)
            more = Mistake(f"{share:.4g} times the regularisation losses", {"regularised": share}, _ALL_OF_THEM)
            others.append((*training, more))
    fewest = min(map(len, found), default=0)
    return [mistakes for mistakes in found if len(mistakes) == fewest > 0] or others


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
