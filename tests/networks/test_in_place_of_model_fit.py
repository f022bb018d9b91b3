"""``tf_gd.fit(model, ...)`` in the place of ``model.fit(...)``: programs as people write them, to the bit."""

import contextlib
import inspect
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
import scipy.sparse
import tensorflow as tf
from models import assert_same

import tf_gd
from tf_gd.networks import hooks

layers, ops = keras.layers, keras.ops
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(70, 6)).astype("float32")
Y = RANDOM.normal(size=(70, 2)).astype("float32")
LABELS = RANDOM.integers(0, 3, 70)
WORDS = RANDOM.integers(0, 20, (70, 5)).astype("int32")


class Variational(keras.Model):
    """An autoencoder with ``train_step`` and metrics of its own, as in Keras's guides."""

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = layers.Dense(4), layers.Dense(6)
        self.total = keras.metrics.Mean(name="total")
        self.divergence = keras.metrics.Mean(name="divergence")
        self.seeds = keras.random.SeedGenerator(3)

    @property
    def metrics(self):
        return [self.total, self.divergence]

    def losses_of(self, x):
        mean, log_variance = ops.split(self.encoder(x), 2, axis=-1)
        z = mean + ops.exp(0.5 * log_variance) * keras.random.normal(ops.shape(mean), seed=self.seeds)
        divergence = -0.5 * ops.mean(1 + log_variance - ops.square(mean) - ops.exp(log_variance))
        return ops.mean(ops.square(x - self.decoder(z))), divergence

    def train_step(self, data):
        x = data[0] if isinstance(data, tuple) else data
        with tf.GradientTape() as tape:
            difference, divergence = self.losses_of(x)
            total = difference + divergence
        weights = self.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(total, weights), weights, strict=True))
        self.total.update_state(total)
        self.divergence.update_state(divergence)
        return {"total": self.total.result(), "divergence": self.divergence.result()}


class Adversarial(keras.Model):
    """Two networks and two optimizers, which make their variables in the first step; logs of the last batch."""

    def __init__(self):
        super().__init__()
        self.generator = keras.Sequential([keras.Input((3,)), layers.Dense(6)])
        self.judge = keras.Sequential([keras.Input((6,)), layers.Dense(8, "relu"), layers.Dense(1)])
        self.seeds = keras.random.SeedGenerator(5)

    def compile(self, of_generator, of_judge, **options):
        super().compile(**options)
        self.of_generator, self.of_judge = of_generator, of_judge

    def train_step(self, real):
        noise = keras.random.normal((tf.shape(real)[0], 3), seed=self.seeds)
        both = tf.concat([self.generator(noise), real], axis=0)
        truth = tf.concat([tf.zeros((tf.shape(real)[0], 1)), tf.ones((tf.shape(real)[0], 1))], axis=0)
        entropy = keras.losses.BinaryCrossentropy(from_logits=True)
        with tf.GradientTape() as tape:
            of_judge = entropy(truth, self.judge(both))
        weights = self.judge.trainable_weights
        self.of_judge.apply_gradients(zip(tape.gradient(of_judge, weights), weights, strict=True))
        with tf.GradientTape() as tape:
            fooled = entropy(tf.ones((tf.shape(real)[0], 1)), self.judge(self.generator(noise)))
        weights = self.generator.trainable_weights
        self.of_generator.apply_gradients(zip(tape.gradient(fooled, weights), weights, strict=True))
        return {"judge": of_judge, "generator": fooled}


class OwnLoss(keras.Sequential):
    """A ``compute_loss`` from before it took ``training``."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
        return ops.mean(ops.abs(y - y_pred)) + 0.1 * ops.mean(ops.square(y_pred))


class ExtraKeys(keras.Sequential):
    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, y, y_pred, sample_weight) | {"largest": ops.max(ops.abs(y_pred))}


class ByNumPy(keras.Sequential):
    def call(self, x, training=None, mask=None):
        return super().call(x) * float(np.abs(x.numpy()).max() > 0)


class PerClass(keras.metrics.Metric):
    """A metric that returns a dict."""

    def __init__(self):
        super().__init__(name="per_class")
        self.counts = self.add_weight(shape=(3,), initializer="zeros", name="counts")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.counts.assign_add(ops.sum(ops.one_hot(ops.argmax(y_pred, -1), 3), axis=0))

    def result(self):
        return {f"class_{n}": self.counts[n] for n in range(3)}

    def reset_state(self):
        self.counts.assign(ops.zeros((3,)))


def dense(kind=keras.Sequential, outputs=2):
    return kind([keras.Input((6,)), layers.Dense(8, "tanh"), layers.Dense(outputs)])


def classifier():
    return keras.Sequential([keras.Input((6,)), layers.Dense(3, "softmax")])


def two_outputs():
    """As in Keras's functional guide: the names of the outputs are not in alphabetical order."""
    x = keras.Input((6,), name="x")
    priority = layers.Dense(1, name="priority")(x)
    department = layers.Dense(3, name="department")(x)
    return keras.Model(x, {"priority": priority, "department": department})


