"""Pictures of problems with constraints: the feasible region, the paths and the solutions."""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from tf_gd import _checks
from tf_gd.show.curves import plot_losses
from tf_gd.show.frame import between
from tf_gd.show.labels import place_legend
from tf_gd.show.plots import plot_contours, resampled
from tf_gd.show.style import BY_HAND, INK, on, styled

_SIZES = (17, 9, 7, 4)  # of markers on top of each other
_MARKERS = {"analytic": "P", "scipy": "s", "cvxpy": "D", "gradient_descent": "*"}
_FINENESS = 161  # points a side
_OUT, _EQUAL = "#D55E00", "#009E73"
_MOST_STEPS, _MOST_RECORDS, _VISIBLE = 12, 200, 5e-3  # the last is a share of the frame
_HALVINGS, _LARGEST_RATE = 80, 1e20


class _Drawn:
    """The objective of a problem, for points of any shape."""

    def __init__(self, problem):
        own = problem.objective
        self.name, self.formula, self.domain, self.minima = (
            own.name,
            own.formula,
            own.domain,
            own.minima,
        )
        self._f, self._sign = problem.f, -1.0 if problem.sense == "max" else 1.0

    def __call__(self, points):
        points = np.asarray(points)
        return self._sign * self._f.of_many(points.reshape(-1, 2)).reshape(points.shape[:-1])


@styled
def plot_solutions(solutions, ax=None):
    """Draw level lines, the infeasible region (hatched), the paths and the solutions.

    Of projected gradient descent, each of the first steps that leaves the sets is drawn in two
    parts: against the gradient, out to ``x_k - rate gradient(x_k)``, and dashed, back to its
    projection ``x_(k+1)``.

    Args:
        solutions: of one problem; unless it has two variables, the losses are drawn.
        ax: where to draw; new axes by default.

    Returns:
        The axes.

    Raises:
        TypeError, ValueError: not a list of solutions, or nothing to draw in it.

    Examples:
        >>> import tf_gd
        >>> half_plane = tf_gd.constraints.HalfSpace([1.0, 1.0], 2.0)
        >>> problem = tf_gd.Problem("lecture_bowl", start=[-1.0, 2.0], within=[half_plane])
        >>> plot_solutions([problem.solve(learning_rate=0.2)]).get_title()
        'minimise $f(x) = (x_1 - 3)^2 + (x_2 - 3)^2$ within the constraints'
    """
    sized = hasattr(solutions, "__len__") and hasattr(solutions, "__getitem__")
    one_number = _checks.is_one_number(solutions)
    if isinstance(solutions, str | dict) or not sized or one_number or not len(solutions):
        got, expected = type(solutions).__name__, "a list of what Problem.solve returns"
        raise TypeError(f"solutions: got {got}, expected {expected}.")
    for one in solutions:
        expected = "a list of what Problem.solve returns"
        _checks.has("solutions", one, ("problem", "method", "trajectory"), expected)
    problem = solutions[0].problem
    names = _names(solutions)
    found = zip(names, solutions, strict=True)
    paths = {name: one.trajectory for name, one in found if one.trajectory is not None}
    if problem.dim != 2:
        if not paths:
            got = f"{problem.dim} variables and no path"
            raise ValueError(f"plot: got {got}, expected two variables, or gradient descent.")
        return plot_losses(paths, ax=ax)
    ax = on(ax)
    plot_contours(_Drawn(problem), paths, ax=ax)
    (left, right), (low, high) = limits = ax.get_xlim(), ax.get_ylim()
    keys = _draw_constraints(ax, problem, limits)
    for path in paths.values():
        _draw_two_part_steps(ax, two_part_steps(problem, path))
    for number, (name, one) in enumerate(zip(names, solutions, strict=True)):
        size = _SIZES[min(number, len(_SIZES) - 1)]
        style = dict(marker=_MARKERS[one.method], markersize=size, linestyle="none", zorder=7)
        style |= dict(color=BY_HAND["color"], markeredgecolor="white")
        ax.plot(*one.x, label=f"{name}: {one.outcome}", **style)
    ax.set(xlim=(left, right), ylim=(low, high), xlabel="$x_1$", ylabel="$x_2$")
    if 1 / 3 < (right - left) / (high - low) < 3:
        ax.set_aspect("equal")  # a projection is at right angles
    verb = "maximise" if problem.sense == "max" else "minimise"
    ax.set_title(f"{verb} {ax.get_title()}{' within the constraints' if keys else ''}")
    for line in ax.lines:
        if keys and line.get_label() == "known minimum":
            line.set_label("minimum without the constraints")
    handles = [*ax.get_legend_handles_labels()[0], *keys]
    drawn = [
        np.array([one.x for one in solutions]),
        *(resampled(path.points) for path in paths.values()),
    ]
    place_legend(ax, np.concatenate(drawn), handles=handles)
    return ax


