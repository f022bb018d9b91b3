"""What to do about a descent that went up: the rate that theory allows, and one that was tried."""

import math
from typing import Any

import numpy as np

from tf_gd import rates

_TRIES = 40  # halvings
_LONGEST, _LONGEST_EAGER = 100_000, 1_000  # steps of a try
_PRECISION = 1e-6  # of the limit
_FALLEN = 1e3  # times its size at the start: a loss so far below has no minimum


def advice(path, settings: dict[str, Any]) -> str:
    """Return what to do about a run that diverged, or met a loss that is not finite.

    Args:
        path: the :class:`tf_gd.Trajectory`.
        settings: what :func:`tf_gd.gradient_descent` was called with, for the same function.

    Returns:
        A sentence. A rate is named only if a run with it ends lower than it began.
    """
    first, finite = path.losses[0], path.losses[np.isfinite(path.losses)]
    if not np.isfinite(first):
        return f"The function is {first:g} at the start already; try another --start."
    if path.outcome == "non_finite" and finite[-1] < first - _FALLEN * (1 + abs(first)):
        return (
            f"The function falls without end: the run was at {finite[-1]:.3g} and there is no "
            "minimum on its way. A smaller rate would only take longer; try another --start."
        )
    rate = settings["learning_rate"]
    limit, theory = _limit(path.objective, path.points[0], settings)
    too_large = limit < rate * (1 + _PRECISION)
    said = f"The run went up instead of down: {theory}"
    wanted = 0.9 * limit if too_large else rate / 2
    for halvings in range(_TRIES):
        candidate = float(f"{wanted / 2**halvings:.2g}")
        if candidate > 0 and _goes_down(path, {**settings, "learning_rate": candidate}):
            as_theory_says = too_large and not halvings
            steeper = "on the way it is steeper; " if theory and not as_theory_says else ""
            return f"{said}{steeper}try --learning-rate={candidate:g}."
    return f"{said}no smaller rate that was tried goes down either; try another --start."


def _limit(objective, start, settings: dict[str, Any]) -> tuple[float, str]:
    """Return the largest rate that theory allows, and a sentence about it, which may be empty."""
    import tf_gd

    minima = np.asarray(objective.minima, "float64")
    if len(minima):
        nearest = np.linalg.norm(minima - np.asarray(start, "float64"), axis=1).argmin()
        place, called = minima[nearest], "the minimum"
    else:
        place, called = np.asarray(start, "float64"), "the start"
    where = f"{called} ({', '.join(f'{x:.4g}' for x in place)})"
    try:
        limit = tf_gd.learning_rate_limit(objective, place)
    except Exception:  # it is not finite there, or has no second derivative, or not in float64
        return math.inf, ""
    if math.isinf(limit):
        return math.inf, f"at {where} the function curves up in no direction; "
    momentum, nesterov = settings["momentum"], settings["nesterov"]
    largest, written = 2 / limit, "2/L"
    if momentum:
        written = "2 (1 + m)/((1 + 2m) L)" if nesterov else "2 (1 + m)/L"
        limit = rates.limit(largest, momentum, nesterov)
    with_momentum = f" with momentum m = {momentum:g}" if momentum else ""
    return limit, (
        f"theory allows rates below {written} = {limit:.6g}{with_momentum} "
        f"(L = {largest:.5g}, the largest curvature at {where}); "
    )


def _goes_down(path, settings: dict[str, Any]) -> bool:
    """Return whether a run ends lower than it began."""
    import tf_gd

    longest = _LONGEST_EAGER if path.settings["mode"] == "eager" else _LONGEST
    steps = min(settings["steps"], longest)
    settings = {**settings, "steps": steps, "record_every": max(1, steps)}
    again = tf_gd.gradient_descent(path.objective, **settings)
    if again.outcome == "interrupted":
        raise KeyboardInterrupt
    return again.outcome in ("converged", "max_steps") and again.losses[-1] < again.losses[0]
