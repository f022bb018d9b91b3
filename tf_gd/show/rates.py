"""Pictures of learning rates: measured, and predicted by theory."""

import numpy as np
from matplotlib.ticker import LogLocator

from tf_gd import _checks
from tf_gd.show.style import BY_HAND, FASTEST, INK, LIMIT, on, styled

_NEAR = 1.25  # one rate over the other
_INSETS = ((0.44, 0.62, 0.3, 0.34), (0.08, 0.12, 0.36, 0.36))  # left, bottom, width, height


@styled
def plot_range_test(found, ax=None):
    """Draw the losses of a range test over the learning rate.

    Args:
        found: what :func:`tf_gd.find_learning_rate` returns.
        ax: where to draw; new axes by default.

    Returns:
        The axes.
    """
    expected = "what tf_gd.find_learning_rate returns"
    _checks.has("found", found, ("rates", "smoothed", "suggestion"), expected)
    ax = on(ax)
    style = dict(color=INK, alpha=0.35, markersize=5, linestyle="none")
    ax.plot(found.rates, found.losses, ".", **style, label="each batch")
    ax.plot(found.rates, found.smoothed, **BY_HAND, label="averaged")
    label = f"begin with {found.suggestion:.2g}"
    ax.axvline(found.suggestion, color=FASTEST, linestyle="-.", label=label)
    if found.exploded is not None:
        label = f"explodes, {found.exploded:.3g}"
        ax.axvline(found.exploded, color=LIMIT, linestyle="--", label=label)
    start, low = found.smoothed[0], found.smoothed.min()
    ax.set(xscale="log", xlabel="learning rate", ylabel="loss")
    ax.set_title("range test: the loss while the learning rate grows")
    fall = max(start - low, 0.1 * abs(start))
    ax.set_ylim(low - 0.2 * fall, start + 0.6 * fall)
    ax.legend(fontsize=8)
    return ax


@styled
def plot_learning_rates(
    rates,
    losses,
    start_loss: float,
    limit: float | None = None,
    best: float | None = None,
    ax=None,
):
    """Draw the final loss of many runs over their learning rate, and what theory says of it.

    If the limit and the fastest rate are close to each other, an inset enlarges both.

    Args:
        rates: ``(runs,)``, the learning rates.
        losses: ``(runs,)``, the loss after the same number of steps; infinite or NaN where the run
            overflowed.
        start_loss: the loss that all runs started from.
        limit: the rate beyond which theory says that the descent diverges, 2 / L.
        best: the rate that theory says is fastest: 2 / (m + L), or 1 / L where m = L.
        ax: where to draw; new axes by default.

    Returns:
        The axes.

    Raises:
        TypeError, ValueError: arrays of different lengths, or rates that have no logarithm.
    """
    rates = _checks.array("rates", rates, shape=(None,))
    losses = _checks.array("losses", losses, shape=rates.shape)
    if not ((rates > 0) & (rates < 1e100)).all():
        got = f"{rates.min():g} to {rates.max():g}"
        raise ValueError(f"rates: got {got}, expected learning rates: finite, and above 0.")
    start_loss = _checks.number("start_loss", start_loss, minimum=1e-100, maximum=1e100)
    most = dict(above=0.0, maximum=1e100)
    limit = None if limit is None else _checks.number("limit", limit, **most)
    best = None if best is None else _checks.number("best", best, **most)
    ax = on(ax)
    lowest = np.nanmin(losses[losses > 0], initial=start_loss)
    top, bottom = start_loss * 1e4, max(lowest, start_loss * 1e-16)
    shown = np.clip(np.where(np.isfinite(losses), losses, np.inf), bottom, top)
    _draw_rates(ax, rates, shown, start_loss, limit, best)
    ax.set(xscale="log", yscale="log", ylim=(bottom / 5, top * 2))
    ax.set(xlabel="learning rate", ylabel="final loss")
    ax.set_title("final loss at each learning rate: measured, and the theory")
    ax.xaxis.set_major_locator(LogLocator(numticks=8))
    ax.legend(fontsize=8, loc="upper left", frameon=True, framealpha=0.9)
    if limit is not None and best is not None and 1 < limit / best < _NEAR:
        inset = ax.inset_axes(_emptiest(ax))
        _draw_rates(inset, rates, shown, start_loss, limit, best)
        gap = limit - best
        inset.set(yscale="log", ylim=ax.get_ylim(), xlim=(best - gap, limit + gap))
        inset.set_xticks([best, limit], ["fastest", "limit"], fontsize=8)
        inset.tick_params(axis="y", which="both", left=False, labelleft=False)
        ax.indicate_inset_zoom(inset, edgecolor=INK)
    return ax


