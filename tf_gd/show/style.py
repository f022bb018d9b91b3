"""One look for all pictures, and how they are saved. Nothing here opens a window or chooses a backend.

By hand is blue, solid and broad, built in is orange and dashed, everywhere: where the two agree, both can be seen.
"""

import functools
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

STYLE = Path(__file__).with_name("tf_gd.mplstyle")
BY_HAND = {"color": "#0072B2", "linestyle": "-", "linewidth": 2.4}
BUILT_IN = {"color": "#D55E00", "linestyle": (0, (3, 3)), "linewidth": 1.6}
OWN = {"by hand": BY_HAND, "built in": BUILT_IN}
INK = "#333333"


def styled(draw):
    """Draw with the package's style sheet, whatever the user's own settings are."""

    @functools.wraps(draw)
    def wrapper(*args, **kwargs):
        with plt.style.context(STYLE):
            return draw(*args, **kwargs)

    return wrapper


def save(axes, name: str) -> Path:
    """Write the figure of ``axes`` as a PNG into the directory of pictures, and print where.

    The directory is ``$TF_GD_PICTURES``, or ``pictures`` where you are; it is made if it is not there.

    Args:
        axes: what any function here returns.
        name: the file, for example ``"path.png"``.

    Returns:
        The path of the file.

    Raises:
        ValueError: the directory cannot be written to.
    """
    path = write(axes, Path(os.environ.get("TF_GD_PICTURES", "pictures")) / name)
    print(f"saved {path}")
    return path


def write(axes, path) -> Path:
    """Write the figure of ``axes`` as a PNG to ``path``; return the path."""
    path = Path(path)
    figure = np.ravel(axes)[0].figure
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path)
    except OSError as error:
        raise ValueError(
            f"pictures: cannot write {path} ({error.strerror}). Run from a directory you may write to, or set "
            "the environment variable TF_GD_PICTURES to one."
        ) from error
    return path
