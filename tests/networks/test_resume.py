"""Runs that are killed, and go on to the same bits."""

import errno
import json
import os
import pickle
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_gd
from tf_gd import checkpoints
from tf_gd._signals import ends_on_sigterm
from tf_gd.networks import hooks, programs, resume

X = np.random.default_rng(0).normal(size=(150, 6)).astype("float32")
Y = (X[:, :3].sum(axis=1, keepdims=True) > 0).astype("float32")


class KilledError(Exception):
    """What stands for kill -9 within a test's own process."""


def dense(optimizer, *, dropout=False, activation="relu", width=8):
    keras.utils.set_random_seed(5)
    layers = [keras.layers.Dense(width, activation, kernel_regularizer="l2")]
    layers += [keras.layers.BatchNormalization(), keras.layers.Dropout(0.4)] if dropout else []
    model = keras.Sequential([keras.Input((6,)), *layers, keras.layers.Dense(1, "sigmoid")])
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
    return model


def state_of(model, history):
    variables = [*model.variables, *model.optimizer.variables]
    return [keras.ops.convert_to_numpy(variable) for variable in variables], history.history, history.epoch


def same(one, other):
    arrays, others = one[0], other[0]
    assert len(arrays) == len(others)
    for a, b in zip(arrays, others, strict=True):
        np.testing.assert_array_equal(a, b)
    assert one[1:] == other[1:]


def kill_after(monkeypatch, calls: int):
    """Let the run end with an exception when so many programs have run, as if it were killed then."""
    run, left = programs.Passes.run, [calls]

    def counted(self, *arguments, **options):
        if left[0] == 0:
            raise KilledError
        left[0] -= 1
        return run(self, *arguments, **options)

    monkeypatch.setattr(programs.Passes, "run", counted)


SGD = keras.optimizers.SGD
SETTINGS = {
    "plain": dict(optimizer=lambda: SGD(0.1)),
    "dropout, batch normalisation, momentum": dict(optimizer=lambda: SGD(0.05, momentum=0.9), dropout=True),
    "schedule, Nesterov": dict(
        optimizer=lambda: SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 7, 0.8), momentum=0.5, nesterov=True)
    ),
    "moving average": dict(optimizer=lambda: SGD(0.1, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=4)),
    "accumulation": dict(optimizer=lambda: SGD(0.1, momentum=0.9, gradient_accumulation_steps=4)),
    "decay, clipping": dict(optimizer=lambda: SGD(0.1, weight_decay=0.01, global_clipnorm=0.3)),
    "loss scaling": dict(optimizer=lambda: keras.optimizers.LossScaleOptimizer(SGD(0.1), dynamic_growth_steps=5)),
    "Adam": dict(optimizer=lambda: keras.optimizers.Adam(0.01), dropout=True),
    "order of Keras": dict(optimizer=lambda: SGD(0.1), shuffle="keras"),
    "steps_per_epoch": dict(optimizer=lambda: SGD(0.1), steps_per_epoch=3),
    "XLA": dict(optimizer=lambda: SGD(0.1, momentum=0.9), mode="xla"),
    "data set": dict(optimizer=lambda: SGD(0.1), streamed=True),
    "data set, steps_per_epoch": dict(optimizer=lambda: SGD(0.1), streamed=True, steps_per_epoch=4),
    "eager": dict(optimizer=lambda: SGD(0.1), mode="eager", dropout=True),
}


def train(tmp_path, optimizer, dropout=False, streamed=False, **options):
    model = dense(optimizer(), dropout=dropout)
    data, batch_size = (X, Y), {"batch_size": 16}
    if streamed:
        data, batch_size = (tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(150, seed=3).batch(16),), {}
        data = (data[0].repeat(),) if "steps_per_epoch" in options else data
    run = dict(epochs=4, seed=2, verbose=0, validation_data=(X[:40], Y[:40]), **batch_size) | options
    history = tf_gd.fit(model, *data, checkpoint=tmp_path, **run)
    return state_of(model, history)


