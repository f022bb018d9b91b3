"""How far apart two series of weights, or of losses, are."""

import numpy as np


def scale_of(*series: np.ndarray) -> np.ndarray:
    """Return how far some series of weights have moved after each step, added up.

    At least a thousandth of the largest movement, so that it can be divided by.
    """
    with np.errstate(all="ignore"):
        moved = sum(np.linalg.norm(weights - weights[0], axis=1)[1:] for weights in series)
    largest = np.max(moved, initial=0.0, where=np.isfinite(moved))
    return np.maximum(moved, 1e-3 * largest) + np.finfo("float64").tiny


def residual(weights: np.ndarray, others: np.ndarray, scale: np.ndarray) -> float:
    """Return the mean distance of two series of weights as a share of the movement, 0 to 1."""
    with np.errstate(all="ignore"):
        distance = np.linalg.norm(weights - others, axis=1)[1:] / scale
    return float(np.mean(np.minimum(np.where(np.isfinite(distance), distance, 1.0), 1.0)))


def same_losses(a: np.ndarray, b: np.ndarray) -> bool:
    """Return whether two series of losses are the same where both are finite.

    Up to 1e-4, as float32 may be summed in another order; ``a`` may be rounded to 2-6 decimals.
    """
    both = np.isfinite(a) & np.isfinite(b)
    if not both.any():
        return False
    a, b = a[both], b[both]
    rounded = (10.0**-n for n in range(2, 7) if np.allclose(a, np.round(a, n), rtol=0, atol=1e-9))
    atol = max(
        1e-6 * np.abs(b).max(), 0.51 * next(rounded, 0.0)
    )  # half of the last decimal, and a bit
    return bool(np.allclose(a, b, rtol=1e-4, atol=atol))
