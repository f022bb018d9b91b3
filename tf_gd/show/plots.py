"""Pictures of paths: on level lines in two dimensions, over the slope in one."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LogNorm

from tf_gd import _checks
from tf_gd.show.curves import plot_losses
from tf_gd.show.formula import title_of
from tf_gd.show.frame import (
    between,
    check_path,
    frame_of,
    inside,
    known_minima,
    slopes_of,
    values_of,
    widened,
)
from tf_gd.show.labels import entries, place_legend
from tf_gd.show.levels import heights_of, spaced
from tf_gd.show.slopes import draw_arrows, draw_tangents
from tf_gd.show.style import BY_HAND, INK, OWN, listed, on, styled


@styled
def plot_trajectory(trajectory, objective=None, ax=None, tangents: int = 0, arrows: int = 0):
    """Draw a path as suits its dimension: f and f' in 1-D, level lines in 2-D, else the loss.

    Args:
        trajectory: a :class:`tf_gd.Trajectory`.
        objective: the function to draw; by default the one the path was made on, if it is known.
        ax: where to draw; two of them, one above the other, in 1-D. New ones by default.
        tangents: in 1-D, at how many of the first records to draw the tangent of f.
        arrows: in 2-D, at how many of the first records to draw the direction against the gradient.

    Returns:
        The axes.

    Raises:
        TypeError, ValueError: not a trajectory, or tangents or arrows where they cannot be drawn.

    Examples:
        >>> import tf_gd
        >>> path = tf_gd.gradient_descent("booth", learning_rate=0.1, steps=10)
        >>> plot_trajectory(path, arrows=3).get_title()
        '$f(x) = (x_1 + 2 x_2 - 7)^2 + (2 x_1 + x_2 - 5)^2$'
    """
    check_path("trajectory", trajectory)
    tangents = _checks.whole_number("tangents", tangents, minimum=0)
    arrows = _checks.whole_number("arrows", arrows, minimum=0)
    objective = objective if objective is not None else trajectory.objective
    dim = trajectory.points.shape[1]
    for name, asked, fits, instead in (
        ("tangents", tangents, 1, "arrows"),
        ("arrows", arrows, 2, "tangents"),
    ):
        if asked and objective is None:
            raise ValueError(f"{name}: got {asked}, and no objective: pass the function as well.")
        if asked and dim != fits:
            advice = f"Use {instead}={asked}." if dim < 3 else "The picture is of the loss there."
            got = f"got {asked} for a path in {dim} variables"
            raise ValueError(f"{name}: {got}, expected one in {fits}. {advice}")
    if objective is None or dim > 2:
        return plot_losses({"by hand": trajectory}, ax=ax)
    if dim == 1:
        return plot_steps(trajectory, objective, axes=ax, tangents=tangents)
    return plot_contours(objective, {"": trajectory}, ax=ax, arrows=arrows)


@styled
def plot_contours(objective, trajectories, ax=None, levels: int = 24, arrows: int = 0):
    """Draw paths on level lines of a function of two variables, evenly in log(f - lowest f).

    Args:
        objective: callable on an array ``(..., 2)``, with ``domain``, ``minima``, ``formula`` and
            ``name`` if it has them.
        trajectories: ``{label: Trajectory}``; after the sixth the colours begin again. The legend
            adds the settings of each.
        ax: where to draw; new axes by default.
        levels: how many level lines.
        arrows: at how many of the first records of each path to draw the direction against the
            gradient, with the level line there. Both axes get the same scale, so that the two
            are at right angles in the picture; all arrows have one length.

    Returns:
        The axes.

    Raises:
        TypeError, ValueError: not trajectories in two variables, no function of two variables,
            fewer than two levels, or a negative number of arrows.
    """
    if not isinstance(trajectories, dict):
        got = type(trajectories).__name__
        raise TypeError(f"trajectories: got {got}, expected a dict from labels to trajectories.")
    for run in trajectories.values():
        check_path("trajectories", run, dim=2)
    levels = _checks.whole_number("levels", levels, minimum=2, maximum=1000)
    arrows = _checks.whole_number("arrows", arrows, minimum=0)
    minima = known_minima(objective, 2)
    ax = on(ax)
    frame = frame_of(objective, trajectories, minima)
    frame = widened(frame) if arrows else frame
    x1, x2 = np.meshgrid(between(frame[0], 241), between(frame[1], 241))
    f = values_of(objective, np.stack([x1, x2], axis=-1))
    _draw_level_lines(ax, x1, x2, f, values_of(objective, minima), levels)

    cycle = list(mpl.rcParams["axes.prop_cycle"])
    labels, common = entries(trajectories)
    for number, (label, trajectory) in enumerate(trajectories.items()):
        style = OWN.get(label, cycle[number % len(cycle)])
        _draw_path(ax, trajectory, frame, labels[label], style)
    if len(minima):
        style = dict(color="#000000", markersize=8, markeredgecolor="white", linestyle="none")
        ax.plot(*minima.T, "X", label="known minimum", zorder=6, **style)
    if arrows:
        points = np.concatenate([run.points[:arrows] for run in trajectories.values()])
        draw_arrows(ax, objective, points.astype("float64"), frame, (x1, x2, f))
    ax.set(xlim=frame[0], ylim=frame[1], xlabel="$x_1$", ylabel="$x_2$", title=title_of(objective))
    ax.grid(visible=False)
    drawn = [resampled(run.points) for run in trajectories.values()]
    place_legend(ax, np.concatenate([*drawn, minima]), title=common or None)
    return ax


@styled
def plot_steps(trajectory, objective, axes=None, tangents: int = 0):
    """Draw f above f' for a function of one variable, with the steps on both.

    A step goes against the sign of f': to the left where f' is positive, else to the right.

    Args:
        trajectory: a :class:`tf_gd.Trajectory` of dimension 1.
        objective: callable on an array ``(..., 1)``, with ``domain``, ``minima`` and ``formula`` if
            it has them.
        axes: two axes, one above the other; new ones by default.
        tangents: at how many of the first records to draw a piece of the tangent of f.

    Returns:
        The two axes.

    Raises:
        TypeError, ValueError: not a trajectory or a function of one variable, not two axes, or a
            negative number of tangents.
    """
    check_path("trajectory", trajectory, dim=1)
    tangents = _checks.whole_number("tangents", tangents, minimum=0)
    minima = known_minima(objective, 1)
    top, bottom = _one_above_the_other(axes)
    box = frame_of(objective, {"": trajectory}, minima)
    frame, x = box[0], between(box[0], 1001)
    f = values_of(objective, x[:, None])
    slope = np.gradient(f, x)
    path = trajectory.points.astype("float64")
    seen = inside(box, path)
    left = None if seen.all() else int(np.argmin(seen))  # the first record outside
    path = path[: None if left is None else left + 1]
    signs = np.sign(slopes_of(objective, path, box)[:, 0])  # NaN where rounding hides it
    slopes = trajectory.gradient_norms[: len(path)] * signs
    path, (label,) = path[:, 0], entries({"": trajectory})[0].values()

    recorded = {"$f(x)$": trajectory.losses[: len(path)], "$f'(x)$": slopes}
    color = BY_HAND["color"]
    for ax, curve, (name, heights) in zip((top, bottom), (f, slope), recorded.items(), strict=True):
        ax.plot(x, curve, color=INK, linestyle="-", linewidth=1.2)
        ax.plot(path, heights, marker="o", **{**BY_HAND, "linewidth": 0.9}, label=label)
        start = dict(color="white", markeredgecolor=color, markersize=9, linestyle="none")
        ax.plot(path[:1], heights[:1], "o", **start, label="start")
        if left is None:
            ax.plot(path[-1:], heights[-1:], "*", color=color, markersize=13, label="end")
        for point in minima[:, 0]:
            ax.axvline(point, color="#000000", linestyle=":", linewidth=1.0)
        ax.set(ylabel=name, xlim=frame)
        finite = curve[np.isfinite(curve)]
        if len(finite) and np.ptp(finite) > 0:
            margin = 0.08 * np.ptp(finite)
            ax.set_ylim(finite.min() - margin, finite.max() + (2 + bool(tangents)) * margin)
    bottom.axhline(0.0, color=INK, linestyle="-", linewidth=0.8)
    bottom.set(xlabel="$x$")
    if left is not None:
        _say_left(top, trajectory.iterations[left])
    if tangents:
        shown = slice(min(tangents, len(path) if left is None else left))
        draw_tangents(top, path[shown], recorded["$f(x)$"][shown], slopes[shown])
    top.set_title(title_of(objective))
    top.legend(loc="upper center", fontsize=8, ncols=3, frameon=True, framealpha=0.9)
    return top, bottom


def _one_above_the_other(axes):
    if axes is None:
        return plt.subplots(2, 1, sharex=True, figsize=(6.4, 6.0))[1]
    pair = listed(axes)
    if len(pair) != 2:
        raise ValueError(f"axes: got {len(pair)}, expected two, such as plt.subplots(2, 1)[1].")
    return [on(ax) for ax in pair]


def _draw_level_lines(ax, x1, x2, f, known_lowest, levels: int) -> None:
    """Draw level lines, close around the minimum; evenly if f is lowest on the edge."""
    style = dict(cmap="Greys_r", linewidths=0.7, alpha=0.75)
    heights, logarithmic = heights_of(f, known_lowest)
    if heights is None:
        text = "the same everywhere here" if np.isfinite(f).any() else "undefined everywhere here"
        said = dict(color=INK, ha="center", gid="no level lines")
        ax.text(0.5, 0.5, text, transform=ax.transAxes, **said)
    elif logarithmic:
        at = spaced(heights, levels, logarithmic)
        ax.contour(x1, x2, heights, levels=at, norm=LogNorm(at[0], at[-1]), **style)
    else:
        ax.contour(x1, x2, heights, levels=levels, **style)


def _draw_path(ax, trajectory, frame, label, style) -> None:
    points = trajectory.points.astype("float64")
    seen = inside(frame, points)
    drawn = np.where(np.isfinite(points), points, 0)
    drawn = np.clip(drawn, frame[:, 0] - 1e3, frame[:, 1] + 1e3)
    stay = len(points) if seen.all() else int(np.argmin(seen)) + 1
    mark = "." if len(points) <= 200 else ""
    ax.plot(*drawn[:stay].T, **style, marker=mark, label=label, zorder=4)
    color = style["color"]
    ax.plot(*points[0], "o", color="white", markeredgecolor=color, markersize=8, zorder=5)
    if seen.all():
        ax.plot(*points[-1], "*", color=color, markeredgecolor="white", markersize=14, zorder=7)
    else:
        _say_left(ax, trajectory.iterations[stay - 1], color)


def resampled(points) -> np.ndarray:
    """Return points all along a path, ``(1000, dim)``."""
    at = np.linspace(0, len(points) - 1, 1000)
    return np.stack([np.interp(at, np.arange(len(points)), column) for column in points.T], axis=1)


def _say_left(ax, step, color=INK) -> None:
    lines = sum(text.get_gid() == "left" for text in ax.texts)
    style = dict(color=color, fontsize=9, weight="bold", gid="left")
    text = f"leaves the frame at step {step}"
    ax.text(0.02, 0.03 + 0.06 * lines, text, transform=ax.transAxes, **style)
