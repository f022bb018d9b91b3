"""What a checkpoint keeps of callbacks and logs, which runs it refuses, and whose files it leaves alone."""

import collections
import os
import signal
import subprocess
import sys
import time
import types
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_gd
from tf_gd import _runtime, checkpoints
from tf_gd.networks import callback_state, hooks, programs

X = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
Y = X[:, :1] - X[:, 1:2]
Pair = collections.namedtuple("Pair", "a b")


@pytest.fixture(autouse=True)
def _at_any_time(monkeypatch):
    monkeypatch.setenv("TF_GD_CHECKPOINT_SECONDS", "0")
    monkeypatch.setattr(hooks.Pace, "next", lambda self, left: int(min(2, left)))
    # Each one is written, also where the disk is slow: a save waits for the one before.
    monkeypatch.setattr(checkpoints.Checkpoints, "busy", False)


def model_of(*layers, rate=0.05, loss="mse", metrics=(), width=5):
    keras.utils.set_random_seed(3)
    layers = layers or (keras.layers.Dense(width, "tanh"),)
    model = keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(rate, momentum=0.9), loss, metrics=list(metrics))
    return model


def train(directory, model=None, callbacks=(), data=(X, Y), **options):
    model = model_of() if model is None else model
    run = dict(batch_size=8, epochs=3, seed=1, verbose=0, callbacks=list(callbacks), checkpoint=directory) | options
    history = tf_gd.fit(model, *data, **run)
    return [v.numpy() for v in model.variables], history.history


class KilledError(Exception):
    pass


def killed(monkeypatch, calls, *arguments, **options):
    """Train until so many programs have run."""
    run, left = programs.Passes.run, [calls]

    def counted(self, *given, **named):
        left[0] -= 1
        if left[0] < 0:
            raise KilledError
        return run(self, *given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(programs.Passes, "run", counted)
        with pytest.raises(KilledError):
            train(*arguments, **options)


def the_same(one, other):
    for a, b in zip(one[0], other[0], strict=True):
        np.testing.assert_array_equal(a, b)
    assert list(one[1]) == list(other[1])
    for name in one[1]:
        np.testing.assert_array_equal(one[1][name], other[1][name])


class AtEpochs(keras.callbacks.Callback):
    """What people do when an epoch begins."""

    def __init__(self):
        super().__init__()
        self.begun, self.seen = 0, []

    def on_epoch_begin(self, epoch, logs=None):
        self.begun += 1
        self.seen.append(epoch)


CALLBACKS = {
    "LearningRateScheduler": lambda: keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
    "counts": AtEpochs,
    "LambdaCallback": lambda: keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None),
    "EarlyStopping": lambda: keras.callbacks.EarlyStopping("loss", patience=1, restore_best_weights=True),
    "ReduceLROnPlateau": lambda: keras.callbacks.ReduceLROnPlateau("loss", patience=0, min_delta=10.0),
    "TerminateOnNaN": keras.callbacks.TerminateOnNaN,
    "SwapEMAWeights": lambda: keras.callbacks.SwapEMAWeights(),
}


@pytest.mark.parametrize("name", CALLBACKS)
@pytest.mark.parametrize("calls", [6, 9])
def test_a_kill_within_an_epoch_changes_nothing(name, calls, tmp_path, monkeypatch):
    def model():
        built = model_of()
        if name == "SwapEMAWeights":
            built.compile(keras.optimizers.SGD(0.05, use_ema=True), "mse")
        return built

    whole_one, resumed = CALLBACKS[name](), CALLBACKS[name]()
    whole = train(None, model(), [whole_one])
    killed(monkeypatch, calls, tmp_path, model(), [CALLBACKS[name]()])
    the_same(whole, train(tmp_path, model(), [resumed]))
    if name == "counts":
        assert (resumed.begun, resumed.seen) == (whole_one.begun, whole_one.seen) == (3, [0, 1, 2])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["TensorBoard", "BackupAndRestore", "CSVLogger", "ModelCheckpoint", "ProgbarLogger"])