def with_optional():
    x, more = keras.Input((6,), name="x"), keras.Input((6,), name="more", optional=True)

    class Add(layers.Layer):
        def call(self, x, more=None):
            return x if more is None else x + more

    return keras.Model([x, more], layers.Dense(2)(Add()(x, more)))


class AddsLoss(layers.Layer):
    def call(self, x):
        self.add_loss(ops.mean(ops.square(x)))
        return x


def masked():
    x = keras.Input((4, 6))
    return keras.Model(x, layers.TimeDistributed(layers.Dense(1))(layers.Masking(0.0)(x)))


class MasksNaN(layers.Layer):
    def call(self, x):
        return ops.where(ops.isnan(x), 0.0, x)


def words_model():
    return keras.Sequential([keras.Input((5,), dtype="int32"), layers.Embedding(20, 4), layers.Flatten(), layers.Dense(2)])


def text_model():
    words = layers.TextVectorization(max_tokens=20, output_sequence_length=4)
    words.adapt(["the cat sat", "the dog ran", "a cat ran"])
    return keras.Sequential(
        [keras.Input((), dtype="string"), words, layers.Embedding(20, 4), layers.Flatten(), layers.Dense(2)]
    )


def ragged_model():
    x = keras.Input((None,), dtype="int64", ragged=True)
    return keras.Model(x, layers.Dense(2)(layers.Embedding(20, 4)(x.to_tensor())))


def dict_to_list():
    a, b = keras.Input((6,), name="a"), keras.Input((6,), name="b")
    return keras.Model({"b": b, "a": a}, [layers.Dense(2)(a), layers.Dense(1)(b)])


MSE = dict(loss="mse")
NAN = X.copy()
NAN[3, 2] = np.nan
SEQUENCE = RANDOM.normal(size=(70, 4, 6)).astype("float32")
SEQUENCE[::2, 2:] = 0.0
SPARSE = scipy.sparse.csr_matrix(np.where(np.abs(X) > 1, X, 0))
TEXT = np.array(["the cat ran", "a dog", "sat sat the", "ran"] * 17 + ["cat", "dog"])
PAIRS = dict(loss="sparse_categorical_crossentropy", metrics=["accuracy"])

