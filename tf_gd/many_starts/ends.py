"""Where many descents ended: shares, probabilities, pictures."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import stats

from tf_gd import _checks, rates
from tf_gd.show.table import table
from tf_gd.toy.objectives import Objective

_LISTED = 12  # minima in a table


@dataclass(frozen=True, eq=False)
class MultiStart:
    """Where many descents ended.

    Attributes:
        objective: the function descended on.
        starts: ``(n, dim)``.
        final: ``(n, dim)``, the last points; NaN for starts that are not finite.
        losses: ``(n,)``, f at the last points.
        gradient_norms: ``(n,)``, there.
        label: ``(n,)``, which of ``minima`` was reached; -1 for none.
        minima: ``(m, dim)``, the known ones first, in the order of the objective; then those found, the lowest first.
        limits: ``(m,)``, 2 / L at each minimum, L the largest eigenvalue of the Hessian: with a larger learning rate and no
            momentum gradient descent cannot stay there. NaN where there is no second derivative.
        settings: what was run; text and numbers.
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
        """The indices of starts that are not finite, and went nowhere."""
        return np.flatnonzero(~np.isfinite(self.starts).all(axis=1))

    @property
    def _valid(self) -> int:
        return len(self.starts) - len(self.invalid)

    @property
    def shares(self) -> np.ndarray:
        """The share of the starts that reached each minimum, ``(m,)``."""
        return np.bincount(self.label[self.label >= 0], minlength=len(self.minima)) / max(self._valid, 1)

    @property
    def stable(self) -> np.ndarray:
        """Whether descent with this rate and momentum can stay at each minimum, ``(m,)``; true where that is not known."""
        used = self.settings
        limits = rates.limit(2 / self.limits, used["momentum"], used["nesterov"])
        return ~(used["learning_rate"] > limits)

    @property
    def diverged(self) -> float:
        """The share of the starts that ended in numbers too large to hold."""
        return float((~np.isfinite(self.final).all(axis=1)).sum() - len(self.invalid)) / max(self._valid, 1)

    @property
    def unsettled(self) -> float:
        """The share of the starts that ended at a finite point, but at no minimum: still on the way, or for ever moving."""
        return float(((self.label < 0) & np.isfinite(self.final).all(axis=1)).sum()) / max(self._valid, 1)

    def hit_probability(self, trials: int, minimum: int = 0, confidence: float = 0.95) -> tuple[float, float, float]:
        """Return the probability that at least one of so many random starts reaches a minimum: 1 - (1 - p)^trials.

        Args:
            trials: how many starts.
            minimum: the index of the minimum.
            confidence: of the interval, which is exact (Clopper and Pearson, 1934), for starts drawn at random.

        Returns:
            The estimate, and the lower and upper end of the interval.

        Examples:
            >>> import tf_gd
            >>> runs = tf_gd.multi_start("double_well", 1000, learning_rate=0.05, steps=200, seed=0)
            >>> runs.hit_probability(0)
            (0.0, 0.0, 0.0)
        """
        trials = _checks.whole_number("trials", trials, minimum=0)
        minimum = _checks.whole_number("minimum", minimum, minimum=0, maximum=max(len(self.minima) - 1, 0))
        confidence = _checks.number("confidence", confidence, above=0.0, maximum=1.0)
        hits, n = int((self.label == minimum).sum()), self._valid
        outside = (1 - confidence) / 2
        low = stats.beta.ppf(outside, hits, n - hits + 1) if hits else 0.0
        high = stats.beta.ppf(1 - outside, hits + 1, n - hits) if hits < n else 1.0
        estimate, low, high = (float(-np.expm1(trials * np.log1p(-p))) if p < 1 else 1.0 for p in (hits / n, low, high))
        return (estimate, low, high) if trials else (0.0, 0.0, 0.0)

    def __str__(self) -> str:
        rate, rows = self.settings["learning_rate"], []
        listed = slice(_LISTED if len(self.minima) > _LISTED + 1 else None)
        for point, share, limit in zip(self.minima[listed], self.shares[listed], self.limits[listed], strict=True):
            shown = "(" + ", ".join(f"{x:.4g}" for x in point[:4]) + (", ...)" if len(point) > 4 else ")")
            rows.append([shown, f"{float(self.objective(point)):.6g}", f"{share:.2%}", f"{limit:.4g}"])
        if len(rows) < len(self.minima):
            rows.append([f"{len(self.minima) - len(rows)} more", "", f"{self.shares[len(rows) :].sum():.2%}", ""])
        rows.append(["at no minimum, finite", "", f"{self.unsettled:.2%}", ""])
        rows.append(["diverged", "", f"{self.diverged:.2%}", ""])
        lines = [
            f"{self._valid} starts on {self.objective.name}, {self.settings['steps']} steps, learning rate {rate:g}, "
            f"momentum {self.settings['momentum']:g}"
        ]
        if len(self.invalid):
            shown = ", ".join(map(str, self.invalid[:5])) + (", ..." if len(self.invalid) > 5 else "")
            lines.append(f"{len(self.invalid)} starts are not finite and were left out: {shown}")
        if self.settings.get("interrupted"):
            lines.append("stopped by Ctrl-C: what was not done counts as not finite")
        return "\n".join([*lines, "", table(["minimum", "f", "share", "2 / L"], rows)])

    def plot(self, ax=None):
        """Draw the starts in the colours of the minima they reach (in 1-D and 2-D), or the shares; return the axes."""
        from tf_gd.show.basins import plot_starts

        return plot_starts(self, ax=ax)


@dataclass(frozen=True, eq=False)
class BasinMap:
    """Which minimum a descent reaches from each point of a grid.

    Attributes:
        label: ``(resolution, resolution)``; ``label[i, j]`` belongs to the i-th x2 from below and the j-th x1 from the left.
        x1, x2: ``(resolution,)``, the coordinates.
        runs: the descents themselves.
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