def test_a_kill_changes_nothing_beside_callbacks_that_write(name, tmp_path, monkeypatch):
    if name == "TensorBoard":
        pytest.importorskip("tensorboard")
    made = {
        "TensorBoard": lambda at: keras.callbacks.TensorBoard(str(at)),
        "BackupAndRestore": lambda at: keras.callbacks.BackupAndRestore(str(at)),
        "CSVLogger": lambda at: keras.callbacks.CSVLogger(str(at / "log.csv")),
        "ModelCheckpoint": lambda at: keras.callbacks.ModelCheckpoint(str(at / "best.keras"), "loss", save_best_only=True),
        "ProgbarLogger": lambda at: keras.callbacks.ProgbarLogger(),
    }[name]
    folders = [tmp_path / one for one in ("whole", "resumed")]
    for folder in folders:
        folder.mkdir()
    whole = train(None, callbacks=[made(folders[0])])
    killed(monkeypatch, 9, tmp_path / "at", callbacks=[made(folders[1])])
    the_same(whole, train(tmp_path / "at", callbacks=[made(folders[1])]))


def test_files_that_callbacks_of_keras_write(tmp_path, monkeypatch):
    def written_to(folder):
        folder.mkdir()
        best = keras.callbacks.ModelCheckpoint(str(folder / "{epoch}.weights.h5"), save_weights_only=True)
        return [keras.callbacks.CSVLogger(str(folder / "log.csv"), append=True), best]

    train(None, callbacks=written_to(tmp_path / "whole"))
    callbacks = written_to(tmp_path / "killed")
    killed(monkeypatch, 9, tmp_path / "at", callbacks=callbacks)
    train(tmp_path / "at", callbacks=callbacks)
    names = [sorted(path.name for path in (tmp_path / folder).iterdir()) for folder in ("whole", "killed")]
    assert names[0] == names[1]
    assert (tmp_path / "whole/log.csv").read_text() == (tmp_path / "killed/log.csv").read_text()


VALUES = {
    "dict": {"a": 1, 2: [1.5, None]},
    "list of dicts": [{"x": np.arange(3)}, {}],
    "tuple": (1, (2, "three")),
    "named tuple": [Pair(1, np.float32(2.5))],
    "NumPy scalars": [np.float32(0.1), np.int64(-7), np.bool_(True), np.float64(np.nan)],
    "complex": [1 + 2j, np.complex64(1j), np.array([1j, 2])],
    "moments": [np.datetime64("2020-01-01"), np.array(["2020", "2021"], "datetime64[D]"), np.timedelta64(3, "s")],
    "texts": [np.array(["one", "three"]), np.str_("x"), b"\x00\xff", "\ud800"],
    "sets": [{1, 2}, frozenset("a")],
    "bool and int": [True, 1, 0, False, 10**40],
    "empty": [[], (), {}, np.zeros((0, 3))],
    "infinite": [float("inf"), -float("inf")],
}


def of_the_same_kind(a, b):
    assert type(a) is type(b), (a, b)
    if isinstance(a, dict):
        assert list(a) == list(b)
        a, b = list(a.values()), list(b.values())
    if isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            of_the_same_kind(one, other)
    elif isinstance(a, (np.ndarray, np.generic)):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    else:
        assert a == b


@pytest.mark.parametrize("name", VALUES)
def test_state_comes_back_as_it_was(name, tmp_path):
    class Holds(keras.callbacks.Callback):
        value = None

        def on_epoch_end(self, epoch, logs=None):
            if self.value is None:
                self.value = VALUES[name]

    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        train(tmp_path, callbacks=[Holds()], epochs=1)
        again = Holds()
        train(tmp_path, callbacks=[again], epochs=2)
    of_the_same_kind(again.value, VALUES[name])


def in_itself():
    value = []
    value.append(value)
    return value


NOT_KEPT = {
    "objects": lambda: np.array([1, None], object),
    "structured": lambda: np.zeros(2, [("a", "i4"), ("b", "f4")]),
    "masked": lambda: np.ma.masked_array([1.0], [True]),
    "an object": types.SimpleNamespace,
    "a long number": lambda: 10**5000,
    "a list in itself": in_itself,
    "deque": collections.deque,
}


