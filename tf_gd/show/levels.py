"""Which level lines to draw: close around the minimum, evenly where f is lowest on the edge."""

import numpy as np


def heights_of(f: np.ndarray, known_lowest) -> tuple[np.ndarray | None, bool]:
    """Return the heights to draw lines of, and whether their levels are spaced logarithmically.

    Args:
        f: values on a grid ``(rows, columns)``.
        known_lowest: f at the known minima, ``(any,)``.

    Returns:
        f less its lowest value, or f itself where the lowest is on the edge; None where f is
        undefined or the same everywhere.
    """
    f = np.where(np.isfinite(f), f, np.nan)
    if np.isnan(f).all() or np.nanmin(f) == np.nanmax(f):
        return None, False
    row, column = np.unravel_index(np.nanargmin(f), f.shape)
    on_the_edge = row in (0, f.shape[0] - 1) or column in (0, f.shape[1] - 1)
    if on_the_edge and not len(known_lowest):
        return f, False
    lowest = min([np.nanmin(f), *known_lowest])
    return np.maximum(f - lowest, np.finfo("float32").tiny), True


def spaced(heights: np.ndarray, count: int, logarithmic: bool, below: float = 0.2) -> np.ndarray:
    """Return the levels, ``(count,)``, ascending, with ``below`` percent of the grid under them."""
    high = np.nanmax(heights)
    if not logarithmic:
        return np.linspace(np.nanmin(heights), high, count + 2)[1:-1]
    low = max(np.nanpercentile(heights, below), high * 1e-7)  # lower lines would be dots
    return np.geomspace(low, high, count)
