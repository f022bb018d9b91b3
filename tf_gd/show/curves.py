"""Curves over the steps: losses, the distance between two runs, the sharpness."""

import numpy as np
from matplotlib.ticker import LogLocator, MaxNLocator

from tf_gd import _checks
from tf_gd.show.formula import harmless, title_of
from tf_gd.show.frame import loss_scale, positive
from tf_gd.show.labels import add_legend, entries
from tf_gd.show.style import BUILT_IN, BY_HAND, INK, LIMIT, OWN, on, styled


@styled
def plot_losses(
    runs,
    ax=None,
    lowest: float = 0.0,
    xlabel: str = "step",
    floors=None,
    title: str = "",
    first: int = 0,
):
    """Draw the losses of runs on a logarithmic scale, or a linear one if some are negative.

    Args:
        runs: ``{label: Trajectory or array of losses}``; the labels "by hand" and "built in" get
            their own colours. The legend adds the settings of a trajectory.
        ax: where to draw; new axes by default.
        lowest: the loss at the minimum, subtracted, so that linear convergence is a line.
        xlabel: what the records are counted in.
        floors: ``{label: loss}``, for some of the runs: where theory says that they stop falling,
            drawn dashed in the colour of the run, if it is above ``lowest``.
        title: over the picture; by default the formula of what the first run minimises.
        first: the number of the first record of an array; a trajectory knows its own.

    Returns:
        The axes.

    Raises:
        TypeError, ValueError: no runs, losses that are not vectors, or a floor without a run.

    Examples:
        >>> ax = plot_losses({"by hand": [4.0, 1.0, 0.5]}, floors={"by hand": 0.4}, first=1)
        >>> ax.lines[0].get_xdata().tolist(), ax.lines[1].get_ydata()
        ([1, 2, 3], [0.4, 0.4])
    """
    if not isinstance(runs, dict) or not runs:
        raise TypeError(f"runs: got {runs!r}, expected a dict {{'by hand': trajectory}}.")
    lowest, xlabel = _checks.number("lowest", lowest), _checks.text("xlabel", xlabel)
    title, first = _checks.text("title", title), _checks.whole_number("first", first, minimum=0)
    floors = _checked_floors(floors, runs)
    given = {label: getattr(run, "losses", run) for label, run in runs.items()}
    taken = {label: _checks.array("runs", one, shape=(None,)) for label, one in given.items()}
    labels, common = entries(runs)
    above = [losses - lowest for losses in taken.values()]
    scale = loss_scale(above, rounded=lowest != 0)
    ax = on(ax)
    for label, run in runs.items():
        losses = taken[label] - lowest
        counted = np.asarray(getattr(run, "iterations", first + np.arange(len(losses))))
        finite = np.isfinite(losses)
        shown = losses[finite] if scale == "linear" else positive(losses[finite])
        (line,) = ax.plot(counted[finite], shown, label=labels[label], **OWN.get(label, {}))
        if not finite.all():
            ax.plot(counted[finite][-1:], losses[finite][-1:], "x", color=INK, markersize=8)
        if floors.get(label, lowest) > lowest:
            style = dict(color=line.get_color(), linestyle="--", linewidth=0.9, gid="floor")
            ax.axhline(floors[label] - lowest, **style)
    if any(line.get_gid() == "floor" for line in ax.lines):
        ax.plot([], [], color=INK, linestyle="--", linewidth=0.9, label="predicted floor")
    ylabel = "loss" if lowest == 0 else "loss above the lowest"
    ax.set(yscale=scale, xlabel=xlabel, ylabel=ylabel)
    objective = getattr(next(iter(runs.values())), "objective", None)
    unit = ", on a logarithmic scale" if scale == "log" else ""
    known = f"{ylabel}{unit}" if objective is None else title_of(objective)
    ax.set_title(harmless(title) or known)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if scale == "log":
        ax.yaxis.set_major_locator(LogLocator(numticks=8))
    add_legend(ax, title=common or None)
    return ax


def _checked_floors(floors, runs: dict) -> dict[str, float]:
    if floors is not None and not isinstance(floors, dict):
        raise TypeError(f"floors: got {floors!r}, expected a dict {{'by hand': 0.1}}.")
    for label in floors or {}:
        if label not in runs:
            expected = ", ".join(map(repr, runs))
            got = f"one for {label!r}"
            raise ValueError(f"floors: got {got}, expected the label of a run: {expected}.")
    return {label: _checks.number("floors", floor) for label, floor in (floors or {}).items()}


