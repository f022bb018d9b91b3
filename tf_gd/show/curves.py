"""Curves: the loss over the steps, the distance between two runs, the learning rates beside each other."""

import numpy as np
from matplotlib.ticker import LogLocator, MaxNLocator

from tf_gd import _checks
from tf_gd.show.style import BUILT_IN, BY_HAND, INK, OWN, on, styled


@styled
def plot_losses(runs, ax=None, lowest: float = 0.0, xlabel: str = "step"):
    """Draw losses on a logarithmic scale, run over run.

    Args:
        runs: ``{label: Trajectory or array of losses}``; the labels "by hand" and "built in" get their own colours.
        ax: where to draw; new axes by default.
        lowest: the loss at the minimum, subtracted, so that a linear rate is a straight line.
        xlabel: what the records are counted in.

    Returns:
        The axes.
    """
    if not isinstance(runs, dict) or not runs:
        raise TypeError(f"runs: got {runs!r}, expected a dict, as {{'by hand': trajectory}}.")
    lowest, xlabel = _checks.number("lowest", lowest), _checks.text("xlabel", xlabel)
    all_losses = {label: _checks.array("runs", getattr(run, "losses", run), shape=(None,)) for label, run in runs.items()}
    ax = on(ax)
    for label, run in runs.items():
        losses = all_losses[label] - lowest
        counted = np.asarray(getattr(run, "iterations", np.arange(len(losses))))
        finite = np.isfinite(losses)
        shown = np.where(losses[finite] > 0, losses[finite], np.nan)
        ax.plot(counted[finite], shown, label=label, **OWN.get(label, {}))
        if not finite.all():
            ax.plot(counted[finite][-1:], losses[finite][-1:], "x", color=INK, markersize=8)
    ax.set(yscale="log", xlabel=xlabel, ylabel="loss" if lowest == 0 else "loss above the lowest")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.yaxis.set_major_locator(LogLocator(numticks=8))
    ax.legend()
    return ax


@styled
def plot_distance(iterations, ulp, absolute, title: str = "", ax=None):
    """Draw how far the hand-written run is from the built-in one: ULP to the left, absolute to the right.

    Args:
        iterations: ``(records,)``, after how many updates.
        ulp: ``(records,)``, distance in units in the last place.
        absolute: ``(records,)``, absolute distance.
        title: over the picture.
        ax: where to draw; new axes by default.

    Returns:
        The axes of the ULP.
    """
    iterations = _checks.array("iterations", iterations, shape=(None,))
    ulp, absolute = (
        _checks.array(name, value, shape=iterations.shape) for name, value in (("ulp", ulp), ("absolute", absolute))
    )
    title = _checks.text("title", title)
    ax = on(ax, figsize=(6.4, 3.6))
    same = not np.any(ulp)
    ax.plot(iterations, ulp, **BY_HAND, label="ULP")
    ax.set(xlabel="step", ylabel="distance in ULP", title=title)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if same:
        ax.set(ylim=(-0.5, 4), yticks=range(5))
        ax.text(0.5, 0.5, f"0 ULP at all {len(ulp)} records", transform=ax.transAxes, ha="center", color=INK)
        return ax
    ax.set_yscale("symlog", linthresh=1)
    ax.set_ylim(bottom=0)
    other = ax.twinx()
    other.plot(iterations, np.where(absolute > 0, absolute, np.nan), **BUILT_IN)
    other.set(yscale="log", ylabel="absolute distance (dashed)")
    other.spines["right"].set_visible(True)
    other.grid(visible=False)
    return ax


@styled
def plot_explanation(explained, ax=None, label: str = "your loop to Keras"):
    """Draw how far a loop's weights are from Keras's, and from Keras's with the causes found in it.

    Args:
        explained: what :func:`tf_gd.explain_difference` returns.
        ax: where to draw; new axes by default. Several explanations may be drawn into one.
        label: of the first curve.

    Returns:
        The axes.
    """
    _checks.has("explained", explained, ("distances", "rests", "causes"), "what tf_gd.explain_difference returns")
    label = _checks.text("label", label)
    ax = on(ax)
    steps = np.arange(1, len(explained.distances))
    same_bits = 1e-9  # where a distance of zero is drawn
    drawn = dict(marker="o", markersize=4, linestyle="-")
    (line,) = ax.plot(steps, np.maximum(explained.distances[1:], same_bits), **drawn, label=label)
    if explained.causes:
        drawn = dict(color=line.get_color(), marker="x", markersize=5, linestyle="--")
        ax.plot(steps, np.maximum(explained.rests[1:], same_bits), **drawn)
        for key in [line for line in ax.lines if line.get_gid() == "key"]:
            key.remove()
        ax.plot([], [], **{**drawn, "color": INK}, label="to Keras with the cause in it", gid="key")
        if not ax.texts:
            ax.text(0.02, 0.02, "at the bottom: the same bits", transform=ax.transAxes, color=INK, fontsize=8)
    highest = max(np.nanmax(line.get_ydata(), initial=1e-3) for line in ax.lines if len(line.get_ydata()))
    ax.set(yscale="log", xlabel="step", ylabel="distance of the weights", ylim=(same_bits / 10, 5 * highest))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend(fontsize=8)
    return ax


