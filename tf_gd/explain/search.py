"""Which mistakes, one or a few together, make a loop do what it did: found by trying them.

A beam search: first every mistake alone, then the best with one more, up to ``_DEPTH`` of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tf_gd.explain.deviation import Deviation, Run
from tf_gd.explain.estimates import rates
from tf_gd.explain.experiment import Experiment
from tf_gd.explain.mistakes import MISTAKES, Mistake, together
from tf_gd.explain.traces import traces_of

Combination = tuple[Mistake, ...]

_WIDTH = 6  # how many combinations get one more mistake
_DEPTH = 4  # how many mistakes at most


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

    def __init__(self, experiment: Experiment, weights: np.ndarray, losses: np.ndarray):
        self.experiment, self.weights, self.losses = experiment, weights, losses
        base = experiment.make_steps(Deviation())
        assert base is not None
        self.base, self.rounding = base, 0.0
        self._scale = scale_of(weights, base.weights)
        self.start = residual(base.weights, weights, self._scale)
        # By deviation: its residual and run; or no run, and the residual at which it was given up.
        self._tried: dict[Deviation, tuple[float, Run | None]] = {Deviation(): (self.start, base)}

    def _try(self, deviation: Deviation, worst: float = np.inf) -> float:
        """Return the residual of a deviation; infinite if it fails, or is worse than ``worst``."""
        known, run = self._tried.get(deviation, (-1.0, None))
        if run is not None or worst <= known:
            return np.inf if run is None else known
        total, steps = 0.0, len(self.experiment.batches)

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

    def find(self, rounding: float) -> Diagnosis:
        """Return the fewest mistakes that do what the loop did, or else those that come nearest.

        A residual up to ``rounding`` counts as none.
        """
        self.rounding = rounding
        known = [mistake for mistake in MISTAKES if mistake.possible(self.experiment)]
        traces, seeds = traces_of(self, known)
        known += traces
        in_order = dict.fromkeys([*known, *(mistake for seed in seeds for mistake in seed)])
        order = {mistake: number for number, mistake in enumerate(in_order)}

        def by_simplicity(combination: Combination) -> tuple:
            return len(combination), [order[mistake] for mistake in combination]

        best: Combination = ()
        front: list[Combination] = [(), *seeds]
        ranked: list[Combination] = []
        for _ in range(_DEPTH):
            chosen = {frozenset((*c, m)) for c in front for m in known if _fits(m, c)}
            chosen |= {frozenset(c) for c in front if c and c not in ranked}
            combinations = (tuple(sorted(c, key=order.__getitem__)) for c in chosen)
            rests: list[float] = []
            for combination in sorted(combinations, key=by_simplicity):
                rest = self._try(together(combination), self._worst_of_use(rests))
                rests = sorted([*rests, rest])
                ranked += [combination] if self._rest(combination) < np.inf else []
            ranked.sort(key=lambda c: (max(self._rest(c), self.rounding), *by_simplicity(c)))
            # One more mistake has to take away a tenth of the residual, or nine tenths of it if
            # those found already reproduce the loop.
            enough = 0.1 if self._reproduces(best) else 0.9
            if not ranked or self._rest(ranked[0]) > enough * self._rest(best):
                break
            front = ranked[:_WIDTH]
            best = front[0]
            if self._rest(best) <= self.rounding:
                break
        return self._diagnosis(best, ranked)

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
        for combinations in (alike or [best], self._at_another_rate(best, as_near), all_alike):
            if with_the_losses := list(filter(self._gives_the_losses, combinations)):
                best, alike = with_the_losses[0], with_the_losses
                break
        others = (c[0] for c in alike if len(c) == len(best) == 1 and c != best)
        return Diagnosis(
            mistakes=self._shares(best),
            rest=self._rest(best),
            run=self._run(best),
            deviation=together(best),
            reproduces=self._reproduces(best),
            alike=tuple(others),
        )

    def _at_another_rate(self, best: Combination, as_near: float) -> list[Combination]:
        """Return what makes the same steps, with a factor on the rate instead of the loss."""
        rest = tuple(m for m in best if not set(m.changes) & {"scale", "reduction"})
        factors = ((*rest, factor) for factor in rates(self, together(rest)))
        return [c for c in factors if self._try(together(c)) <= as_near]

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
        return dict(sorted(shares.items(), key=lambda pair: -pair[1]))

    def _gives_the_losses(self, combination: Combination) -> bool:
        return same_losses(self.losses, self._run(combination).losses["loss"])

    def _run(self, combination: Combination) -> Run:
        run = self._tried[together(combination)][1]
        assert run is not None
        return run


def _fits(mistake: Mistake, others: Combination) -> bool:
    return not any(set(mistake.changes) & set(other.changes) for other in others)


def scale_of(*series: np.ndarray) -> np.ndarray:
    """Return how far some series of weights have moved after each step, added up.

    At least a thousandth of the largest movement, so that it can be divided by.
    """
    with np.errstate(all="ignore"):
        moved = sum(np.linalg.norm(weights - weights[0], axis=1)[1:] for weights in series)
    largest = np.max(moved, initial=0.0, where=np.isfinite(moved))
    return np.maximum(moved, 1e-3 * largest) + np.finfo("float64").tiny


def residual(weights: np.ndarray, others: np.ndarray, scale: np.ndarray) -> float:
    """Return the mean distance of two series of weights as a share of the movement, 0 to 1."""
    with np.errstate(all="ignore"):
        distance = np.linalg.norm(weights - others, axis=1)[1:] / scale
    return float(np.mean(np.minimum(np.where(np.isfinite(distance), distance, 1.0), 1.0)))


def same_losses(a: np.ndarray, b: np.ndarray) -> bool:
    """Return whether two series of losses are the same where both are finite.

    Up to 1e-4, as float32 may be summed in another order; ``a`` may be rounded to 2-6 decimals.
    """
    both = np.isfinite(a) & np.isfinite(b)
    if not both.any():
        return False
    a, b = a[both], b[both]
    rounded = (10.0**-n for n in range(2, 7) if np.allclose(a, np.round(a, n), rtol=0, atol=1e-9))
    atol = max(
        1e-6 * np.abs(b).max(), 0.51 * next(rounded, 0.0)
    )  # half of the last decimal, and a bit
    return bool(np.allclose(a, b, rtol=1e-4, atol=atol))
