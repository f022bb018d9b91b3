"""Checkpoints of a run, from which it continues after it was killed.

A checkpoint is one file of arrays and JSON, so that reading it executes nothing. It is written
atomically, in a thread beside the computation, and its name contains the SHA-256 hash of its
content: a damaged file is recognised, and the one before it is used. A lock file, which the system
unlocks when the process dies, keeps two runs out of one directory.
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
import weakref
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
_KEPT = 2  # files; the older one is used if the newest is damaged
_UNFINISHED = re.compile(rf"{PARTIAL}[0-9a-f]+\.ckpt")  # ours, of a run killed while it wrote
_LOCKS: weakref.WeakSet = weakref.WeakSet()


def _let_go() -> None:
    """Close the lock files in a forked child, which would hold the locks of a dead parent."""
    for file in list(_LOCKS):
        with contextlib.suppress(OSError):
            file.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)


class Checkpoints:
    """The checkpoints of one run, in a directory that it locks; a context manager.

    Until it is closed, SIGTERM raises ``SystemExit``, so that the last checkpoint is completed.

    Args:
        directory: created if it does not exist.
        writes: whether this process writes; of several workers one writes and all read.

    Raises:
        TypeError: `directory` is not the name of a directory.
        ValueError: the directory is not writable, or another run has locked it.

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
        is_path = isinstance(directory, str | os.PathLike)
        if not is_path or not str(directory) or "\0" in str(directory):
            raise TypeError(f"checkpoint: got {directory!r}, expected the name of a directory.")
        self.directory, self._writes = Path(directory), writes
        self._held = contextlib.ExitStack()
        if writes:
            self._held.enter_context(self._locked())
        self._held.enter_context(ends_on_sigterm())
        writer = concurrent.futures.ThreadPoolExecutor(1, "checkpoint")
        self._writer = self._held.enter_context(writer)
        self._writing: concurrent.futures.Future | None = None
        self.seconds = 0.0  # the time it took to write the last checkpoint

    def _locked(self):
        """Return the locked lock file."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            file = (self.directory / "lock").open("a+b")
        except OSError as error:
            problem = f"cannot write to {self.directory} ({error.strerror})"
            expected = "expected a directory you may write to"
            raise ValueError(f"checkpoint: {problem}, {expected}.") from error
        try:
            _lock(file)
        except OSError as error:
            file.close()
            advice = "Wait for it or stop it, or take another directory."
            problem = f"another run is using {self.directory}"
            raise ValueError(f"checkpoint: {problem}. {advice}") from error
        _LOCKS.add(file)
        for left in self.directory.glob(f"{PARTIAL}*"):
            if _UNFINISHED.fullmatch(left.name):  # what others call so stays
                left.unlink(missing_ok=True)
        return file

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    def newest(self) -> tuple[dict[str, Any], list[np.ndarray]] | None:
        """Return the state and the arrays of the newest undamaged checkpoint, or None."""
        for path in reversed(self._files()):
            try:
                return _read(path)
            except Exception as error:  # a damaged file may raise anything
                problem = f"{path} is damaged ({error}); taking the one before it."
                warnings.warn(f"checkpoint: {problem}", stacklevel=3)
        return None

    def save(self, number: int, state: dict[str, Any], arrays: list) -> None:
        """Start to write a checkpoint in another thread.

        Args:
            number: the progress of the run, larger at each call.
            state: any JSON object.
            arrays: what NumPy can convert to arrays; they must not change any more.
        """
        if self._writes:
            self.wait()
            self._writing = self._writer.submit(self._write, number, state, arrays)

    @property
    def busy(self) -> bool:
        """Whether the last checkpoint is still being written."""
        return self._writing is not None and not self._writing.done()

    def wait(self) -> None:
        """Wait for the last checkpoint; warn if it could not be written."""
        if self._writing is None:
            return
        writing, self._writing = self._writing, None
        try:
            writing.result()
        except OSError as error:
            problem = f"checkpoint: cannot write to {self.directory} ({error.strerror})."
            stays = "The run goes on, and the last checkpoint that was written stays."
            warnings.warn(f"{problem} {stays} Make room there.", stacklevel=3)
        except (TypeError, ValueError, OverflowError, MemoryError, RecursionError) as error:
            problem = f"checkpoint: cannot write what the run holds ({error})."
            stays = "The run goes on, and the last checkpoint that was written stays."
            warnings.warn(f"{problem} {stays}", stacklevel=3)

    def close(self) -> None:
        """Wait for the last checkpoint and unlock the directory."""
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
        length = len(page).to_bytes(8, "little")
        content = b"".join([_MARK, length, page, *(array.tobytes() for array in arrays)])
        before = self._files()
        with whole(self.directory / f"at-{number:015d}-{_digest(content)}.ckpt") as partial:
            partial.write_bytes(content)
        for old in before[: 1 - _KEPT]:
            old.unlink(missing_ok=True)
        self.seconds = time.monotonic() - start


def _lock(file) -> None:
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def _read(path: Path) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Return the state and the arrays of a file; they take no more memory than the file itself."""
    content = path.read_bytes()
    if not path.name.endswith(f"-{_digest(content)}.ckpt"):
        raise ValueError("its hash differs from the one in its name")
    if not content.startswith(_MARK):
        raise ValueError("it is not a checkpoint of tf_gd")
    first = len(_MARK) + 8
    at = first + int.from_bytes(content[len(_MARK) : first], "little")
    about = json.loads(content[first:at])
    arrays = []
    for name, shape in about["arrays"]:
        dtype = np.dtype(getattr(ml_dtypes, name, name))
        size = math.prod(shape) * dtype.itemsize
        if dtype.hasobject or not 0 <= size <= len(content) - at:
            raise ValueError("its arrays have fewer bytes than their shapes need")
        arrays.append(np.frombuffer(content[at : at + size], dtype).reshape(shape).copy())
        at += size
    return about["state"], arrays


def differences(saved: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return a phrase for each setting that differs.

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


def refuse_kind(directory: Path, state: dict[str, Any], kind: str) -> None:
    """Raise ValueError where a checkpoint is of another kind of run than ``"fit"``, for example."""
    found = state.get("kind")
    if found != kind:
        raise ValueError(
            f"checkpoint: {directory} holds a run of {found or 'an older version'}, expected one "
            f"of {kind}. Pass another directory."
        )


def refuse(directory: Path, words: list[str]) -> None:
    """Raise ValueError with the differences, if there are any."""
    if words:
        raise ValueError(
            f"checkpoint: {directory} holds a run with other settings: {'; '.join(words)}. Pass "
            "the same to go on with it, or another directory to begin anew."
        )
