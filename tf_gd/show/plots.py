"""Pictures of paths: on level lines in two dimensions, over the slope in one."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LogNorm

from tf_gd import _checks
from tf_gd.show.curves import plot_losses
from tf_gd.show.style import BY_HAND, INK, OWN, listed, on, styled


@styled
def plot_trajectory(trajectory, objective=None, ax=None):
    """Draw a path in the way that suits its dimension: f and f' in 1-D, contours in 2-D, else the loss.

    Args:
        trajectory: a :class:`tf_gd.Trajectory`.
        objective: the function to draw; by default the one the path was made on, if it is still known.
        ax: where to draw; two of them, one above the other, in 1-D. New ones by default.

    Returns:
        The axes.
    """
    check_path("trajectory", trajectory)
    objective = objective if objective is not None else trajectory.objective
    if objective is None or trajectory.points.shape[1] > 2:
        return plot_losses({"by hand": trajectory}, ax=ax)
    if trajectory.points.shape[1] == 1:
        return plot_steps(trajectory, objective, axes=ax)
    return plot_contours(objective, {"": trajectory}, ax=ax)


@styled
def plot_contours(objective, trajectories, ax=None, levels: int = 24):
    """Draw paths on the level lines of a function of two variables, spaced evenly in the logarithm of f - lowest f.

    Args:
        objective: callable on an array ``(..., 2)``, with ``domain``, ``minima`` and ``name`` if it has them.
        trajectories: ``{label: Trajectory}``; at most six.
        ax: where to draw; new axes by default.
        levels: how many level lines.

    Returns:
        The axes.
    """
    if not isinstance(trajectories, dict):
        raise TypeError(f"trajectories: got {type(trajectories).__name__}, expected a dict from labels to trajectories.")
    for run in trajectories.values():
        check_path("trajectories", run, dim=2)
    levels = _checks.whole_number("levels", levels, minimum=2, maximum=1000)
    minima = _minima(objective, 2)
    ax = on(ax)
    frame = _frame(objective, trajectories, minima)
    x1, x2 = np.meshgrid(_between(frame[0], 241), _between(frame[1], 241))
    f = values_of(objective, np.stack([x1, x2], axis=-1))
    _draw_level_lines(ax, x1, x2, f, values_of(objective, minima), levels)

    cycle = list(mpl.rcParams["axes.prop_cycle"])
    for number, (label, trajectory) in enumerate(trajectories.items()):
        _draw_path(ax, trajectory, frame, label, OWN.get(label, cycle[number % len(cycle)]))
    if len(minima):
        ax.plot(*minima.T, "X", color="#000000", markersize=8, markeredgecolor="white", label="known minimum", zorder=6)
    ax.set(xlim=frame[0], ylim=frame[1], xlabel="$x_1$", ylabel="$x_2$", title=getattr(objective, "formula", "") or None)
    ax.grid(visible=False)
    ax.legend(loc="upper right", fontsize=8, frameon=True, framealpha=0.9)
    return ax


@styled
def plot_steps(trajectory, objective, axes=None):
    """Draw f above f' for a function of one variable, with the steps on both.

    A step goes against the sign of f': to the left where f' is positive, to the right where it is negative.

    Args:
        trajectory: a :class:`tf_gd.Trajectory` of dimension 1.
        objective: callable on an array ``(..., 1)``, with ``domain`` and ``minima`` if it has them.
        axes: two axes, one above the other; new ones by default.

    Returns:
        The two axes.
    """
    check_path("trajectory", trajectory, dim=1)
    minima = _minima(objective, 1)
    top, bottom = _one_above_the_other(axes)
    frame = _frame(objective, {"": trajectory}, minima)[0]
    x = _between(frame, 1001)
    f = np.asarray(values_of(objective, x[:, None]), dtype="float64")
    slope = np.gradient(f, x)
    path = trajectory.points[:, 0].astype("float64")
    inside = (path >= frame[0]) & (path <= frame[1])
    left = None if inside.all() else int(np.argmin(inside))  # the first record outside
    path = path[: None if left is None else left + 1]
    signs = np.sign(values_of(objective, path[:, None] + 1e-3) - values_of(objective, path[:, None] - 1e-3))
    recorded = {"$f(x)$": trajectory.losses, "$f'(x)$": trajectory.gradient_norms}

    for ax, curve, name in ((top, f, "$f(x)$"), (bottom, slope, "$f'(x)$")):
        ax.plot(x, curve, color=INK, linestyle="-", linewidth=1.2)
        heights = recorded[name][: len(path)] * (signs if ax is bottom else 1.0)
        ax.plot(path, heights, marker="o", **{**BY_HAND, "linewidth": 0.9}, label=f"{trajectory.steps} steps")
        ax.plot(path[:1], heights[:1], "o", color="white", markeredgecolor=BY_HAND["color"], markersize=9, label="start")
        if left is None:
            ax.plot(path[-1:], heights[-1:], "*", color=BY_HAND["color"], markersize=13, label="end")
        for point in minima[:, 0]:
            ax.axvline(point, color="#000000", linestyle=":", linewidth=1.0)
        ax.set(ylabel=name, xlim=frame)
        finite = curve[np.isfinite(curve)]
        if len(finite) and np.ptp(finite) > 0:
            margin = 0.08 * np.ptp(finite)
            ax.set_ylim(finite.min() - margin, finite.max() + 2 * margin)
    bottom.axhline(0.0, color=INK, linestyle="-", linewidth=0.8)
    bottom.set(xlabel="$x$")
    if left is not None:
        _say_left(top, trajectory.iterations[left])
    top.set_title(getattr(objective, "formula", "") or None)
    top.legend(loc="upper center", fontsize=8, ncols=3, frameon=True, framealpha=0.9)
    return top, bottom


def check_path(name: str, value, dim: int | None = None) -> None:
    """Raise unless ``value`` is a trajectory, in ``dim`` variables where that is given."""
    _checks.has(name, value, ("points", "losses", "iterations"), "a tf_gd.Trajectory, as tf_gd.gradient_descent returns")
    if dim is not None and value.points.shape[1] != dim:
        raise ValueError(f"{name}: got a path in {value.points.shape[1]} variables, expected one in {dim}.")


def _minima(objective, dim: int) -> np.ndarray:
    """Return the known minima, ``(any, dim)``."""
    if isinstance(objective, type) or not callable(objective):
        raise TypeError(f"objective: got {objective!r}, expected a function, for example tf_gd.objectives.get('booth').")
    known = np.array(() if getattr(objective, "minima", None) is None else objective.minima)
    if known.size and known.ndim > 1 and known.shape[-1] != dim:
        raise ValueError(f"objective: got a function of {known.shape[-1]} variables, expected one of {dim}.")
    return known.reshape(-1, dim)


def _one_above_the_other(axes):
    if axes is None:
        return plt.subplots(2, 1, sharex=True, figsize=(6.4, 6.0))[1]
    pair = listed(axes)
    if len(pair) != 2:
        raise ValueError(f"axes: got {len(pair)}, expected two of them, as plt.subplots(2, 1)[1].")
    return [on(ax) for ax in pair]


def _draw_level_lines(ax, x1, x2, f, known_lowest, levels: int) -> None:
    """Draw level lines, close together around the minimum; evenly where the function falls out of the frame."""
    style = dict(cmap="Greys_r", linewidths=0.7, alpha=0.75)
    f = np.where(np.isfinite(f), f, np.nan)
    if np.isnan(f).all() or np.nanmin(f) == np.nanmax(f):
        text = "undefined everywhere here" if np.isnan(f).all() else "the same everywhere here"
        ax.text(0.5, 0.5, text, transform=ax.transAxes, color=INK, ha="center", gid="no level lines")
        return
    row, column = np.unravel_index(np.nanargmin(f), f.shape)
    on_the_edge = row in (0, f.shape[0] - 1) or column in (0, f.shape[1] - 1)
    if on_the_edge and not len(known_lowest):
        ax.contour(x1, x2, f, levels=levels, **style)
        return
    height = np.maximum(f - min([np.nanmin(f), *known_lowest]), np.finfo("float32").tiny)
    high = np.nanmax(height)
    low = max(np.nanpercentile(height, 0.2), high * 1e-7)
    ax.contour(x1, x2, height, levels=np.geomspace(low, high, levels), norm=LogNorm(low, high), **style)


def _draw_path(ax, trajectory, frame, label, style) -> None:
    points = trajectory.points.astype("float64")
    inside = ((points >= frame[:, 0]) & (points <= frame[:, 1])).all(axis=1)
    drawn = np.clip(np.where(np.isfinite(points), points, 0), frame[:, 0] - 1e3, frame[:, 1] + 1e3)
    stay = len(points) if inside.all() else int(np.argmin(inside)) + 1
    mark = "." if len(points) <= 200 else ""
    ax.plot(*drawn[:stay].T, **style, marker=mark, label=label or f"{trajectory.steps} steps", zorder=4)
    color = style["color"]
    ax.plot(*points[0], "o", color="white", markeredgecolor=color, markersize=8, zorder=5)
    if inside.all():
        ax.plot(*points[-1], "*", color=color, markeredgecolor="white", markersize=14, zorder=7)
    else:
        _say_left(ax, trajectory.iterations[stay - 1], color)


def _say_left(ax, step, color=INK) -> None:
    lines = sum(text.get_gid() == "left" for text in ax.texts)
    text = f"leaves the frame at step {step}"
    ax.text(0.02, 0.03 + 0.06 * lines, text, transform=ax.transAxes, color=color, fontsize=9, weight="bold", gid="left")


def _frame(objective, trajectories, minima) -> np.ndarray:
    """Return what to show, ``(dim, 2)``: the objective's domain, or where the paths and minima are."""
    domain = getattr(objective, "domain", None)
    if domain is not None:
        return np.array(domain)
    points = np.concatenate([*(t.points for t in trajectories.values()), minima]).astype("float64")
    points = points[np.isfinite(points).all(axis=1)]
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.15 * np.maximum(high - low, 1e-3 * np.maximum(np.abs(high), 1.0))
    return np.stack([low - margin, high + margin], axis=1)


def _between(limits, count: int) -> np.ndarray:
    return np.linspace(limits[0], limits[1], count)


def values_of(objective, points) -> np.ndarray:
    """Return f at many points ``(..., dim)``."""
    points = np.asarray(points, dtype="float32")
    try:
        with np.errstate(all="ignore"):
            values = np.asarray(objective(points), dtype="float64")
    except Exception as error:  # of the user's own function
        raise ValueError(
            f"objective: failed at points of shape {points.shape}: {error}. Write it for many points."
        ) from error
    if values.size != points.size // points.shape[-1]:
        raise ValueError(
            f"objective: got values of shape {values.shape} for points of shape {points.shape}, expected "
            f"{points.shape[:-1]}. To draw it, write it for many points at once: x[..., 0] instead of x[0], "
            "and tf.reduce_sum(..., axis=-1)."
        )
    return values.reshape(points.shape[:-1])
