"""The distance between floating-point numbers in units in the last place (ULP)."""

import numpy as np


def ulp_distance(a, b) -> np.ndarray:
    """Return how many steps from one representable number to the next lie between ``a`` and ``b``,
    element by element.

    0 means the same number (0.0 and -0.0 are the same; so are two NaN); 1 means neighbours. Near
    zero the representable numbers are dense: a large distance there can be a tiny difference, so
    look at the absolute distance too.

    Args:
        a, b: arrays of one shape and one dtype, float32 or float64.

    Returns:
        Distances of the shape of ``a``, as float64, exact up to 2**53. Infinite where exactly
        one is NaN.

    Raises:
        ValueError: shapes or dtypes differ, or the dtype is neither float32 nor float64.

    Examples:
        >>> import numpy as np
        >>> one = np.float32([1.0, 1.0, -0.0])
        >>> next_one = np.nextafter(np.float32(1), np.float32(2))
        >>> ulp_distance(one, np.float32([1.0, next_one, 0.0])).tolist()
        [0.0, 1.0, 0.0]
    """
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.dtype != b.dtype or a.dtype not in (np.float32, np.float64):
        raise ValueError(
            f"ulp_distance: got {a.dtype} {a.shape} and {b.dtype} {b.shape}, "
            "expected one shape and one dtype, float32 or float64."
        )
    distance = np.abs(_position(a) - _position(b))
    a_nan, b_nan = np.isnan(a), np.isnan(b)
    return np.where(a_nan | b_nan, np.where(a_nan & b_nan, 0.0, np.inf), distance).astype("float64")


def _position(x: np.ndarray) -> np.ndarray:
    """Return the rank of ``x`` among all floating-point numbers; 0 for 0.0 and -0.0."""
    bits = x.view(np.int32 if x.dtype == np.float32 else np.int64).astype(np.int64)
    lowest = np.int64(-(2**31)) if x.dtype == np.float32 else np.iinfo(np.int64).min
    position = np.where(bits < 0, lowest - bits, bits)
    return position if x.dtype == np.float32 else position.astype(np.longdouble)
