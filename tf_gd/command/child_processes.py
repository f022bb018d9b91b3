"""Child processes: none is left behind, however the parent ends."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator


def end(running: list[subprocess.Popen], grace: float) -> None:
    """End running processes and their groups: SIGTERM, and after ``grace`` seconds SIGKILL.

    Each has to lead a session of its own and must not have been waited for: until then its PID is
    the number of its process group and is not reused.
    """
    known = [process for process in running if process.returncode is None]
    for process in known:
        _signal(process, signal.SIGTERM)
    until = time.monotonic() + grace
    for process in known:
        wait(process, until - time.monotonic())
        kill(process)


def wait(process: subprocess.Popen, seconds: float) -> bool:
    """Wait for a process to end, without reaping it; return whether it has ended."""
    until = time.monotonic() + seconds
    while not _has_ended(process):
        if time.monotonic() >= until:
            return False
        time.sleep(0.01)
    return True


def _has_ended(process: subprocess.Popen) -> bool:
    if process.returncode is not None or os.name == "nt":
        return process.poll() is not None
    how = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, process.pid, how) is not None


def kill(process: subprocess.Popen) -> None:
    """Kill a process and its process group."""
    _signal(process, getattr(signal, "SIGKILL", signal.SIGTERM))
    process.wait()


def die_with_parent() -> None:
    """Ask Linux to end this process with the thread that started it, even after kill -9."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


# Reads the numbers of groups, those that have ended with a minus, until its input is closed: as by
# the death of the process that started it.
_GUARD = """
import os, signal, sys
groups = set()
for number in map(int, sys.stdin):
    groups = groups | {number} if number > 0 else groups - {-number}
for group in groups:
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        pass
"""


@contextlib.contextmanager
def guarded() -> Iterator[Callable[[int], None]]:
    """Within this context, kill groups of processes should this one be killed.

    :func:`die_with_parent` ends the processes themselves, and not what they have started. On
    Windows it does nothing.

    Yields:
        A function to tell the number of a group that has started, or of one that is about to end
        with a minus: its number may be taken by another.
    """
    if os.name == "nt":
        yield lambda number: None
        return
    command = [sys.executable, "-I", "-S", "-c", _GUARD]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as guard:

        def tell(number: int) -> None:
            assert guard.stdin is not None
            with contextlib.suppress(OSError):  # somebody has killed it
                guard.stdin.write(f"{number}\n".encode())
                guard.stdin.flush()

        try:
            yield tell
        finally:
            guard.kill()


def _signal(process: subprocess.Popen, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        if os.name == "nt":
            process.terminate()
        else:
            os.killpg(process.pid, number)
