"""What every run returns: aligned records, a typed outcome, and the settings that made them. NumPy only."""

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

    Record ``i`` is the triple (x_k, f(x_k), norm of the gradient at x_k) of the same ``k = iterations[i]``. Record 0
    is the start, before any update; the last point reached is always recorded.

    Attributes:
        points: ``(records, dim)``, in the dtype of the run.
        losses: ``(records,)``, f at each point.
        gradient_norms: ``(records,)``, the Euclidean norm of the gradient at each point.
        iterations: ``(records,)``, how many updates had been made; ``i * record_every`` but for the last.
        outcome: one of :data:`OUTCOMES`.
        settings: what was run: objective, rate, momentum, mode, dtype and so on; text and numbers only.
        seconds: wall-clock time of the loop, compilation not included.
        objective: the function descended on, for pictures; not saved with the trajectory.

    Examples:
        >>> import numpy as np
        >>> path = Trajectory(np.array([[4.0], [2.0]]), np.array([16.0, 4.0]), np.array([8.0, 4.0]), np.array([0, 1]))
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
        records = len(self.points)
        shapes = {name: np.shape(getattr(self, name)) for name in _ARRAYS}
        if self.points.ndim != 2 or records == 0 or any(shapes[name] != (records,) for name in _ARRAYS[1:]):
            raise ValueError(f"a trajectory needs points (records, dim) and three arrays (records,), got {shapes}.")
        if self.outcome not in OUTCOMES:
            raise ValueError(f"outcome: got {self.outcome!r}, expected one of {', '.join(OUTCOMES)}.")

    @property
    def steps(self) -> int:
        """How many updates were made."""
        return int(self.iterations[-1])

    @property
    def final(self) -> np.ndarray:
        """The last point, ``(dim,)``."""
        return self.points[-1]

    def __repr__(self) -> str:
        return (
            f"Trajectory({self.outcome} after {self.steps} steps, loss {self.losses[0]:.6g} -> {self.losses[-1]:.6g}, "
            f"{len(self.points)} records of dimension {self.points.shape[1]})"
        )

    def summary(self) -> dict[str, str]:
        """Return what a table shows of it."""
        point = ", ".join(f"{value:.6g}" for value in self.final[:4]) + (", ..." if len(self.final) > 4 else "")
        return {
            "steps": str(self.steps),
            "outcome": self.outcome,
            "final loss": f"{self.losses[-1]:.9g}",
            "final gradient norm": f"{self.gradient_norms[-1]:.3g}",
            "final point": f"({point})",
            "time": f"{self.seconds * 1e3:.2f} ms",
        }

    def report(self) -> dict[str, Any]:
        """Return the same as numbers, for a program to read."""
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
        """Write the trajectory to ``path`` (``.npz`` is added if missing), whole or not at all; return the path.

        Raises:
            ValueError: the directory is not there or cannot be written to.
        """
        path = _checks.path("path", path)
        path = path if path.suffix == ".npz" else path.with_name(path.name + ".npz")
        about = json.dumps({"outcome": self.outcome, "settings": self.settings, "seconds": self.seconds})
        try:
            with whole(path) as partial:
                np.savez(partial, about=np.array(about), **{name: getattr(self, name) for name in _ARRAYS})
        except OSError as error:
            wanted = "the name of a file" if path.is_dir() else "a directory you may write to"
            raise ValueError(f"path: cannot write {path} ({error.strerror}), expected {wanted}.") from error
        return path

    @classmethod
    def load(cls, path) -> "Trajectory":
        """Read a trajectory written by :meth:`save`; its arrays take no more memory than twice the file's size.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is not a saved trajectory, or is damaged.
        """
        path = _checks.path("path", path)
        try:
            arrays = read_arrays(path, [*_ARRAYS, "about"])
            about = json.loads(str(arrays.pop("about")))
            for name, array in arrays.items():
                if array.dtype.kind not in "iuf":
                    raise TypeError(f"{name} are {array.dtype}")
            if not isinstance(about["settings"], dict) or not isinstance(about["seconds"], int | float):
                raise TypeError("its settings or its seconds are of another kind")
            return cls(**arrays, outcome=about["outcome"], settings=about["settings"], seconds=about["seconds"])
        except FileNotFoundError:
            raise
        except Exception as error:
            raise ValueError(
                f"path: {path}: expected a file written by Trajectory.save, and could not read it ({error})."
            ) from error

    def plot(self, objective=None, ax=None, *, tangents: int = 0, arrows: int = 0):
        """Draw the path on the objective's contours (2-D), f and f' with the steps (1-D), or the loss.

        Args:
            objective: a name, an Objective or a function. It defaults to the one the run was made on,
                and after :meth:`load` to the one of the catalogue that has its name, if there is one.
            ax: where to draw; two axes in 1-D. New ones by default.
            tangents: in 1-D, at how many of the first records to draw the tangent of f.
            arrows: in 2-D, at how many of the first records to draw the way against the gradient.

        Returns:
            The axes; two of them in 1-D.

        Raises:
            TypeError, ValueError: an objective or axes that are none, tangents or arrows in another
                dimension, or less than none of them.
        """
        from tf_gd.show.plots import plot_trajectory
        from tf_gd.toy.objectives import names, resolve

        if objective is not None:
            objective = resolve(objective, self.points[0])
        elif self.objective is not None:
            objective = self.objective
        elif self.settings.get("objective") in names():
            known = resolve(self.settings["objective"])
            if known.dim == self.points.shape[1] and np.allclose(known(self.points[:1]), self.losses[:1], rtol=1e-4):
                objective = known  # and not one of another dimension or condition number, with the same name
        return plot_trajectory(self, objective, ax, tangents=tangents, arrows=arrows)