# name: how to build, what to compile with, what to fit
PROGRAMS = {
    "variational autoencoder": (Variational, {}, (X,)),
    "adversarial networks": (Adversarial, dict(two=True), (X,)),
    "own compute_loss without training": (lambda: dense(OwnLoss), {}, (X, Y)),
    "compute_metrics with more keys": (lambda: dense(ExtraKeys), MSE, (X, Y)),
    "targets in a dict": (
        two_outputs,
        dict(loss={"priority": "mse", "department": keras.losses.SparseCategoricalCrossentropy(from_logits=True)}),
        (X, {"priority": Y[:, :1], "department": LABELS}),
    ),
    "losses in lists in a dict": (
        two_outputs,
        dict(loss={"priority": ["mse"], "department": ["mae"]}, metrics={"priority": ["mae"]}),
        (X, {"priority": Y[:, :1], "department": RANDOM.normal(size=(70, 3)).astype("float32")}),
    ),
    "inputs in a dict, outputs in a list": (dict_to_list, dict(loss=["mse", "mae"]), ({"a": X, "b": X + 1}, [Y, Y[:, :1]])),
    "a loss by its short name": (classifier, dict(loss="crossentropy"), (X, np.eye(3, dtype="float32")[LABELS])),
    "an unbuilt model whose only loss is added": (lambda: keras.Sequential([layers.Dense(2), AddsLoss()]), {}, (X, Y)),
    "a metric that is a vector": (
        classifier,
        dict(loss="categorical_crossentropy", metrics=[keras.metrics.F1Score]),
        (X, np.eye(3, dtype="float32")[LABELS]),
    ),
    "a metric that is a dict": (classifier, dict(loss="sparse_categorical_crossentropy", metrics=[PerClass]), (X, LABELS)),
    "an optional input left out": (with_optional, MSE, ([X, None], Y)),
    "a matrix of SciPy": (lambda: keras.Sequential([layers.Dense(2)]), MSE, (SPARSE, Y)),
    "a sparse tensor": (lambda: keras.Sequential([layers.Dense(2)]), MSE, (tf.sparse.from_dense(X), Y)),
    "a data set of sparse tensors": (
        lambda: keras.Sequential([layers.Dense(2)]),
        MSE,
        (tf.data.Dataset.from_tensor_slices((tf.sparse.from_dense(X), Y)).batch(16),),
    ),
    "text": (text_model, MSE, (tf.constant(TEXT), Y)),
    "text in a data set": (text_model, MSE, (tf.data.Dataset.from_tensor_slices((TEXT, Y)).batch(16),)),
    "eagerly, with NumPy in the model": (lambda: dense(ByNumPy), dict(loss="mse", run_eagerly=True), (X, Y)),
    "several steps an execution": (dense, dict(loss="mse", steps_per_execution=3), (X, Y)),
    "a masked sequence": (masked, MSE, (SEQUENCE, SEQUENCE[:, :, :1])),
    "float64 and integers": (dense, MSE, (X.astype("float64"), (10 * Y).astype("int64"))),
    "an accuracy": (classifier, PAIRS, (X, LABELS)),
}


def trained(fit, program, callbacks=(), **settings):
    build, compiled, data = PROGRAMS[program] if isinstance(program, str) else program
    compiled = dict(compiled)
    keras.utils.clear_session()
    keras.utils.set_random_seed(1)
    model = build()
    if compiled.pop("two", False):
        compiled |= dict(of_generator=keras.optimizers.Adam(0.01), of_judge=keras.optimizers.SGD(0.05))
    else:
        compiled = dict(optimizer=keras.optimizers.SGD(0.05, momentum=0.9)) | compiled
    if "metrics" in compiled and isinstance(compiled["metrics"], list):
        compiled["metrics"] = [metric() if isinstance(metric, type) else metric for metric in compiled["metrics"]]
    model.compile(**compiled)
    with tf_gd.exact_arithmetic():
        history = fit(model, *data, **(dict(epochs=3, shuffle=False, verbose=0, callbacks=[*callbacks]) | settings))
    return model, history


@pytest.mark.parametrize("program", PROGRAMS)
def test_it_is_model_fit_to_the_bit(program):
    assert_same(trained(tf_gd.fit, program), trained(keras.Model.fit, program))


def test_arguments_by_position_as_in_model_fit():
    given = (X, Y, 16, 2, 0, None, 0.2, None, False, None, np.linspace(0, 2, 70), 0, None, None, 8, 1)
    results = []
    for fit in (tf_gd.fit, keras.Model.fit):
        keras.utils.set_random_seed(1)
        model = dense()
        model.compile(keras.optimizers.SGD(0.05), "mse")
        with tf_gd.exact_arithmetic():
            results.append((model, fit(model, *given)))
    assert_same(*results)


def test_callbacks_in_lists_in_lists_and_a_single_one():
    heard = []
    one, two = (keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs, n=n: heard.append(n)) for n in (1, 2))
    trained(tf_gd.fit, (dense, MSE, (X, Y)), callbacks=[[one], [[two]]], epochs=2)
    assert heard == [1, 2, 1, 2]


@pytest.mark.skipif(not hasattr(keras.config, "set_max_epochs"), reason="this Keras has no such limits")
def test_limits_that_keras_is_set_to():
    keras.config.set_max_epochs(2)
    keras.config.set_max_steps_per_epoch(3)
    try:
        with pytest.warns(UserWarning, match="Limiting"):
            model, history = trained(tf_gd.fit, (dense, MSE, (X, Y)), batch_size=10, epochs=5)
    finally:
        keras.config.set_max_epochs(None)
        keras.config.set_max_steps_per_epoch(None)
    assert len(history.history["loss"]) == 2
    assert int(model.optimizer.iterations) == 6


