"""What a run needs to go on where it was killed: files that are written whole or not at all, in a directory of its own.

A file holds arrays and a page of JSON, nothing that could be executed, and its name says what its bytes add up to: a
damaged one is recognised, and the one before it is used. Writing goes on beside the computing. A lock that dies with its
process keeps two runs apart.
"""

import concurrent.futures
import contextlib
import hashlib
import json
import math
import os
import re
import time
import warnings
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from tf_gd._files import PARTIAL, whole
from tf_gd._signals import ends_on_sigterm

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]
    import msvcrt

_NAME = re.compile(r"at-(\d{15})-([0-9a-f]{32})\.ckpt")
_MARK = b"tf_gd checkpoint 1\n"
_KEPT = 2


class Checkpoints:
    """The checkpoints of one run, in a directory that no other run uses meanwhile; to be closed, or used as a context.

    Meanwhile SIGTERM ends the program as an exception does, so that what is being written is finished.

    Args:
        directory: made if it is not there.
        writes: whether to write; one of several workers does, and the others only read.

    Raises:
        ValueError: the directory cannot be written to, or another run is using it.

    Examples:
        >>> import tempfile
        >>> directory = tempfile.mkdtemp()
        >>> with Checkpoints(directory) as kept:
        ...     kept.save(7, {"epoch": 1}, [np.arange(3)])
        >>> with Checkpoints(directory) as kept:
        ...     kept.newest()
        ({'epoch': 1}, [array([0, 1, 2])])
    """

    def __init__(self, directory, writes: bool = True):
        if not isinstance(directory, str | os.PathLike) or not str(directory) or "\0" in str(directory):
            raise TypeError(f"checkpoint: got {directory!r}, expected the name of a directory.")
        self.directory, self._writes = Path(directory), writes
        self._held = contextlib.ExitStack()
        if writes:
            self._held.enter_context(self._locked())
        self._held.enter_context(ends_on_sigterm())
        self._writer = self._held.enter_context(concurrent.futures.ThreadPoolExecutor(1, "checkpoint"))
        self._writing: concurrent.futures.Future | None = None
        self.seconds = 0.0  # that writing the last one took

    def _locked(self):
        """Return the open file that says that this run uses the directory."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            file = (self.directory / "lock").open("a+b")
        except OSError as error:
            raise ValueError(
                f"checkpoint: cannot write to {self.directory} ({error.strerror}), expected a directory you may write to."
            ) from error
        try:
            _lock(file)
        except OSError as error:
            file.close()
            raise ValueError(
                f"checkpoint: another run is using {self.directory}. Wait for it or stop it, or take another directory."
            ) from error
        for left in self.directory.glob(f"{PARTIAL}*"):  # of a run that was killed while it wrote
            left.unlink(missing_ok=True)
        return file

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    def newest(self) -> tuple[dict[str, Any], list[np.ndarray]] | None:
        """Return the state and the arrays of the newest checkpoint that is whole; None where there is none."""
        for path in reversed(self._files()):
            try:
                return _read(path)
            except Exception as error:  # whatever its bytes lead to
                warnings.warn(f"checkpoint: {path} is damaged ({error}); taking the one before it.", stacklevel=3)
        return None

    def save(self, number: int, state: dict[str, Any], arrays: list) -> None:
        """Begin to write a checkpoint, beside what runs on; the arrays must not change any more.

        Args:
            number: how far the run is; grows from one to the next.
            state: what JSON can hold.
            arrays: NumPy arrays, or what they can be made of.
        """
        if not self._writes:
            return
        self.wait()
        self._writing = self._writer.submit(self._write, number, state, arrays)

    @property
    def busy(self) -> bool:
        """Whether the last checkpoint is still being written."""
        return self._writing is not None and not self._writing.done()

    def wait(self) -> None:
        """Return when the last checkpoint is written; warn if it could not be."""
        if self._writing is None:
            return
        writing, self._writing = self._writing, None
        try:
            writing.result()
        except OSError as error:
            warnings.warn(
                f"checkpoint: cannot write to {self.directory} ({error.strerror}). The run goes on, and the last checkpoint "
                "that was written stays. Make room there.",
                stacklevel=3,
            )

    def close(self) -> None:
        """Finish writing and let go of the directory."""
        try:
            self.wait()
        finally:
            self._held.close()

    def _files(self) -> list[Path]:
        there = self.directory.iterdir() if self.directory.is_dir() else ()
        return sorted(path for path in there if _NAME.fullmatch(path.name))

    def _write(self, number: int, state: dict[str, Any], arrays: list) -> None:
        start = time.monotonic()
        arrays = [np.asarray(array) for array in arrays]
        about = {"state": state, "arrays": [[str(array.dtype), array.shape] for array in arrays]}
        page = json.dumps(about).encode()
        content = b"".join([_MARK, len(page).to_bytes(8, "little"), page, *(array.tobytes() for array in arrays)])
        before = self._files()
        with whole(self.directory / f"at-{number:015d}-{_digest(content)}.ckpt") as partial:
            partial.write_bytes(content)
        for old in before[: 1 - _KEPT or None]:
            old.unlink(missing_ok=True)
        self.seconds = time.monotonic() - start


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def _read(path: Path) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Return what is in a file whose bytes add up; it takes no more room in memory than on the disk."""
    content = path.read_bytes()
    if _digest(content) != _NAME.fullmatch(path.name)[2]:  # type: ignore[index]
        raise ValueError("its bytes do not add up to what its name says")
    if content[: len(_MARK)] != _MARK:
        raise ValueError("it was not written here")
    first = len(_MARK) + 8
    length = int.from_bytes(content[len(_MARK) : first], "little")
    about = json.loads(content[first : first + length])
    arrays, at = [], first + length
    for name, shape in about["arrays"]:
        dtype = np.dtype(getattr(ml_dtypes, name, name))
        size = math.prod(shape) * dtype.itemsize
        if dtype.hasobject or not 0 <= size <= len(content) - at:
            raise ValueError("it holds less than it says")
        arrays.append(np.frombuffer(content[at : at + size], dtype).reshape(shape).copy())
        at += size
    return about["state"], arrays


def differences(saved: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return what is set otherwise now than it was, in words.

    Examples:
        >>> differences({"batch_size": 32, "seed": 1}, {"batch_size": 64, "seed": 1})
        ['batch_size was 32, now 64']
    """
    words = []
    for name in sorted({*saved, *now}):
        old, new = saved.get(name), now.get(name)
        if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
            old, new = dict(enumerate(old)), dict(enumerate(new))
        if isinstance(old, dict) and isinstance(new, dict):
            words += [f"{name}.{difference}" for difference in differences(old, new)]
        elif old != new:
            words.append(f"{name} was {_short(old)}, now {_short(new)}")
    return words


def _short(value) -> str:
    written = repr(value)
    return written if len(written) <= 200 else f"{written[:200]} ..."


def refuse(directory: Path, words: list[str]) -> None:
    """Raise if there are differences.

    Raises:
        ValueError: naming them.
    """
    if words:
        raise ValueError(
            f"checkpoint: {directory} holds a run with other settings: {'; '.join(words)}. Pass the same to go on with it, "
            "or another directory to begin anew."
        )


def _lock(file) -> None:
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