@pytest.mark.parametrize("name", NOT_KEPT)
def test_what_cannot_be_kept_is_named_once_and_ends_nothing(name, tmp_path):
    class Holds(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.thing, self.count = NOT_KEPT[name](), 0

        def on_epoch_end(self, epoch, logs=None):
            self.count += 1

    whole = train(None, callbacks=[Holds()])
    with pytest.warns(UserWarning, match=r"does not keep Holds.thing: ") as said:
        the_same(whole, train(tmp_path, callbacks=[Holds()]))
    assert len([one for one in said if "does not keep" in str(one.message)]) == 1
    found = checkpoints.Checkpoints(tmp_path)
    state, _ = found.newest()
    found.close()
    assert state["callbacks"][0]["parts"]["count"] == 3


LOGS = {
    "float32": np.float32(0.25),
    "array": np.arange(3.0),
    "tensor": tf.constant([1.0, 2.0]),
    "scalar tensor": tf.constant(0.5),
    "text": "fine",
    "none": None,
}


@pytest.mark.parametrize("name", LOGS)
def test_logs_of_any_kind_end_no_run(name, tmp_path):
    class Adds(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["added"] = LOGS[name]

    whole = train(None, callbacks=[Adds()])
    train(tmp_path, callbacks=[Adds()], epochs=1)
    the_same(whole, train(tmp_path, callbacks=[Adds()]))


def test_a_log_that_cannot_be_kept_is_named(tmp_path):
    class Adds(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["added"] = object()

    with pytest.warns(UserWarning, match=r"does not keep logs\['added'\]"):
        train(tmp_path, callbacks=[Adds()])


def test_a_metric_of_several_numbers(tmp_path):
    def f1():
        return keras.metrics.F1Score(threshold=0.5)

    data = (X, np.eye(2, dtype="float32")[(X[:, 0] > 0).astype(int)])

    def two():
        keras.utils.set_random_seed(2)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, "softmax")])
        model.compile(keras.optimizers.SGD(0.1), "categorical_crossentropy", metrics=[f1()])
        return model

    whole = train(None, two(), data=data)
    train(tmp_path, two(), data=data, epochs=1)
    the_same(whole, train(tmp_path, two(), data=data))


class Counts(keras.callbacks.Callback):
    n = 0

    def on_epoch_end(self, epoch, logs=None):
        self.n += 1


class CountsToo(Counts):
    pass


def test_state_goes_to_its_owner(tmp_path):
    train(tmp_path, callbacks=[Counts(), Counts()], epochs=2)
    first, second, third = CountsToo(), Counts(), Counts()
    train(tmp_path, callbacks=[first, second, third], epochs=3)
    assert [first.n, second.n, third.n] == [1, 3, 3]


def scaled(factor):
    def loss(y, p):
        return tf.reduce_mean(factor * (y - p) ** 2)

    return loss


def other_code():
    def loss(y, p):
        return tf.reduce_mean(tf.abs(y - p))

    return loss


