"""SIGTERM and Ctrl-C, where TensorFlow or Keras may swallow the exception that they raise."""

import contextlib
import signal
import threading
from collections.abc import Iterator

TERMINATED = 128 + signal.SIGTERM  # the exit code of a process that SIGTERM has ended


@contextlib.contextmanager
def ends_on_sigterm() -> Iterator[None]:
    """Turn SIGTERM into ``SystemExit``, with the exit code 143, within this context.

    TensorFlow may replace this exception by its own, for example while it traces; it is therefore
    raised again when the context ends. A program that has its own handler of SIGTERM keeps it, and
    outside the main thread nothing changes.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    received = False

    def end(*_):
        nonlocal received
        received = True
        raise SystemExit(TERMINATED)

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if received:
            raise SystemExit(TERMINATED)


class Interrupts:
    """Ctrl-C, also where it is swallowed: Keras has bare ``except:`` clauses.

    :meth:`check` raises it once more, if it came within this context; :meth:`caused` says whether
    an error came of it. A program that has its own handler of SIGINT keeps it, and outside the main
    thread nothing changes.
    """

    came = False

    def __enter__(self):
        in_main_thread = threading.current_thread() is threading.main_thread()
        default = signal.default_int_handler
        self._ours = in_main_thread and signal.getsignal(signal.SIGINT) is default
        if self._ours:
            signal.signal(signal.SIGINT, self._raise)
        return self

    def _raise(self, *_):
        self.came = True
        raise KeyboardInterrupt

    def check(self) -> None:
        """Raise ``KeyboardInterrupt`` if there was one."""
        if self.came:
            raise KeyboardInterrupt

    @staticmethod
    def caused(error: BaseException | None) -> bool:
        """Return whether an error is Ctrl-C, or was raised while one was being handled."""
        while error is not None and not isinstance(error, KeyboardInterrupt):
            error = error.__context__
        return error is not None

    def __exit__(self, *exc_info):
        if self._ours and signal.getsignal(signal.SIGINT) == self._raise:
            signal.signal(signal.SIGINT, signal.default_int_handler)