@pytest.mark.filterwarnings("ignore:steps_per_epoch. the data ended after 1 of 3:UserWarning")  # 10 batches, 3 at a time
@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("calls", [3, 7])
def test_a_killed_run_goes_on_to_the_same_bits(name, calls, tmp_path, monkeypatch):
    monkeypatch.setattr(resume, "SECONDS_BETWEEN", 0.0)
    monkeypatch.setattr(resume, "PAUSE", 0.0)
    # Four batches a call, so that there are checkpoints within an epoch.
    monkeypatch.setattr(hooks.Pace, "next", lambda self, left: int(min(4, left)))
    whole = train(None, **SETTINGS[name])
    with monkeypatch.context() as patch:
        kill_after(patch, calls)
        with pytest.raises(KilledError):
            train(tmp_path, **SETTINGS[name])
    assert any(tmp_path.glob("at-*"))
    same(whole, train(tmp_path, **SETTINGS[name]))
    same(whole, train(tmp_path, **SETTINGS[name]))  # a run that is done is done


def test_without_a_seed_the_order_is_kept(tmp_path):
    first, whole = dense(SGD(0.1)), dense(SGD(0.1))
    run = dict(batch_size=16, verbose=0, checkpoint=tmp_path)
    tf_gd.fit(first, X, Y, epochs=2, **run)
    history = tf_gd.fit(first, X, Y, epochs=5, **run)
    (newest,) = [path for path in tmp_path.glob("at-*") if path == max(tmp_path.glob("at-*"))]
    seed = checkpoints._read(newest)[0]["settings"]["seed"]
    same(state_of(first, history), state_of(whole, tf_gd.fit(whole, X, Y, epochs=5, batch_size=16, seed=seed, verbose=0)))


def test_callbacks_go_on_counting(tmp_path, monkeypatch):
    def callbacks():
        early = keras.callbacks.EarlyStopping("val_loss", patience=3, min_delta=0.02, restore_best_weights=True)
        slower = keras.callbacks.ReduceLROnPlateau("val_loss", patience=1, factor=0.5, min_delta=0.02)
        return [early, slower, tf_gd.callbacks.WeightPath()]

    options = dict(optimizer=lambda: SGD(0.5, momentum=0.9), epochs=30)
    whole_callbacks, resumed = callbacks(), callbacks()
    whole = train(None, **options, callbacks=whole_callbacks)
    with monkeypatch.context() as patch:
        kill_after(patch, 7)
        with pytest.raises(KilledError):
            train(tmp_path, **options, callbacks=callbacks())
    same(whole, train(tmp_path, **options, callbacks=resumed))
    assert resumed[0].stopped_epoch == whole_callbacks[0].stopped_epoch > 0
    assert whole[1]["learning_rate"][-1] < 0.5
    np.testing.assert_array_equal(resumed[2].points, whole_callbacks[2].points)
    same(whole, train(tmp_path, **options, callbacks=callbacks()))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (dict(batch_size=32), "batches of 16"),
        (dict(seed=3), "seed was 2, now 3"),
        (dict(shuffle=False), "shuffle was True, now False"),
        (dict(optimizer=lambda: SGD(0.2)), "optimizer.learning_rate was 0.1"),
        (dict(optimizer=lambda: SGD(0.1, momentum=0.9)), "optimizer.momentum was 0.0, now 0.9"),
        (dict(optimizer=lambda: keras.optimizers.Adam(0.1)), "optimizer.class was 'SGD', now 'Adam'"),
        (dict(dropout=True), "layers"),
        (dict(epochs=1), "it has gone on for 2 epochs, and 1 are asked for"),
    ],
)
def test_another_run_is_refused_and_the_difference_named(change, said, tmp_path):
    base = dict(optimizer=lambda: SGD(0.1), epochs=2)
    train(tmp_path, **base)
    with pytest.raises(ValueError, match="holds a run with other settings") as raised:
        train(tmp_path, **base | change)
    assert said in str(raised.value)


