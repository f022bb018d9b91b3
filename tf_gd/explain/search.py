"""Which mistakes, one or a few together, make a loop do what it did: found by trying them.

A beam search: first every mistake alone, then the best with one more, up to ``_DEPTH`` of them.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tf_gd.explain.deviation import Deviation, Run
from tf_gd.explain.estimates import rates
from tf_gd.explain.experiment import Experiment
from tf_gd.explain.mistakes import MISTAKES, Mistake, fits, together
from tf_gd.explain.residuals import residual, same_losses, scale_of
from tf_gd.explain.traces import traces_of
from tf_gd.explain.variants import variants_of

Combination = tuple[Mistake, ...]

_NEAREST = 16  # how many are tried, and all whose first step is at least as near as Keras's
_WIDTH = 6  # how many combinations get one more mistake
_DEPTH = 4  # how many mistakes at most
_PATIENCE = 6.0  # seconds, after which no further mistake is added to those found


@dataclass(frozen=True)
class Diagnosis:
    """The mistakes found, and how much of the difference they explain."""

    mistakes: dict[Mistake, float]  # with the share of the difference that each adds, largest first
    rest: float  # what is left of the difference, as a share of the movement
    run: Run  # what the mistakes together do
    deviation: Deviation  # the mistakes together
    reproduces: bool  # whether that is what the loop did
    alike: Combination = ()  # other single mistakes that do the same


class Search:
    """Try mistakes until one, or some together, lead to the weights that a loop reached.

    ``base`` is the run without a mistake, and ``start`` its residual.
    """

    def __init__(
        self,
        experiment: Experiment,
        weights: np.ndarray,
        losses: np.ndarray,
        tell: Callable[[int], Any],
    ):
        self.experiment, self.weights, self.losses = experiment, weights, losses
        self._tell = tell  # how many mistakes were tried
        base = experiment.make_steps(Deviation())
        assert base is not None
        self.base, self.rounding = base, 0.0
        self._scale = scale_of(weights, base.weights)
        self.start = residual(base.weights, weights, self._scale)
        self._first_steps: dict[Deviation, float] = {}
        self._order: dict[Mistake, int] = {}  # in which to prefer mistakes that do the same
        self._until = np.inf
        # By deviation: its residual and run; or no run, and the residual at which it was given up.
        self._tried: dict[Deviation, tuple[float, Run | None]] = {Deviation(): (self.start, base)}

    def _try(self, deviation: Deviation, worst: float = np.inf) -> float:
        """Return the residual of a deviation; infinite if it fails, or is worse than ``worst``."""
        known, run = self._tried.get(deviation, (-1.0, None))
        if run is not None or worst <= known:
            return np.inf if run is None else known
        total, steps = 0.0, len(self.experiment.batches)
        if self._first(deviation) / steps > worst:
            self._tried[deviation] = max(worst, known), None
            return np.inf

        def give_up(step: int, weights: np.ndarray) -> bool:
            nonlocal total
            share = np.linalg.norm(weights - self.weights[step]) / self._scale[step - 1]
            total += min(share, 1.0) if np.isfinite(share) else 1.0
            return total / steps > worst

        try:
            with np.errstate(all="ignore"):
                run = self.experiment.make_steps(deviation, give_up)
        except ValueError:  # a velocity was shared by variables of different shapes
            worst = np.inf
        self._tried[deviation] = (worst if run is None else total / steps), run
        return np.inf if run is None else total / steps

    def _first(self, deviation: Deviation) -> float:
        """Return how far the first step of a deviation is from the loop's, as a share, up to 1."""
        if deviation not in self._first_steps:
            self._tell(len(self._first_steps) + 1)
            experiment = self.experiment
            try:
                with np.errstate(all="ignore"):
                    batch = experiment.batch(deviation, 0)
                    after, _ = experiment.step(deviation, experiment.start(), batch)
                    apart = np.linalg.norm(experiment.vector(after.weights) - self.weights[1])
                    share = float(apart / self._scale[0])
            except ValueError:
                share = np.inf
            self._first_steps[deviation] = min(share, 1.0) if np.isfinite(share) else 1.0
        return self._first_steps[deviation]

    def find(self, rounding: float, most: int = _DEPTH) -> Diagnosis:
        """Return the fewest mistakes that do what the loop did, or else those that come nearest.

        A residual up to ``rounding`` counts as none. ``most`` mistakes are tried together, or fewer
        if that takes too long.
        """
        self.rounding, self._until = rounding, time.perf_counter() + _PATIENCE
        known = [mistake for mistake in MISTAKES if mistake.possible(self.experiment)]
        known += variants_of(self.experiment)
        ranked: list[Combination] = []
        self._put_in_order(known)
        self._rank([(mistake,) for mistake in known], ranked, patient=True)
        likely = [c for c in self._exact(ranked) if not c[0].rare]
        if any(map(self._gives_the_losses, likely)):
            return self._diagnosis(ranked[0], ranked)
        traces, seeds = traces_of(self, known)
        known += traces
        self._put_in_order([*known, *(mistake for seed in seeds for mistake in seed)])
        self._rank([*((mistake,) for mistake in traces), *seeds], ranked, patient=True)
        best: Combination = ranked[0] if ranked and self._rest(ranked[0]) < self.start else ()
        for number in range(1, most):
            found = self._rest(best) <= self.rounding
            told = any(map(self._gives_the_losses, self._exact(ranked)))
            if (found and (told or number > 1)) or time.perf_counter() > self._until:
                break
            # What makes the same steps may still give other losses than the loop.
            bases = [*(seeds if number == 1 else []), *([] if found else ranked[:_WIDTH])]
            for base in sorted(dict.fromkeys(bases), key=lambda c: (found * len(c), self._rest(c))):
                front = [(*base, mistake) for mistake in known if fits(mistake, base)]
                self._rank(front, ranked, patient=False)
                if any(map(self._gives_the_losses, self._exact(ranked))):
                    break
            # One more mistake has to take away a tenth of the residual, or nine tenths of it if
            # those found already reproduce the loop.
            enough = 0.1 if self._reproduces(best) else 0.9
            if not ranked or self._rest(ranked[0]) > enough * self._rest(best):
                break
            best = ranked[0]
        return self._diagnosis(best, ranked)

    def _rank(
        self, combinations: list[Combination], ranked: list[Combination], patient: bool
    ) -> None:
        """Try combinations, those with the nearest first step first, and sort them into others."""
        in_order = (tuple(sorted(set(c), key=self._order.__getitem__)) for c in combinations)
        new = (c for c in dict.fromkeys(in_order) if patient or time.perf_counter() < self._until)
        first = {c: max(self._first(together(c)), self.rounding) for c in new}
        nearest = sorted(first, key=lambda c: (first[c], *self._by_simplicity(c)))
        # A first step farther off than Keras's is rarely of use together with another mistake.
        as_keras = (1 + 1e-6) * self._first(Deviation())
        near = sum(share <= as_keras for share in first.values())
        rests = sorted(self._rest(c) for c in ranked)
        for combination in nearest[: max(near, _NEAREST)]:
            if not patient and time.perf_counter() > self._until:
                break
            rest = self._try(together(combination), self._worst_of_use(rests))
            rests = sorted([*rests, rest])
            if self._rest(combination) < np.inf and combination not in ranked:
                ranked.append(combination)
        ranked.sort(key=lambda c: (max(self._rest(c), self.rounding), *self._by_simplicity(c)))

    def _exact(self, ranked: list[Combination]) -> list[Combination]:
        return [c for c in ranked if self._rest(c) <= self.rounding]

    def _put_in_order(self, mistakes: list[Mistake]) -> None:
        in_order = dict.fromkeys(sorted(mistakes, key=lambda mistake: mistake.rare))
        self._order = {mistake: number for number, mistake in enumerate(in_order)}

    def _by_simplicity(self, combination: Combination) -> tuple:
        return len(combination), [self._order[mistake] for mistake in combination]

    def _worst_of_use(self, rests: list[float]) -> float:
        """Return the residual above which a deviation is given up, from those of others, sorted."""
        if rests and rests[0] <= self.rounding:
            return max(self.rounding, 3 * rests[0])  # found; only what does the same is of use
        return min(self.start, rests[_WIDTH - 1]) if len(rests) >= _WIDTH else self.start

    def _rest(self, combination: Combination) -> float:
        known, run = self._tried.get(together(combination), (np.inf, None))
        return np.inf if run is None else known

    def _reproduces(self, combination: Combination) -> bool:
        # Numbers measured to three digits may leave 0.2% of the difference.
        return self._rest(combination) <= max(self.rounding, 0.002 * self.start)

    def _diagnosis(self, best: Combination, ranked: list[Combination]) -> Diagnosis:
        """Return the diagnosis of the simplest combination that does what the best one does.

        If several do the same steps, one that gives the losses that the loop returned.
        """
        as_near = max(self.rounding, 3 * self._rest(best))
        for mistake in best:
            without = tuple(other for other in best if other is not mistake)
            if self._try(together(without)) <= as_near:
                best = without
        all_alike = sorted((c for c in ranked if self._rest(c) <= as_near), key=len)
        alike = [c for c in all_alike if len(c) == len(best)]
        alike = self._told_by_the_losses(alike or [best], best, as_near, all_alike) or alike
        best = alike[0] if alike else best
        # Of those that do the same, the ones that are as likely.
        likely = [c[0] for c in alike if len(c) == len(best) == 1 and c != best]
        others = [m for m in likely if m.rare == best[0].rare] if len(best) == 1 else []
        return Diagnosis(
            mistakes=self._shares(best),
            rest=self._rest(best),
            run=self._run(best),
            deviation=together(best),
            reproduces=self._reproduces(best),
            alike=tuple(others),
        )

    def _told_by_the_losses(self, alike, best, as_near: float, all_alike) -> list[Combination]:
        """Return which of the combinations that make the same steps gives the losses returned."""
        rare: list[Combination] = []
        for made in (
            lambda: alike,
            lambda: self._at_another_rate(best, as_near),
            lambda: all_alike,
        ):
            combinations = made()  # the rates are measured only where they are needed
            found = [c for c in combinations if self._gives_the_losses(c)]
            if likely := [c for c in found if not any(mistake.rare for mistake in c)]:
                return likely
            rare = rare or found
        return [c for c in all_alike if self._sums_up_samples(c)] or rare

    def _at_another_rate(self, best: Combination, as_near: float) -> Iterator[Combination]:
        """Yield what makes the same steps, with a factor on the rate instead of the loss."""
        rest = tuple(m for m in best if not set(m.changes) & {"scale", "reduction"})
        for factor in rates(self, together(rest)):
            if self._try(together((*rest, factor))) <= as_near:
                yield *rest, factor

    def _shares(self, mistakes: Iterable[Mistake]) -> dict[Mistake, float]:
        """Return what each mistake explains, added to those that explain more; largest first."""
        shares: dict[Mistake, float] = {}
        left, before = list(mistakes), self.start
        while left:
            rests = {mistake: self._try(together((*shares, mistake))) for mistake in left}
            following = min(rests, key=rests.__getitem__)
            shares[following] = float(np.clip((before - rests[following]) / self.start, 0.0, 1.0))
            before = rests[following]
            left.remove(following)
        # A rate is the rate of an optimizer: which one comes first.
        return dict(
            sorted(shares.items(), key=lambda pair: ("optimizer" not in pair[0].changes, -pair[1]))
        )

    def _gives_the_losses(self, combination: Combination) -> bool:
        return same_losses(self.losses, self._run(combination).losses["loss"])

    def _sums_up_samples(self, combination: Combination) -> bool:
        """Return whether a combination sums over the samples, and the loop returned their mean."""
        sums = together(combination).reduction in ("sum", "sum over the batch")
        plain = self._run(combination).losses["without the factor"]
        return sums and same_losses(self.losses, plain)

    def _run(self, combination: Combination) -> Run:
        run = self._tried[together(combination)][1]
        assert run is not None
        return run
