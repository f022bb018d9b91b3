"""Pictures of many descents: which minimum is reached from where."""

import numpy as np
from matplotlib.colors import ListedColormap

from tf_gd import _checks
from tf_gd.show.style import INK, on, styled

_NOWHERE = "#DDDDDD"
_COLOURS = ("#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#F0E442", "#0072B2", "#D55E00")
_MOST_POINTS, _MOST_LABELS = 5000, 16


@styled
def plot_basins(basins, ax=None):
    """Draw the grid of a :class:`tf_gd.BasinMap`, each point in the colour of the minimum it leads to.

    Args:
        basins: what :func:`tf_gd.basin_map` returned.
        ax: where to draw; new axes by default.

    Returns:
        The axes.
    """
    _checks.has("basins", basins, ("runs", "label", "x1"), "what tf_gd.basin_map returns")
    ax = on(ax, figsize=(5.6, 5.8))
    colours = ListedColormap([_NOWHERE, *_of(range(len(basins.runs.minima)))])
    extent = (*_edges(basins.x1), *_edges(basins.x2))
    shades = basins.label + 1
    ax.imshow(shades, origin="lower", extent=extent, cmap=colours, vmin=0, vmax=colours.N - 1, interpolation="nearest")
    ax.set_aspect("auto")
    _mark(ax, basins.runs, extent)
    ax.set(xlabel="$x_1$", ylabel="$x_2$", xlim=extent[:2], ylim=extent[2:])
    return ax


@styled
def plot_starts(runs, ax=None):
    """Draw the starts of a :class:`tf_gd.MultiStart`, in the colours of the minima they reach.

    In two variables on the plane, in one on the curve of the function; in more a bar for the share of each minimum.

    Args:
        runs: what :func:`tf_gd.multi_start` returned.
        ax: where to draw; new axes by default.

    Returns:
        The axes.
    """
    _checks.has("runs", runs, ("starts", "label", "minima"), "what tf_gd.multi_start returns")
    ax = on(ax)
    dim = runs.starts.shape[1]
    if dim > 2:
        return _plot_shares(runs, ax)
    valid = np.flatnonzero(np.isfinite(runs.starts).all(axis=1))
    chosen = valid[np.linspace(0, len(valid) - 1, min(len(valid), _MOST_POINTS)).astype(int)]
    starts, colours = runs.starts[chosen], np.array([_NOWHERE, *_of(range(len(runs.minima)))])[runs.label[chosen] + 1]
    if dim == 1:
        shown = np.concatenate([starts[:, 0], runs.minima[:, 0]])
        x = np.linspace(shown.min(), shown.max(), 801)
        ax.plot(x, np.asarray(runs.objective(x[:, None])), color=INK, linestyle="-", linewidth=1.2)
        heights = np.asarray(runs.objective(starts))
        ax.scatter(starts[:, 0], heights, c=colours, s=18, edgecolors=INK, linewidths=0.3, zorder=3)
        for number, point in enumerate(runs.minima[:, 0]):
            ax.axvline(point, color=_of([number])[0], linestyle=":", label=f"{point:.3g}: {runs.shares[number]:.1%}")
        ax.set(xlabel="$x$", ylabel="$f(x)$")
        ax.legend(fontsize=8)
    else:
        ax.scatter(*starts.T, c=colours, s=10, linewidths=0)
        _mark(ax, runs, (*ax.get_xlim(), *ax.get_ylim()))
        ax.set(xlabel="$x_1$", ylabel="$x_2$")
    ax.set_title(_title(runs), fontsize=10)
    return ax


def _of(numbers) -> list[str]:
    return [_COLOURS[number % len(_COLOURS)] for number in numbers]


def _edges(coordinates) -> tuple[float, float]:
    """Return the outer edges of cells with these centres."""
    half = (coordinates[1] - coordinates[0]) / 2
    return coordinates[0] - half, coordinates[-1] + half


def _title(runs) -> str:
    return f"learning rate {runs.settings['learning_rate']:g}: {runs.unsettled:.1%} settle nowhere"


def _mark(ax, runs, extent) -> None:
    """Mark the minima: a cross with the share where they can be stayed at, a ring where the rate is too large for that."""
    rate, momentum = runs.settings["learning_rate"], runs.settings["momentum"]
    for point, share, limit in zip(runs.minima, runs.shares, runs.limits, strict=True):
        stays = momentum > 0 or not rate > limit
        marker = (
            dict(marker="X", markersize=9) if stays else dict(marker="o", markersize=8, fillstyle="none", markeredgewidth=2)
        )
        ax.plot(*point, color="black", markeredgecolor="white" if stays else "black", linestyle="none", **marker)
        if len(runs.minima) <= _MOST_LABELS and extent[0] <= point[0] <= extent[1] and extent[2] <= point[1] <= extent[3]:
            low = point[1] < extent[3] - 0.1 * (extent[3] - extent[2])
            place = dict(xytext=(0, 9 if low else -9), va="bottom" if low else "top")
            box = dict(boxstyle="round,pad=0.15", facecolor="white", alpha=0.75, linewidth=0)
            ax.annotate(f"{share:.1%}", point, textcoords="offset points", ha="center", fontsize=8, bbox=box, **place)
    ax.grid(visible=False)
    ax.set_title(_title(runs), fontsize=10)


def _plot_shares(runs, ax):
    shares = [*runs.shares, runs.unsettled, runs.diverged]
    names = [f"minimum {number}" for number in range(len(runs.minima))] + ["nowhere", "diverged"]
    ax.barh(names, shares, color=[*_of(range(len(runs.minima))), _NOWHERE, INK])
    ax.invert_yaxis()
    ax.set(xlabel="share of the starts", xlim=(0, 1), title=_title(runs))
    return ax
