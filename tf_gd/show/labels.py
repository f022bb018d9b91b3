"""Legends: the settings of a run as text, and the corner where a legend covers least."""

import re
from collections.abc import Iterable
from numbers import Real

import numpy as np

from tf_gd.show.formula import harmless

_PLACES = {"upper right": (1, 1), "upper left": (0, 1), "lower right": (1, 0), "lower left": (0, 0)}
_COVERED = (0.5, 0.3)  # the share of the axes that a legend covers


def settings_of(run) -> dict[str, str]:
    """Return the settings of a trajectory: ``{"rate": "0.2", "steps": "10"}``; {} for an array."""
    iterations, given, found = getattr(run, "iterations", None), getattr(run, "settings", {}), {}
    if iterations is None or not isinstance(given, dict):
        return {}
    rate, momentum = given.get("learning_rate", ""), given.get("momentum")
    if isinstance(rate, Real | str) and rate:
        found["rate"] = rate if isinstance(rate, str) else f"{rate:.4g}"
    elif rate is None:
        found["rate"] = "found at each step"
    if isinstance(momentum, Real) and momentum:
        found["momentum"] = f"{momentum:.4g}"
        found |= {"Nesterov": "Nesterov"} if given.get("nesterov") else {}
    return {**found, "steps": str(int(iterations[-1]))}


def in_words(settings: dict[str, str]) -> str:
    """Return settings as text.

    Examples:
        >>> in_words({"rate": "0.2", "momentum": "0.9", "steps": "10"})
        'rate 0.2, momentum 0.9, 10 steps'
    """
    return ", ".join(_said(name, value) for name, value in settings.items())


def entries(runs: dict) -> tuple[dict, str]:
    """Return each run's label with its settings, and as text the settings that all runs share.

    Args:
        runs: ``{label: Trajectory}``; a setting that the label names is not added.
    """
    settings = {label: settings_of(run) for label, run in runs.items()}
    first = next(iter(settings.values()), {})
    common = {
        name: value
        for name, value in (first.items() if len(runs) > 1 else ())
        if all(other.get(name) == value for other in settings.values())
    }
    return {label: entry(label, own, common) for label, own in settings.items()}, in_words(common)


def entry(label, settings: dict[str, str], common: Iterable[str] = ()) -> str:
    """Return a label with the settings that neither it nor ``common`` names."""
    text = rest = str(label)
    for said in (_said(name, value) for name, value in settings.items()):
        rest = re.sub(_alone(said), "", rest)
    added = []
    for name, value in settings.items():
        said = _said(name, value)
        bare = name != "steps" and re.search(_alone(value), rest)
        named = name in ("rate", "momentum") and re.search(_alone(name), rest)
        if name not in common and not bare and not re.search(_alone(said), text):
            added.append(value if named else said)
    return ": ".join(part for part in (harmless(text), ", ".join(added)) if part)


def place_legend(ax, points, **kwargs):
    """Put the legend into the corner with the fewest of these points, ``(n, 2)``; return it."""
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    with np.errstate(all="ignore"):
        at = (np.asarray(points, "float64") - [left, low]) / [right - left, high - low]

    def covered(corner):
        return int((np.abs(at - corner) <= _COVERED).all(axis=1).sum())

    place = min(_PLACES, key=lambda name: covered(_PLACES[name]))
    return add_legend(ax, loc=place, framealpha=0.9, frameon=True, **kwargs)


def add_legend(ax, **kwargs):
    """Draw a legend in small letters, if it has entries, and return it."""
    if ax.get_legend_handles_labels()[0]:
        small = {"title_fontproperties": {"size": 8}, "fontsize": 8}
        ax.legend(**{**small, **kwargs})
    return ax.get_legend()


def _alone(said: str) -> str:
    """Return a pattern that finds these words, and not 0.2 in 0.25."""
    return rf"(?<![\w.]){re.escape(said)}(?!\.?\w)"


def _said(name: str, value: str) -> str:
    if name == "steps":
        return f"{value} step" if value == "1" else f"{value} steps"
    return value if name == "Nesterov" or " rates " in value else f"{name} {value}"
