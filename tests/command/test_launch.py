"""``tf-gd launch``: two workers on the loopback, equal to each other and to one process; and what happens when one dies."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from shares import OPTIMIZERS, one_process_that_adds_two_shares

import tf_gd

TESTS = Path(__file__).parents[1]
TRAIN = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
import tf_gd
tf_gd.quiet_tensorflow()
import json, os
import tensorflow as tf
strategy = tf.distribute.MultiWorkerMirroredStrategy()
import keras, numpy as np
from shares import OPTIMIZERS, X, Y, build
me = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
out, *names = sys.argv[1:]
with strategy.scope(), tf_gd.exact_arithmetic():
    for number, name in enumerate(names):
        model = build(OPTIMIZERS[name])
        tf_gd.fit(model, X, Y, batch_size=16, epochs=2, shuffle=False, verbose=0)
        np.savez(f"{{out}}/{{number}}_{{me}}.npz", *[v.numpy() for v in [*model.variables, *model.optimizer.variables]])
with strategy.scope():
    many = tf_gd.multi_start("himmelblau", 5001, learning_rate=0.01, steps=100, seed=3)
    one = tf_gd.multi_start("booth", [[0.0, 0.0]], learning_rate=0.01, steps=3)  # fewer than there are workers
assert many.settings["device"] == "CPU:0 of 2 workers", many.settings
np.savez(f"{{out}}/many_{{me}}.npz", *[many.starts, many.final, many.losses, many.gradient_norms, many.label, many.minima])
assert one.final.shape == (1, 2)
from tf_gd.networks import replicas
with strategy.scope():
    if replicas.is_chief():
        with open(f"{{out}}/chief", "a") as file:
            file.write(str(me))
print("done", me)
"""
LONG = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
import tf_gd
tf_gd.quiet_tensorflow()
import json, os
import tensorflow as tf
strategy = tf.distribute.MultiWorkerMirroredStrategy()
import keras, numpy as np
from shares import OPTIMIZERS, X, Y, build
me = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
out, kept, epochs, dies = sys.argv[1:]
class Dies(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if dies == "dies" and me == 1 and epoch == 3:
            os.kill(os.getpid(), 9)
with strategy.scope():
    model = build(OPTIMIZERS["momentum"])
    run = dict(batch_size=16, epochs=int(epochs), seed=5, verbose=0)
    history = tf_gd.fit(model, X, Y, checkpoint=kept or None, callbacks=[Dies()], **run)
np.savez(f"{{out}}/{{me}}.npz", *[v.numpy() for v in model.variables], loss=history.history["loss"])
"""


def launch(script: str, *arguments, workers=2):
    command = [sys.executable, "-m", "tf_gd", "launch", "--workers", str(workers), script, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(TESTS.parent)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=240)


def written(path):
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


@pytest.mark.slow
def test_two_workers_end_with_the_bits_of_one_process_that_adds_two_shares(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(TRAIN)
    done = launch(script, tmp_path, *OPTIMIZERS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {"[0] done 0", "[1] done 1"} <= set(done.stdout.splitlines())
    for number, name in enumerate(OPTIMIZERS):
        with tf_gd.exact_arithmetic():
            alone = one_process_that_adds_two_shares(name)
        one, other = (written(tmp_path / f"{number}_{me}.npz") for me in (0, 1))
        expected = map(keras.ops.convert_to_numpy, [*alone.variables, *alone.optimizer.variables])
        for (key, a), b in zip(one.items(), expected, strict=True):
            np.testing.assert_array_equal(a, other[key])
            np.testing.assert_array_equal(a, b, err_msg=name)
    check_many(tmp_path)


@pytest.mark.slow
def test_the_script_of_the_documentation(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (TESTS.parent / "docs" / "workers.md").read_text(encoding="utf-8")
    Path("train.py").write_text(page.split("```python\n")[1].split("```")[0])
    first, again = launch("train.py"), launch("train.py")
    assert first.returncode == again.returncode == 0, first.stdout + first.stderr
    printed = re.findall(r"^\[[01]\] (-?\d+\.\d+)$", first.stdout + again.stdout, re.MULTILINE)
    assert len(printed) == 4, first.stdout
    assert len(set(printed)) == 1, printed
    assert list(Path("kept").glob("at-*"))


@pytest.mark.slow
def test_under_slurm_too(tmp_path):
    """As ``srun`` starts two tasks on one node: each finds out from the environment which one it is."""
    script = tmp_path / "train.py"
    counts = "gpus_per_node=2, gpus_per_task=1, auto_set_gpu=False"  # it counts tasks as GPUs, also where there is none
    resolver = f"tf.distribute.cluster_resolver.SlurmClusterResolver({counts}, port_base=int(os.environ['PORT']))"
    text = TRAIN.replace("MirroredStrategy()", f"MirroredStrategy(cluster_resolver={resolver})")
    script.write_text(
        text.replace('json.loads(os.environ["TF_CONFIG"])["task"]["index"]', 'int(os.environ["SLURM_PROCID"])')
    )
    step = {"SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_NODELIST": "localhost", "SLURM_STEP_TASKS_PER_NODE": "2"}
    step |= {"PORT": str(two_free_ports())}
    both_end_as_one_process(script, tmp_path, [step | {"SLURM_PROCID": str(number)} for number in range(2)])


def test_a_chief_and_a_worker(tmp_path):
    """As Kubeflow sets ``TF_CONFIG``: both are number 0 of their kind, and the chief is the first of two."""
    script, port = tmp_path / "train.py", two_free_ports()
    own_number = "int(os.environ['NUMBER'])"
    script.write_text(TRAIN.replace('json.loads(os.environ["TF_CONFIG"])["task"]["index"]', own_number))
    cluster = {"chief": [f"localhost:{port}"], "worker": [f"localhost:{port + 1}"]}
    tasks = [json.dumps({"cluster": cluster, "task": {"type": kind, "index": 0}}) for kind in cluster]
    both_end_as_one_process(script, tmp_path, [{"TF_CONFIG": task, "NUMBER": str(n)} for n, task in enumerate(tasks)])


def both_end_as_one_process(script, tmp_path, environments) -> None:
    """Check that two workers end with the bits of one process that adds two shares, many starts too; one is the chief."""
    workers = [
        subprocess.Popen(
            [sys.executable, str(script), str(tmp_path), "global_clipnorm"],
            env={**os.environ, "PYTHONPATH": str(TESTS.parent), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for environment in environments
    ]
    try:
        for number, worker in enumerate(workers):
            said = worker.communicate(timeout=240)[0]
            assert worker.returncode == 0, said
            assert f"done {number}" in said.splitlines()
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    check_many(tmp_path)
    assert (tmp_path / "chief").read_text() == "0"
    with tf_gd.exact_arithmetic():
        alone = one_process_that_adds_two_shares("global_clipnorm")
    expected = [keras.ops.convert_to_numpy(variable) for variable in [*alone.variables, *alone.optimizer.variables]]
    for me in (0, 1):
        for a, b in zip(written(tmp_path / f"0_{me}.npz").values(), expected, strict=True):
            np.testing.assert_array_equal(a, b)


def check_many(tmp_path) -> None:
    many = tf_gd.multi_start("himmelblau", 5001, learning_rate=0.01, steps=100, seed=3)
    whole = [many.starts, many.final, many.losses, many.gradient_norms, many.label, many.minima]
    for me in (0, 1):
        for a, b in zip(written(tmp_path / f"many_{me}.npz").values(), whole, strict=True):
            np.testing.assert_array_equal(a, b)


def two_free_ports() -> int:
    """Return a port of the loopback that is free, as the next one is."""
    while True:
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            with contextlib.suppress(OSError, OverflowError):
                other.bind(("127.0.0.1", one.getsockname()[1] + 1))
                return one.getsockname()[1]


@pytest.mark.slow
def test_a_worker_is_killed_and_the_run_goes_on_to_the_same_bits(tmp_path):
    script, kept = tmp_path / "long.py", tmp_path / "kept"
    script.write_text(LONG)
    assert launch(script, tmp_path, "", 6, "lives").returncode == 0
    whole = written(tmp_path / "0.npz")
    died = launch(script, tmp_path, kept, 6, "dies")
    assert died.returncode == 128 + signal.SIGKILL
    assert "worker 1 ended with exit code 137; ending the others" in died.stderr
    assert any(kept.glob("at-*"))
    assert launch(script, tmp_path, kept, 6, "lives").returncode == 0
    for me in (0, 1):
        resumed = written(tmp_path / f"{me}.npz")
        for name, value in whole.items():
            np.testing.assert_array_equal(resumed[name], value)


WAITS = """
import os, sys, time
open(f"{sys.argv[1]}/{os.getpid()}", "w").close()
time.sleep(60)
"""


FAILS = """
import os, sys, time
from pathlib import Path
printed = Path(sys.argv[1])
if '"index": 1' in os.environ["TF_CONFIG"]:  # fails once the other has printed
    while not printed.exists():
        time.sleep(0.05)
    sys.exit(7)
print("here")
printed.touch()
time.sleep(60)
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z" if Path("/proc").exists() else True


def eventually(condition, seconds=20.0) -> bool:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.05)
    return condition()


@pytest.mark.parametrize("ending", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_no_worker_is_left_behind(ending, tmp_path):
    if ending == "SIGKILL" and sys.platform != "linux":
        pytest.skip("only Linux ends a process with the one that started it")
    script, pids = tmp_path / "waits.py", tmp_path / "pids"
    script.write_text(WAITS)
    pids.mkdir()
    command = [sys.executable, "-m", "tf_gd", "launch", "--workers", "3", script, pids]
    launcher = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert eventually(lambda: len(list(pids.iterdir())) == 3)
    launcher.send_signal(getattr(signal, ending))
    code = launcher.wait(30)
    assert code == {"SIGINT": 130, "SIGTERM": 143, "SIGKILL": -9}[ending]
    assert eventually(lambda: not any(alive(int(path.name)) for path in pids.iterdir()))


def test_a_failure_is_passed_on_and_a_wrong_script_told(tmp_path):
    script = tmp_path / "fails.py"
    script.write_text(FAILS)
    done = launch(script, tmp_path / "printed")
    assert done.returncode == 7
    assert "[0] here" in done.stdout
    missing = launch(tmp_path / "missing.py")
    assert missing.returncode == 2
    assert "script: got" in missing.stderr
    assert launch(script, workers=0).returncode == 2
