"""Which mistakes, alone or together, make a loop do what it did: found by trying them."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tf_gd.explain.deviation import Recipe, Run
from tf_gd.explain.estimates import nice, scaled, times_the_loss
from tf_gd.explain.experiment import Kitchen
from tf_gd.explain.mistakes import MISTAKES, Mistake, together
from tf_gd.explain.traces import traces_of

_WIDTH, _DEPTH = 6, 4  # so many of the best are gone on with, and so many mistakes are put together


@dataclass(frozen=True)
class Diagnosis:
    """The mistakes found, and how far they explain the difference.

    Attributes:
        mistakes: the one that explains most first.
        shares: what each adds to the explanation, as a share of the difference.
        rest: what is left of the difference, as a share of the movement.
        run: what the mistakes together do.
        recipe: the mistakes together.
        reproduces: whether that is what the loop did.
        alike: others that would do the same.
    """

    mistakes: tuple[Mistake, ...]
    shares: tuple[float, ...]
    rest: float
    run: Run
    recipe: Recipe
    reproduces: bool
    alike: tuple[tuple[Mistake, ...], ...] = ()


class Search:
    """Try mistakes until one, or some together, give the weights that a loop gave."""

    def __init__(self, kitchen: Kitchen, weights: np.ndarray, losses: np.ndarray, base: Run):
        self.kitchen, self.weights, self.losses, self.base = kitchen, weights, losses, base
        self._scale = scale_of(weights, base.weights)
        self.start = self.residual(base.weights)
        self.rounding = 0.0
        self._tried: dict[Recipe, tuple[float, Run | None]] = {Recipe(): (self.start, base)}
        self._given_up: dict[Recipe, float] = {}  # and at which residual

    def residual(self, weights: np.ndarray) -> float:
        """Return how far weights ``(steps + 1, size)`` are from those of the loop, as a share of the movement: 0 to 1."""
        return residual(weights, self.weights, self._scale)

    def _try(self, recipe: Recipe, worst: float) -> float:
        """Return the residual of a recipe; infinite where it is worse than ``worst``, or cannot be followed."""
        known, run = self._tried.get(recipe, (np.inf, None))
        if run is None and worst > self._given_up.get(recipe, -1.0):
            total, steps = 0.0, len(self.kitchen.batches)

            def give_up(step: int, weights: np.ndarray) -> bool:
                nonlocal total
                share = np.linalg.norm(weights - self.weights[step]) / self._scale[step - 1]
                total += min(share, 1.0) if np.isfinite(share) else 1.0
                return total / steps > worst

            try:
                with np.errstate(all="ignore"):
                    run = self.kitchen.cook(recipe, give_up)
            except ValueError:  # one velocity for variables of different shapes
                worst = np.inf
            known = np.inf if run is None else total / steps
            self._tried[recipe] = known, run
            if run is None:
                self._given_up[recipe] = worst
        return known

    def find(self) -> Diagnosis:
        """Return the fewest mistakes that give what the loop gave; where none do, those that come nearest."""
        known = [mistake for mistake in MISTAKES if mistake.possible(self.kitchen)]
        traces, seeds = traces_of(self, known)
        known += traces
        order = {mistake: number for number, mistake in enumerate(dict.fromkeys([*known, *(m for s in seeds for m in s)]))}
        front: list[tuple[Mistake, ...]] = [(), *seeds]
        best: tuple[Mistake, ...] = ()
        ranked: list[tuple[Mistake, ...]] = []
        for _ in range(_DEPTH):
            chosen = {frozenset((*before, mistake)) for before in front for mistake in known if _fits(mistake, before)}
            chosen |= {frozenset(before) for before in front if before and before not in ranked}
            rests: list[float] = []
            in_order = (tuple(sorted(combination, key=order.__getitem__)) for combination in chosen)
            for combination in sorted(in_order, key=lambda c: (len(c), [order[mistake] for mistake in c])):
                rests = sorted([*rests, self._try(together(combination), self._worth(rests))])
                if self._rest(combination) < np.inf:
                    ranked.append(combination)
            ranked.sort(key=lambda c: (max(self._rest(c), self.rounding), len(c), [order[mistake] for mistake in c]))
            enough = 0.1 if self._reproduces(best) else 0.9
            if not ranked or self._rest(ranked[0]) > enough * self._rest(best):
                break
            front = ranked[:_WIDTH]
            best = front[0]
            if self._rest(best) <= self.rounding:
                break
        return self._diagnosis(best, ranked)

    def _worth(self, rests: list[float]) -> float:
        """Return the residual above which a recipe is of no use, given the residuals of others, in order."""
        if rests and rests[0] <= self.rounding:
            return max(self.rounding, 3 * rests[0])  # found: now only for others that do the same
        return min(self.start, rests[_WIDTH - 1]) if len(rests) >= _WIDTH else self.start

    def _rest(self, chosen) -> float:
        return self._tried.get(together(chosen), (np.inf, None))[0]

    def _reproduces(self, chosen) -> bool:
        return self._rest(chosen) <= max(self.rounding, 0.002 * self.start)

    def _diagnosis(self, best: tuple[Mistake, ...], ranked: list[tuple[Mistake, ...]]) -> Diagnosis:
        """Take of those that lead to the same weights the one with the losses returned; order it by what each explains."""
        as_near = max(self.rounding, 3 * self._rest(best))
        for mistake in best:
            without = tuple(other for other in best if other is not mistake)
            if self._try(together(without), np.inf) <= as_near:
                best = without
        all_alike = sorted((c for c in ranked if self._rest(c) <= as_near), key=len)
        alike = [c for c in all_alike if len(c) == len(best)] or [best]
        for combinations in (alike, self._rescaled(best, as_near), all_alike):
            if with_the_losses := self._with_the_losses(combinations):
                best, alike = with_the_losses[0], with_the_losses
                break
        alike = [c for c in alike if c != best and len(c) == len(best)]

        chosen: list[Mistake] = []
        shares, before = [], self.start
        while len(chosen) < len(best):
            following = [mistake for mistake in best if mistake not in chosen]
            tried = [(self._try(together((*chosen, mistake)), np.inf), mistake) for mistake in following]
            rest, mistake = min(tried, key=lambda pair: pair[0])
            chosen.append(mistake)
            shares.append((before - rest) / self.start)
            before = rest
        shares_in_order = sorted(zip(shares, chosen, strict=True), key=lambda pair: -pair[0])
        mistakes = tuple(mistake for _, mistake in shares_in_order)
        run = self._run(best)
        same = tuple(c for c in alike if not set(c) & set(best)) if len(best) == 1 else ()
        explained = tuple(float(np.clip(share, 0.0, 1.0)) for share, _ in shares_in_order)
        return Diagnosis(mistakes, explained, self._rest(best), run, together(best), self._reproduces(best), same)

    def _with_the_losses(self, combinations: Iterable[tuple[Mistake, ...]]) -> list[tuple[Mistake, ...]]:
        return [c for c in combinations if same_losses(self.losses, self._run(c).losses["loss"])]

    def _rescaled(self, best: tuple[Mistake, ...], as_near: float) -> list[tuple[Mistake, ...]]:
        """Return what makes the same steps with another loss: a factor on the rate, and one the other way on the loss."""
        recipe, losses = together(best), self._run(best).losses["loss"]
        with np.errstate(all="ignore"):
            factors = losses / self.losses
        factor = float(np.median(factors[np.isfinite(factors)])) if np.isfinite(factors).any() else np.nan
        if not self.kitchen.by_hand or not factor > 0 or not np.allclose(factors[np.isfinite(factors)], factor, rtol=1e-3):
            return []
        mistakes = [mistake for mistake in best if not set(mistake.changes) & {"scale", "reduction", "regularised"}]
        scale, of_loss = recipe.scale * factor, self.kitchen.factor(recipe.reduction, self.kitchen.batches[0]) / factor
        of_regularisation = recipe.regularised / factor
        if abs(scale - 1) > 1e-3:
            mistakes += scaled(self.kitchen, nice(scale, 1e-4 * scale))[:1]
        if abs(of_loss - 1) > 1e-3:
            first = self.kitchen.batches[0]
            named = (m for m in MISTAKES if "reduction" in m.changes and m.possible(self.kitchen))
            same = (m for m in named if np.isclose(self.kitchen.factor(m.changes["reduction"], first), of_loss, rtol=1e-3))
            mistakes += [m] if (m := next(same, None)) else times_the_loss(self.kitchen, nice(of_loss, 1e-4 * of_loss))
        if abs(of_regularisation - 1) > 1e-3 and self.kitchen.model.losses:
            same = (m for m in MISTAKES if np.isclose(m.changes.get("regularised", np.nan), of_regularisation, atol=1e-4))
            mistakes += [m] if (m := next(same, None)) else []
        found = tuple(mistakes)
        return [found] if self._try(together(found), np.inf) <= as_near else []

    def _run(self, chosen) -> Run:
        run = self._tried[together(chosen)][1]
        assert run is not None
        return run


def _fits(mistake: Mistake, others) -> bool:
    return not any(set(mistake.changes) & set(other.changes) for other in others)


def scale_of(*series: np.ndarray) -> np.ndarray:
    """Return how far each of some series of weights has moved at each step, added up: the measure of their distance."""
    with np.errstate(all="ignore"):
        moved = np.sum([np.linalg.norm(weights - weights[0], axis=1) for weights in series], axis=0)[1:]
    largest = np.max(moved, initial=0.0, where=np.isfinite(moved))
    return np.maximum(moved, 1e-3 * largest) + np.finfo("float64").tiny


def residual(weights: np.ndarray, others: np.ndarray, scale: np.ndarray) -> float:
    """Return how far two series of weights are apart, as a share of the movement: 0 to 1."""
    with np.errstate(all="ignore"):
        distance = np.linalg.norm(weights - others, axis=1)[1:] / scale
    return float(np.mean(np.minimum(np.where(np.isfinite(distance), distance, 1.0), 1.0)))


def same_losses(a: np.ndarray, b: np.ndarray) -> bool:
    """Return whether two series of losses are the same, wherever both have one; ``a`` may have been rounded to decimals."""
    comparable = np.isfinite(a) & np.isfinite(b)
    if not comparable.any():
        return False
    a, b = a[comparable], b[comparable]
    rounded = (10.0**-digits for digits in range(2, 7) if np.allclose(a, np.round(a, digits), rtol=0, atol=1e-9))
    atol = max(1e-6 * np.abs(b).max(), 0.51 * next(rounded, 0.0))
    return bool(np.allclose(a, b, rtol=1e-4, atol=atol))
