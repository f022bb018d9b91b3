"""Files that are written whole or not at all."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

PARTIAL = "partial-"  # what the name of an unfinished file begins with


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield the name of a file beside ``path`` to write to; it takes that name once it is whole, and is on the disk.

    Where the context fails nothing is left of it, and what was there before stays.

    Raises:
        OSError: the directory cannot be written to.

    Examples:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "greeting.txt"
        >>> with whole(path) as partial:
        ...     _ = partial.write_text("hello")
        >>> path.read_text(), [file.name for file in path.parent.iterdir()]
        ('hello', ['greeting.txt'])
    """
    partial = path.with_name(f"{PARTIAL}{secrets.token_hex(8)}{path.suffix}")
    partial.touch(exist_ok=False)
    try:
        yield partial
        _fsync(partial, os.O_RDWR)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    if os.name != "nt":
        _fsync(path.parent, os.O_RDONLY)


def _fsync(path: Path, how: int) -> None:
    descriptor = os.open(path, how)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