def _names(solutions) -> list[str]:
    """Return each solution's method, numbered where it was used more than once."""
    methods = [one.method.replace("_", " ") for one in solutions]
    before = [methods[: number + 1].count(method) for number, method in enumerate(methods)]
    again = zip(methods, before, strict=True)
    return [f"{method} {n}" if methods.count(method) > 1 else method for method, n in again]


def _draw_constraints(ax, problem, limits) -> list:
    """Hatch the infeasible region, draw the equality constraints; return the legend's entries."""
    grid = np.stack(np.meshgrid(*(between(limit, _FINENESS) for limit in limits)), axis=-1)
    flat = grid.reshape(-1, 2)
    keys: list = []
    sides = problem.g.of_many(flat)
    if sides.shape[1]:
        worst = sides.max(axis=1).reshape(grid.shape[:2])
        style = dict(alpha=0.12, hatches=["//"])
        ax.contourf(grid[..., 0], grid[..., 1], worst, [0.0, np.inf], colors=[INK], **style)
        ax.contour(grid[..., 0], grid[..., 1], worst, [0.0], colors=[INK], linewidths=1.4)
        keys.append(Patch(facecolor="#DDDDDD", edgecolor=INK, hatch="//", label="not allowed"))
    for number, side in enumerate(problem.h.of_many(flat).T):
        style = dict(colors=[_EQUAL], linewidths=2.0)
        ax.contour(grid[..., 0], grid[..., 1], side.reshape(grid.shape[:2]), [0.0], **style)
        if number == 0:
            keys.append(Line2D([], [], color=_EQUAL, linestyle="-", label="equality constraint"))
    return keys


def two_part_steps(problem, path) -> np.ndarray:
    """Return the projected steps that leave the sets, ``(n, 3, dim)``: from where, out, and back.

    ``out = x_k - rate gradient(x_k)``, and its projection is ``x_(k+1)``. A rate that the solver
    found at each step is found in the same way: twice the one before, halved until the projection
    is the next record and the curvature along the step is at most 1 / rate.

    Args:
        problem: with ``f.first(x)``, the value and the gradient, and ``region.project``.
        path: of its gradient descent. There are none with multipliers.
    """
    steps: list[list[np.ndarray]] = []
    if not problem.within or problem.inequality or problem.equality:
        return np.zeros((0, 3, problem.dim))
    points = path.points[: _MOST_RECORDS + 1]
    rate = given = path.settings.get("learning_rate")
    gradients = [problem.f.first(point)[1] for point in points]
    for x, after, here, there in zip(points, points[1:], gradients, gradients[1:], strict=False):
        step, rate = after - x, given or min(2 * (rate or 0.5), _LARGEST_RATE)
        exactly = 1e-6 * np.abs(step).max() + 1e-9 * (1 + np.abs(x).max())
        for _ in range(1 if given else _HALVINGS):
            out = x - rate * here
            flat = given or rate * ((there - here) @ step) <= step @ step
            if flat and np.abs(problem.region.project(out) - after).max() <= exactly:
                if np.abs(out - after).max() > exactly:
                    steps.append([x, out, after])
                break
            rate /= 2
    return np.array(steps).reshape(-1, 3, problem.dim)


def _draw_two_part_steps(ax, steps: np.ndarray) -> None:
    """Draw the first steps that are long enough to be seen: out, and dashed back."""
    widths = np.abs([np.diff(ax.get_xlim())[0], np.diff(ax.get_ylim())[0]])
    long = (np.abs(np.diff(steps, axis=1)) > _VISIBLE * widths).any(axis=-1).all(axis=-1)
    moving = (np.abs(steps[:, 2] - steps[:, 0]) > _VISIBLE * widths).any(axis=1)
    labels = ["against the gradient, out", "back: the projection"]
    for begin, out, end in steps[long & moving][:_MOST_STEPS]:
        style = dict(color=_OUT, linewidth=1.3, zorder=5)
        ax.plot(*np.stack([begin, out]).T, linestyle="-", **style, label=labels[0], gid="out")
        ax.plot(*np.stack([out, end]).T, linestyle="--", **style, label=labels[1], gid="back")
        ax.plot(*out, "o", markersize=4, color="white", markeredgecolor=_OUT, zorder=6)
        labels = ["", ""]
