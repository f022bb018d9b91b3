"""Pictures of problems with constraints: where one may be, the paths, and the answers."""

import numpy as np

from tf_gd import _checks
from tf_gd.show.curves import plot_losses
from tf_gd.show.plots import plot_contours
from tf_gd.show.style import BY_HAND, INK, on, styled

_MARKERS = {"analytic": "P", "scipy": "s", "cvxpy": "D", "gradient_descent": "*"}
_FINENESS = 161


class _Drawn:
    """The objective of a problem, for points of any shape."""

    def __init__(self, problem):
        own = problem.objective
        self.name, self.formula, self.domain, self.minima = own.name, own.formula, own.domain, own.minima
        self._f, self._sign = problem.f, -1.0 if problem.sense == "max" else 1.0

    def __call__(self, points):
        points = np.asarray(points)
        return self._sign * self._f.of_many(points.reshape(-1, 2)).reshape(points.shape[:-1])


@styled
def plot_solutions(solutions, ax=None):
    """Draw level lines, what the constraints forbid (hatched), the path of gradient descent and the answers.

    Args:
        solutions: of one problem; in other than two variables the losses of the path are drawn.
        ax: where to draw; new axes by default.

    Returns:
        The axes.
    """
    sized = hasattr(solutions, "__len__") and hasattr(solutions, "__getitem__") and not _checks.is_one_number(solutions)
    if isinstance(solutions, str | dict) or not sized or not len(solutions):
        raise TypeError(f"solutions: got {type(solutions).__name__}, expected a list of what Problem.solve returns.")
    for one in solutions:
        _checks.has("solutions", one, ("problem", "method", "trajectory"), "a list of what Problem.solve returns")
    problem = solutions[0].problem
    paths = {one.method: one.trajectory for one in solutions if one.trajectory is not None}
    if problem.dim != 2:
        if not paths:
            raise ValueError(f"plot: got {problem.dim} variables and no path, expected two variables, or gradient descent.")
        return plot_losses(paths, ax=ax)
    ax = on(ax)
    plot_contours(_Drawn(problem), {name.replace("_", " "): path for name, path in paths.items()}, ax=ax)
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    grid = np.stack(np.meshgrid(np.linspace(left, right, _FINENESS), np.linspace(low, high, _FINENESS)), axis=-1)
    flat = grid.reshape(-1, 2)
    sides = problem.g.of_many(flat)
    worst = sides.max(axis=1, initial=-np.inf).reshape(grid.shape[:2])
    if sides.shape[1]:
        ax.contourf(grid[..., 0], grid[..., 1], worst, [0.0, np.inf], colors=[INK], alpha=0.12, hatches=["//"])
        ax.contour(grid[..., 0], grid[..., 1], worst, [0.0], colors=[INK], linewidths=1.4)
    for side in problem.h.of_many(flat).T:
        ax.contour(grid[..., 0], grid[..., 1], side.reshape(grid.shape[:2]), [0.0], colors=["#009E73"], linewidths=2.0)
    for size, one in zip((17, 9, 7, 4), solutions, strict=False):
        style = dict(marker=_MARKERS[one.method], markersize=size, linestyle="none", zorder=7, markeredgecolor="white")
        ax.plot(*one.x, label=f"{one.method.replace('_', ' ')}: {one.outcome}", color=BY_HAND["color"], **style)
    ax.set(xlim=(left, right), ylim=(low, high), xlabel="$x_1$", ylabel="$x_2$")
    if 1 / 3 < (right - left) / (high - low) < 3:
        ax.set_aspect("equal")  # a projection is at right angles
    ax.legend(loc="upper right", fontsize=8, frameon=True, framealpha=0.9)
    return ax
