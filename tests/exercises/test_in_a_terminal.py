"""tf-gd exercises, as typed; and the process that checks, with code that hangs it or ends it."""

import json
import re
import signal
import subprocess
import sys
import time

import pytest

from tf_gd.command.cli import main
from tf_gd.exercises import checking
from tf_gd.exercises.exercise import course
from tf_gd.exercises.folder import PROGRESS, Folder
from tf_gd.exercises.report import Report
from tf_gd.exercises.worker import Worker

COURSE = course()
STEP = """import tensorflow as tf


def step(f, x, learning_rate):
    x = tf.Variable(x)
    with tf.GradientTape() as tape:
        y = f(x)
    return x {sign} learning_rate * tape.gradient(y, x)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["exercises", "start"]) == 0
    return tmp_path / "exercises"


def test_from_start_to_solution(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "exercises"
    assert main(["exercises", "start"]) == 0
    said = capsys.readouterr().out
    assert "26 files copied to exercises" in said
    assert "next: exercises/01_function.py" in said
    assert max(map(len, said.splitlines())) <= 80
    for path in folder.iterdir():
        assert "MISTAKES" not in path.read_text()
        assert "def solution" not in path.read_text()
    file = folder / "04_one_step.py"
    file.write_text(STEP.format(sign="+"))
    assert main(["exercises", "check", "one_step"]) == 1
    said = capsys.readouterr().out
    assert re.match(r"one_step: not yet\n  step\(f=<[\d.]+ \(x0 [+-] ", said)
    assert re.search(r"the new point, number 0: got \S+, expected \S+\.", said)
    assert "uphill" not in said
    for shown in ("The mistake: it goes uphill", "return x - learning_rate", "return x - learning_rate"):
        assert main(["exercises", "hint", "04"]) == 1
        assert shown in capsys.readouterr().out
    file.write_text(STEP.format(sign="- 2 *"))
    assert main(["exercises", "hint", "04"]) == 1
    assert "A line that helps" not in capsys.readouterr().out, "another mistake: the second hint, not the third"
    assert main(["exercises", "solution", "one_step"]) == 1
    assert "--give-up" in capsys.readouterr().out
    file.write_text(STEP.format(sign="-"))
    assert main(["exercises", "check", "04_one_step.py"]) == 0
    assert capsys.readouterr().out == "one_step: passed\n"
    assert main(["exercises", "solution", "one_step"]) == 0
    assert "def step(f, x, learning_rate):" in capsys.readouterr().out
    assert main(["exercises", "list"]) == 0
    said = capsys.readouterr().out
    assert "1 of 26 done" in said
    assert " x 04 one_step" in said
    assert main(["exercises", "list", "--json"]) == 0
    assert sum(one["passed"] for one in json.loads(capsys.readouterr().out)["exercises"]) == 1
    assert main(["exercises", "reset", "one_step"]) == 0
    assert (folder / "04_one_step.py.old").read_text() == STEP.format(sign="-")
    assert file.read_text() == COURSE["one_step"].task
    assert main(["exercises", "solution", "path", "--give-up"]) == 0
    assert "path.append" in capsys.readouterr().out


def test_start_again_keeps_what_was_written(folder, capsys):
    file = folder / "01_function.py"
    file.write_text("mine")
    (folder / "02_gradient.py").unlink()
    capsys.readouterr()
    assert main(["exercises", "start"]) == 0
    assert capsys.readouterr().out.startswith("1 files copied")
    assert file.read_text() == "mine"


def test_a_lecturer_takes_some_out_and_adds_one(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "own"
    own.mkdir()
    (own / "e01_double.py").write_text(
        '"""Twice\n\nReturn twice x."""\n\n\ndef double(x):\n    raise NotImplementedError\n\n\n# ---- answers ----\n'
        "from tf_gd.exercises import Mistake\n\n\ndef solution(x):\n    return 2 * x\n\n\n"
        'def draw(random, number):\n    return {"x": float(random.normal())}\n\n\ndef expected(x):\n    return x + x\n\n\n'
        'AFTER, IDEA, LINE = "00_the_tape", "Multiply by 2.", "return"\n'
        'MISTAKES = [Mistake("the square", "2 * x", "x * x"), Mistake("half", "2 * x", "x / 2")]\n'
    )
    assert main(["exercises", "start", "hers", "--course", "own"]) == 0
    (tmp_path / "hers" / "01_double.py").write_text("def double(x):\n    return x**2\n")
    assert main(["exercises", "check", "--folder", "hers", "--json", "--seed", "1"]) == 1
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (found["passed"], found["of"]) == (0, 1)
    assert found["exercises"][0]["mistake"] == "the square"
    assert found["exercises"][0]["seed"] == 1


WRONG_COMMANDS = {
    ("list",): "folder: got 'exercises', expected a folder with exercises. Go to where you",
    ("check", "one_stepp"): "name: got 'one_stepp', expected the name.* Did you mean 'one_step'",
    ("hint",): "hint: got 0 names, expected one, for example tf-gd exercises hint one_step",
    ("start", "--course", "nowhere"): "course: got .*expected a folder with exercises",
}


@pytest.mark.parametrize("words", WRONG_COMMANDS)
def test_a_wrong_command_says_what_to_do(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    if words[0] in ("check", "hint"):
        main(["exercises", "start"])
    assert main(["exercises", *words]) == 2
    assert re.search(WRONG_COMMANDS[words].replace("(", r"\("), capsys.readouterr().err)


DAMAGED = [
    "",
    "{}",
    "[1]",
    '{"passed": 3, "hints": {}, "course": null}',
    "\0",
    "[" * 100_000,
    '{"passed": {}, "hints": {"loop": ["", Infinity]}, "course": null}',
    '{"passed": {}, "hints": {}, "course": 5}',
]


@pytest.mark.parametrize("text", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_file_of_progress_is_named(text, folder, capsys):
    (folder / PROGRESS).write_text(text)
    assert main(["exercises", "list"]) == 2
    assert "got a damaged file. Delete it and run: tf-gd exercises start" in capsys.readouterr().err


HANGS = {
    "in C": ("tf.while_loop(lambda i: True, lambda i: (i + 0,), (tf.constant(0),))", "time", 5),
    "in a graph": ("tf.function(lambda: tf.while_loop(lambda i: True, lambda i: (i,), (tf.constant(0),)))()", "time", 5),
    "ends the process": ("__import__('os')._exit(3)", "error", 0),
    "closes everything": ("__import__('os').closerange(0, 3)", "error", 5),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", HANGS)
def test_code_that_hangs_or_ends_the_process_is_told(kind, tmp_path):
    code, state, line = HANGS[kind]
    path = tmp_path / "04_one_step.py"
    path.write_text(f"import tensorflow as tf\n\n\ndef step(f, x, learning_rate):\n    return {code}\n")
    with Worker() as worker:
        report = worker.check(COURSE["one_step"], path)
        assert not report.passed
        assert state in (report.state, "error")
        assert report.line in (line, 5)
        assert kind != "ends the process" or "ended the program" in report.hints[0]
        assert len(report.hints[0].splitlines()) <= 2
        path.write_text(STEP.format(sign="-"))
        assert worker.check(COURSE["one_step"], path).passed, "the next file is checked by a new process"
        process = worker._process
    assert process.poll() is not None


def test_watch_checks_a_file_within_a_second_of_its_saving(folder):
    command = [sys.executable, "-m", "tf_gd", "exercises", "watch"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        while not (line := process.stdout.readline()).startswith("ready:"):
            assert line, process.stderr.read()
        seconds = []
        for sign, said in (("+", "not yet"), ("-", "passed")) * 2:
            (folder / "04_one_step.py").write_text(STEP.format(sign=sign))
            started = time.perf_counter()
            while "one_step: " not in (line := process.stdout.readline()):
                assert line
            seconds.append(time.perf_counter() - started)
            assert said in line
        assert min(seconds) < 1.5, seconds  # 0.6 s on two cores of which one is free
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert "ended; tf-gd exercises list" in process.stdout.read()
        assert "Traceback" not in process.stderr.read()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


@pytest.mark.slow
def test_code_that_changes_others_does_not_reach_the_next_check(tmp_path):
    path = tmp_path / "04_one_step.py"
    spoiling = "import numpy as np\nnp.isclose = lambda *a, **k: np.array(True)\nnp.all = lambda *a, **k: True\n"
    with Worker() as worker:
        path.write_text(spoiling + STEP.format(sign="-"))
        worker.check(COURSE["one_step"], path)
        path.write_text(STEP.format(sign="+"))
        assert not worker.check(COURSE["one_step"], path).passed


def test_files_as_editors_leave_them(tmp_path):
    path = tmp_path / "04_one_step.py"
    text = STEP.format(sign="-").replace("tf\n", "tf  # é\n", 1)
    for content in (b"\xef\xbb\xbf" + text.encode(), b"# coding: latin-1\r\n" + text.encode("latin-1"), text.encode()):
        path.write_bytes(content)
        assert checking.check_file(COURSE["one_step"], path).passed
    path.unlink()
    path.symlink_to(path)
    assert "cannot be read" in checking.check_file(COURSE["one_step"], path).hints[0]


@pytest.mark.slow
def test_an_exercise_that_is_broken_itself_is_told_as_such(tmp_path, monkeypatch, capsys):
    """And a module of the student's folder, random.py, does not stand in for Python's."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own").mkdir()
    (tmp_path / "random.py").write_text("raise ImportError('mine')\n")
    task = '"""One\n\nReturn 1."""\n\n\ndef one(x):\n    return 2\n\n\n# ---- answers ----\n'
    answers = "def solution(x):\n    return 1\n\n\ndef draw(random, number):\n    return {'x': 1 / 0}\n"
    (tmp_path / "own" / "e01_one.py").write_text(task + answers)
    assert main(["exercises", "start", "hers", "--course", "own"]) == 0
    capsys.readouterr()
    assert main(["exercises", "check", "--folder", "hers", "one"]) == 1, "a name behind an option"
    assert "the exercise, e01_one.py, line 16: ZeroDivisionError" in " ".join(capsys.readouterr().out.split())


def test_two_commands_at_once_lose_nothing(folder):
    one, other = Folder(folder), Folder(folder)
    one.note(Report("one_step", "passed"))
    other.note(Report("loop", "passed"))
    assert json.loads((folder / PROGRESS).read_text())["passed"].keys() == {"one_step", "loop"}
