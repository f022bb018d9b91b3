"""What the commands write: pictures in a directory, JSON, and a window where there is a display."""

import contextlib
import io
import json
import math
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

_REAL: list[TextIO] = []  # where JSON goes, while all else goes to standard error


def replace_what_cannot_be_shown() -> None:
    """Let a terminal that cannot show a character show a question mark in its place."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


@contextlib.contextmanager
def json_alone(options) -> Iterator[None]:
    """Within this context, with ``--json``, nothing but :func:`print_json` reaches the output.

    Whatever the user's code or a library prints goes to standard error.
    """
    if not getattr(options, "json", False):
        yield
        return
    with _moved_aside() if _is_real(sys.stdout) else contextlib.nullcontext(sys.stdout) as real:
        _REAL.append(real)
        try:
            with contextlib.redirect_stdout(sys.stderr):
                yield
        finally:
            _REAL.remove(real)


@contextlib.contextmanager
def _moved_aside() -> Iterator[TextIO]:
    """Let what is written below Python go to standard error; yield the real output."""
    sys.stdout.flush()
    real = os.fdopen(os.dup(1), "w", encoding=sys.stdout.encoding, errors="replace")
    try:
        os.dup2(2, 1)
        yield real
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        os.dup2(real.fileno(), 1)
        with contextlib.suppress(OSError):
            real.close()


def _is_real(stream) -> bool:
    try:
        return stream.fileno() == 1
    except (AttributeError, OSError, ValueError):
        return False


def close_standard_output() -> None:
    """Send what cannot be written nowhere, so that the interpreter ends without a word."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def file_name(name: str) -> str:
    """Return a name as the beginning of the name of a file: no folders, at most 80 letters.

    Examples:
        >>> file_name("../../x"), file_name("booth"), file_name("/")
        ('x', 'booth', 'objective')
    """
    return re.sub(r"[^\w.-]+", "_", name, flags=re.ASCII).strip("._-")[:80] or "objective"


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


def print_json(value, indent: int | None = None) -> None:
    """Print a value as JSON: one line, or indented."""
    line = json.dumps(_plain(value), indent=indent, allow_nan=False)
    print(line, file=_REAL[-1] if _REAL else None, flush=True)


def _plain(value):
    """Return the value with None for infinities and NaN, which JSON lacks."""
    if isinstance(value, dict):
        return {key: _plain(element) for key, element in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(element) for element in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