def branched(residual):
    """The same layers, with the input or the first layer added to the second."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((4,))
    first, second = keras.layers.Dense(4, "tanh"), keras.layers.Dense(4, "tanh")
    hidden = first(inputs)
    added = keras.layers.Add()([second(hidden), inputs if residual else hidden])
    model = keras.Model(inputs, keras.layers.Dense(1)(added))
    model.compile(keras.optimizers.SGD(0.05), "mse")
    return model


HELD_OUT = (X[:10], Y[:10])
CHANGED = {
    "validation data": (
        lambda d: train(d, validation_data=HELD_OUT),
        lambda d: train(d, validation_data=(X[:10] + 1, Y[:10])),
        "validation_data was",
    ),
    "no validation": (lambda d: train(d, validation_data=HELD_OUT), train, "validation_data was"),
    "validation_freq": (
        lambda d: train(d, validation_data=HELD_OUT),
        lambda d: train(d, validation_data=HELD_OUT, validation_freq=2),
        "validation_freq names other epochs",
    ),
    "metrics": (
        lambda d: train(d, model_of(metrics=["mae"])),
        lambda d: train(d, model_of(metrics=["mse"])),
        "metric",
    ),
    "the setting of a metric": (
        lambda d: train(d, model_of(metrics=[keras.metrics.BinaryAccuracy(name="a", threshold=0.5)])),
        lambda d: train(d, model_of(metrics=[keras.metrics.BinaryAccuracy(name="a", threshold=0.7)])),
        "threshold was 0.5, now 0.7",
    ),
    "a loss of the same name": (
        lambda d: train(d, model_of(loss=scaled(1.0))),
        lambda d: train(d, model_of(loss=other_code())),
        "loss",
    ),
    "a loss with another number": (
        lambda d: train(d, model_of(loss=scaled(1.0))),
        lambda d: train(d, model_of(loss=scaled(2.0))),
        "loss",
    ),
    "the setting of a loss": (
        lambda d: train(d, model_of(loss=keras.losses.Huber(1.0))),
        lambda d: train(d, model_of(loss=keras.losses.Huber(2.0))),
        "delta was 1.0, now 2.0",
    ),
    "wiring": (
        lambda d: train(d, branched(False)),
        lambda d: train(d, branched(True)),
        "wiring",
    ),
    "one number of the data": (train, lambda d: train(d, data=(one_changed(X), Y)), "data was"),
    "weights of samples": (
        train,
        lambda d: train(d, sample_weight=np.ones(60)),
        "data was",
    ),
}


def one_changed(x):
    x = x.copy()
    x[41, 2] += 1e-3
    return x


@pytest.mark.parametrize("name", CHANGED)
def test_what_is_another_run_is_refused(name, tmp_path):
    first, second, said = CHANGED[name]
    first(tmp_path)
    first(tmp_path)  # the same again is the same
    with pytest.raises(ValueError, match="holds a run with other settings") as raised:
        second(tmp_path)
    assert said in str(raised.value)


def test_exact_arithmetic_is_part_of_a_run(tmp_path):
    with tf_gd.exact_arithmetic():
        train(tmp_path)
    with pytest.raises(ValueError, match="exact_arithmetic was True, now False"):
        train(tmp_path, epochs=4)


def test_random_numbers_of_the_global_generator_go_on(tmp_path, monkeypatch):
    class Noise(keras.layers.Layer):
        def call(self, h, training=False):
            return h + keras.random.normal(keras.ops.shape(h)) if training else h

    def noisy():
        keras.utils.clear_session()  # a new process has a new generator
        keras.utils.set_random_seed(3)
        return model_of(keras.layers.Dense(5), Noise())

    whole = train(None, noisy())
    killed(monkeypatch, 8, tmp_path, noisy())
    the_same(whole, train(tmp_path, noisy()))


def test_files_of_others_stay(tmp_path):
    names = ["partial-thesis.txt", "partial-0123456789abcdef.txt", "notes.txt", "at-7.ckpt"]
    for name in names:
        (tmp_path / name).write_text("mine")
    ours = tmp_path / "partial-0123456789abcdef.ckpt"
    ours.write_text("half")
    train(tmp_path)
    assert [(tmp_path / name).read_text() for name in names] == ["mine"] * 4
    assert not ours.exists()


def test_a_descent_and_a_fit_are_told_apart(tmp_path):
    tf_gd.gradient_descent("square", steps=5, checkpoint=tmp_path / "a")
    with pytest.raises(ValueError, match="holds a run of gradient_descent, expected one of fit"):
        train(tmp_path / "a")
    with pytest.raises(ValueError, match="holds a run of gradient_descent, expected one of fit"):
        train(tmp_path / "a", seed=None)
    train(tmp_path / "b")
    with pytest.raises(ValueError, match="holds a run of fit, expected one of gradient_descent"):
        tf_gd.gradient_descent("square", steps=5, checkpoint=tmp_path / "b")


@pytest.mark.parametrize("seconds", ["-1", "nan", "soon", "inf"])
def test_seconds_that_are_none_are_refused(seconds, tmp_path, monkeypatch):
    monkeypatch.setenv("TF_GD_CHECKPOINT_SECONDS", seconds)
    with pytest.raises(ValueError, match=f"TF_GD_CHECKPOINT_SECONDS: got '{seconds}'"):
        train(tmp_path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_dead_process_holds_no_lock_though_its_child_lives(tmp_path):
    script = (
        "import os, sys, time; from tf_gd.checkpoints import Checkpoints; c = Checkpoints(sys.argv[1])\n"
        "pid = os.fork()\n"
        "if not pid: print(os.getpid(), flush=True)\n"
        "time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE)
    child = int(parent.stdout.readline())
    try:
        with pytest.raises(ValueError, match="another run is using"):
            checkpoints.Checkpoints(tmp_path)
        parent.kill()
        parent.wait()
        os.kill(child, 0)  # it lives
        checkpoints.Checkpoints(tmp_path).close()
    finally:
        os.kill(child, signal.SIGKILL)
        parent.stdout.close()


def descend(directory, **changes):
    run = dict(start=[1.0, 2.0], learning_rate=0.05, steps=200, checkpoint=directory) | changes
    return tf_gd.gradient_descent(run.pop("objective", "booth"), **run)


def test_a_lower_tolerance_goes_on(tmp_path):
    first = descend(tmp_path, tolerance=1e-1, steps=1000)
    assert first.outcome == "converged"
    path, whole = (descend(at, tolerance=1e-4, steps=1000) for at in (tmp_path, None))
    assert path.outcome == whole.outcome == "converged"
    assert path.steps == whole.steps > first.steps
    np.testing.assert_array_equal(path.points, whole.points)
    assert descend(tmp_path, tolerance=1e-4, steps=1000).steps == path.steps


RATES = np.full(200, 0.05)
OTHER_RATES = np.where(np.arange(200) == 100, 0.01, 0.05)
Decay = keras.optimizers.schedules.ExponentialDecay
OF_A_DESCENT = {
    "rates": (dict(learning_rate=RATES), dict(learning_rate=OTHER_RATES), "the learning rates of the steps made"),
    "schedule": (
        dict(learning_rate=Decay(0.05, 10, 0.9)),
        dict(learning_rate=Decay(0.05, 10, 0.8)),
        "schedule computes",
    ),
    "objective": (
        dict(objective=lambda x: tf.reduce_sum(x**2)),
        dict(objective=lambda x: tf.reduce_sum(x**2 * tf.cast(x < 7.0, x.dtype))),
        "objective computes",
    ),
}


@pytest.mark.parametrize("name", OF_A_DESCENT)
def test_another_descent_is_refused(name, tmp_path):
    first, second, said = OF_A_DESCENT[name]
    descend(tmp_path, **first)
    descend(tmp_path, **first)
    with pytest.raises(ValueError, match=said):
        descend(tmp_path, **second)


def test_later_rates_may_change(tmp_path):
    descend(tmp_path, learning_rate=RATES, steps=90)
    assert descend(tmp_path, learning_rate=OTHER_RATES).steps == 200


def test_a_function_with_a_loop_in_it_is_found_again(tmp_path):
    def objective(x):
        total = tf.zeros((), x.dtype)
        for k in tf.range(3):
            total += tf.reduce_sum(x**2) / tf.cast(k + 1, x.dtype)
        return total

    for steps in (5, 20, 40):
        assert descend(tmp_path, objective=objective, steps=steps).steps == steps


INTERRUPTED = """
import sys
import tf_gd
tf_gd.quiet_tensorflow()
import threading, os, signal
threading.Timer(3.0, lambda: os.kill(os.getpid(), signal.{name})).start()
run = dict(learning_rate=1e-7, steps=2_000_000_000, record_every=1_000_000, checkpoint=sys.argv[1])
print(tf_gd.gradient_descent("rosenbrock", **run).steps)
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_what_an_interrupted_descent_computed_is_in_the_checkpoint(name, tmp_path):
    environment = {k: v for k, v in os.environ.items() if k != "TF_GD_CHECKPOINT_SECONDS"}
    script = INTERRUPTED.replace("{name}", name)
    environment["TF_GD_CHECKPOINT_SECONDS"] = "1000"
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path], capture_output=True, text=True, env=environment, timeout=120
    )
    with checkpoints.Checkpoints(tmp_path) as kept:
        state, _ = kept.newest()
    assert state["last"] > 1000
    if name == "SIGINT":
        assert state["last"] == int(done.stdout)
    else:
        assert done.returncode == 143


