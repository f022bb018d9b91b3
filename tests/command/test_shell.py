"""``tf-gd`` in a shell that is hostile: modules that fail, closed pipes, full disks, terminals that know ASCII alone."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULE = """
import os, sys
import keras, numpy as np, tensorflow as tf

def f(x):
    print("printed by f")
    os.write(1, b"written by f\\n")
    return tf.reduce_sum(x ** 2)

def exits(x):
    sys.exit(9)

def model():
    os.write(1, b"written by model\\n")
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])

data = (np.eye(4, 2, dtype="float32"), np.ones((4, 1), "float32"))
nothing = ()
number = 5
setattr(f, "__name__", "f")
path_like = type("F", (), {"__call__": lambda self, x: tf.reduce_sum(x ** 2)})()
def g(x):
    return tf.reduce_sum(x ** 2)
g.__name__ = "../../x<b>\\udc80" + "y" * 300

def step(model, x, y):
    print("printed by step")
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((y - model(x, training=True)) ** 2)
    for w, g in zip(model.trainable_variables, tape.gradient(loss, model.trainable_variables)):
        w.assign_sub(0.01 * g)
    return loss

def stops():
    sys.exit(3)

def fails():
    raise OSError("first line\\nsecond \\x1b[31mline")

class Base(BaseException): pass
def fails_badly():
    raise Base("badly")