def test_text_in_an_array_of_numpy_too():
    """``model.fit`` takes a tensor of it only."""
    as_array = trained(tf_gd.fit, (text_model, MSE, (TEXT.astype(object), Y)))
    assert_same(as_array, trained(keras.Model.fit, "text"))
    with pytest.raises(ValueError, match="x: got text, expected an array of numbers"):
        trained(tf_gd.fit, (dense, MSE, (TEXT, Y)))


def test_nan_that_the_model_masks_is_a_warning():
    def build():
        return keras.Sequential([keras.Input((6,)), MasksNaN(), layers.Dense(2)])

    with pytest.warns(UserWarning, match="x: got NaN.* first in row 3"):
        ours = trained(tf_gd.fit, (build, MSE, (NAN, Y)))
    assert_same(ours, trained(keras.Model.fit, (build, MSE, (NAN, Y))))


def test_targets_that_broadcast_are_a_warning():
    with pytest.warns(UserWarning, match="The two broadcast"):
        ours = trained(tf_gd.fit, (dense, MSE, (X, Y[:, :1])))
    assert_same(ours, trained(keras.Model.fit, (dense, MSE, (X, Y[:, :1]))))


def test_a_model_without_anything_to_train_counts_its_loss():
    def build():
        return keras.Sequential([keras.Input((6,)), layers.Dense(2, trainable=False)])

    results = []
    for fit in (tf_gd.fit, keras.Model.fit):
        with pytest.warns(UserWarning, match="any trainable weights|no trainable variables"):
            results.append(trained(fit, (build, MSE, (X, Y))))
    assert_same(*results)


def test_an_own_train_function_is_called():
    calls = []

    class Own(keras.Sequential):
        def make_train_function(self, force=False):
            super().make_train_function(force)
            function = self.train_function

            def counted(iterator):
                calls.append(1)
                return function(iterator)

            self.train_function = counted

    program = (lambda: dense(Own), MSE, (X, Y))
    ours = trained(tf_gd.fit, program, batch_size=16)
    assert len(calls) == 15
    assert_same(ours, trained(keras.Model.fit, program, batch_size=16))


