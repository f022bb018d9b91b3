"""Processes that we start: none is left behind, whatever ends the one that started them."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time


def end(running: list[subprocess.Popen], grace: float) -> None:
    """End those that still run, and what they have started: ask, and after ``grace`` seconds kill.

    Each has to be the leader of a session of its own.
    """
    for process in running:
        if process.poll() is None:
            _signal(process, signal.SIGTERM)
    until = time.monotonic() + grace
    for process in running:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, until - time.monotonic()))
        if process.poll() is None:
            kill(process)


def kill(process: subprocess.Popen) -> None:
    """End a process at once, and what it has started."""
    _signal(process, getattr(signal, "SIGKILL", signal.SIGTERM))
    process.wait()


def die_with_parent() -> None:
    """Ask Linux to end this process with the thread that started it, even after kill -9."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _signal(process: subprocess.Popen, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        if os.name == "nt":
            process.terminate()
        else:
            os.killpg(process.pid, number)