def _draw_rates(ax, rates, shown, start_loss: float, limit, best) -> None:
    ax.plot(rates, shown, marker="o", **{**BY_HAND, "linewidth": 1.6}, label="measured")
    ax.axhline(start_loss, color=INK, linestyle=":", linewidth=1.0, label="loss at the start")
    if limit is not None:
        label = f"limit 2/L = {_digits(limit, best)}"
        ax.axvline(limit, color=LIMIT, linestyle="--", label=label)
        beyond = max(limit, rates.max(initial=limit))
        ax.axvspan(limit, beyond, color=LIMIT, alpha=0.08, linewidth=0)
    if best is not None:
        label = f"fastest {_fastest(best, limit)}"
        ax.axvline(best, color=FASTEST, linestyle="-.", label=label)


def _emptiest(ax) -> tuple[float, float, float, float]:
    """Return where an inset covers the fewest points, in shares of the axes."""
    points = ax.lines[0].get_xydata()
    at = ax.transAxes.inverted().transform(ax.transData.transform(points))

    def covered(box):
        return ((at >= box[:2]) & (at <= np.add(box[:2], box[2:]))).all(axis=1).sum()

    return min(_INSETS, key=covered)


def _fastest(best: float, limit: float | None) -> str:
    formula = ""
    if limit is not None and limit / 2 * (1 - 1e-6) <= best < limit:
        formula = "1/L " if np.isclose(best, limit / 2) else "2/(m+L) "
    return f"{formula}= {_digits(best, limit)}"


def _digits(number: float, other: float | None) -> str:
    """Return a number with the digits that tell it from the other, at least four."""
    for digits in range(4, 17):
        text = f"{number:#.{digits}g}"
        if other is None or other == number or text != f"{other:#.{digits}g}":
            break
    return text


@styled
def plot_rate_map(rates, ax=None):
    """Draw the factor of a :class:`tf_gd.rates.RateMap` over learning rate and momentum.

    Dark is fast: the colours go from the best factor to 1. Hatched diverges.

    Args:
        rates: what :func:`tf_gd.rates.rate_map` returned.
        ax: where to draw; new axes by default.

    Returns:
        The axes.
    """
    expected = "what tf_gd.rates.rate_map returns"
    _checks.has("rates", rates, ("factors", "momenta", "best"), expected)
    ax = on(ax)
    best, largest = rates.best, rates.curvatures.max()
    low = min(best.factor, 1 - 1e-6)
    grid = (rates.learning_rates * largest, rates.momenta, np.maximum(rates.factors, low))
    filled = ax.contourf(*grid, np.linspace(low, 1.0, 12), cmap="viridis")
    ax.contourf(*grid, [1.0, np.inf], colors=["#EEEEEE"], hatches=["//"])
    ax.contour(*grid, [1.0], colors=[INK], linewidths=1.5)
    rate = f"rate {best.learning_rate:.3g} (times L: {best.learning_rate * largest:.3g})"
    label = f"best: {rate}, momentum {best.momentum:.3g}, factor {best.factor:.3f}"
    style = dict(color="white", markeredgecolor=INK, markersize=15, linestyle="none")
    ax.plot(best.learning_rate * largest, best.momentum, "*", **style, label=label)
    label = "factor on the distance to the minimum, each step"
    ticks = np.linspace(low, 1.0, 5)
    ax.figure.colorbar(filled, ax=ax, label=label, format="%.3f", ticks=ticks)
    kind = "Nesterov momentum" if best.nesterov else "momentum"
    condition = largest / rates.curvatures.min()
    ax.set(xlabel="learning rate times L", ylabel="momentum")
    of = f"{kind}, condition number {condition:.4g}"
    ax.set_title(f"gradient descent with {of} (hatched: diverges)")
    ax.grid(visible=False)
    ax.legend(loc="lower right", fontsize=8, frameon=True)
    return ax
