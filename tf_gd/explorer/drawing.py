"""The function as the page draws it: level lines in two variables, f above f' in one."""

import html
from collections.abc import Callable
from typing import Any

import contourpy
import numpy as np

from tf_gd.show.formula import title_of
from tf_gd.show.frame import between, known_minima, values_of
from tf_gd.show.levels import heights_of, spaced
from tf_gd.show.markup import formula
from tf_gd.toy.objectives import LARGEST, Objective

_GRID, _CURVE = 161, 401  # points along each side of the plane, and along the line
_LEVELS = 18
_DIGITS = 3  # of a level line, relative to the frame: a pixel


def frame_around(objective: Objective) -> np.ndarray:
    """Return what to show, ``(dim, 2)``: the domain, or else a box around start and minima."""
    if objective.domain is not None:
        return np.array(objective.domain)
    seen = np.array([objective.start, *objective.minima])
    half = np.maximum(1.5 * np.ptp(seen, axis=0), np.maximum(2.0, np.abs(seen).max(axis=0)))
    middle = (seen.min(axis=0) + seen.max(axis=0)) / 2
    return np.stack([middle - half, middle + half], axis=1)


def check_dim(objective: Objective) -> None:
    """Raise a ValueError unless the function has one or two variables."""
    if objective.dim > 2:
        got = f"{objective.name!r} has {objective.dim} variables"
        raise ValueError(f"objective: {got}, expected one or two: more cannot be drawn.")


def drawn(objective: Objective, gradients: Callable) -> dict[str, Any]:
    """Return the function as numbers and text, for the page.

    Args:
        objective: to draw.
        gradients: returns its gradient at points ``(n, dim)``.

    Raises:
        ValueError: it is a function of more than two variables, or fails.
    """
    check_dim(objective)
    frame = frame_around(objective)
    if not (np.abs(frame) <= LARGEST).all():
        got = f"a start or a minimum as far out as {np.abs(frame).max():.3g}"
        raise ValueError(f"objective: got {got}, expected a domain within {LARGEST:g} to draw.")
    minima = known_minima(objective, objective.dim)
    written = title_of(objective)
    of_a_name = f"<code>{html.escape(objective.name)}</code>"
    typeset = formula(written[1:-1]) if objective.formula and written[0] == "$" else of_a_name
    about = dict(
        name=objective.name,
        dim=objective.dim,
        frame=frame.tolist(),
        start=_short(objective.start),
        minima=minima.tolist(),
        formula=typeset,
    )
    lowest = values_of(objective, minima)
    about["lowest"] = float(lowest.min()) if lowest.size and np.isfinite(lowest).all() else None
    return about | (
        _lines(objective, frame, lowest)
        if objective.dim == 2
        else _curve(objective, gradients, frame)
    )


def _short(numbers) -> list[float | None]:
    return [float(f"{x:.6g}") if np.isfinite(x) else None for x in numbers]


def _lines(objective, frame: np.ndarray, lowest: np.ndarray) -> dict[str, Any]:
    """Return the level lines: their points, and how high each is, from 0 to 1."""
    x1, x2 = between(frame[0], _GRID), between(frame[1], _GRID)
    f = values_of(objective, np.stack(np.meshgrid(x1, x2), axis=-1))
    heights, logarithmic = heights_of(f, lowest)
    xs, ys, shares = [], [], []
    if heights is not None:
        levels = spaced(heights, _LEVELS, logarithmic, below=1.0)
        lines = contourpy.contour_generator(x1, x2, np.ma.masked_invalid(heights))
        for number, level in enumerate(levels):
            for line in lines.lines(level):
                rounded = _rounded(_thinned(np.asarray(line)), frame)
                xs.append(rounded[:, 0].tolist())
                ys.append(rounded[:, 1].tolist())
                shares.append(round(number / _LEVELS, 3))
    return {"lines": {"xs": xs, "ys": ys, "share": shares}}


def _thinned(line: np.ndarray) -> np.ndarray:
    """Return every other point of a long line, and its end."""
    return line if len(line) < 30 else np.concatenate([line[:-1:2], line[-1:]])


def _rounded(line: np.ndarray, frame: np.ndarray) -> np.ndarray:
    digits = _DIGITS - int(np.floor(np.log10(np.ptp(frame, axis=1).min())))
    return np.round(line, digits)


def _curve(objective, gradients: Callable, frame: np.ndarray) -> dict[str, Any]:
    """Return f and f' over the frame; undefined values are None."""
    x = between(frame[0], _CURVE)
    f, slope = values_of(objective, x[:, None]), gradients(x[:, None])[:, 0]
    return {"curve": {"x": _short(x), "f": _short(f), "slope": _short(slope)}}
