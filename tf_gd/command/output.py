"""What the commands write: pictures in a directory, JSON, and a window where there is a display."""

import json
import math
import sys
import tempfile
from pathlib import Path
from typing import Any


def start_tensorflow(options) -> None:
    """Import TensorFlow quietly; without ``--show`` Matplotlib needs no display."""
    from tf_gd._runtime import quiet_tensorflow

    quiet_tensorflow()
    if not getattr(options, "show", False):
        import matplotlib

        matplotlib.use("Agg")


def writable(name: str) -> Path:
    """Return the directory, created if it is missing."""
    directory = Path(name)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=directory).close()
    except OSError as error:
        raise ValueError(
            f"--output-dir: cannot write to {directory} ({error.strerror}), expected a directory "
            "you may write to. Choose another, for example --output-dir=pictures."
        ) from error
    return directory


def save(directory: Path, pictures: dict[str, Any]) -> list[str]:
    """Write the axes as PNG files, by name, and return where they are."""
    from tf_gd import show

    return [str(show.write(axes, directory / name)) for name, axes in pictures.items()]


def show(options) -> None:
    """Open the pictures in a window, with ``--show``, where there is a display."""
    if options.show:
        import matplotlib
        import matplotlib.pyplot as plt

        if matplotlib.get_backend().lower() in ("agg", "pdf", "svg", "ps", "cairo", "template"):
            where = f"the pictures are in {options.output_dir}"
            print(f"--show: there is no display; {where}", file=sys.stderr)
        else:
            plt.show()


def print_json(value) -> None:
    """Print a value as one line of JSON."""
    print(json.dumps(_plain(value), allow_nan=False))


def _plain(value):
    """Return the value with None for infinities and NaN, which JSON lacks."""
    if isinstance(value, dict):
        return {key: _plain(element) for key, element in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(element) for element in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
