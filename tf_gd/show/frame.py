"""The frame of a picture of a function, and the values and slopes there."""

import numpy as np

from tf_gd import _checks

_WIDEST = 3.0  # ratio of the sides where both have one scale
_STEPS = {"float64": 1e-4, "float32": 2e-3}  # of differences, as a share of the frame


def check_path(name: str, value, dim: int | None = None) -> None:
    """Raise unless ``value`` is a trajectory, in ``dim`` variables where that is given."""
    expected = "a tf_gd.Trajectory, as tf_gd.gradient_descent returns"
    _checks.has(name, value, ("points", "losses", "iterations"), expected)
    if dim is not None and value.points.shape[1] != dim:
        got = f"a path in {value.points.shape[1]} variables"
        raise ValueError(f"{name}: got {got}, expected one in {dim}.")


def known_minima(objective, dim: int) -> np.ndarray:
    """Return the known minima, ``(any, dim)``."""
    if isinstance(objective, type) or not callable(objective):
        expected = "a function, for example tf_gd.objectives.get('booth')"
        raise TypeError(f"objective: got {objective!r}, expected {expected}.")
    known = np.array(() if getattr(objective, "minima", None) is None else objective.minima)
    if known.size and known.ndim > 1 and known.shape[-1] != dim:
        got = f"a function of {known.shape[-1]} variables"
        raise ValueError(f"objective: got {got}, expected one of {dim}.")
    return known.reshape(-1, dim)


def frame_of(objective, trajectories: dict, minima) -> np.ndarray:
    """Return what to show, ``(dim, 2)``: the domain, or where the paths and minima are."""
    domain = getattr(objective, "domain", None)
    if domain is not None:
        return np.array(domain)
    points = np.concatenate([*(t.points for t in trajectories.values()), minima]).astype("float64")
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points):
        got = "no finite point, and an objective without a domain"
        raise ValueError(
            f"trajectories: got {got}, expected one of them. Pass a path, or a domain."
        )
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.15 * np.maximum(high - low, 1e-3 * np.maximum(np.abs(high), 1.0))
    return np.stack([low - margin, high + margin], axis=1)


def widened(frame: np.ndarray) -> np.ndarray:
    """Return a frame whose sides can be drawn to the same scale: the shorter is made longer."""
    middle, widths = frame.mean(axis=1), np.ptp(frame, axis=1)
    half = np.maximum(widths, widths.max() / _WIDEST) / 2
    return np.stack([middle - half, middle + half], axis=1)


def between(limits, count: int) -> np.ndarray:
    """Return evenly spaced numbers."""
    return np.linspace(limits[0], limits[1], count)


def inside(frame: np.ndarray, points) -> np.ndarray:
    """Return which points ``(n, dim)`` are in the frame, ``(n,)``."""
    return ((points >= frame[:, 0]) & (points <= frame[:, 1])).all(axis=1)


def values_of(objective, points) -> np.ndarray:
    """Return f at many points ``(..., dim)``."""
    with np.errstate(all="ignore"):
        return _called(objective, np.asarray(points, dtype="float32")).astype("float64")


def slopes_of(objective, points, frame: np.ndarray) -> np.ndarray:
    """Return the gradient at points ``(n, dim)``, in float64: central differences of fourth order.

    NaN where f is not defined around a point, and where rounding is more than a twentieth of the
    gradient. Computed in float32, it is right to three or four digits.

    Args:
        objective: callable on an array ``(..., dim)``.
        points: ``(n, dim)``.
        frame: ``(dim, 2)``, for the size of the differences.
    """
    points = np.asarray(points, "float64")
    try:
        dtype = str(_called(objective, points).dtype)
    except ValueError:  # it mixes its argument with float32 constants
        dtype = "float32"
    dtype = "float64" if dtype == "float64" else "float32"
    size = _STEPS[dtype] * np.ptp(frame, axis=1)
    around = points[:, None, None] + np.multiply.outer([-2, -1, 1, 2], np.diag(size))
    with np.errstate(all="ignore"):
        taken = around.astype(dtype)  # (n, 4, dim, dim): where f is evaluated
    f = _called(objective, taken).astype("float64")
    moved = np.diagonal(taken.astype("float64"), axis1=2, axis2=3)
    with np.errstate(all="ignore"):
        far = (f[:, 3] - f[:, 0]) / (moved[:, 3] - moved[:, 0])
        near = (f[:, 2] - f[:, 1]) / (moved[:, 2] - moved[:, 1])
        slopes = (4 * near - far) / 3
        rounding = np.finfo(dtype).eps * np.abs(f).max(axis=1) / size
        known = np.linalg.norm(slopes, axis=1) > 20 * np.linalg.norm(rounding, axis=1)
    return np.where(known[:, None], slopes, np.nan)


def _called(objective, points: np.ndarray) -> np.ndarray:
    try:
        with np.errstate(all="ignore"):
            values = np.asarray(objective(points))
            values.astype("float64")
    except Exception as error:  # of the user's own function
        failed = f"failed at points of shape {points.shape}: {error}"
        raise ValueError(f"objective: {failed}. Write it for many points.") from error
    if values.size != points.size // points.shape[-1]:
        raise ValueError(
            f"objective: got values of shape {values.shape} for points of shape {points.shape}, "
            f"expected {points.shape[:-1]}. To draw it, write it for many points at once: "
            "x[..., 0] instead of x[0], and tf.reduce_sum(..., axis=-1)."
        )
    return values.reshape(points.shape[:-1])


def positive(values: np.ndarray) -> np.ndarray:
    """Return the values, NaN for those that a logarithmic scale cannot show."""
    return np.where(values > 0, values, np.nan)


def loss_scale(curves: list[np.ndarray], *, rounded: bool = False) -> str:
    """Return ``"linear"`` if some losses are negative or none is positive, else ``"log"``.

    Args:
        curves: ``(records,)`` each.
        rounded: whether something was subtracted, so that rounding may make some a little negative.
    """
    finite = np.concatenate([curve[np.isfinite(curve)] for curve in curves] or [np.zeros(0)])
    hidden = bool((finite < 0).any()) and not rounded
    return "log" if (finite > 0).any() and not hidden else "linear"
