"""Run a student's code: within a time limit, with what it prints and the line that it fails at."""

import contextlib
import io
import linecache
import signal
import sys
import threading
import traceback
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tf_gd import _checks

# Called with the time limit before each call, and with None after it; a process that is to end
# itself, where not even a signal stops the code, puts its own here.
backstop: Callable[[float | None], None] = lambda seconds: None  # noqa: E731


class _TooLong(BaseException):
    """A call went on beyond its time; not an Exception, which the code itself may catch."""


@dataclass
class Ran:
    """What came of running a student's code.

    Attributes:
        value: what it returned, if it did.
        failed: ``"error"`` or ``"time"``; empty if it returned.
        said: the error in a line.
        line: of the student's file, at which it failed or was stopped; 0 if it is not known.
        prints: the lines that print, and what they print first.
    """

    value: Any = None
    failed: str = ""
    said: str = ""
    line: int = 0
    prints: dict[int, str] = field(default_factory=dict)
    unwritten: bool = False


def run(function: Callable, file_name: str, seconds: float) -> Ran:
    """Call a function without arguments, and never raise, but for Ctrl-C.

    Args:
        function: to call.
        file_name: of the student's code, in which lines are counted.
        seconds: the time limit.
    """
    ran = Ran()
    try:
        backstop(seconds)
        with _printing(ran, file_name), _within(seconds, ran, file_name):
            ran.value = function()
    except KeyboardInterrupt:
        raise
    except _TooLong:
        ran.failed = "time"
        ran.said = f"it did not end within {seconds:g} seconds"
    except BaseException as error:  # also SystemExit: whatever a student writes
        ran.failed = "error"
        ran.unwritten = isinstance(error, NotImplementedError)
        ran.said, ran.line = told(error, file_name)
    finally:
        backstop(None)
    return ran


def load(text: str, file_name: str) -> types.SimpleNamespace:
    """Execute the text of a student's file, and return what it defines."""
    linecache.cache[file_name] = (len(text), None, text.splitlines(True), file_name)
    names: dict[str, Any] = {"__name__": "exercise", "__file__": file_name}
    exec(compile(text, file_name, "exec"), names)  # it is the student's own file, on their machine
    return types.SimpleNamespace(**{k: v for k, v in names.items() if k.isidentifier()})


def told(error: BaseException, file_name: str) -> tuple[str, int]:
    """Return what an error says in a line, and the line of a file at which it was raised, or 0."""
    if isinstance(error, SyntaxError) and error.filename == file_name:
        return f"this is not Python: {error.msg}", error.lineno or 0
    try:
        text = " ".join(_checks.raised(error).split())
    except BaseException:  # of an own class, whose __str__ raises
        text = type(error).__name__
    shown = "".join(letter if letter.isprintable() else "?" for letter in text[:240])
    return shown, _line_of(error, file_name)


def _line_of(error: BaseException, file_name: str) -> int:
    """Return the innermost line of a file at which an error was raised, or 0."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno or 0 for frame in frames if frame.filename == file_name]
    return lines[-1] if lines else 0


def _line_within(frame: types.FrameType | None, file_name: str) -> int:
    while frame is not None and frame.f_code.co_filename != file_name:
        frame = frame.f_back
    return frame.f_lineno if frame is not None else 0


class _Prints(io.TextIOBase):
    """What is printed, by the line that prints it."""

    def __init__(self, ran: Ran, file_name: str):
        self._ran, self._file_name = ran, file_name

    def write(self, text: str) -> int:
        line = _line_within(sys._getframe(1), self._file_name)
        before = self._ran.prints.get(line, "")
        if len(before) < 200:
            self._ran.prints[line] = before + text[:200]
        return len(text)


@contextlib.contextmanager
def _printing(ran: Ran, file_name: str) -> Iterator[None]:
    with contextlib.redirect_stdout(_Prints(ran, file_name)):
        yield


@contextlib.contextmanager
def _within(seconds: float, ran: Ran, file_name: str) -> Iterator[None]:
    """Raise _TooLong in the code that runs beyond its time, where signals allow it."""
    if not hasattr(signal, "setitimer") or threading.current_thread() != threading.main_thread():
        yield
        return

    ended = False

    def stop(_, frame) -> None:
        if ended:  # the signal came between the last line and the end of this context
            return
        ran.line = ran.line or _line_within(frame, file_name)
        raise _TooLong

    before = signal.signal(signal.SIGALRM, stop)
    # Again and again, if a bare except catches it.
    earlier = signal.setitimer(signal.ITIMER_REAL, seconds, 0.5)
    try:
        yield
    finally:
        ended = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, *earlier)  # of the program around it, if it had one