@styled
def plot_range_test(found, ax=None):
    """Draw the losses of a range test over the learning rate.

    Args:
        found: what :func:`tf_gd.find_learning_rate` returns.
        ax: where to draw; new axes by default.

    Returns:
        The axes.
    """
    _checks.has("found", found, ("rates", "smoothed", "suggestion"), "what tf_gd.find_learning_rate returns")
    ax = on(ax)
    ax.plot(found.rates, found.losses, ".", color=INK, alpha=0.35, markersize=5, label="each batch")
    ax.plot(found.rates, found.smoothed, **BY_HAND, label="averaged")
    ax.axvline(found.suggestion, color="#009E73", linestyle="-.", label=f"begin with {found.suggestion:.2g}")
    if found.exploded is not None:
        ax.axvline(found.exploded, color="#D55E00", linestyle="--", label=f"explodes, {found.exploded:.3g}")
    start, low = found.smoothed[0], found.smoothed.min()
    ax.set(xscale="log", xlabel="learning rate", ylabel="loss")
    fall = max(start - low, 0.1 * abs(start))
    ax.set_ylim(low - 0.2 * fall, start + 0.6 * fall)
    ax.legend(fontsize=8)
    return ax


@styled
def plot_sharpness(epochs, eigenvalues, limits, ax=None):
    """Draw the largest eigenvalue of the Hessian over the epochs, and 2 / learning rate, above which descent is unstable.

    Args:
        epochs: ``(records,)``.
        eigenvalues: ``(records,)``.
        limits: ``(records,)``, 2 / learning rate.
        ax: where to draw; new axes by default.

    Returns:
        The axes.
    """
    epochs = _checks.array("epochs", epochs, shape=(None,))
    eigenvalues = _checks.array("eigenvalues", eigenvalues, shape=epochs.shape)
    limits = _checks.array("limits", limits, shape=epochs.shape)
    ax = on(ax)
    ax.plot(epochs, eigenvalues, **BY_HAND, label="largest eigenvalue")
    ax.plot(epochs, limits, color=INK, linestyle="--", label="2 / learning rate")
    ax.set(xlabel="epoch", ylabel="largest eigenvalue of the Hessian", ylim=(0, None))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend()
    return ax


@styled
def plot_learning_rates(rates, losses, start_loss: float, limit: float | None = None, best: float | None = None, ax=None):
    """Draw the final loss of many runs over their learning rate, with the theory over the measurement.

    Args:
        rates: ``(runs,)``, the learning rates.
        losses: ``(runs,)``, the loss after the same number of steps; infinite or NaN where the run overflowed.
        start_loss: the loss that all runs started from.
        limit: the rate beyond which theory says that the descent diverges, 2 / L.
        best: the rate that theory says is fastest.
        ax: where to draw; new axes by default.

    Returns:
        The axes.
    """
    rates = _checks.array("rates", rates, shape=(None,))
    losses = _checks.array("losses", losses, shape=rates.shape)
    if not ((rates > 0) & (rates < 1e100)).all():
        raise ValueError(f"rates: got {rates.min():g} to {rates.max():g}, expected learning rates: finite, and above 0.")
    start_loss = _checks.number("start_loss", start_loss, minimum=1e-100, maximum=1e100)
    limit = None if limit is None else _checks.number("limit", limit, above=0.0, maximum=1e100)
    best = None if best is None else _checks.number("best", best, above=0.0, maximum=1e100)
    ax = on(ax)
    top, bottom = start_loss * 1e4, max(np.nanmin(losses[losses > 0], initial=start_loss), start_loss * 1e-16)
    shown = np.clip(np.where(np.isfinite(losses), losses, np.inf), bottom, top)
    ax.plot(rates, shown, marker="o", **{**BY_HAND, "linewidth": 1.6}, label="measured")
    ax.axhline(start_loss, color=INK, linestyle=":", linewidth=1.0, label="loss at the start")
    if limit is not None:
        ax.axvline(limit, color="#D55E00", linestyle="--", label=f"limit 2/L = {limit:.4g}")
        ax.axvspan(limit, rates.max(), color="#D55E00", alpha=0.08, linewidth=0)
    if best is not None:
        ax.axvline(best, color="#009E73", linestyle="-.", label=f"fastest, {best:.4g}")
    ax.set(xscale="log", yscale="log", xlabel="learning rate", ylabel="final loss", ylim=(bottom / 5, top * 2))
    ax.xaxis.set_major_locator(LogLocator(numticks=8))
    ax.legend(fontsize=8)
    return ax


@styled
def plot_rate_map(rates, ax=None):
    """Draw the factor of a :class:`tf_gd.rates.RateMap` over learning rate and momentum: dark is fast, hatched diverges.

    Args:
        rates: what :func:`tf_gd.rates.rate_map` returned.
        ax: where to draw; new axes by default.

    Returns:
        The axes.
    """
    _checks.has("rates", rates, ("factors", "momenta", "best"), "what tf_gd.rates.rate_map returns")
    ax = on(ax)
    levels = np.linspace(0.9 * rates.best.factor, 1.0, 12)
    grid = (rates.learning_rates * rates.curvatures.max(), rates.momenta, rates.factors)
    filled = ax.contourf(*grid, levels, cmap="viridis", extend="min")
    ax.contourf(*grid, [1.0, np.inf], colors=["#EEEEEE"], hatches=["//"])
    ax.contour(*grid, [1.0], colors=[INK], linewidths=1.5)
    at = (rates.best.learning_rate * rates.curvatures.max(), rates.best.momentum)
    ax.plot(*at, "*", color="white", markeredgecolor=INK, markersize=15, label=f"best: factor {rates.best.factor:.3f}")
    ax.figure.colorbar(filled, ax=ax, label="factor a step")
    ax.set(xlabel="learning rate times L", ylabel="momentum")
    ax.grid(visible=False)
    ax.legend(loc="lower right", fontsize=8, frameon=True)
    return ax
