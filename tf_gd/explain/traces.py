"""Mistakes measured on the loop: variables left out, orders of batches, weights of losses.

``traces_of`` collects them, and those of estimates.py, for the search.
"""

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np
from scipy.optimize import brentq

from tf_gd.explain import estimates, limits
from tf_gd.explain.deviation import Deviation, is_of
from tf_gd.explain.estimates import TOLERANCE, nice, rates, times_the_loss
from tf_gd.explain.loops import places
from tf_gd.explain.losses import names_of_losses, numbers_of
from tf_gd.explain.mistakes import Mistake, together
from tf_gd.explain.of_variables import of_variables
from tf_gd.explain.possible import clips

_AS_KERAS = Deviation()

# The fields that change how far a step goes: no rate is measured on top of such a mistake.
_TIMES = (0.0, 0.01, 0.1, 0.3, 0.6, 0.9, 1.1, 1.5, 3.0, 10.0)  # of a number in a loss
_LENGTHS = {"reduction", "scale", "rate", "batches", "permuted", "data"}


def traces_of(search, known: Sequence[Mistake]) -> tuple[list[Mistake], list[tuple[Mistake, ...]]]:
    """Return mistakes to try in every combination, and combinations to start the search with.

    The combinations explain the first loss that the loop returned, or all steps up to the rate.
    """
    if not np.ptp(search.weights, axis=0).any():
        return [], []
    of_rate, of_the_loss = rates(search), _of_the_first_loss(search, known)
    changing = [mistake for mistake in of_rate if len(mistake.changes.get("rate", ())) > 1]
    alone = [mistake for mistake in of_rate if mistake not in changing]
    of_momentum: list[tuple[Mistake, ...]] = []
    weighted: list[Mistake] = []
    if search.experiment.by_hand:
        of_momentum, weighted = estimates.momenta(search), _weights_of_losses(search)
        of_data = [mistake for mistake in known if "data" in mistake.changes]
        of_momentum += [(m, w) for m in of_data for w in _weights_of_losses(search, together([m]))]
        clipped = limits.clippings(search)
        # Of equally good mistakes the search prefers the first.
        alone = [*clipped, *alone] if clips(search.experiment) else [*alone, *clipped]
        changing += limits.decays(search)
    alone = [
        *_left_out(search),
        *of_variables(search),
        *_numbers_of_the_loss(search),
        *alone,
        *changing,
        *weighted,
        *_reordered(search),
    ]
    alone += [mistakes[0] for mistakes in of_momentum if len(mistakes) == 1]
    starts = dict.fromkeys([*((mistake,) for mistake in (*known, *weighted)), *of_the_loss])
    with_a_rate = [
        (*mistakes, rate)
        for mistakes in starts
        if not any(set(mistake.changes) & _LENGTHS for mistake in mistakes)
        for rate in rates(search, together(mistakes))
    ]
    return alone, [*of_the_loss, *with_a_rate, *(m for m in of_momentum if len(m) > 1)]


