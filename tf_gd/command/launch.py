"""Several workers on this machine: one script, started so many times, each knowing of the others
through ``TF_CONFIG``.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from tf_gd.command import child_processes

_GRACE = 10.0  # seconds between SIGTERM and SIGKILL


def launch(script: str, arguments: list[str], workers: int) -> int:
    """Run a script as so many workers, on free ports of the loopback; return the exit code of the
    first that fails, or 0.

    What they print passes through, with the worker's number in front. When one fails, the others
    are ended. None is left behind, whatever ends this process.

    Args:
        script: a Python file, which makes a ``tf.distribute.MultiWorkerMirroredStrategy`` before
            all else.
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
    try:
        for number in range(workers):
            task = {"cluster": cluster, "task": {"type": "worker", "index": number}}
            worker = subprocess.Popen(
                [sys.executable, "-u", script, *arguments],
                env={**os.environ, "TF_CONFIG": json.dumps(task)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=child_processes.die_with_parent if sys.platform == "linux" else None,
            )
            running.append(worker)
            readers.append(
                threading.Thread(target=_pass_through, args=(number, worker.stdout), daemon=True)
            )
            readers[-1].start()
        return _wait(running)
    finally:
        child_processes.end(running, _GRACE)
        for reader in readers:
            reader.join(1.0)


def _wait(running: list[subprocess.Popen]) -> int:
    """Return when all are done, or the first has failed; a signal counts as 128 and its number, as
    in a shell.
    """
    left = dict(enumerate(running))
    while left:
        ended = [number for number, worker in left.items() if child_processes.wait(worker, 0.0)]
        time.sleep(0.0 if ended else 0.02)
        child_processes.end([left[number] for number in ended], 0.0)  # what it has started
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
        for line in output:
            sys.stdout.write(f"[{number}] {line.decode(errors='replace').rstrip()}\n")
            sys.stdout.flush()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as opened:
        sockets = [opened.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