@styled
def plot_distance(iterations, ulp, absolute, title: str = "", ax=None, losses=None):
    """Draw how far apart the runs by hand and built in are, or both losses if they are the same.

    Args:
        iterations: ``(records,)``, the number of updates.
        ulp: ``(records,)``, distance in units in the last place, drawn to the left.
        absolute: ``(records,)``, absolute distance, drawn to the right.
        title: over the picture.
        ax: where to draw; new axes by default.
        losses: ``{"by hand": losses, "built in": losses}``, of the last records; drawn one over the
            other where all distances are zero.

    Returns:
        The axes, those of the ULP if there are two.

    Raises:
        TypeError, ValueError: arrays of different lengths, or more losses than records.
    """
    iterations = _checks.array("iterations", iterations, shape=(None,))
    ulp = _checks.array("ulp", ulp, shape=iterations.shape)
    absolute = _checks.array("absolute", absolute, shape=iterations.shape)
    title = _checks.text("title", title)
    if losses is not None and not isinstance(losses, dict):
        expected = "{'by hand': losses, 'built in': losses}"
        raise TypeError(f"losses: got {losses!r}, expected {expected}.")
    given = losses or {}
    curves = {label: _checks.array("losses", one, shape=(None,)) for label, one in given.items()}
    longest, records = max(map(len, curves.values()), default=0), len(iterations)
    if longest > records:
        raise ValueError(f"losses: got {longest}, expected at most {records}, one for each record.")
    ax = on(ax, figsize=(6.4, 4.2))
    ax.set(xlabel="step", title=harmless(title) or "by hand and built in")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if not np.any(ulp):
        _draw_the_same(ax, iterations, curves, f"0 ULP at all {len(ulp)} records: the same bits")
        return ax
    (left,) = ax.plot(iterations, ulp, **BY_HAND, label="in ULP (left)")
    ax.set_yscale("symlog", linthresh=1)
    ax.set_ylim(bottom=0)
    ax.set_ylabel("distance in ULP")
    other = ax.twinx()
    shown = positive(absolute)
    (right,) = other.plot(iterations, shown, **BUILT_IN, label="absolute (right, dashed)")
    other.set(yscale="log", ylabel="absolute distance")
    other.spines["right"].set_visible(True)
    other.grid(visible=False)
    other.legend(handles=[left, right], fontsize=8, loc="lower right", frameon=True)
    return ax


def _draw_the_same(ax, iterations, curves: dict, said: str) -> None:
    """Draw losses one over the other, and say that they are the same."""
    if not curves:
        ax.text(0.5, 0.5, said, transform=ax.transAxes, ha="center", weight="bold")
        ax.set(xticks=[], yticks=[], xlabel="")
        return
    for label, losses in curves.items():
        style = {**OWN.get(label, {}), "linewidth": 5.0 if label == "by hand" else 2.0}
        shown = np.where(np.isfinite(losses), losses, np.nan)
        last = iterations[len(iterations) - len(losses) :]
        ax.plot(last, shown, label=harmless(str(label)), **style)
    ax.set(yscale=loss_scale(list(curves.values())), ylabel="loss")
    add_legend(ax, title=said, title_fontproperties={"weight": "bold", "size": 9})


@styled
def plot_explanation(explained, ax=None, label: str = "your loop to Keras"):
    """Draw how far a loop's weights are from Keras's, and from Keras's with the causes in it.

    Args:
        explained: what :func:`tf_gd.explain_difference` returns.
        ax: where to draw; new axes by default. Several explanations may be drawn into one.
        label: of the first curve.

    Returns:
        The axes.
    """
    expected = "what tf_gd.explain_difference returns"
    _checks.has("explained", explained, ("distances", "rests", "causes"), expected)
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
        style = {**drawn, "color": INK}
        ax.plot([], [], **style, label="to Keras with the cause in it", gid="key")
        if not ax.texts:
            said = dict(transform=ax.transAxes, color=INK, fontsize=8)
            ax.text(0.02, 0.02, "at the bottom: the same bits", **said)
    drawn_heights = [line.get_ydata() for line in ax.lines if len(line.get_ydata())]
    finite = [heights[np.isfinite(heights)] for heights in map(np.asarray, drawn_heights)]
    highest = max(heights.max(initial=1e-3) for heights in finite)
    ax.set(yscale="log", xlabel="step", ylim=(same_bits / 10, 5 * highest))
    ax.set(ylabel="distance of the weights", title="how far a loop is from Keras, step by step")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend(fontsize=8)
    return ax


@styled
def plot_sharpness(epochs, eigenvalues, limits, ax=None):
    """Draw the largest eigenvalue of the Hessian over the epochs, and 2 / learning rate.

    Above 2 / learning rate descent is unstable: that part is shaded.

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
    ax.plot(epochs, eigenvalues, **BY_HAND, label="largest eigenvalue (sharpness)")
    ends = [f"{limit:.4g}" for limit in limits[[0, -1]]] if len(limits) else []
    value = f" = {' to '.join(dict.fromkeys(ends))}" if ends else ""
    ax.plot(epochs, limits, color=LIMIT, linestyle="--", label=f"2 / learning rate{value}")
    ax.set(xlabel="epoch", ylabel="largest eigenvalue of the Hessian", ylim=(0, None))
    ax.set_title("sharpness, and the most that is stable at this learning rate")
    top = ax.get_ylim()[1]
    above = dict(color=LIMIT, alpha=0.08, linewidth=0, label="unstable")
    ax.fill_between(epochs, limits, top, where=limits < top, **above)
    ax.set_ylim(0, top)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend(fontsize=8)
    return ax