def test_another_model_data_and_order_are_refused(tmp_path):
    run = dict(batch_size=16, epochs=1, verbose=0, checkpoint=tmp_path, seed=1)
    tf_gd.fit(dense(SGD(0.1)), X, Y, **run)
    with pytest.raises(ValueError, match=r"activation was 'relu', now 'tanh'"):
        tf_gd.fit(dense(SGD(0.1), activation="tanh"), X, Y, **run)
    with pytest.raises(ValueError, match=r"units was 8, now 9"):
        tf_gd.fit(dense(SGD(0.1), width=9), X, Y, **run)
    with pytest.raises(ValueError, match="data was '150 samples"):
        tf_gd.fit(dense(SGD(0.1)), X + 1, Y, **run)
    directory = tmp_path / "keras"
    run |= dict(checkpoint=directory, shuffle="keras")
    tf_gd.fit(dense(SGD(0.1)), X, Y, **run)
    model = dense(SGD(0.1))
    keras.utils.set_random_seed(77)
    with pytest.raises(ValueError, match="the samples came in another order"):
        tf_gd.fit(model, X, Y, **run | dict(epochs=2))


def damage_by_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [damage_by_a_bit, truncate, empty])
def test_a_damaged_checkpoint_is_recognised_and_the_one_before_used(damage, tmp_path):
    with checkpoints.Checkpoints(tmp_path) as kept:
        for number in (9, 10, 11):
            kept.save(number, {"number": number}, [np.full(1000, number)])
    files = sorted(tmp_path.glob("at-*"))
    assert len(files) == 2
    damage(files[-1])
    with checkpoints.Checkpoints(tmp_path) as kept, pytest.warns(UserWarning, match="is damaged"):
        state, arrays = kept.newest()
    assert state["number"] == arrays[0][0] == 10
    damage(files[0])
    with checkpoints.Checkpoints(tmp_path) as kept, pytest.warns(UserWarning, match="is damaged"):
        assert kept.newest() is None


def test_what_was_not_written_here_is_not_read(tmp_path):
    def framed(about, rest=b""):
        page = json.dumps(about).encode() if isinstance(about, dict) else about
        return checkpoints._MARK + len(page).to_bytes(8, "little") + page + rest

    contents = [
        b"",
        b"PK\x03\x04 something else",
        pickle.dumps({"state": 1}),
        framed(b"no JSON"),
        framed({"state": {}}),
        framed({"state": {}, "arrays": [["float32", [10**9, 10**9]]]}, bytes(64)),
        framed({"state": {}, "arrays": [["float32", [-1, -16]]]}, bytes(8)),
        framed({"state": {}, "arrays": [["O", [1]]]}, bytes(64)),
        framed({"state": {}, "arrays": [["no type", [1]]]}, bytes(64)),
        framed({"state": {}, "arrays": 7}),
        checkpoints._MARK + b"\xff" * 8,
    ]
    for content in contents:
        path = tmp_path / f"at-{1:015d}-{checkpoints._digest(content)}.ckpt"
        path.write_bytes(content)
        with checkpoints.Checkpoints(tmp_path) as kept, pytest.warns(UserWarning, match="is damaged"):
            assert kept.newest() is None
        path.unlink()


def test_two_runs_do_not_share_a_directory(tmp_path):
    with checkpoints.Checkpoints(tmp_path), pytest.raises(ValueError, match="another run is using"):
        checkpoints.Checkpoints(tmp_path)
    checkpoints.Checkpoints(tmp_path).close()


def test_a_dead_process_holds_no_lock(tmp_path):
    script = (
        f"import time; from tf_gd.checkpoints import Checkpoints; c = Checkpoints({str(tmp_path)!r}); print(1, flush=True)"
    )
    child = subprocess.Popen([sys.executable, "-c", f"{script}; time.sleep(60)"], stdout=subprocess.PIPE)
    child.stdout.readline()
    with pytest.raises(ValueError, match="another run is using"):
        checkpoints.Checkpoints(tmp_path)
    child.kill()
    child.wait()
    child.stdout.close()
    checkpoints.Checkpoints(tmp_path).close()


