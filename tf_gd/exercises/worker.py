"""Another process that checks files: TensorFlow is imported once, and no code of a student's
reaches the process that talks to them. ``python -m tf_gd.exercises.worker`` is that process.
"""

import contextlib
import faulthandler
import json
import os
import queue
import re
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from tf_gd.exercises.exercise import Exercise
from tf_gd.exercises.report import Report

_GRACE = 3.0  # seconds after a time limit, in which a signal should have stopped the code
_TO_IMPORT = 180.0  # seconds in which TensorFlow should have been imported
_TO_CHECK = 300.0  # seconds for all calls of a check


class Worker:
    """A process that checks exercises, started when it is needed, and anew when it has ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen | None = None
        self._answers: queue.Queue = queue.Queue()
        self._dump = tempfile.TemporaryDirectory(prefix="tf_gd_exercises_")

    def __enter__(self) -> "Worker":
        self.start()
        return self

    def __exit__(self, *_) -> None:
        self.close()
        self._dump.cleanup()

    @property
    def _dump_file(self) -> Path:
        return Path(self._dump.name) / "stack.txt"

    def start(self) -> None:
        """Start the process, unless it is running."""
        if self._process is not None and self._process.poll() is None:
            return
        environment = {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3", **os.environ}
        command = [sys.executable, "-m", "tf_gd.exercises.worker", str(self._dump_file)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            encoding="utf-8",
        )
        self._answers = queue.Queue()
        reading = (self._process.stdout, self._answers)
        threading.Thread(target=_read, args=reading, daemon=True).start()
        if self._answer(_TO_IMPORT) is None:
            self.close()
            raise ImportError(
                "the process that checks did not start; python -m tf_gd doctor says what is wrong"
            )

    def check(self, exercise: Exercise, path: Path, seed: int | None = None) -> Report:
        """Return the report on the file of an exercise."""
        self.start()
        assert self._process is not None
        assert self._process.stdin is not None
        asked = {"course": str(exercise.path), "number": exercise.number, "name": exercise.name}
        asked |= {"path": str(path.resolve()), "seed": seed}
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()
        answer = self._answer(_TO_CHECK)
        if answer is not None:
            answer |= {key: tuple(answer[key]) for key in ("hints", "notes")}
            return Report(**{key: value for key, value in answer.items() if key != "passed"})
        self.close()
        line = self._line_of(path)
        where = f"Line {line}" if line else "Your code"
        said = f"{where}: it did not end in time, or ended the program that checks it."
        return Report(exercise.name, "time", (said,), line=line)

    def _answer(self, seconds: float) -> dict[str, Any] | None:
        try:
            return self._answers.get(timeout=seconds)
        except queue.Empty:
            return None

    def _line_of(self, path: Path) -> int:
        """Return the line of a file at which the process was, when it ended itself."""
        with contextlib.suppress(OSError):
            stack = self._dump_file.read_text(encoding="utf-8", errors="replace")
            for line in re.findall(rf'File "[^"]*{re.escape(path.name)}", line (\d+)', stack):
                return int(line)
        return 0

    def close(self) -> None:
        """End the process, if it is running."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    pipe.close()  # type: ignore[union-attr]


def _read(pipe, answers: queue.Queue) -> None:
    with contextlib.suppress(ValueError, OSError):
        for line in pipe:
            answers.put(json.loads(line))
    answers.put(None)  # the process has ended


def serve(dump_file: str) -> None:
    """Check what is asked for on standard input, a line of JSON each, until it is closed."""
    asked = os.fdopen(os.dup(0), encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    for descriptor, how in ((0, os.O_RDONLY), (1, os.O_WRONLY)):  # not for the student's code
        nowhere = os.open(os.devnull, how)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
    from tf_gd._runtime import quiet_tensorflow

    quiet_tensorflow()
    import keras
    import tensorflow as tf

    from tf_gd.exercises import running
    from tf_gd.exercises.checking import check_file

    with Path(dump_file).open("w", encoding="utf-8") as dump:

        def backstop(seconds: float | None) -> None:
            if seconds is None:
                faulthandler.cancel_dump_traceback_later()
            else:
                faulthandler.dump_traceback_later(seconds + _GRACE, exit=True, file=dump)

        running.backstop = backstop
        _say(answers, {"ready": True})
        for line in asked:
            wanted = json.loads(line)
            keras.config.set_floatx("float32")
            keras.utils.clear_session()
            tf.config.run_functions_eagerly(False)
            exercise = Exercise(wanted["name"], wanted["number"], Path(wanted["course"]))
            found = check_file(exercise, Path(wanted["path"]), seed=wanted["seed"])
            _say(answers, {**found.as_dict(), "shown": 1})


def _say(answers, value: dict) -> None:
    answers.write(json.dumps(value) + "\n")
    answers.flush()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        serve(sys.argv[1])
