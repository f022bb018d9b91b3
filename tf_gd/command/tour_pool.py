"""Processes that run tutorials side by side; a crash of one does not affect the others."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Generator
from pathlib import Path
from typing import Any

from tf_gd.command import child_processes

_GRACE = 1.0  # seconds between SIGTERM and SIGKILL
_TO_START = 300.0  # seconds that the import of TensorFlow may take, on a slow disk
_TAIL = 4000  # characters of standard error to show of a process that broke
_START = (  # this tf_gd, and nothing else from its folder or the working directory
    "import sys; sys.path.insert(0, sys.argv[1]); import tf_gd; del sys.path[0]; "
    "from tf_gd.command import tour_child; tour_child.main(sys.argv[2])"
)
_THREADS = (
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
)

Answer = dict[str, Any]


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def visits(
    scripts: list[Path],
    pictures: Path,
    processes: int,
    limit: float,
) -> Generator[tuple[Path, Answer | None]]:
    """Run scripts side by side; yield each with None when it begins, and with its answer when done.

    For a script that ends its process, or takes longer than ``limit`` seconds, the answer is an
    error, and a new process runs the others. Closing the iterator ends all processes.
    """
    threads = str(max(1, cores() // processes)) if processes > 1 else None
    waiting, workers, said = deque(scripts), list[_Worker](), queue.Queue[tuple[_Worker, str]]()
    try:
        while waiting or any(worker.script for worker in workers):
            while len(workers) < min(processes, len(waiting) + len(workers)):
                workers.append(_Worker(pictures, threads, said))
            for worker in workers:
                if waiting and worker.script is None:
                    worker.ask(waiting.popleft())
            worker, answer = _next(workers, said, limit)
            if answer is None:
                if worker.script:
                    yield worker.script, None
                continue
            script, worker.script = worker.script, None
            if "broke" in answer:
                workers.remove(worker)
                answer = {"error": answer["broke"], "seconds": time.monotonic() - worker.since}
            elif waiting:
                worker.ask(waiting.popleft())
                yield worker.script, None  # type: ignore[misc]
            if script is not None:
                yield script, answer
    finally:
        for worker in workers:
            worker.close()
        busy = [worker.process for worker in workers if worker.script]
        child_processes.end(busy, _GRACE)
        child_processes.end([worker.process for worker in workers], 0.0)


class _Worker:
    """One process; ``script`` is what it runs, ``since`` when it began with it."""

    def __init__(self, pictures: Path, threads: str | None, said: queue.Queue):
        environment = {name: threads for name in _THREADS if threads} | os.environ
        package = str(Path(__file__).resolve().parents[2])
        self.script: Path | None = None
        self.since, self.ready = time.monotonic(), False
        self.errors_before = 0  # bytes that earlier scripts wrote
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the process
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-X", "faulthandler", "-c", _START, package, str(pictures)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            encoding="ascii",
            start_new_session=True,
        )
        threading.Thread(target=self._listen, args=(said,), daemon=True).start()

    def _listen(self, said: queue.Queue) -> None:
        with contextlib.suppress(ValueError, OSError):  # closed, or no ASCII
            for line in self.process.stdout:  # type: ignore[union-attr]
                said.put((self, line))
        said.put((self, ""))

    def ask(self, script: Path) -> None:
        """Have it run a script; if it no longer can, :func:`_next` notices."""
        self.script, self.since = script, time.monotonic()
        self.errors_before = os.fstat(self.errors.fileno()).st_size
        with contextlib.suppress(OSError):
            self.process.stdin.write(json.dumps(str(script)) + "\n")  # type: ignore[union-attr]
            self.process.stdin.flush()  # type: ignore[union-attr]

    def close(self) -> None:
        """Close its input, so that it exits when idle."""
        with contextlib.suppress(OSError):
            self.process.stdin.close()  # type: ignore[union-attr]

    def broke(self, why: str = "") -> Answer:
        """End it and its children, and return an answer that says why."""
        by_itself = child_processes.wait(self.process, 0.0 if why else _GRACE)
        child_processes.end([self.process], _GRACE)
        if not why and by_itself:
            why = f"Its process {_end_of(self.process)}, before the script had ended."
        why = why or "Its process closed the pipe for its answers."
        self.close()
        self.errors.seek(self.errors_before)
        written = self.errors.read().decode(errors="replace").split("\nExtension modules:")[0]
        tail = written[-_TAIL:].strip()
        self.errors.close()
        return {"broke": f"{why}\n{tail}".strip()}


def _end_of(process: subprocess.Popen) -> str:
    code = process.returncode
    named = {int(one): one.name for one in signal.Signals}
    return (
        f"exited with {code}"
        if code >= 0
        else f"was ended by {named.get(-code, f'signal {-code}')}"
    )


def _next(workers: list[_Worker], said: queue.Queue, limit: float) -> tuple[_Worker, Answer | None]:
    """Wait for a worker's answer; None means that it is ready."""
    while True:
        try:
            worker, line = said.get(timeout=0.2)
        except queue.Empty:
            for worker in workers:
                given = limit if worker.ready else _TO_START
                if worker.script and time.monotonic() - worker.since > given:
                    what = "It had not ended" if worker.ready else "TensorFlow had not started"
                    return worker, worker.broke(f"{what} after {given:g} seconds.")
                if worker.script and child_processes.wait(worker.process, 0.0):
                    return worker, worker.broke()  # a child of its own may hold the pipe open
            continue
        if worker not in workers:
            continue  # it was given up
        if not line:
            return worker, worker.broke()
        try:
            answer = json.loads(line)
        except ValueError:
            return worker, worker.broke("Its process wrote into the pipe for its answers.")
        if answer is None:
            worker.since, worker.ready = time.monotonic(), True
        return worker, answer