def test_a_full_disk_does_not_stop_the_run(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    whole = train(None, **SETTINGS["plain"])
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.warns(UserWarning, match="No space left on device"):
            same(whole, train(tmp_path, **SETTINGS["plain"]))
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_a_directory_that_cannot_be_written_to_is_told_before_training(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="checkpoint: cannot write to"):
        train(tmp_path / "file" / "below", **SETTINGS["plain"])
    with pytest.raises(TypeError, match="checkpoint: got 7"):
        train(7, **SETTINGS["plain"])


def test_a_descent_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    monkeypatch.setattr(resume, "SECONDS_BETWEEN", 0.0)
    run = dict(learning_rate=1e-3, momentum=0.9, record_every=7, mode="graph")
    whole = tf_gd.gradient_descent("rosenbrock", steps=9_000, **run)
    for steps in (1, 700, 1_001, 5_000, 9_000, 9_000):
        path = tf_gd.gradient_descent("rosenbrock", steps=steps, checkpoint=tmp_path, **run)
        assert path.steps == steps
    for name in ("points", "losses", "gradient_norms", "iterations"):
        np.testing.assert_array_equal(getattr(path, name), getattr(whole, name))
    assert path.outcome == whole.outcome
    with pytest.raises(ValueError, match=r"momentum was 0.9, now 0.8"):
        tf_gd.gradient_descent("rosenbrock", steps=9_000, checkpoint=tmp_path, **run | dict(momentum=0.8))
    with pytest.raises(ValueError, match=r"it has made 9000 steps, and 10 are asked for"):
        tf_gd.gradient_descent("rosenbrock", steps=10, checkpoint=tmp_path, **run)


def test_another_function_of_the_same_name_is_refused(tmp_path):
    run = dict(start=[1.0], steps=5, checkpoint=tmp_path)
    tf_gd.gradient_descent(lambda x: x[0] ** 2, **run)
    with pytest.raises(ValueError, match="values of the objective"):
        tf_gd.gradient_descent(lambda x: x[0] ** 4, **run)


SCRIPT = """
import sys
import tf_gd
tf_gd.quiet_tensorflow()
import keras, numpy as np
directory, out = sys.argv[1:]
keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(2000, 6)).astype("float32")
layers = [keras.layers.Dense(32, "relu"), keras.layers.BatchNormalization(), keras.layers.Dropout(0.3)]
model = keras.Sequential([keras.Input((6,)), *layers, keras.layers.Dense(1)])
model.compile(keras.optimizers.SGD(0.01, momentum=0.9), "mse")
from tf_gd.networks import resume
from tf_gd.networks import hooks
resume.SECONDS_BETWEEN, resume.PAUSE = 0.0, 0.0
hooks.Pace.next = lambda self, left: int(min(50, left))
begins = keras.callbacks.LambdaCallback(on_train_begin=lambda logs: print("begins", flush=True))
run = dict(batch_size=4, epochs=20, seed=3, checkpoint=directory or None, callbacks=[begins], verbose=0)
history = tf_gd.fit(model, x, x[:, :1], **run)
variables = [*model.variables, *model.optimizer.variables]
with open(out, "wb") as file:
    np.savez(file, *map(keras.ops.convert_to_numpy, variables), loss=history.history["loss"])
"""


def start(script, directory, out):
    child = subprocess.Popen([sys.executable, script, directory, out], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout.readline() == b"begins\n", child.stderr.read().decode()
    return child


def ended(child):
    child.stdout.close()
    child.stderr.close()
    return child.wait()


class Greedy(keras.layers.Layer):
    """Asks for 4 TB for each sample."""

    def call(self, x):
        wide = tf.repeat(x[:, :1], 10**6, axis=1)
        return x + tf.reduce_sum(wide[:, :, None] * wide[:, None, :], axis=(1, 2))[:, None]


def test_too_little_memory_is_told_with_what_to_lower():
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1), Greedy()])
    model.compile("sgd", "mse")
    with pytest.raises(MemoryError, match="Take a smaller batch_size"):
        tf_gd.fit(model, X, Y, mode="graph", verbose=0)