def test_packed_and_unpacked_again():
    for value in VALUES.values():
        arrays = []
        of_the_same_kind(callback_state.unpack(callback_state.pack(value, arrays), arrays), value)


def test_a_checkpoint_takes_no_time_of_others():
    start = time.monotonic()
    assert _runtime.checkpoint_seconds() == 0.0
    assert time.monotonic() - start < 1


def test_what_on_epoch_begin_reads_is_there_already(tmp_path, monkeypatch):
    class Reads(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.losses, self.last, self.first, self.begun = [], None, False, 0

        def on_epoch_begin(self, epoch, logs=None):
            self.first = True
            if epoch:
                self.last = self.losses[-1]

        def on_batch_end(self, batch, logs=None):
            self.begun, self.first = self.begun + self.first, False

        def on_epoch_end(self, epoch, logs=None):
            self.losses.append(logs["loss"])

    whole, resumed = Reads(), Reads()
    train(None, callbacks=[whole])
    killed(monkeypatch, 6, tmp_path, callbacks=[Reads()])
    train(tmp_path, callbacks=[resumed])
    for name in ("losses", "last", "first", "begun"):
        assert getattr(resumed, name) == getattr(whole, name), name


def test_variables_and_tensors_of_a_callback(tmp_path):
    class Counts(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.count, self.of_keras, self.value = tf.Variable(0.0), keras.Variable(0.0), None

        def on_epoch_end(self, epoch, logs=None):
            self.count.assign_add(1.0)
            self.of_keras.assign_add(2.0)
            self.value = tf.constant([1, 2])

    train(tmp_path, callbacks=[Counts()], epochs=2)
    again = Counts()
    shared = again.count
    train(tmp_path, callbacks=[again], epochs=3)
    assert again.count is shared
    assert (float(again.count), float(again.of_keras)) == (3.0, 6.0)
    assert isinstance(again.value, tf.Tensor)


def test_after_a_refusal_the_directory_is_free(tmp_path):
    tf_gd.gradient_descent("square", steps=5, checkpoint=tmp_path)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ValueError, match="holds a run of gradient_descent") as kept:
        train(tmp_path)
    assert kept.value.__traceback__ is not None
    assert signal.getsignal(signal.SIGTERM) is before
    tf_gd.gradient_descent("square", steps=5, checkpoint=tmp_path)


def test_fewer_epochs_than_begun_are_refused(tmp_path, monkeypatch):
    killed(monkeypatch, 6, tmp_path)
    with pytest.raises(ValueError, match="gone on for 2 epochs, and 1 are asked for"):
        train(tmp_path, epochs=1)


def test_epochs_validated_later_may_change(tmp_path):
    run = dict(validation_data=HELD_OUT)
    train(tmp_path, epochs=2, validation_freq=[1, 2], **run)
    train(tmp_path, epochs=4, validation_freq=[1, 2, 4], **run)
    with pytest.raises(ValueError, match="validation_freq names other epochs"):
        train(tmp_path, epochs=5, validation_freq=[1, 4], **run)


def test_state_without_an_owner_is_said(tmp_path):
    train(tmp_path, callbacks=[Counts()], epochs=1)
    with pytest.warns(UserWarning, match=r"holds the state of .*Counts, of which this run has none"):
        train(tmp_path, epochs=2)


def test_functions_of_all_kinds_are_runs_of_their_own(tmp_path):
    made = {}
    exec("def loss(y, p):\n    return (y - p) ** 2", {}, made)
    train(tmp_path / "a", model_of(loss=made["loss"]))

    class OfItsOwn(keras.losses.Loss):
        def call(self, y, p):
            return (y - p) ** 2

    of_its_own = OfItsOwn
    train(tmp_path / "b", model_of(loss=of_its_own()))

    class OfItsOwn(keras.losses.Loss):
        def call(self, y, p):
            return tf.abs(y - p)

    with pytest.raises(ValueError, match="loss"):
        train(tmp_path / "b", model_of(loss=OfItsOwn()))


def test_a_set_in_a_loss_is_the_same_in_another_process(tmp_path):
    script = (
        "from tf_gd.networks.run_settings import _code_of\n"
        "def loss(y, p, mode='a'):\n    'What it is.'\n    return y - p if mode in {'a', 'b', 'cc', 'ddd'} else p\n"
        "print(_code_of(loss))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", script if seed else script.replace("What it is", "Another text")],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in (0, 1, 2)
    }
    assert len(said) == 1


def test_a_model_with_operations_of_its_own(tmp_path):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.operations = ["a", "b"]
            self.dense = keras.layers.Dense(1)

        def call(self, x):
            return self.dense(x)

    model = Own()
    model(X[:1])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    train(tmp_path, model)


def test_no_number_of_python_is_drawn(tmp_path):
    import random

    keras.utils.clear_session()
    model = model_of()
    random.seed(4)
    train(tmp_path, model)
    drawn = random.random()
    random.seed(4)
    assert drawn == random.random()
