"""Files that are written whole or not at all, and read only as far as they are what they say."""

import contextlib
import math
import os
import secrets
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tf_gd import _checks

_ENDS = 98  # bytes of the records that an archive ends with, at most: 56 + 20 + 22
_LONGEST_LIST = 4096
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


def read_arrays(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the arrays of a file that ``np.savez`` wrote; nothing in it is executed.

    They take no more room in memory than twice what the file has on the disk: what is compressed is refused, as ``np.savez``
    compresses nothing, and so is a shape that the bytes do not fill.

    Raises:
        OSError: there is no such file, or it cannot be read.
        ValueError, zipfile.BadZipFile: it holds something else, or is damaged.
    """
    _check_directory(path)
    with zipfile.ZipFile(path) as file:
        members = {member.filename: member for member in file.infolist()}
        if set(members) != {f"{name}.npy" for name in names} or len(file.infolist()) != len(names):
            raise ValueError(f"it holds {', '.join(sorted(members)[:9]) or 'nothing'}")
        size = path.stat().st_size
        if sum(member.file_size for member in members.values()) > size:
            raise ValueError("it would be larger in memory than it is on the disk")
        _checks.check_fits_in_memory("path", 2 * size, "Record fewer points.")
        for member in members.values():
            if member.compress_type != zipfile.ZIP_STORED:
                raise ValueError(f"{member.filename} is compressed")
        return {name: _array(file, f"{name}.npy") for name in names}


def _check_directory(path: Path) -> None:
    """Raise unless the archive ends as one of a few members does, whose list is short: ``zipfile`` reads it at once."""
    with path.open("rb") as file:
        file.seek(-min(path.stat().st_size, _ENDS), os.SEEK_END)
        end = file.read().rjust(_ENDS, b"\0")
    if end[-22:-18] != b"PK\5\6":
        raise ValueError("it is cut off, or no archive")
    length = int.from_bytes(end[-10:-6], "little")
    if end[-42:-38] == b"PK\6\7":  # of more than 4 GB, another end is before it
        length = int.from_bytes(end[40:48], "little")
    if length > _LONGEST_LIST:
        raise ValueError("it has too many members")


def _array(file: zipfile.ZipFile, name: str) -> np.ndarray:
    with file.open(name) as member:
        version = np.lib.format.read_magic(member)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"{name} is of version {version}")
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, by_columns, dtype = read_header(member)
        content = member.read()  # and what these bytes add up to is compared
    if dtype.hasobject or min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != len(content):
        raise ValueError(f"{name} says that it is {dtype} of shape {shape}, and has {len(content)} bytes")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if by_columns else "C").copy()


def _fsync(path: Path, how: int) -> None:
    descriptor = os.open(path, how)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