def test_what_does_not_fit_into_memory_is_told_before():
    with pytest.raises(ValueError, match="record_every: this takes"):
        tf_gd.gradient_descent(tf_gd.objectives.get("bowl", dim=100), steps=2**31 - 2)
    with pytest.raises(ValueError, match="starts: this takes"):
        tf_gd.multi_start("booth", 2**39)


def test_kill_9_at_random_moments(tmp_path, request):
    """As often as ``TF_GD_KILLS`` says, in the quick part twice; the first, when most is to be done still, with SIGTERM."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    since = time.monotonic()
    child = start(script, "", tmp_path / "whole.npz")
    since = time.monotonic()
    assert ended(child) == 0
    usual = "2" if request.config.getoption("part") == "quick" else "5"
    seconds, kills = time.monotonic() - since, int(os.environ.get("TF_GD_KILLS", usual))
    killed, directory = 0, tmp_path / "kept"
    while killed < kills:
        child = start(script, directory, tmp_path / "resumed.npz")
        time.sleep(random.uniform(0, 1.5 * seconds / max(kills, 5)))
        first = killed == 0
        child.send_signal(signal.SIGTERM if first else signal.SIGKILL)
        code = ended(child)
        if code == 0:  # it was done before
            break
        assert code == (143 if first else -signal.SIGKILL)
        killed += 1
    assert killed
    assert ended(start(script, directory, tmp_path / "resumed.npz")) == 0
    with np.load(tmp_path / "whole.npz") as whole, np.load(tmp_path / "resumed.npz") as resumed:
        assert whole.files == resumed.files
        for name in whole.files:
            np.testing.assert_array_equal(whole[name], resumed[name])


def test_sigterm_ends_with_143_whatever_is_made_of_the_exception():
    @ends_on_sigterm()
    def run():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        except SystemExit as error:
            raise RuntimeError("what TensorFlow makes of it while it traces") from error

    with pytest.raises(SystemExit) as ended_with:
        run()
    assert ended_with.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.slow
def test_the_command_ends_with_143_on_sigterm_and_goes_on(tmp_path):
    """A million steps an epoch of an eager descent take longer than the test lives."""
    run = [sys.executable, "-m", "tf_gd", "run", "rosenbrock", "--mode", "eager", "--learning-rate", "0.001", "--json"]
    run += ["--output-dir", str(tmp_path), "--checkpoint", str(tmp_path / "kept")]
    child = subprocess.Popen([*run, "--steps", "1000000"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (tmp_path / "kept" / "lock").exists():
        assert child.poll() is None
        time.sleep(0.05)
    time.sleep(0.5)
    child.terminate()
    assert child.wait() == 143
    done = subprocess.run([*run, "--steps", "200"], capture_output=True, check=True, text=True)
    assert json.loads(done.stdout)["steps"] == 200


def test_a_clock_that_jumps_changes_nothing(tmp_path, monkeypatch):
    """The newest checkpoint is the one that is farthest, whatever the dates of the files; and the hour is never asked."""
    with checkpoints.Checkpoints(tmp_path) as kept:
        for number in (1, 2):
            kept.save(number, {"epoch": number}, [])
            kept.wait()
        for days, path in zip((3650, -3650), sorted(tmp_path.glob("at-*")), strict=True):
            os.utime(path, (time.time() + 86400 * days,) * 2)
        monkeypatch.setattr(time, "time", lambda: 0.0)
        assert kept.newest()[0] == {"epoch": 2}
        kept.save(3, {"epoch": 3}, [])
        kept.wait()
        assert kept.newest()[0] == {"epoch": 3}
    sources = Path(tf_gd.__file__).parent.rglob("*.py")
    assert not [path for path in sources if re.search(r"time\.time\(|datetime", path.read_text(encoding="utf-8"))]
