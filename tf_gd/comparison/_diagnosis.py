"""Which mistakes, alone or together, make a loop do what it did: found by trying them."""

import dataclasses
from dataclasses import dataclass

import numpy as np

from tf_gd.comparison._kitchen import Kitchen
from tf_gd.comparison._mistakes import MISTAKES, Mistake
from tf_gd.comparison._recipe import Recipe, Run

_WIDTH, _DEPTH = 6, 4  # so many of the best are gone on with, and so many mistakes are put together


@dataclass(frozen=True)
class Diagnosis:
    """The mistakes found, and how far they explain the difference.

    Attributes:
        mistakes: the one that explains most first.
        shares: what each adds to the explanation, as a share of the difference.
        rests: what is left of the difference with it and those before it.
        run: what the mistakes together do.
        recipe: the mistakes together.
        reproduces: whether that is what the loop did.
        alike: other mistakes that would do the same.
    """

    mistakes: tuple[Mistake, ...]
    shares: tuple[float, ...]
    rests: tuple[float, ...]
    run: Run
    recipe: Recipe
    reproduces: bool
    alike: tuple[Mistake, ...] = ()


class Search:
    """Try mistakes until one, or some together, give the weights that a loop gave."""

    def __init__(self, kitchen: Kitchen, weights: np.ndarray, base: Run, rounding: float):
        self._kitchen, self._weights, self._base, self.rounding = kitchen, weights, base, rounding
        moved = [np.linalg.norm(w - w[0], axis=1) for w in (weights, base.weights)]
        self._scale = (moved[0] + moved[1])[1:] + np.finfo("float64").tiny
        self._tried: dict[Recipe, tuple[float, Run | None]] = {Recipe(): (self.residual(base.weights), base)}
        self._given_up: dict[Recipe, float] = {}  # and at which residual

    def residual(self, weights: np.ndarray) -> float:
        """Return how far weights ``(steps + 1, size)`` are from those of the loop, as a share of the movement: 0 to 1."""
        return self.residual_of(weights, self._weights)

    def residual_of(self, weights: np.ndarray, others: np.ndarray) -> float:
        """Return how far two such series are apart, likewise."""
        with np.errstate(all="ignore"):
            distance = np.linalg.norm(weights - others, axis=1)[1:] / self._scale
        return float(np.mean(np.minimum(np.where(np.isfinite(distance), distance, 1.0), 1.0)))

    def rounding_of_the_weights(self) -> float:
        """Return how far rounding alone may take the weights, as a share of the movement."""
        steps = np.sqrt(np.arange(1, len(self._scale) + 1))
        eps = np.finfo(self._kitchen.precision).eps
        return float(np.mean(4 * eps * steps * np.linalg.norm(self._weights, axis=1)[1:] / self._scale))

    def _try(self, recipe: Recipe, worst: float) -> float:
        """Return the residual of a recipe; infinite where it is worse than ``worst``, or cannot be followed."""
        known, run = self._tried.get(recipe, (np.inf, None))
        if run is None and worst > self._given_up.get(recipe, -1.0):
            total, steps = 0.0, len(self._kitchen.batches)

            def give_up(step: int, weights: np.ndarray) -> bool:
                nonlocal total
                share = np.linalg.norm(weights - self._weights[step]) / self._scale[step - 1]
                total += min(share, 1.0) if np.isfinite(share) else 1.0
                return total / steps > worst

            try:
                with np.errstate(all="ignore"):
                    run = self._kitchen.cook(recipe, give_up)
            except ValueError:  # one velocity for variables of different shapes
                worst = np.inf
            known = np.inf if run is None else total / steps
            self._tried[recipe] = known, run
            if run is None:
                self._given_up[recipe] = worst
        return known

    def find(self) -> Diagnosis:
        """Return the fewest mistakes that give what the loop gave; where none do, those that come nearest."""
        kitchen = self._kitchen
        known = [mistake for mistake in (*MISTAKES, *self._seen()) if mistake.possible(kitchen)]
        front: list[tuple[Mistake, ...]] = [()]
        best: tuple[Mistake, ...] = ()
        for _ in range(_DEPTH):
            rests: list[float] = []
            for chosen in front:
                for mistake in known:
                    if not any(set(mistake.changes) & set(other.changes) for other in chosen):
                        rests = sorted([*rests, self._try(_together((*chosen, mistake)), self._worth(rests))])
            combinations = {frozenset((*chosen, mistake)) for chosen in front for mistake in known if mistake not in chosen}
            order = {mistake: number for number, mistake in enumerate(known)}
            ranked = sorted(
                (tuple(sorted(c, key=order.__getitem__)) for c in combinations if self._rest(c) < np.inf),
                key=lambda c: (max(self._rest(c), self.rounding), [order[mistake] for mistake in c]),
            )
            front = ranked[:_WIDTH]
            if not front or self._rest(front[0]) > 0.9 * self._rest(best):
                break
            best = front[0]
            if self._reproduces(best):
                break
        return self._diagnosis(best, [c for c in front if c != best])

    def _worth(self, rests: list[float]) -> float:
        """Return the residual above which a recipe is of no use, given the residuals of others, in order."""
        start = self._tried[Recipe()][0]
        if rests and rests[0] <= max(self.rounding, 0.01 * start):
            return max(self.rounding, 3 * rests[0])  # found: now only for others that do the same
        return min(start, rests[_WIDTH - 1]) if len(rests) >= _WIDTH else start

    def _rest(self, chosen) -> float:
        return self._tried.get(_together(chosen), (np.inf, None))[0]

    def _reproduces(self, chosen) -> bool:
        return self._rest(chosen) <= max(self.rounding, 0.01 * self._tried[Recipe()][0])

    def _diagnosis(self, best: tuple[Mistake, ...], others: list[tuple[Mistake, ...]]) -> Diagnosis:
        """Put the mistakes in the order in which each explains most of what those before it leave."""
        start = self._tried[Recipe()][0]
        order: list[Mistake] = []
        shares, rests, before = [], [], start
        while len(order) < len(best):
            following = [mistake for mistake in best if mistake not in order]
            rest, chosen = min(
                ((self._try(_together((*order, mistake)), np.inf), mistake) for mistake in following),
                key=lambda pair: pair[0],
            )
            order.append(chosen)
            shares.append((before - rest) / start)
            rests.append(rest)
            before = rest
        recipe = _together(order)
        run = self._tried[recipe][1]
        assert run is not None
        alike = [
            c[0] for c in others if len(c) == len(best) == 1 and self._rest(c) <= max(self.rounding, 3 * self._rest(best))
        ]
        return Diagnosis(tuple(order), tuple(shares), tuple(rests), run, recipe, self._reproduces(best), tuple(alike))

    def _seen(self) -> list[Mistake]:
        """Return the mistakes that can be read off what the loop did: what never moved, how far, with which batches."""
        return [*self._left_out(), *self._scaled(), *self._reordered()]

    def _left_out(self) -> list[Mistake]:
        kitchen, left_out, first = self._kitchen, [], 0
        for i in kitchen.compared:
            part = slice(first, first + kitchen.initial[i].size)
            first = part.stop
            stands, moves = (float(np.ptp(w[:, part], axis=0).max(initial=0)) for w in (self._weights, self._base.weights))
            if i in kitchen.trained and stands == 0 and moves > 0:
                left_out.append(kitchen.trained.index(i))
        if not left_out:
            return []
        names = ", ".join(kitchen.variables[kitchen.trained[n]].path for n in left_out)
        fix = "Update every one of model.trainable_variables, and let the loss come from all of them."
        return [Mistake(f"never updated: {names}", {"left_out": tuple(left_out)}, fix)]

    def _scaled(self) -> list[Mistake]:
        """Return a factor on the learning rate, where the first step goes where Keras's goes, but not as far."""
        ours, keras_s = (w[1] - w[0] for w in (self._weights, self._base.weights))
        length = float(keras_s @ keras_s)
        if not self._kitchen.by_hand or length == 0 or not np.isfinite(ours).all():
            return []
        factor = float(ours @ keras_s) / length
        if factor == 0 or np.linalg.norm(ours - factor * keras_s) > 1e-3 * np.linalg.norm(ours) or abs(factor - 1) < 1e-5:
            return []
        rate = float(self._kitchen._numbers(Recipe(), 0, np.dtype("float32"))[0])
        name = f"a learning rate of {factor * rate:.4g} instead of {rate:.4g}"
        if factor < 0:
            name = "uphill, with the sign of the gradient turned" + ("" if factor == -1 else f", and {name}")
        fix = f"learning_rate = {rate:.4g}; or look for a factor of {factor:.4g} on the loss or on the gradients."
        return [Mistake(name, {"scale": factor}, fix)]

    def _reordered(self) -> list[Mistake]:
        """Return the order of batches that leads where the loop went, each step from where the last one led."""
        kitchen, state = self._kitchen, self._kitchen.start()
        order: list[int] = []
        for number in range(len(kitchen.batches)):
            reached = []
            for batch in range(len(kitchen.batches)):
                after, _ = kitchen.step(Recipe(), state, kitchen.batches[batch])
                distance = float(np.linalg.norm(kitchen.vector(after.weights) - self._weights[number + 1]))
                reached.append((distance if np.isfinite(distance) else np.inf, batch != number, batch, after))
            nearest = min(reached, key=lambda entry: entry[:3])
            if not nearest[0] <= 0.01 * self._scale[number]:
                return []
            order.append(nearest[2])
            state = nearest[3]
        if order == list(range(len(order))):
            return []
        shown = ", ".join(str(batch + 1) for batch in order)
        fix = "Visit the batches in the order in which they are passed; shuffle=False on both sides while comparing."
        return [Mistake(f"the batches in another order: {shown}", {"batches": tuple(order)}, fix)]


def _together(mistakes) -> Recipe:
    changes: dict = {}
    for mistake in mistakes:
        changes |= mistake.changes
    return dataclasses.replace(Recipe(), **changes)
