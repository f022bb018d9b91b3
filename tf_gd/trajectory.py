"""The result of every run: its records, its outcome and its settings. NumPy only."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tf_gd import _checks
from tf_gd._files import read_arrays, whole

OUTCOMES = {
    "converged": "the gradient norm fell to the tolerance, and the loss did not grow",
    "max_steps": "all steps were made",
    "diverged": "the run ended higher than it started",
    "non_finite": "the loss or the gradient became infinite or undefined (NaN)",
    "interrupted": "the run was stopped by Ctrl-C; the records up to there are kept",
}

_ARRAYS = ("points", "losses", "gradient_norms", "iterations")


@dataclass(frozen=True, eq=False)
class Trajectory:
    """The path of one descent.

    Record ``i`` holds x_k, f(x_k) and the norm of the gradient at x_k for ``k = iterations[i]``.
    Record 0 is the start, before any update; the last point is always recorded.

    Attributes:
        points: ``(records, dim)``, in the dtype of the run.
        losses: ``(records,)``, f at each point.
        gradient_norms: ``(records,)``, the Euclidean norm of the gradient at each point.
        iterations: ``(records,)``, the number of updates before each record: ``i * record_every``,
            except for the last.
        outcome: one of :data:`OUTCOMES`.
        settings: objective, rate, momentum, mode, dtype and so on; text and numbers only.
        seconds: the wall-clock time of the loop, without compilation.
        objective: the function descended on, for pictures; not saved to a file.

    Examples:
        >>> path = Trajectory([[4.0], [2.0]], [16.0, 4.0], [8.0, 4.0], [0, 1])
        >>> path.steps, path.final.tolist(), path.outcome
        (1, [2.0], 'max_steps')
    """

    points: np.ndarray
    losses: np.ndarray
    gradient_norms: np.ndarray
    iterations: np.ndarray
    outcome: str = "max_steps"
    settings: dict[str, Any] = field(default_factory=dict)
    seconds: float = float("nan")
    objective: Any = None

    def __post_init__(self):
        for name in _ARRAYS:
            object.__setattr__(self, name, np.asarray(getattr(self, name)))
        shapes = {name: getattr(self, name).shape for name in _ARRAYS}
        records = shapes["points"][:1]
        fit = all(shapes[name] == records for name in _ARRAYS[1:])
        if self.points.ndim != 2 or records == (0,) or not fit:
            needs = "points (records, dim) and three arrays (records,)"
            raise ValueError(f"a trajectory needs {needs}, got {shapes}.")
        if self.outcome not in OUTCOMES:
            expected = ", ".join(OUTCOMES)
            raise ValueError(f"outcome: got {self.outcome!r}, expected one of {expected}.")

    @property
    def steps(self) -> int:
        """The number of updates."""
        return int(self.iterations[-1])

    @property
    def final(self) -> np.ndarray:
        """The last point, ``(dim,)``."""
        return self.points[-1]

    def __repr__(self) -> str:
        return (
            f"Trajectory({self.outcome} after {self.steps} steps, "
            f"loss {self.losses[0]:.6g} -> {self.losses[-1]:.6g}, "
            f"{len(self.points)} records of dimension {self.points.shape[1]})"
        )

    def summary(self) -> dict[str, str]:
        """Return the outcome as text, for a table."""
        dots = ", ..." if len(self.final) > 4 else ""
        return {
            "steps": str(self.steps),
            "outcome": self.outcome,
            "final loss": f"{self.losses[-1]:.9g}",
            "final gradient norm": f"{self.gradient_norms[-1]:.3g}",
            "final point": f"({', '.join(f'{x:.6g}' for x in self.final[:4])}{dots})",
            "time": f"{self.seconds * 1e3:.2f} ms",
        }

    def report(self) -> dict[str, Any]:
        """Return the outcome as numbers, for a program."""
        return {
            "outcome": self.outcome,
            "steps": self.steps,
            "records": len(self.losses),
            "final_loss": float(self.losses[-1]),
            "final_gradient_norm": float(self.gradient_norms[-1]),
            "final_point": self.final.tolist(),
            "seconds": self.seconds,
        }

    def save(self, path) -> Path:
        """Write the trajectory to a file atomically.

        Args:
            path: of the file; ``.npz`` is added if it is missing.

        Returns:
            The path of the file.

        Raises:
            TypeError: `path` is not a path.
            ValueError: the directory does not exist or is not writable.
        """
        path = _checks.path("path", path)
        path = path if path.suffix == ".npz" else path.with_name(path.name + ".npz")
        about = dict(outcome=self.outcome, settings=self.settings, seconds=self.seconds)
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        try:
            with whole(path) as partial:
                np.savez(partial, about=np.array(json.dumps(about)), **arrays)
        except OSError as error:
            wanted = "the name of a file" if path.is_dir() else "a directory you may write to"
            problem = f"cannot write {path} ({error.strerror})"
            raise ValueError(f"path: {problem}, expected {wanted}.") from error
        return path

    @classmethod
    def load(cls, path) -> "Trajectory":
        """Read a trajectory that :meth:`save` wrote.

        Its arrays take at most twice the size of the file in memory.

        Raises:
            TypeError: `path` is not a path.
            FileNotFoundError: the file does not exist.
            ValueError: the file is damaged, or not a saved trajectory.
        """
        path = _checks.path("path", path)
        try:
            arrays = read_arrays(path, [*_ARRAYS, "about"])
            about = json.loads(str(arrays.pop("about")))
            for name, array in arrays.items():
                if array.dtype.kind not in "iuf":
                    raise TypeError(f"{name} are {array.dtype}")
            iterations = arrays["iterations"].astype("float64")
            if (iterations != np.round(iterations)).any() or (np.diff(iterations) < 0).any():
                raise TypeError("iterations are not the numbers of steps in their order")
            settings, seconds = about["settings"], about["seconds"]
            if not isinstance(settings, dict) or not isinstance(seconds, int | float):
                raise TypeError("its settings or its seconds are of another kind")
            return cls(**arrays, outcome=about["outcome"], settings=settings, seconds=seconds)
        except FileNotFoundError:
            raise
        except Exception as error:
            expected = "expected a file written by Trajectory.save, and could not read it"
            raise ValueError(f"path: {path}: {expected} ({error}).") from error

    def plot(self, objective=None, ax=None, *, tangents: int = 0, arrows: int = 0):
        """Draw the path on the contours of f (2-D), f and f' with the steps (1-D), or the loss.

        Args:
            objective: a name, an Objective or a function; by default the one of the run. After
                :meth:`load` it is the objective of that name in the catalogue, if its value at
                the start is the recorded one.
            ax: the axes, two of them in 1-D; new ones by default.
            tangents: in 1-D, how many records, from the first, get a tangent of f.
            arrows: in 2-D, how many records, from the first, get an arrow against the gradient.

        Returns:
            The axes; two of them in 1-D.

        Raises:
            TypeError: `objective` or `ax` has the wrong type.
            ValueError: `tangents` or `arrows` is negative, or used in another dimension.
        """
        from tf_gd.show.plots import plot_trajectory
        from tf_gd.toy.objectives import names, resolve

        if objective is not None:
            objective = resolve(objective, self.points[0])
        elif self.objective is not None:
            objective = self.objective
        elif self.settings.get("objective") in names():
            known = resolve(self.settings["objective"])
            same_dim = known.dim == self.points.shape[1]
            # The run may have had another dimension or condition number than the catalogue's.
            if same_dim and np.allclose(known(self.points[:1]), self.losses[:1], rtol=1e-4):
                objective = known
        return plot_trajectory(self, objective, ax, tangents=tangents, arrows=arrows)
