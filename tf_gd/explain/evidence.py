"""What is known about two loops: their distance, what rounding hides, the mistakes found."""

from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np

from tf_gd.explain.case import Case
from tf_gd.explain.diagnosis import Diagnosis
from tf_gd.explain.experiment import Experiment
from tf_gd.explain.loops import Loop, places
from tf_gd.explain.residuals import residual, scale_of
from tf_gd.explain.search import Search

# Where rounding may come to a tenth of the movement, no diagnosis can be trusted.
HIDDEN = 0.1

# What layers that compute in 16 bits may differ by, as a share of the movement.
_HALF = {"float16": 2e-3, "bfloat16": 2e-2}


class Evidence:
    """Two loops side by side, ``by_hand`` and ``theirs``, which is Keras's.

    Distances are residuals: the mean over the steps, as a share of the movement, from 0 to 1.
    """

    def __init__(self, case: Case, by_hand: Loop, theirs: Loop, tell: Callable):
        self._tell = tell
        self._modes: dict[bool, list[tuple[str, Loop]]] = {}
        self.case, self.by_hand, self.theirs = case, by_hand, theirs
        ours, expected = np.stack(by_hand.weights), np.stack(theirs.weights)
        self.same = [np.array_equal(*pair) for pair in zip(ours, expected, strict=False)]
        self.identical = all(self.same) and by_hand.failed is None
        with np.errstate(all="ignore"):
            self.apart = np.abs(ours - expected[: len(ours)])
            self.distances = np.linalg.norm(self.apart, axis=1)
        finite = min(np.isfinite(weights).all(axis=1).sum() for weights in (ours, expected))
        self.ours, self.expected = ours[:finite], expected[:finite]  # (finite steps + 1, size)
        self.starts_apart = not self.same[0]

    @cached_property
    def search(self) -> Search:
        """The search among the mistakes, on the loop's initial weights and batches."""
        case, steps = self.case, len(self.ours) - 1
        names = [variable.path for variable in self.by_hand.model.variables]
        given = (case.batches[:steps], case.batch_size, self.by_hand.initial, names)
        weighed = case.weighed_by
        experiment = Experiment(self.theirs.model, case.new_optimizer(), *given, weighed)
        losses = np.array(self.by_hand.losses)[:steps]
        experiment.units = self._units(experiment)
        return Search(experiment, self.ours * experiment.units, losses, self._tell)

    def _units(self, experiment: Experiment) -> np.ndarray:
        """Return a power of two for each number of the weights, by which statistics are divided.

        So that they do not outweigh the weights: those of raw pixels move by thousands.
        """
        both = [self.ours, self.expected[: len(self.ours)]]

        def moved(part) -> float:
            return max(float(np.linalg.norm(w[:, part] - w[0, part], axis=1).max()) for w in both)

        units, spans = np.ones(self.ours.shape[1]), places(experiment)
        weights = [np.arange(self.ours.shape[1])[spans[i]] for i in experiment.trained]
        of_weights = moved(np.concatenate(weights))
        for i in set(spans) - set(experiment.trained):
            share = moved(spans[i]) / of_weights if of_weights else 0.0
            if 1 < share < np.inf:
                units[spans[i]] = 2.0 ** -np.ceil(np.log2(share))
        return units

    @cached_property
    def random(self) -> bool:
        """Whether the model draws random numbers: its seeds have moved."""
        pairs = zip(self.theirs.model.variables, self.theirs.initial, strict=True)
        seeds = (pair for pair in pairs if "seed_generator" in pair[0].path)
        return any(not np.array_equal(seed.numpy(), initial) for seed, initial in seeds)

    def _in_units(self, weights: np.ndarray) -> np.ndarray:
        return weights * self.search.experiment.units

    @cached_property
    def keras_off(self) -> float:
        """The distance of the experiment's steps without a mistake from Keras's own."""
        if self.starts_apart:
            return 0.0
        return _between(self.search.base.weights, self._in_units(self.expected))

    @cached_property
    def near(self) -> float:
        """The distance of the loop from Keras."""
        if self.starts_apart:
            return self.search.start
        return _between(self._in_units(self.ours), self._in_units(self.expected))

    @cached_property
    def hidden(self) -> float:
        """The distance that rounding alone may lead to."""
        scale, steps = scale_of(self.ours, self.expected), np.sqrt(np.arange(1, len(self.ours)))
        # 8 units in the last place for each step, growing like a random walk.
        eps = 8 * np.finfo(self.search.experiment.precision).eps
        shares = eps * steps * np.linalg.norm(self.expected, axis=1)[1:] / scale
        return float(np.mean(shares[scale > 0.1 * scale.max()]))

    @cached_property
    def rounding(self) -> float:
        """The distance up to which weights count as the same."""
        usual = 16 * np.finfo(self.search.experiment.precision).eps
        half = _HALF.get(self.theirs.model.compute_dtype, 0.0)
        return max(usual, 3 * min(self.keras_off, 1e-4), min(self.hidden / 8, HIDDEN), half)

    @cached_property
    def found(self) -> Diagnosis | None:
        """What the search found; None if the difference is rounding."""
        if self.near <= self.rounding:
            return None
        # Rounding is usually 16 units in the last place. 200 of them are still more likely to be
        # rounding than a mistake that does not explain them.
        perhaps = self.near <= max(self.rounding, min(12.5 * self.rounding, 1e-3))
        found = self.search.find(self.rounding, *([1] if perhaps else []))
        explained = found.mistakes and found.reproduces and found.rest < 0.1 * self.near
        same = found.reproduces and not found.mistakes
        return None if not explained and (perhaps or same) else found

    def other_modes(self, xla: bool = True) -> Iterator[tuple[str, np.ndarray, Loop]]:
        """Run Keras in its other modes, unless the initial weights differ: no mode explains it."""
        if xla not in self._modes:
            modes = () if self.starts_apart else self.case.in_other_modes(xla)
            self._modes[xla] = list(modes)
        for name, loop in self._modes[xla]:
            weights = np.stack(loop.weights)[: len(self.ours)]
            if weights.shape == self.ours.shape:
                yield name, weights, loop

    def same_mode(self) -> Loop | None:
        """Return Keras's loop in the mode in which it reaches the same weights, if there is one.

        Only random numbers differ from mode to mode by more than rounding.
        """
        if not self.random:
            return None
        limit = 4 * self.rounding  # each mode rounds in its own way
        same = (loop for _, w, loop in self.other_modes() if _between(self.ours, w) <= limit)
        return next(same, None)

    def unstable_variable(self) -> str:
        """Return the variable farthest apart, if Keras's own modes are as far apart in each.

        The gradient of a bias before BatchNormalization, for example, is only rounding, of which
        Adam makes a whole step.
        """
        experiment = self.search.experiment
        if experiment.by_hand and not experiment.half:
            return ""  # SGD makes of rounding no more than rounding
        spans, eps = places(experiment), np.finfo(experiment.precision).eps
        rounding = 64 * eps * (1 + np.abs(self.expected).max())

        def apart(weights: np.ndarray) -> np.ndarray:
            away = np.abs(weights - self.expected).max(axis=0)
            return np.array([away[place].max(initial=0.0) for place in spans.values()])

        for _, weights, _ in self.other_modes():
            # Three times as far is still as far: amplified rounding differs from run to run.
            if (apart(self.ours) <= np.maximum(3 * apart(weights), rounding)).all():
                return experiment.names[list(spans)[int(np.argmax(apart(self.ours)))]]
        return ""


def _between(weights: np.ndarray, others: np.ndarray) -> float:
    return residual(weights, others, scale_of(weights, others))