class Hears(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.heard = []

    def on_train_batch_begin(self, batch, logs=None):
        self.heard.append(("begin", batch))

    def on_train_batch_end(self, batch, logs=None):
        self.heard.append(("end", batch, logs["loss"]))

    def on_test_batch_end(self, batch, logs=None):
        self.heard.append(("test", batch, logs["loss"]))


@pytest.mark.parametrize("at_once", [1, 3])
@pytest.mark.parametrize("built", [True, False])
def test_hooks_are_called_every_so_many_batches(at_once, built):
    def build():
        return dense() if built else keras.Sequential([layers.Dense(2)])

    heard = []
    for fit in (tf_gd.fit, keras.Model.fit):
        callback = Hears()
        program = (build, dict(loss="mse", steps_per_execution=at_once), (X, Y))
        trained(fit, program, callbacks=[callback], batch_size=10, validation_data=(X, Y))
        heard.append(callback.heard)
    if "begin_step" not in inspect.getsource(keras.Model.fit):  # an older Keras names the first of so many at both hooks
        heard = [[(name, *values) for name, _, *values in one] for one in heard]
    assert heard[0] == heard[1]


def test_a_backup_is_gone_on_from(tmp_path):
    """Stopped after two of five epochs and started again, the model is that of one run."""
    results = []
    for fit, kept in ((tf_gd.fit, tmp_path / "ours"), (keras.Model.fit, tmp_path / "keras")):

        class StopsError(Exception):
            pass

        def stop(epoch, logs):
            if epoch == 2:
                raise StopsError

        backup = keras.callbacks.BackupAndRestore(str(kept))
        with pytest.raises(StopsError):
            trained(
                fit, (dense, MSE, (X, Y)), callbacks=[backup, keras.callbacks.LambdaCallback(on_epoch_begin=stop)], epochs=5
            )
        again = keras.callbacks.BackupAndRestore(str(kept))
        results.append(trained(fit, (dense, MSE, (X, Y)), callbacks=[again], epochs=5))
    assert_same(*results)
    assert len(results[0][1].history["loss"]) == 3


def test_moving_averages_swapped_in_for_validation():
    program = (dense, dict(optimizer=keras.optimizers.SGD(0.05, use_ema=True), loss="mse"), (X, Y))

    def swapped(fit):
        optimizer = keras.optimizers.SGD(0.05, use_ema=True, ema_momentum=0.9)
        own = (dense, dict(program[1], optimizer=optimizer), (X, Y))
        return trained(fit, own, callbacks=[keras.callbacks.SwapEMAWeights()], validation_data=(X, Y))

    assert_same(swapped(tf_gd.fit), swapped(keras.Model.fit))


@pytest.mark.parametrize("nan_at", [25, 65])
def test_training_ends_at_the_first_batch_that_is_nan(nan_at, capsys):
    x = X.copy()
    x[nan_at] = np.inf
    results, said = [], []
    for fit in (tf_gd.fit, keras.Model.fit):
        warns = pytest.warns(UserWarning, match="first in row")
        with warns if fit is tf_gd.fit else contextlib.nullcontext():
            results.append(trained(fit, (dense, MSE, (x, Y)), callbacks=[keras.callbacks.TerminateOnNaN()], batch_size=10))
        said.append(capsys.readouterr().out)
    assert_same(*results)
    assert said[0] == said[1]
    assert f"Batch {nan_at // 10}: Invalid loss" in said[0]


def test_two_runs_after_the_same_seed_are_the_same_and_nothing_is_drawn():
    import random

    def run(draw):
        keras.utils.set_random_seed(7)
        model = dense()
        model.compile(keras.optimizers.SGD(0.05), "mse")
        before = random.getstate(), np.random.get_state()[1].tolist()
        first = tf_gd.fit(model, X, Y, epochs=2, verbose=0).history["loss"]
        assert (random.getstate(), np.random.get_state()[1].tolist()) == before
        if draw:
            return model.get_weights(), first
        second = tf_gd.fit(model, X, Y, epochs=2, verbose=0).history["loss"]
        return model.get_weights(), [first, second]

    one, two = run(False), run(False)
    for a, b in zip(one[0], two[0], strict=True):
        np.testing.assert_array_equal(a, b)
    assert one[1] == two[1]
    keras.utils.set_random_seed(8)
    model = dense()
    model.compile(keras.optimizers.SGD(0.05), "mse")
    model.set_weights(run(True)[0])
    assert not np.array_equal(model.get_weights()[0], one[0][0])


def test_settings_changed_between_fits_and_during_one():
    model, _ = trained(tf_gd.fit, (dense, MSE, (X, Y)))
    model.optimizer.clipnorm = 0.1
    with pytest.warns(UserWarning, match=r"clipnorm went from None to 0.1 since the last call"):
        tf_gd.fit(model, X, Y, verbose=0)

    def change(epoch, logs):
        model.optimizer.clipnorm = 0.2

    with pytest.warns(UserWarning, match=r"clipnorm went from 0.1 to 0.2 during the call"):
        tf_gd.fit(model, X, Y, verbose=0, callbacks=[keras.callbacks.LambdaCallback(on_epoch_begin=change)])
    plain, _ = trained(tf_gd.fit, (dense, dict(MSE, optimizer=keras.optimizers.SGD(0.05)), (X, Y)))
    plain.optimizer.momentum = 0.9
    with pytest.warns(UserWarning, match="momentum was set after the optimizer was built without it"):
        tf_gd.fit(plain, X, Y, verbose=0)


def test_a_setting_that_a_callback_changes_waits_for_the_next_call():
    """As in ``model.fit``, and as the warning says: also in the epochs after the change."""
    results = []
    for fit in (tf_gd.fit, keras.Model.fit):

        class Changes(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                if epoch == 1:  # the first epoch has traced the program
                    self.model.optimizer.clipnorm = 1e-4

        ours = fit is tf_gd.fit
        with pytest.warns(UserWarning, match="during the call") if ours else contextlib.nullcontext():
            results.append(trained(fit, (dense, MSE, (X, Y)), callbacks=[Changes()], epochs=4))
    assert_same(*results)


def test_weights_of_samples_where_time_steps_are_masked():
    """``model.fit`` fails within TensorFlow; the advice works."""
    weights = np.linspace(0, 2, 70)
    with pytest.raises(ValueError, match=r"^sample_weight: got shape \(70,\).* Pass sample_weight\[:, None\]"):
        trained(tf_gd.fit, "a masked sequence", sample_weight=weights)
    assert_same(*(trained(f, "a masked sequence", sample_weight=weights[:, None]) for f in (tf_gd.fit, keras.Model.fit)))


def test_the_page_of_the_documentation_lists_these_programs():
    page = (Path(__file__).parents[2] / "docs" / "in_place_of_model_fit.md").read_text(encoding="utf-8")
    table = page.split("| program | to the bit |\n|---|---|\n")[1].split("\n\n")[0]
    assert [line.split("|")[1].strip() for line in table.splitlines()] == list(PROGRAMS)
    for name in re.findall(r"`(test_\w+\.py)`", page):
        assert (Path(__file__).parent / name).exists(), name


LONG = """
import os, time
import tf_gd
tf_gd.quiet_tensorflow()
import keras, numpy as np
x = np.ones((4_000_000, 6), "float32")
model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8), keras.layers.Dense(1)])
model.compile(keras.optimizers.SGD(0.001), "mse")
tf_gd.fit(model, x[:100], x[:100, :1], batch_size=1, verbose=0)
begins = keras.callbacks.LambdaCallback(on_train_begin=lambda logs: print("begins", flush=True))
history = tf_gd.fit(model, x, x[:, :1], batch_size=1, epochs=9, verbose=0, callbacks=[begins])
print("interrupted", history.params["interrupted"], int(model.optimizer.iterations) > 100, flush=True)
"""


def test_ctrl_c_is_answered_within_an_epoch(tmp_path):
    """The epoch takes some twenty seconds; a call of the program about one."""
    script = tmp_path / "long.py"
    script.write_text(LONG)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    child = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True, env=environment)
    assert child.stdout.readline() == "begins\n"
    time.sleep(2.5)
    child.send_signal(signal.SIGINT)
    start = time.perf_counter()
    assert child.stdout.readline() == "interrupted True True\n"
    assert time.perf_counter() - start < 60  # two on a machine that does nothing else; the run takes minutes
    assert child.wait() == 0
    child.stdout.close()


def test_the_pace_is_about_a_second_a_call():
    pace = hooks.Pace()
    batches = []
    for _ in range(8):
        batches.append(pace.next(10**6))
        pace.took(batches[-1], 0.5 + batches[-1] * 0.001)  # half a second to begin with, then 1 ms each
    assert batches[:3] == [1, 1, 1]
    assert batches[-1] * 0.001 + 0.5 < 1.2
    assert hooks.Pace(fixed=3).next(10) == 3
    assert hooks.Pace().next(0.5) == 0


def test_in_a_notebook_a_line_is_written_over(monkeypatch, capsys):
    from tf_gd import _runtime

    monkeypatch.setattr(_runtime, "in_notebook", lambda: True)
    with _runtime.Progress(10, "training", patience=0.0) as progress:
        progress.at(3)
        progress.at(10, "epoch 2/2")
    written = capsys.readouterr().err
    assert written.split("\r")[1:3] == ["training: 3/10", "epoch 2/2: 10/10"]
    assert written.endswith("\r")


def test_the_same_shapes_in_another_structure_are_another_program():
    def build():
        x = keras.Input((6,))
        return keras.Model(x, {"b": layers.Dense(2, name="b")(x), "a": layers.Dense(2, name="a")(x)})

    other = Y + 10
    model, _ = trained(tf_gd.fit, (build, MSE, (X, {"b": Y, "a": other})), epochs=1)
    again, _ = trained(tf_gd.fit, (build, MSE, (X, {"b": Y, "a": other})), epochs=1)
    weights = model.get_weights()
    tf_gd.fit(model, X, {"a": other, "b": Y}, epochs=3, shuffle=False, verbose=0)
    tf_gd.fit(again, X, {"b": Y, "a": other}, epochs=3, shuffle=False, verbose=0)
    assert not np.array_equal(weights[0], model.get_weights()[0])
    for one, two in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-5)
    weighted, _ = trained(tf_gd.fit, (classifier, PAIRS, (X, LABELS.astype("float32"))), epochs=1)
    tf_gd.fit(weighted, X, LABELS.astype("float32"), sample_weight=np.zeros(70, "float32"), epochs=1, verbose=0)


