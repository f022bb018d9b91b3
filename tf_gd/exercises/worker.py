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
        self._late = False  # whether no answer came in time
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
        # -P: a file random.py in this folder is not to be taken for the module
        module = "tf_gd.exercises.worker"
        command = [sys.executable, "-P", "-m", module, str(self._dump_file)]
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
        asked |= {"path": str(path.absolute()), "seed": seed}
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()
        answer = self._answer(_TO_CHECK)
        if answer is not None:
            if answer.pop("spoilt"):
                self.close()
            answer |= {key: tuple(answer[key]) for key in ("hints", "notes")}
            return Report(**{key: value for key, value in answer.items() if key != "passed"})
        self.close()
        line = self._line_of(path)
        if self._late or self._hung():
            said = f"It did not end in time; it was at line {line}." if line else "It did not end."
            return Report(exercise.name, "time", (said,), line=line)
        said = "Your code ended the program that checks it: look for exit or the like."
        return Report(exercise.name, "error", (said,))

    def _answer(self, seconds: float) -> dict[str, Any] | None:
        self._late = False
        try:
            return self._answers.get(timeout=seconds)
        except queue.Empty:
            self._late = True
            return None

    def _hung(self) -> bool:
        return self._dump_file.exists() and self._dump_file.stat().st_size > 0

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
            tf.config.run_functions_eagerly(False)
            exercise = Exercise(wanted["name"], wanted["number"], Path(wanted["course"]))
            path, before = Path(wanted["path"]), _of_modules()
            try:
                found = check_file(exercise, path, seed=wanted["seed"])
            except BaseException as error:  # of the code where nobody expects it, or of the course
                found = _unexpected(error, exercise, path)
            after = _of_modules()
            spoilt = any(after.get(key) != value for key, value in before.items())
            _say(answers, {**found.as_dict(), "shown": 1, "spoilt": spoilt})
            keras.utils.clear_session()  # while the student reads


def _unexpected(error: BaseException, exercise: Exercise, path: Path) -> Report:
    """Return the report on an error outside of the calls that are watched."""
    from tf_gd.exercises.running import told

    said, line = told(error, str(path))
    if line:
        return Report(exercise.name, "error", (f"Line {line}: {said}",), line=line)
    said, line = told(error, str(exercise.path))
    where = f"{exercise.path.name}, line {line}" if line else exercise.path.name
    text = f"Not your fault, if you changed the function alone: the exercise, {where}: {said}"
    return Report(exercise.name, "error", (text,))


def _of_modules() -> dict[tuple[str, str], int]:
    """Return which objects some modules and classes hold, to see whether a student's code put
    others in their place: the next check would take them for the right ones.
    """
    import builtins
    import math

    import keras
    import numpy as np
    import tensorflow as tf

    holders = [builtins, math, np, np.linalg, tf, keras, keras.ops, keras.layers, keras.optimizers]
    holders += [
        keras.Model,
        keras.optimizers.Optimizer,
        keras.optimizers.SGD,
        keras.optimizers.Adam,
    ]
    return {
        (holder.__name__, name): id(value)
        for holder in holders
        for name, value in list(vars(holder).items())
    }


def _say(answers, value: dict) -> None:
    answers.write(json.dumps(value) + "\n")
    answers.flush()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        serve(sys.argv[1])
