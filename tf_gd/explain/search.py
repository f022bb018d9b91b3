"""Which mistakes, one or a few together, make a loop do what it did: found by trying them.

A beam search: first every mistake alone, then the best with one more, up to ``_DEPTH`` of them.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tf_gd.explain.deviation import Deviation, Run
from tf_gd.explain.diagnosis import Combination, Diagnosis, diagnosis_of
from tf_gd.explain.evaluations import FIELDS
from tf_gd.explain.experiment import Experiment
from tf_gd.explain.mistakes import MISTAKES, Mistake, fits, together
from tf_gd.explain.possible import CONDITIONS
from tf_gd.explain.residuals import residual, same_losses, scale_of
from tf_gd.explain.traces import traces_of
from tf_gd.explain.variants import variants_of

# A velocity shared by variables of different shapes, for example, or a mask of another rank.
_DOES_NOT_FIT = (ValueError, tf.errors.InvalidArgumentError)
_NEAREST = 16  # how many are tried, and all whose first step is at least as near as Keras's
_WIDTH = 6  # how many combinations get one more mistake
_DEPTH = 4  # how many mistakes at most
_PATIENCE = 6.0  # seconds, after which no further mistake is added to those found
_AT_FIRST = 4.5  # seconds for the mistakes alone, of which at least _WIDTH are tried


def _is_general(mistake: Mistake) -> bool:
    return mistake.possible is CONDITIONS["always"]


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
        self.order: dict[Mistake, int] = {}  # in which to prefer mistakes that do the same
        self.named: Combination = ()
        self._until = np.inf
        # By deviation: its residual and run; or no run, and the residual at which it was given up.
        self._tried: dict[Deviation, tuple[float, Run | None]] = {Deviation(): (self.start, base)}

    def residual_of(self, deviation: Deviation, worst: float = np.inf) -> float:
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
        except _DOES_NOT_FIT:
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
            except _DOES_NOT_FIT:
                share = np.inf
            self._first_steps[deviation] = min(share, 1.0) if np.isfinite(share) else 1.0
        return self._first_steps[deviation]

    def find(self, rounding: float, most: int = _DEPTH) -> Diagnosis:
        """Return the fewest mistakes that do what the loop did, or else those that come nearest.

        A residual up to ``rounding`` counts as none. ``most`` mistakes are tried together, or fewer
        if that takes too long.
        """
        started = time.perf_counter()
        self.rounding, self._until = rounding, started + _AT_FIRST
        known = [mistake for mistake in MISTAKES if mistake.possible(self.experiment)]
        known += variants_of(self.experiment)
        ranked: list[Combination] = []
        self._put_in_order(known)
        self._rank([(mistake,) for mistake in known], ranked, patient=True)
        self.named = tuple(known)
        likely = [c for c in self._exact(ranked) if not c[0].unlikely]
        if any(map(self.gives_the_losses, likely)):
            return diagnosis_of(self, ranked[0], ranked)
        self._until = max(started + _PATIENCE, time.perf_counter() + _AT_FIRST)
        # Beside a first step that is right already, another loss would make it wrong again.
        others = [mistake for mistake in known if not set(FIELDS) & set(mistake.changes)]
        for base in [] if self._exact(ranked) else self._right_at_the_first_step(known):
            self._rank(self._with_one_more(base, others), ranked, patient=True)
            if any(map(self.gives_the_losses, self._exact(ranked))):
                return diagnosis_of(self, ranked[0], ranked)
        traces, seeds = traces_of(self, known)
        known += traces
        self._put_in_order([*known, *(mistake for seed in seeds for mistake in seed)])
        self._rank([*((mistake,) for mistake in traces), *seeds], ranked, patient=True)
        best: Combination = ranked[0] if ranked and self.rest_of(ranked[0]) < self.start else ()
        for number in range(1, most):
            found = self.rest_of(best) <= self.rounding
            told = any(map(self.gives_the_losses, self._exact(ranked)))
            if (found and (told or number > 1)) or time.perf_counter() > self._until:
                break
            # What makes the same steps may still give other losses than the loop.
            bases = [*(seeds if number == 1 else []), *([] if found else ranked[:_WIDTH])]
            for base in sorted(
                dict.fromkeys(bases),
                key=lambda c: (found * len(c), self._nearest(c), *self._by_simplicity(c)),
            ):
                self._rank(self._with_one_more(base, known), ranked, patient=False)
                if any(map(self.gives_the_losses, self._exact(ranked))):
                    break
            # One more mistake has to take away a tenth of the residual, or nine tenths of it if
            # those found already reproduce the loop.
            enough = 0.1 if self.reproduces(best) else 0.9
            if not ranked or self.rest_of(ranked[0]) > enough * self.rest_of(best):
                break
            best = ranked[0]
        return diagnosis_of(self, best, ranked)

    def _rank(
        self, combinations: list[Combination], ranked: list[Combination], patient: bool
    ) -> None:
        """Try combinations, those with the nearest first step first, and sort them into others."""
        in_order = (tuple(sorted(set(c), key=self.order.__getitem__)) for c in combinations)
        new = (c for c in dict.fromkeys(in_order) if patient or time.perf_counter() < self._until)
        first = {c: max(self._first(together(c)), self.rounding) for c in new}
        # What only this model or optimizer allows is tried first, in case the time runs out.
        nearest = sorted(
            first, key=lambda c: (first[c], sum(map(_is_general, c)), *self._by_simplicity(c))
        )
        # A first step farther off than Keras's is rarely of use together with another mistake.
        as_keras = (1 + 1e-6) * max(self._first(Deviation()), self.rounding)
        near = sum(share <= as_keras for share in first.values())
        rests = sorted(self.rest_of(c) for c in ranked)
        for number, combination in enumerate(nearest[: max(near, _NEAREST)]):
            if time.perf_counter() > self._until and not (patient and number < _WIDTH):
                break
            rest = self.residual_of(together(combination), self._worst_of_use(rests))
            rests = sorted([*rests, rest])
            if self.rest_of(combination) < np.inf and combination not in ranked:
                ranked.append(combination)
        ranked.sort(key=lambda c: (max(self.rest_of(c), self.rounding), *self._by_simplicity(c)))

    def _with_one_more(self, base: Combination, known: list[Mistake]) -> list[Combination]:
        return [(*base, mistake) for mistake in known if fits(mistake, base)]

    def _exact(self, ranked: list[Combination]) -> list[Combination]:
        return [c for c in ranked if self.rest_of(c) <= self.rounding]

    def _right_at_the_first_step(self, known: list[Mistake]) -> list[Combination]:
        """Return the mistakes that alone make the loop's first step, where Keras's is another.

        What is wrong besides shows later only: a momentum, a schedule, a last batch. The first step
        of Adam hides too much to tell, but for the loss before it.
        """
        if self._first(Deviation()) <= self.rounding:
            return []
        alone: list[Combination] = [(mistake,) for mistake in self.order if mistake in known]
        enough = 1e-5 if self.experiment.by_hand else 1e-3
        right = [c for c in alone if self._first(together(c)) <= enough]
        if not self.experiment.by_hand:
            of_the_loss = {*FIELDS, "regularised", "reduction"}
            right = [c for c in right if of_the_loss & set(c[0].changes) and self._first_loss(c)]
        return right[:3]

    def _first_loss(self, combination: Combination) -> bool:
        """Return whether a combination has the first loss that the loop returned."""
        losses = self.experiment.first_losses(together(combination))
        return bool(np.isclose(sum(losses), self.losses[0], rtol=1e-5))

    def _put_in_order(self, mistakes: list[Mistake]) -> None:
        in_order = dict.fromkeys(sorted(mistakes, key=lambda mistake: mistake.unlikely))
        self.order = {mistake: number for number, mistake in enumerate(in_order)}

    def _by_simplicity(self, combination: Combination) -> tuple:
        return len(combination), [self.order[mistake] for mistake in combination]

    def _worst_of_use(self, rests: list[float]) -> float:
        """Return the residual above which a deviation is given up, from those of others, sorted."""
        if rests and rests[0] <= self.rounding:
            return max(self.rounding, 3 * rests[0])  # found; only what does the same is of use
        return min(self.start, rests[_WIDTH - 1]) if len(rests) >= _WIDTH else self.start

    def _nearest(self, combination: Combination) -> float:
        """Return how near a combination is, in all steps or in the first, of a promising start."""
        near = min(self.rest_of(combination), self._first(together(combination)))
        return float(f"{near:.1g}")  # what is as near is tried in the order of how likely it is

    def rest_of(self, combination: Combination) -> float:
        """Return the residual of a combination that was tried; infinite if it was given up."""
        known, run = self._tried.get(together(combination), (np.inf, None))
        return np.inf if run is None else known

    def reproduces(self, combination: Combination) -> bool:
        """Return whether a combination does what the loop did."""
        # Numbers measured to three digits may leave 0.2% of the difference.
        return self.rest_of(combination) <= max(self.rounding, 0.002 * self.start)

    def gives_the_losses(self, combination: Combination) -> bool:
        """Return whether a combination has the losses that the loop returned."""
        losses = self.run_of(combination).losses
        # If several steps are made for one, a loop may return the loss of the last.
        kinds = [losses[name] for name in ("loss", "of the last step") if name in losses]
        return any(same_losses(self.losses, one) for one in kinds)

    def run_of(self, combination: Combination) -> Run:
        """Return what a combination does, once it was tried to the end."""
        run = self._tried[together(combination)][1]
        assert run is not None
        return run