class Scaled(keras.Sequential):
    """Its step reads an attribute, which a new ``compile`` makes a new one."""

    factor = 1.0

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = ops.mean(ops.square(self(x, training=True) - y)) * self.factor
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return {"loss": loss}


def test_a_step_of_the_models_own_after_another_compile():
    moved = []
    for fit in (tf_gd.fit, keras.Model.fit):
        model, _ = trained(fit, (lambda: dense(Scaled), {}, (X, Y)))
        model.factor = 0.0
        model.compile(keras.optimizers.SGD(0.1))
        before = model.get_weights()
        fit(model, X, Y, verbose=0)
        moved.append(max(np.abs(one - two).max() for one, two in zip(before, model.get_weights(), strict=True)))
    assert moved == [0.0, 0.0]


def test_a_step_of_the_models_own_and_a_frozen_layer():
    model, _ = trained(tf_gd.fit, (lambda: dense(Scaled), {}, (X, Y)))
    model.layers[0].trainable = False
    before = model.layers[0].get_weights()[0]
    model.optimizer = keras.optimizers.SGD(0.1)
    tf_gd.fit(model, X, Y, verbose=0)
    np.testing.assert_array_equal(before, model.layers[0].get_weights()[0])


def test_own_steps_without_an_optimizer():
    class Counts(keras.Sequential):
        def train_step(self, data):
            return {"batches": tf.constant(1.0)}

    model = dense(Counts)
    model.compile(optimizer=None)
    assert tf_gd.fit(model, X, Y, verbose=0).history == {"batches": [1.0]}


