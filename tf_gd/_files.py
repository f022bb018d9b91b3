"""Atomic writing of files, and safe reading of ``.npz`` archives."""

import contextlib
import math
import os
import secrets
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tf_gd import _checks

PARTIAL = "partial-"  # the prefix of the name of an unfinished file
_RECORDS = 56 + 20 + 22  # bytes: zip64 end record, zip64 locator, end record, without a comment
_LONGEST_DIRECTORY = 4096  # bytes: a few members need about 60 each


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a temporary file beside ``path``, and rename it to ``path`` once it is on the disk.

    If the context fails, the temporary file is deleted and an old file at ``path`` stays.

    Raises:
        OSError: the directory does not exist or is not writable, or the disk is full.

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


def read_arrays(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the arrays of a file that ``np.savez`` wrote, without executing anything in it.

    The arrays take at most twice the size of the file in memory: compressed members are refused,
    which ``np.savez`` does not write, and so is a shape that does not match the number of bytes.

    Raises:
        OSError: the file does not exist or is not readable.
        ValueError, zipfile.BadZipFile: the file has other content, or is damaged.
    """
    _check_directory(path)
    with zipfile.ZipFile(path) as file:
        found = file.infolist()
        if sorted(member.filename for member in found) != sorted(f"{name}.npy" for name in names):
            listed = ", ".join(sorted({member.filename for member in found})[:9])
            raise ValueError(f"it holds {listed or 'nothing'}")
        size = path.stat().st_size
        if sum(member.file_size for member in found) > size:
            raise ValueError("it would be larger in memory than it is on the disk")
        _checks.check_fits_in_memory("path", 2 * size, "Record fewer points.")
        for member in found:
            if member.compress_type != zipfile.ZIP_STORED:
                raise ValueError(f"{member.filename} is compressed")
        return {name: _array(file, f"{name}.npy") for name in names}


def _check_directory(path: Path) -> None:
    """Raise ValueError unless the archive's directory is short: ``zipfile`` reads it at once."""
    with path.open("rb") as file:
        file.seek(-min(path.stat().st_size, _RECORDS), os.SEEK_END)
        end = file.read().rjust(_RECORDS, b"\0")
    if end[-22:-18] != b"PK\5\6":
        raise ValueError("it is cut off, or no archive")
    length = int.from_bytes(end[-10:-6], "little")
    if end[-42:-38] == b"PK\6\7":  # a zip64 locator: the length is in the zip64 end record
        length = int.from_bytes(end[40:48], "little")
    if length > _LONGEST_DIRECTORY:
        raise ValueError("it has too many members")


def _array(file: zipfile.ZipFile, name: str) -> np.ndarray:
    with file.open(name) as member:
        version = np.lib.format.read_magic(member)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"{name} is of version {version}")
        read_header = getattr(np.lib.format, f"read_array_header_{version[0]}_0")
        shape, by_columns, dtype = read_header(member)
        content = member.read()  # read to its end, so that zipfile compares the checksum
    size = math.prod(shape) * dtype.itemsize
    if dtype.hasobject or min(shape, default=0) < 0 or size != len(content):
        got = f"{dtype} of shape {shape}, and has {len(content)} bytes"
        raise ValueError(f"{name} says that it is {got}")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if by_columns else "C").copy()