"""


@pytest.fixture
def folder(tmp_path):
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    (inside / "mine.py").write_text(MODULE, encoding="utf-8")
    (inside / "ends.py").write_text("raise SystemExit(7)")
    (inside / "raises.py").write_text("class B(BaseException): pass\nraise B('one\\ntwo \\x1b[1m')")
    return inside


def tf_gd(folder, *arguments, stdout=subprocess.PIPE, **environment):
    command = [sys.executable, "-m", "tf_gd", *arguments]
    used = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "", **environment}
    done = subprocess.run(command, cwd=folder, stdout=stdout, stderr=subprocess.PIPE, env=used, timeout=120)
    done.stderr = done.stderr.decode(errors="replace")
    return done


def said_in_one_line(done, code=2):
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if not line.startswith(("printed", "written"))]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("tf-gd ")
    assert "\x1b" not in lines[0]
    return lines[0]


RUN = ("run", "mine:f", "--start=1,2", "--steps=3")
EXPLAIN = ("explain", "mine:step", "--model=mine:model", "--data=mine:data", "--optimizer=sgd", "--loss=mse")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "ends:f", "--start=1"), "SystemExit: 7"),
        (("run", "raises:f", "--start=1"), "B: one two ?[1m"),
        (("run", "mine:g2", "--start=1"), "expected a function called 'g2'"),
        (("run", "mine:number", "--start=1"), "expected a function"),
        (("run", "mine:exits", "--start=1"), "9"),
        ((*EXPLAIN[:2], "--model=mine:stops", *EXPLAIN[3:4]), "SystemExit: 3"),
        ((*EXPLAIN[:3], "--data=mine:fails", *EXPLAIN[4:]), "OSError: first line second ?[31mline"),
        ((*EXPLAIN[:3], "--data=mine:fails_badly", *EXPLAIN[4:]), "Base: badly"),
        ((*EXPLAIN[:3], "--data=mine:nothing", *EXPLAIN[4:]), "got 0 parts"),
        ((*EXPLAIN[:2], "--model=mine:number", *EXPLAIN[3:]), "model: got 'mine:number', expected a function"),
        ((*EXPLAIN[:4], "--optimizer=mine:stops", "--loss=mse"), "optimizer: calling mine:stops raised SystemExit: 3"),
    ],
)
def test_what_a_module_does_is_told_in_one_line(folder, arguments, said):
    assert said in said_in_one_line(tf_gd(folder, *arguments))


@pytest.mark.parametrize("arguments", [RUN, ("compare", *RUN[1:]), EXPLAIN, ("list",), ("doctor",)])
def test_json_is_json_whatever_is_printed(folder, arguments):
    done = tf_gd(folder, *arguments, "--json")
    assert isinstance(json.loads(done.stdout), dict)
    if arguments[0] in ("run", "explain"):
        assert "printed by" in done.stderr
        assert "written by" in done.stderr


@pytest.mark.parametrize("command", ["run", "compare"])
def test_a_name_is_no_path(folder, command):
    done = tf_gd(folder, command, "mine:g", "--start=1,2", "--steps=3", "--output-dir=out", "--json")
    assert done.returncode == 0, done.stderr
    top = folder.parents[1]
    files = [path for path in top.rglob("*.png") if path.is_file()]
    assert len(files) == 2
    assert all(path.parent == folder / "out" for path in files), files
    assert sorted(files) == sorted(folder / name for name in json.loads(done.stdout)["files"])


@pytest.mark.skipif(os.name == "nt", reason="no such pipes")
@pytest.mark.parametrize("arguments", [("list",), ("run", "booth", "--steps=3"), ("doctor",)])
def test_a_closed_pipe_is_silent(folder, arguments):
    reading, writing = os.pipe()
    os.close(reading)
    done = tf_gd(folder, *arguments, stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [("list",), ("list", "--json"), ("run", "booth", "--steps=3"), ("doctor",)])
def test_a_full_disk_is_told(folder, arguments):
    with Path("/dev/full").open("w") as full:
        assert "No space left on device" in said_in_one_line(tf_gd(folder, *arguments, stdout=full))


@pytest.mark.parametrize("arguments", [("list",), ("run", "booth", "--steps=3"), ("compare", "booth", "--steps=3")])
def test_a_terminal_that_knows_ascii_alone(folder, arguments):
    done = tf_gd(folder, *arguments, PYTHONIOENCODING="ascii", LANG="C", LC_ALL="C", PYTHONUTF8="0")
    assert (done.returncode, done.stderr) == (0, "")
    done.stdout.decode("ascii")


@pytest.mark.parametrize("missing", ["numpy", "tensorflow", "matplotlib"])
@pytest.mark.parametrize("arguments", [("run", "booth", "--steps=3"), EXPLAIN])
def test_what_is_missing_is_named(folder, missing, arguments):
    (folder / "fake").mkdir()
    (folder / "fake" / f"{missing}.py").write_text(f'raise ModuleNotFoundError("No module named {missing!r}")')
    done = tf_gd(folder, *arguments, PYTHONPATH=f"{folder / 'fake'}{os.pathsep}{ROOT}")
    assert f"No module named '{missing}'" in said_in_one_line(done)


def worker(folder, script, *, stdout=subprocess.PIPE, workers=1, **environment):
    (folder / "work.py").write_text(script)
    used = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, "-m", "tf_gd", "launch", f"--workers={workers}", "work.py"]
    return subprocess.Popen(command, cwd=folder, stdout=stdout, stderr=subprocess.STDOUT, env=used)


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="the death signal of Linux")
@pytest.mark.parametrize("how", ["launcher killed", "worker fails", "worker ends"])
def test_children_of_workers_are_ended_too(folder, how):
    ends = {"launcher killed": "time.sleep(60)", "worker fails": "sys.exit(3)", "worker ends": "pass"}[how]
    script = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen(['sleep', '60'])\n"
        f"print(child.pid, flush=True)\ntime.sleep(0.5)\n{ends}\n"
    )
    launcher = worker(folder, script)
    child = int(launcher.stdout.readline().split()[-1])
    assert is_alive(child)
    if how == "launcher killed":
        time.sleep(1.0)
        launcher.kill()
    launcher.wait(30)
    launcher.stdout.close()
    until = time.monotonic() + 10
    while is_alive(child) and time.monotonic() < until:
        time.sleep(0.05)
    if is_alive(child):
        os.kill(child, signal.SIGKILL)
        pytest.fail("the child of a worker lives")


def test_what_a_worker_prints_ends_nothing(folder):
    script = "print('\\u2192 \\u00e9')\nimport sys\nsys.stdout.flush()\nsys.stdout.buffer.write(b'\\xff\\n')\nprint('end')\n"
    launcher = worker(folder, script, PYTHONIOENCODING="ascii", LANG="C", LC_ALL="C", PYTHONUTF8="0")
    out, _ = launcher.communicate(timeout=60)
    # The worker's own terminal is ascii as well: what it cannot print is its own error.
    assert b"[0]" in out
    launcher = worker(folder, "import sys\nsys.stdout.buffer.write('\\u2192 ok\\n'.encode())", PYTHONIOENCODING="ascii")
    out, _ = launcher.communicate(timeout=60)
    assert launcher.returncode == 0, out
    assert out == b"[0] ? ok\n"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_line_without_end_does_not_fill_the_memory(folder):
    script = "import sys, time\nfor _ in range(100): sys.stdout.write('x' * 1_000_000)\nsys.stdout.flush()\ntime.sleep(3)"
    with Path(os.devnull).open("w") as nowhere:
        launcher = worker(folder, script, stdout=nowhere)
        most = 0
        while launcher.poll() is None:
            try:
                status = Path(f"/proc/{launcher.pid}/status").read_text()
            except (FileNotFoundError, ProcessLookupError):
                break
            if "VmHWM" in status:
                most = max(most, int(status.partition("VmHWM:")[2].split()[0]))
            time.sleep(0.1)
    assert launcher.wait(60) == 0
    assert 0 < most < 100_000  # kilobytes; the line has 100,000