def _of_the_first_loss(search, known: Sequence[Mistake]) -> list[tuple[Mistake, ...]]:
    """Return the fewest mistakes together with which Keras's first loss is the loop's."""
    experiment, returned = search.experiment, search.losses[0]

    def none_or_one(field: str) -> list[tuple[Mistake, ...]]:
        alone = (mistake for mistake in known if set(mistake.changes) == {field})
        return [(), *((one,) for one in alone if one.changes[field] != "over the batch")]

    named: list[tuple[Mistake, ...]] = []
    others: list[tuple[Mistake, ...]] = []
    # One mistake at most in how the model, the data and the loss are put together.
    put_together = [*none_or_one("loss")]
    for field in ("weights", "masked", "data"):
        put_together += none_or_one(field)[1:]
    for training, loss in itertools.product(none_or_one("training"), put_together):
        of_the_data, regularisation = experiment.first_losses(together([*training, *loss]))
        pairs = itertools.product(none_or_one("reduction"), none_or_one("regularised"))
        for reduction, regularised in pairs:
            if any("smaller batch" in mistake.name for mistake in reduction):
                continue  # which is not the first batch
            deviation = together([*reduction, *regularised])
            factor = experiment.factor(deviation.reduction, experiment.batches[0])
            predicted = factor * of_the_data + deviation.regularised * regularisation
            if np.isclose(returned, predicted, rtol=1e-5):
                named.append((*training, *loss, *reduction, *regularised))
        if loss:
            continue
        for regularised in none_or_one("regularised"):
            rest = returned - together(regularised).regularised * regularisation
            if rest > 0 and of_the_data > 0:
                factor = nice(rest / of_the_data, 1e-5 * rest / of_the_data)
                others += [(*training, *regularised, m) for m in times_the_loss(experiment, factor)]
        others += [(*training, one) for one in _penalties(experiment, returned - of_the_data)]
        share = (returned - of_the_data) / regularisation if regularisation > 0 else 0.0
        if share > 1e-3 and not np.isclose(share, (0.5, 1.0, 2.0), rtol=1e-3).any():
            share = nice(share, 1e-4 * share)
            name = f"{share:.4g} times the regularisation losses"
            fix = "loss = loss_fn(y, prediction) + sum(model.losses), each with its own factor"
            others.append((*training, Mistake(name, {"regularised": share}, fix)))
    fewest = min(map(len, named), default=0)
    return [mistakes for mistakes in named if len(mistakes) == fewest > 0] or others


def _numbers_of_the_loss(search) -> list[Mistake]:
    """Return the number in the compiled loss with which Keras's first loss is the loop's."""
    experiment, returned, found = search.experiment, search.losses[0], []
    for name, given in numbers_of(experiment.model).items():

        def first(value: float, name=name) -> float:
            of_the_data, penalties = experiment.first_losses(Deviation(loss=f"{name}={value!r}"))
            return of_the_data + penalties - returned

        grid = [given * times for times in _TIMES] if given else [0.0, 0.1, 0.3, 0.5, 0.9]
        with np.errstate(all="ignore"):
            values = [first(value) for value in grid]
        for (low, high), (one, other) in zip(
            itertools.pairwise(grid), itertools.pairwise(values), strict=True
        ):
            if np.sign(one) == np.sign(other) or not np.isfinite([one, other]).all():
                continue
            value = nice(brentq(first, low, high, xtol=1e-6 * high), 1e-3 * high)
            if np.isclose(value, given, rtol=1e-3) or (not given and value in (0.1, 0.2)):
                continue
            loss = experiment.model.loss
            of = f"{loss if isinstance(loss, str) else type(loss).__name__}'s {name}"
            fix = f"{name}={given:g}, as in Keras's loss"
            changes = {"loss": f"{name}={value!r}"}
            found.append(Mistake(f"{of} of {value:g} instead of {given:g}", changes, fix))
    return found


def _penalties(experiment, excess: float) -> list[Mistake]:
    """Return the L2 penalties that come to what the loop returned beyond the loss of the data."""
    found, start = [], experiment.start().weights
    trained = [start[i] for i in experiment.trained]
    for which in ("every variable", "the kernels"):
        chosen = (w for w in trained if is_of(which, w.ndim))
        squares = float(sum(np.sum(np.square(w, dtype="float64")) for w in chosen))
        if not squares or not excess > 1e-5 * squares:
            continue
        amount = nice(excess / squares, 3e-4 * excess / squares)
        name = f"an L2 penalty of {amount:.4g} times the squares of {which}"
        fix = "loss = loss_fn(y, prediction) + sum(model.losses); regularise in the layers."
        found.append(Mistake(name, {"penalised": (which, amount)}, fix))
    return found


