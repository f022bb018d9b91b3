"""SIGTERM, with which a system asks a program to end."""

import contextlib
import signal
import threading
from collections.abc import Iterator

TERMINATED = 128 + signal.SIGTERM


@contextlib.contextmanager
def ends_on_sigterm() -> Iterator[None]:
    """Within this context SIGTERM raises SystemExit, with the exit code 143, so that what is being written is finished.

    TensorFlow may turn that into an error of its own, as while it traces; leaving the context turns it back. Where the
    program has a handler of its own, or outside the main thread, nothing is changed.
    """
    ours = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if not ours:
        yield
        return

    came = False

    def end(*_):
        nonlocal came
        came = True
        raise SystemExit(TERMINATED)

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if came:
            raise SystemExit(TERMINATED)
