"""The slope in a picture: tangents of a curve, arrows against the gradient."""

import numpy as np

from tf_gd.show.frame import inside, slopes_of, values_of
from tf_gd.show.style import INK

_TANGENT, _ARROW = "#D55E00", "#009E73"
_HALF_TANGENT, _LENGTH = 0.07, 0.08  # on the page, as a share of the axes' width


def draw_tangents(ax, x, heights, slopes) -> None:
    """Draw a piece of the tangent at each point of a curve, all equally long on the page.

    Args:
        ax: with its limits set.
        x, heights, slopes: ``(n,)``.
    """
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    box = ax.get_window_extent()
    one_x, one_y = box.width / (right - left), box.height / (high - low)  # in pixels
    with np.errstate(all="ignore"):
        half = _HALF_TANGENT * box.width / np.hypot(one_x, slopes * one_y)
    style = dict(color=_TANGENT, linestyle="-", linewidth=2.0, zorder=3, gid="tangent")
    label = "tangent: slope $f'(x)$"
    for number in np.flatnonzero(np.isfinite(half * slopes * heights)):
        ends = np.array([-half[number], half[number]])
        (line,) = ax.plot(x[number] + ends, heights[number] + slopes[number] * ends, **style)
        line.set_label(label)
        label = ""


def draw_arrows(ax, objective, points, frame, grid) -> None:
    """Draw equally long arrows against the gradient, and the level line of each point.

    Args:
        ax: gets the same scale on both axes.
        objective: callable on an array ``(..., 2)``.
        points: ``(n, 2)``; those outside the frame have no arrow, nor those without a gradient.
        frame: ``(2, 2)``.
        grid: x1, x2 and f, ``(rows, columns)`` each, to draw the level lines.
    """
    points = points[inside(frame, points)]
    slopes = slopes_of(objective, points, frame)
    known = np.isfinite(slopes).all(axis=1)
    points, slopes = points[known], slopes[known]
    ax.set_aspect("equal", adjustable="box")
    if not len(points):
        return
    x1, x2, f = grid
    finite, heights = f[np.isfinite(f)], np.unique(values_of(objective, points))
    low, high = finite.min(initial=np.inf), finite.max(initial=-np.inf)
    heights = heights[(low < heights) & (heights < high)]
    if len(heights):
        f = np.where(np.isfinite(f), f, np.nan)
        ax.contour(x1, x2, f, heights, colors=[INK], linewidths=0.9, linestyles="-")
        style = dict(color=INK, linewidth=0.9, linestyle="-")
        ax.plot([], [], **style, label="level line there")
    length = _LENGTH * np.ptp(frame, axis=1).max()
    u, v = (-length * slopes / np.linalg.norm(slopes, axis=1, keepdims=True)).T
    style = dict(color=_ARROW, width=0.006, zorder=5)
    ax.quiver(*points.T, u, v, angles="xy", scale_units="xy", scale=1, **style)
    style = dict(color=_ARROW, marker=r"$\rightarrow$", markersize=14, linestyle="none")
    ax.plot([], [], **style, label="against the gradient")