def _left_out(search) -> list[Mistake]:
    """Return the trained variables that Keras moved and the loop did not."""
    experiment, left_out = search.experiment, []
    by_hand, by_keras = (np.ptp(w, axis=0) for w in (search.weights, search.base.weights))
    for i, place in places(experiment).items():
        if i in experiment.trained and not by_hand[place].any() and by_keras[place].any():
            left_out.append(experiment.trained.index(i))
    if not left_out:
        return []
    names = ", ".join(experiment.names[experiment.trained[n]] for n in left_out)
    fix = "Update all of model.trainable_variables, and let the loss depend on each."
    return [Mistake(f"never updated: {names}", {"left_out": tuple(left_out)}, fix)]


def _reordered(search) -> list[Mistake]:
    """Return the order of batches in which Keras's steps lead where the loop's do."""
    experiment, state = search.experiment, search.experiment.start()
    order: list[int] = []
    for number, weights in enumerate(search.weights[1:]):
        near = 0.01 * np.linalg.norm(weights - search.weights[0])
        others = (batch for batch in range(len(experiment.batches)) if batch != number)
        for batch in (number, *others):
            after, _ = experiment.step(Deviation(), state, experiment.batches[batch])
            if np.linalg.norm(experiment.vector(after.weights) - weights) <= near:
                break  # another batch leads to a step that differs by much more than 1%
        else:
            return []
        state = after
        order.append(batch)
    if order == list(range(len(order))):
        return []
    shown = ", ".join(str(batch + 1) for batch in order)
    fix = "Visit the batches in the order in which they are passed; compare with shuffle=False."
    return [Mistake(f"the batches in another order: {shown}", {"batches": tuple(order)}, fix)]


def _weights_of_losses(search, base: Deviation = _AS_KERAS) -> list[Mistake]:
    """Return which losses of several outputs were left out or weighted differently, beside base."""
    experiment = search.experiment
    names = names_of_losses(experiment.model)
    if not names or np.array_equal(search.weights[0], search.weights[1]):
        return []

    def reached(deviation: Deviation) -> np.ndarray:
        after, _ = experiment.step(deviation, experiment.start(), experiment.batches[0])
        return experiment.vector(after.weights)

    def weighed(*weights: float) -> Deviation:
        return dataclasses.replace(base, loss=weights)

    origin = reached(weighed(*(0.0 for _ in names)))
    one_each = (weighed(*weights) for weights in np.eye(len(names)).tolist())
    lines = np.stack([reached(deviation) - origin for deviation in one_each], axis=1)
    if not np.isfinite(lines).all():
        return []
    moved = search.weights[1] - origin
    by_hand, by_keras = (
        np.linalg.lstsq(lines, step, rcond=None)[0] for step in (moved, reached(base) - origin)
    )
    if np.linalg.norm(lines @ by_hand - moved) > TOLERANCE * np.linalg.norm(moved):
        return []
    if np.ptp(by_hand) <= TOLERANCE * np.abs(by_hand).max() and np.ptp(by_keras) > TOLERANCE:
        by_hand = np.ones_like(by_hand)  # all equal: not weighted, and perhaps at another rate
    taken, as_set = (
        [nice(w, 1e-4) if abs(w) > 1e-4 else 0.0 for w in weights.tolist()]
        for weights in (by_hand, by_keras)
    )
    if np.allclose(taken, as_set, rtol=TOLERANCE):
        return []
    fix = "loss = sum(weight * loss_of(y[name], prediction[name]) for every output), with the"
    changes = {"loss": tuple(taken)}
    return [Mistake(_name_of_weights(names, taken, as_set), changes, f"{fix} weights of compile.")]


def _name_of_weights(names: Sequence[str], taken: Sequence[float], as_set: Sequence[float]) -> str:
    left_out = [name for name, weight in zip(names, taken, strict=True) if weight == 0]
    if left_out and all(t in (0, s) for t, s in zip(taken, as_set, strict=True)):
        return f"the loss of {', '.join(left_out)} left out"
    if all(weight == 1 for weight in taken):
        return "loss_weights not applied"
    by_hand, by_keras = (
        ", ".join(f"{name} {weight:.4g}" for name, weight in zip(names, weights, strict=True))
        for weights in (taken, as_set)
    )
    return f"the losses weighed {by_hand} instead of {by_keras}"
