"""The style of all pictures, and how to save them, without a window or a choice of backend.

By hand is blue, solid and broad, built in is orange and dashed, everywhere: where the two agree,
both can be seen.
"""

import functools
import os
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tf_gd import _checks
from tf_gd._files import whole

STYLE = Path(__file__).with_name("tf_gd.mplstyle")
BY_HAND = {"color": "#0072B2", "linestyle": "-", "linewidth": 2.4}
BUILT_IN = {"color": "#D55E00", "linestyle": (0, (3, 3)), "linewidth": 1.6}
OWN = {"by hand": BY_HAND, "built in": BUILT_IN}
INK = "#333333"
LIMIT, FASTEST = "#D55E00", "#009E73"  # the learning rates of theory


def styled(draw):
    """Draw with the package's style sheet, whatever the user's own settings are."""

    @functools.wraps(draw)
    def wrapper(*args, **kwargs):
        with plt.style.context(STYLE):
            return draw(*args, **kwargs)

    return wrapper


def on(ax=None, **figure):
    """Return ``ax``, or new axes in a figure with these settings.

    Raises:
        TypeError: `ax` is something else.
    """
    if ax is None:
        return plt.subplots(**figure)[1]
    if not isinstance(ax, Axes):
        raise TypeError(
            f"ax: got {type(ax).__name__}, expected Matplotlib axes, for example plt.subplots()[1]."
        )
    return ax


def listed(axes) -> list:
    """Return one axes, or a list, a tuple or an array of some, as a list."""
    if isinstance(axes, np.ndarray):
        return axes.ravel().tolist()
    return (
        [ax for part in axes for ax in listed(part)] if isinstance(axes, list | tuple) else [axes]
    )


def save(axes, name: str) -> Path:
    """Write the figure of ``axes`` as a PNG into the directory of pictures, and print where.

    The directory is ``$TF_GD_PICTURES`` or ``./pictures``; it is created if it is missing.

    Args:
        axes: what any function here returns.
        name: the file, for example ``"path.png"``.

    Returns:
        The path of the file.

    Raises:
        ValueError: the directory cannot be written to.
    """
    path = write(
        axes, Path(os.environ.get("TF_GD_PICTURES", "pictures")) / _checks.path("name", name)
    )
    print(f"saved {path}")
    return path


def write(axes, path) -> Path:
    """Write the figure of ``axes`` atomically, as a PNG or as its suffix says; return the path."""
    path = _checks.path("path", path)
    path = path if path.suffix else path.with_suffix(".png")
    first = next(iter(listed(axes)), None)
    if not isinstance(first, Axes | Figure):
        raise TypeError(
            f"axes: got {type(axes).__name__}, expected what a function of tf_gd.show returns."
        )
    figure: Any = first if isinstance(first, Figure) else first.figure
    known = sorted(figure.canvas.get_supported_filetypes())
    if path.suffix[1:].lower() not in known:
        raise ValueError(
            f"path: got {path.name!r}, expected a name that ends in one of {', '.join(known)}."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as partial:
            figure.savefig(partial, format=path.suffix[1:])
    except OSError as error:
        raise ValueError(
            f"path: cannot write {path} ({error.strerror}). Run from a directory you may write to, "
            "or set the environment variable TF_GD_PICTURES to one."
        ) from error
    return path
