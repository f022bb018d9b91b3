"""Pictures of many descents: which minimum is reached from where."""

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.transforms import offset_copy

from tf_gd import _checks
from tf_gd.show.formula import title_of
from tf_gd.show.style import INK, on, styled

NOWHERE = "#DDDDDD"
COLOURS = ("#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#F0E442", "#0072B2", "#D55E00")
_MOST_POINTS, _MOST_LABELS, _MOST_ENTRIES = 5000, 16, 8  # more would cover each other
_CROSS = dict(marker="X", markersize=9, markeredgecolor="white")
_RING = dict(marker="o", markersize=8, fillstyle="none", markeredgewidth=2)


@styled
def plot_basins(basins, ax=None):
    """Draw the grid of a :class:`tf_gd.BasinMap`, each point in the colour of its minimum.

    Args:
        basins: what :func:`tf_gd.basin_map` returned.
        ax: where to draw; new axes by default.

    Returns:
        The axes.
    """
    expected = "what tf_gd.basin_map returns"
    _checks.has("basins", basins, ("runs", "label", "x1"), expected)
    ax = on(ax, figsize=(5.6, 6.2))
    colours = ListedColormap([NOWHERE, *_of(range(len(basins.runs.minima)))])
    extent = (*_edges(basins.x1), *_edges(basins.x2))
    shades = dict(cmap=colours, vmin=0, vmax=colours.N - 1, interpolation="nearest")
    ax.imshow(basins.label + 1, origin="lower", extent=extent, **shades)
    ax.set_aspect("auto")
    _mark(ax, basins.runs, extent, "grid")
    ax.set(xlabel="start $x_1$", ylabel="start $x_2$", xlim=extent[:2], ylim=extent[2:])
    return ax


@styled
def plot_starts(runs, ax=None):
    """Draw the starts of a :class:`tf_gd.MultiStart`, in the colours of the minima they reach.

    In two variables on the plane, in one on the curve of the function; in more, a bar shows the
    share of each minimum.

    Args:
        runs: what :func:`tf_gd.multi_start` returned.
        ax: where to draw; new axes by default.

    Returns:
        The axes.
    """
    expected = "what tf_gd.multi_start returns"
    _checks.has("runs", runs, ("starts", "label", "minima"), expected)
    ax = on(ax)
    dim = runs.starts.shape[1]
    if dim > 2:
        return _plot_shares(runs, ax)
    valid = np.flatnonzero(np.isfinite(runs.starts).all(axis=1))
    spread = np.linspace(0, len(valid) - 1, min(len(valid), _MOST_POINTS))
    chosen = valid[spread.astype(int)]
    palette = np.array([NOWHERE, *_of(range(len(runs.minima)))])
    starts, colours = runs.starts[chosen], palette[runs.label[chosen] + 1]
    if dim == 1:
        _plot_on_the_curve(runs, ax, starts, colours)
    else:
        ax.scatter(*starts.T, c=colours, s=10, linewidths=0)
        _mark(ax, runs, (*ax.get_xlim(), *ax.get_ylim()), "starts")
        ax.set(xlabel="start $x_1$", ylabel="start $x_2$")
    return ax


def _plot_on_the_curve(runs, ax, starts, colours) -> None:
    shown = np.concatenate([starts[:, 0], runs.minima[:, 0]])
    x = np.linspace(shown.min(), shown.max(), 801)
    ax.plot(x, np.asarray(runs.objective(x[:, None])), color=INK, linestyle="-", linewidth=1.2)
    heights = np.asarray(runs.objective(starts))
    ax.scatter(starts[:, 0], heights, c=colours, s=18, edgecolors=INK, linewidths=0.3, zorder=3)
    for number, point in enumerate(runs.minima):
        height = float(np.asarray(runs.objective(point[None]))[0])
        label = f"minimum {point[0]:.3g}: {runs.shares[number]:.1%} of the starts"
        label = label if number < _MOST_ENTRIES else ""
        style = dict(marker="X", markersize=12, color=_of([number])[0], markeredgecolor="black")
        ax.plot(point, [height], linestyle="none", **style, label=label, zorder=6)
    ax.set(xlabel="start $x$", ylabel="$f(x)$", title=_title(runs))
    ax.legend(fontsize=8, frameon=True, framealpha=0.9)


def _of(numbers) -> list[str]:
    return [COLOURS[number % len(COLOURS)] for number in numbers]


def _edges(coordinates) -> tuple[float, float]:
    """Return the outer edges of cells with these centres."""
    half = (coordinates[1] - coordinates[0]) / 2
    return coordinates[0] - half, coordinates[-1] + half


def _title(runs) -> str:
    rate, momentum = runs.settings["learning_rate"], runs.settings["momentum"]
    with_momentum = f", momentum {momentum:g}" if momentum else ""
    settled = f"learning rate {rate:g}{with_momentum}: {runs.unsettled:.1%} settle nowhere"
    return "\n".join(line for line in (title_of(runs.objective), settled) if line)


def _mark(ax, runs, extent, of_what: str) -> None:
    """Mark the minima: a cross with the share, a ring where the rate is too large to stay there."""
    few = len(runs.minima) <= _MOST_LABELS
    stay = runs.stable
    for point, share, stays in zip(runs.minima, runs.shares, stay, strict=True):
        ax.plot(*point, color="black", linestyle="none", **(_CROSS if stays else _RING))
        inside = extent[0] <= point[0] <= extent[1] and extent[2] <= point[1] <= extent[3]
        if few and inside:
            low = point[1] < extent[3] - 0.1 * (extent[3] - extent[2])
            place = dict(textcoords="offset points", ha="center", va="bottom" if low else "top")
            box = dict(boxstyle="round,pad=0.15", facecolor="white", alpha=0.75, linewidth=0)
            above = (0, 9 if low else -9)
            ax.annotate(f"{share:.1%}", point, above, **place, fontsize=8, bbox=box)
    ax.grid(visible=False)
    ax.set_title(_title(runs), fontsize=10)
    share = f", with its share of the {of_what}" if few else ""
    keys: list = [_key(_CROSS, f"minimum{share}")] if stay.any() else []
    keys += [] if stay.all() else [_key(_RING, "minimum that this rate is too large to stay at")]
    keys += [Patch(color=NOWHERE, label="settles nowhere")] if (runs.label < 0).any() else []
    under: dict = dict(loc="upper center", bbox_to_anchor=(0.5, 0.0), frameon=False)
    under["bbox_transform"] = offset_copy(ax.transAxes, ax.figure, y=-32, units="points")
    ax.legend(handles=keys, fontsize=8, **under)


def _key(style: dict, label: str) -> Line2D:
    return Line2D([], [], color="black", linestyle="none", label=label, **style)


def _plot_shares(runs, ax):
    shares = [*runs.shares, runs.unsettled, runs.diverged]
    names = [f"minimum {number}" for number in range(len(runs.minima))] + ["nowhere", "diverged"]
    ax.barh(names, shares, color=[*_of(range(len(runs.minima))), NOWHERE, INK])
    ax.invert_yaxis()
    ax.set_axisbelow(True)
    ax.set(xlabel="share of the starts", xlim=(0, 1), title=_title(runs))
    return ax
