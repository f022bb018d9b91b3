"""Where many descents ended: shares, probabilities, pictures."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import stats

from tf_gd import _checks, rates
from tf_gd.many_starts.minima import finite
from tf_gd.show.table import table
from tf_gd.toy.objectives import Objective

_LISTED = 12  # minima in a table, which then fits on a screen


@dataclass(frozen=True, eq=False)
class MultiStart:
    """Where many descents ended.

    Attributes:
        objective: the function descended on.
        starts: ``(n, dim)``.
        final: ``(n, dim)``, the last points; NaN for starts that are not finite.
        losses: ``(n,)``, f at the last points.
        gradient_norms: ``(n,)``, at the last points.
        label: ``(n,)``, the index in ``minima`` of the minimum reached; -1 for none.
        minima: ``(m, dim)``, first the known ones in the order of the objective, then those found,
            the lowest first.
        limits: ``(m,)``, 2 / L at each minimum, L the largest eigenvalue of the Hessian: with a
            larger learning rate and no momentum, gradient descent cannot stay there. NaN where
            there is no second derivative.
        settings: the arguments of the run, text and numbers.
    """

    objective: Objective
    starts: np.ndarray
    final: np.ndarray
    losses: np.ndarray
    gradient_norms: np.ndarray
    label: np.ndarray
    minima: np.ndarray
    limits: np.ndarray
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def invalid(self) -> np.ndarray:
        """The indices of the starts that are not finite."""
        return np.flatnonzero(~finite(self.starts))

    @property
    def _valid(self) -> int:
        return int(finite(self.starts).sum())

    @property
    def shares(self) -> np.ndarray:
        """The share of the starts that reached each minimum, ``(m,)``."""
        hits = np.bincount(self.label[self.label >= 0], minlength=len(self.minima))
        return hits / max(self._valid, 1)

    @property
    def stable(self) -> np.ndarray:
        """Whether descent with this rate and momentum can stay at each minimum; true if unknown."""
        used = self.settings
        limits = rates.limit(2 / self.limits, used["momentum"], used["nesterov"])
        return ~(used["learning_rate"] > limits)

    @property
    def diverged(self) -> float:
        """The share of the starts whose descent overflowed."""
        return float(self._valid - finite(self.final).sum()) / max(self._valid, 1)

    @property
    def unsettled(self) -> float:
        """The share of the starts that ended at a finite point, but at no minimum."""
        return float(((self.label < 0) & finite(self.final)).sum()) / max(self._valid, 1)

    def hit_probability(
        self, trials: int, minimum: int = 0, confidence: float = 0.95
    ) -> tuple[float, float, float]:
        """Return the probability that one of several random starts reaches a minimum.

        With the share p of starts that reach it, it is 1 - (1 - p)^trials.

        Args:
            trials: the number of starts.
            minimum: the index of the minimum.
            confidence: of the interval, which is exact for random starts (Clopper and Pearson,
                1934).

        Returns:
            The estimate, and the lower and upper end of the interval.

        Examples:
            >>> import tf_gd
            >>> runs = tf_gd.multi_start("double_well", 1000, learning_rate=0.05, steps=200, seed=0)
            >>> runs.hit_probability(0)
            (0.0, 0.0, 0.0)
        """
        last = max(len(self.minima) - 1, 0)
        trials = _checks.whole_number("trials", trials, minimum=0)
        minimum = _checks.whole_number("minimum", minimum, minimum=0, maximum=last)
        confidence = _checks.number("confidence", confidence, above=0.0, maximum=1.0)
        hits = int((self.label == minimum).sum())
        test = stats.binomtest(hits, self._valid)
        interval = test.proportion_ci(confidence_level=confidence, method="exact")
        p = np.array([hits / self._valid, interval.low, interval.high])
        with np.errstate(divide="ignore"):  # log(0) for p = 1, which gives 1
            estimate, low, high = -np.expm1(trials * np.log1p(-p)) if trials else np.zeros(3)
        return float(estimate), float(low), float(high)

    def __str__(self) -> str:
        used, left_out, minima = self.settings, self.invalid, len(self.minima)
        listed = _LISTED if minima > _LISTED + 1 else minima
        rows = []
        for point, share, limit in zip(
            self.minima, self.shares, self.limits[:listed], strict=False
        ):
            value = f"{float(self.objective(point)):.6g}"
            rows.append([f"({_first(4, point, '.4g')})", value, f"{share:.2%}", f"{limit:.4g}"])
        if listed < minima:
            rows.append([f"{minima - listed} more", "", f"{self.shares[listed:].sum():.2%}", ""])
        rows.append(["at no minimum, finite", "", f"{self.unsettled:.2%}", ""])
        rows.append(["diverged", "", f"{self.diverged:.2%}", ""])
        lines = [
            f"{self._valid} starts on {self.objective.name}, {used['steps']} steps, "
            f"learning rate {used['learning_rate']:g}, momentum {used['momentum']:g}"
        ]
        if len(left_out):
            which = _first(5, left_out)
            lines.append(f"{len(left_out)} starts are not finite and were left out: {which}")
        if used.get("interrupted"):
            lines.append("stopped by Ctrl-C: what was not done counts as not finite")
        return "\n".join([*lines, "", table(["minimum", "f", "share", "2 / L"], rows)])

    def plot(self, ax=None):
        """Draw the starts, each in the colour of its minimum, or the shares; return the axes.

        The starts are drawn in one and two dimensions.
        """
        from tf_gd.show.basins import plot_starts

        return plot_starts(self, ax=ax)


@dataclass(frozen=True, eq=False)
class BasinMap:
    """Which minimum a descent reaches from each point of a grid.

    Attributes:
        label: ``(resolution, resolution)``; ``label[i, j]`` belongs to ``x2[i]`` and ``x1[j]``.
        x1, x2: ``(resolution,)``, the coordinates.
        runs: the descents.
    """

    label: np.ndarray
    x1: np.ndarray
    x2: np.ndarray
    runs: MultiStart

    @property
    def shares(self) -> np.ndarray:
        """The share of the grid that belongs to each minimum, ``(m,)``."""
        return self.runs.shares

    @property
    def unsettled(self) -> float:
        """The share of the grid from which no minimum is reached."""
        return self.runs.unsettled

    def __str__(self) -> str:
        return str(self.runs)

    def plot(self, ax=None):
        """Draw the basins; return the axes."""
        from tf_gd.show.basins import plot_basins

        return plot_basins(self, ax=ax)


def _first(most: int, numbers: np.ndarray, form: str = "") -> str:
    dots = ["..."] if len(numbers) > most else []
    return ", ".join([f"{number:{form}}" for number in numbers[:most]] + dots)
