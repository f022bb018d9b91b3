"""The loss of a network on a plane through its weights."""

import numpy as np
from matplotlib.colors import LogNorm

from tf_gd import _checks
from tf_gd.show.labels import place_legend
from tf_gd.show.style import BY_HAND, INK, on, styled


@styled
def plot_surface(surface, ax=None, levels: int = 20):
    """Draw level lines of a :class:`tf_gd.networks.loss_surface.LossSurface`, the path, and the
    model.

    Args:
        surface: what :func:`tf_gd.loss_surface` returned.
        ax: where to draw; new axes by default.
        levels: how many level lines, evenly spaced in the logarithm of the loss.

    Returns:
        The axes.
    """
    _checks.has("surface", surface, ("losses", "path", "a", "b"), "what tf_gd.loss_surface returns")
    levels = _checks.whole_number("levels", levels, minimum=2, maximum=1000)
    ax = on(ax)
    losses = np.where(np.isfinite(surface.losses), surface.losses, np.nan)
    low, high = np.nanmin(losses), np.nanmax(losses)
    if 0 < low < high:
        spaced = np.geomspace(low, high, levels)
        norm = LogNorm(low, high)
        drawn = ax.contourf(surface.a, surface.b, losses, spaced, norm=norm, cmap="viridis")
    else:
        drawn = ax.contourf(surface.a, surface.b, losses, levels, cmap="viridis")
    bar = ax.figure.colorbar(drawn, ax=ax, label="loss", format="%.3g")
    bar.minorticks_off()
    explained = ""
    if len(surface.path):
        ax.plot(
            *surface.path.T,
            marker="o",
            markersize=3,
            **{**BY_HAND, "color": "white", "linewidth": 1.2},
        )
        start = dict(color="white", markeredgecolor=INK, markersize=9, linestyle="none")
        ax.plot(*surface.path[0], "o", **start, label="start")
        explained = f": {surface.explained:.1%} of the path lies in this plane"
    model = dict(color="#D55E00", markeredgecolor="white", markersize=15, linestyle="none")
    ax.plot(0.0, 0.0, "*", **model, label="the model")
    ax.set(
        xlabel="along direction 1",
        ylabel="along direction 2",
        xlim=surface.a[[0, -1]],
        ylim=surface.b[[0, -1]],
    )
    ax.set_title(f"loss on a plane through the weights{explained}")
    ax.grid(visible=False)
    place_legend(ax, np.concatenate([surface.path.reshape(-1, 2), [[0.0, 0.0]]]))
    return ax