def test_who_subclasses_terminate_on_nan_goes_on():
    class Tolerant(keras.callbacks.TerminateOnNaN):
        def on_batch_end(self, batch, logs=None):
            pass

    x = X.copy()
    x[25] = np.nan
    with pytest.warns(UserWarning, match="first in row 25"):
        model, _ = trained(tf_gd.fit, (dense, MSE, (x, Y)), callbacks=[Tolerant()], batch_size=10, epochs=2)
    assert int(model.optimizer.iterations) == 14


def test_a_stream_that_ends_with_an_epoch_ends_the_training():
    def batches():
        for start in range(0, 64, 16):
            yield X[start : start + 16], Y[start : start + 16]

    results = []
    for fit in (tf_gd.fit, keras.Model.fit):
        with pytest.warns(UserWarning, match="ended after|ran out of data"):
            _, history = trained(fit, (dense, MSE, (batches(),)), steps_per_epoch=2, epochs=3)
        results.append(history.history["loss"][:2])
    assert results[0] == results[1]


def test_a_loss_that_leaves_out_the_compiled_one_is_traced_as_often_as_any():
    traced = []

    class Own(keras.Sequential):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            traced.append(1)
            return ops.mean(ops.abs(y - y_pred))

    program = (lambda: dense(Own), MSE, (X, Y))
    assert_same(trained(tf_gd.fit, program, epochs=12), trained(keras.Model.fit, program, epochs=12))
    assert len(traced) < 20


def test_functions_that_tensorflow_runs_eagerly():
    tf.config.run_functions_eagerly(True)
    try:
        _, history = trained(tf_gd.fit, (lambda: dense(ByNumPy), MSE, (X, Y)))
    finally:
        tf.config.run_functions_eagerly(False)
    assert history.params["mode"] == "eager"


def test_who_listens_to_the_beginning_of_an_epoch_sees_fresh_metrics():
    seen = []

    class Looks(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            seen.append(float(self.model.metrics[0].result()))

    trained(tf_gd.fit, (dense, MSE, (X, Y)), callbacks=[Looks()])
    assert seen == [0.0, 0.0, 0.0]


def test_an_own_test_function_measures():
    class Own(keras.Sequential):
        def make_test_function(self, force=False):
            super().make_test_function(force)
            function = self.test_function
            self.test_function = lambda iterator: {**function(iterator), "extra": 3.0}

    program = (lambda: dense(Own), MSE, (X, Y))
    ours, theirs = (trained(f, program, validation_data=(X, Y)) for f in (tf_gd.fit, keras.Model.fit))
    assert ours[1].history == theirs[1].history
    assert ours[1].history["val_extra"] == [3.0, 3.0, 3.0]
