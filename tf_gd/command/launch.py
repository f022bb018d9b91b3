"""Run one script as several workers on this machine, which find each other by ``TF_CONFIG``."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tf_gd.command import child_processes

_LONGEST_LINE = 2**16  # bytes; a longer one is passed through in parts
_GRACE = 10.0  # seconds between SIGTERM and SIGKILL


def launch(script: str, arguments: list[str], workers: int) -> int:
    """Run a script as several workers, on free ports of 127.0.0.1; return the exit code of the
    first that fails, or 0.

    Their output passes through, with the worker's number in front. When one fails, the others
    are ended. None is left behind, however this process ends.

    Args:
        script: a Python file, which makes a ``tf.distribute.MultiWorkerMirroredStrategy`` before
            anything else.
        arguments: of the script.
        workers: how many.

    Raises:
        ValueError: there is no such file.
    """
    if not Path(script).is_file():
        raise ValueError(f"script: got {script!r}, expected the name of a Python file.")
    cluster = {"worker": [f"127.0.0.1:{port}" for port in _free_ports(workers)]}
    running: list[subprocess.Popen] = []
    readers: list[threading.Thread] = []
    with child_processes.guarded() as tell_guard:
        try:
            for number in range(workers):
                task = {"cluster": cluster, "task": {"type": "worker", "index": number}}
                on_linux = sys.platform == "linux"
                worker = subprocess.Popen(
                    [sys.executable, "-u", script, *arguments],
                    env={**os.environ, "TF_CONFIG": json.dumps(task)},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    preexec_fn=child_processes.die_with_parent if on_linux else None,
                )
                running.append(worker)
                tell_guard(worker.pid)
                passes = (number, worker.stdout)
                readers.append(threading.Thread(target=_pass_through, args=passes, daemon=True))
                readers[-1].start()
            return _wait(running, tell_guard)
        finally:
            child_processes.end(running, _GRACE)
            for reader in readers:
                reader.join(1.0)


def _wait(running: list[subprocess.Popen], tell_guard: Callable[[int], None]) -> int:
    """Wait until all are done or one fails; return 0 or its exit code, 128 + n for signal n."""
    left = dict(enumerate(running))
    while left:
        ended = [number for number, worker in left.items() if child_processes.wait(worker, 0.0)]
        time.sleep(0.0 if ended else 0.02)
        for number in ended:
            tell_guard(-left[number].pid)
        child_processes.end([left[number] for number in ended], 0.0)  # its children
        codes = {number: left.pop(number).returncode for number in ended}
        for number, code in codes.items():
            if not code:
                continue
            code = code if code > 0 else 128 - code
            print(
                f"tf-gd launch: worker {number} ended with exit code {code}; ending the others",
                file=sys.stderr,
            )
            return code
    return 0


def _pass_through(number: int, output) -> None:
    with output:
        while line := output.readline(_LONGEST_LINE):
            with contextlib.suppress(OSError, ValueError):  # closed: the worker goes on
                sys.stdout.write(f"[{number}] {line.decode(errors='replace').rstrip()}\n")
                sys.stdout.flush()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as opened:
        sockets = [opened.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
