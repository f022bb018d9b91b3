"""fit on every kind of model and data, against model.fit to the bit under exact arithmetic; ManualSGD against SGD."""

import _thread

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import GENERATOR, KINDS, LABELS, X, Y, assert_same, convolutional, plain_model, trained

import tf_gd
from tf_gd.networks import hooks, modes


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind[0].__name__)
@pytest.mark.parametrize("options", [{"momentum": 0.9, "nesterov": True}, {}], ids=["nesterov", "plain"])
def test_every_kind_of_model(kind, options):
    with tf_gd.exact_arithmetic():
        ours, theirs = (
            trained(fit, *kind, keras.optimizers.SGD(0.05, **options), epochs=3) for fit in (tf_gd.fit, keras.Model.fit)
        )
    assert_same(ours, theirs)


@pytest.mark.parametrize(
    "settings",
    [
        {"sample_weight": GENERATOR.uniform(size=70).astype("float32")},
        {"validation_data": (X[:33], Y[:33])},
        {"validation_data": (X[:33], Y[:33], np.linspace(0, 1, 33).astype("float32"))},
        {"validation_split": 0.3},
        {"validation_split": 0.5, "validation_batch_size": 5, "validation_steps": 2},
        {"initial_epoch": 1},
        {"validation_data": (X[:33], Y[:33]), "validation_freq": 2},
        {"validation_data": (X[:33], Y[:33]), "validation_freq": [1]},
        {"validation_data": (X[:33], Y[:33]), "validation_batch_size": 7},
        {"validation_data": (X[:33], Y[:33]), "validation_steps": 2, "batch_size": 10},
        {"validation_data": (X[:33], Y[:33]), "validation_steps": 2},
        {"steps_per_epoch": 4},
        {"batch_size": 200},
        {"batch_size": 1},
    ],
    ids=str,
)
def test_settings_of_fit(settings):
    kind = (plain_model, (X, Y), {"loss": "mse", "metrics": ["mae"]})
    with tf_gd.exact_arithmetic():
        optimizers = [keras.optimizers.SGD(0.05, momentum=0.9) for _ in range(2)]
        ours = trained(tf_gd.fit, *kind, optimizers[0], epochs=2, **settings)
        theirs = trained(keras.Model.fit, *kind, optimizers[1], epochs=2, **settings)
    assert_same(ours, theirs)


def test_class_weights():
    def build():
        return keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(3)])

    kind = (build, (X, LABELS), {"loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True)})
    with tf_gd.exact_arithmetic():
        weights = {0: 1.0, 2: 3.0, 1: 0.25}
        ours = trained(tf_gd.fit, *kind, keras.optimizers.SGD(0.05), class_weight=weights)
        theirs = trained(keras.Model.fit, *kind, keras.optimizers.SGD(0.05), class_weight=weights)
    assert_same(ours, theirs)


@pytest.mark.parametrize("optimizer", [keras.optimizers.Adam, keras.optimizers.RMSprop, keras.optimizers.AdamW])
def test_other_optimizers_update_in_the_same_loop(optimizer):
    kind = (plain_model, (X, Y), {"loss": "mse"})
    with tf_gd.exact_arithmetic():
        ours, theirs = (trained(fit, *kind, optimizer(0.01), epochs=2) for fit in (tf_gd.fit, keras.Model.fit))
    assert_same(ours, theirs)


def test_excluded_from_weight_decay():
    results = []
    with tf_gd.exact_arithmetic():
        for fit in (tf_gd.fit, keras.Model.fit):
            optimizer = keras.optimizers.SGD(0.05, weight_decay=0.1)
            optimizer.exclude_from_weight_decay(var_names=["bias"])
            results.append(trained(fit, plain_model, (X, Y), {"loss": "mse"}, optimizer, epochs=2))
    assert_same(*results)


@pytest.mark.slow
def test_the_mode_is_chosen_and_said():
    def mode(build, given, compiled, **settings):
        return trained(tf_gd.fit, build, given, compiled, keras.optimizers.SGD(0.05), **settings)[1].params["mode"]

    mse = {"loss": "mse"}
    long = {"epochs": 700}  # of three steps
    assert mode(plain_model, (X, Y), mse) == "graph"  # for so few steps
    assert mode(plain_model, (X, Y), mse, **long) == "xla"
    assert mode(plain_model, (X, Y), mse, mode="graph") == "graph"
    assert mode(convolutional, (X, Y), mse, **long) == "xla"
    assert mode(*KINDS[1], **long) == "graph"  # it draws random numbers
    assert mode(plain_model, (X, Y), {**mse, "run_eagerly": True}) == "eager"
    with tf_gd.exact_arithmetic():
        assert mode(plain_model, (X, Y), mse, **long) == "graph"

    class NotForXla(keras.layers.Layer):
        def call(self, inputs):
            tf.print("", output_stream="file:///dev/null")
            return inputs

    def cannot():
        return keras.Sequential([keras.layers.Input((6,)), NotForXla(), keras.layers.Dense(2)])

    assert mode(cannot, (X, Y), mse, **long) == "graph"


def test_the_mode_depends_on_the_arguments_of_the_call_alone(monkeypatch):
    monkeypatch.setattr(modes, "WORTH_COMPILING", 7)
    model, history = trained(tf_gd.fit, plain_model, (X, Y), {"loss": "mse"}, keras.optimizers.SGD(0.05))
    chosen = [tf_gd.fit(model, X, Y, verbose=0, epochs=n).params["mode"] for n in (1, 1, 3, 1)]
    assert [history.params["mode"], *chosen] == ["graph", "graph", "graph", "xla", "graph"]


def test_large_convolutions_stay_a_graph(monkeypatch):
    monkeypatch.setattr(modes, "WORTH_COMPILING", 1)
    layers = keras.layers

    def build(filters, kernel=3):
        shaped = [layers.Input((8, 8, 1)), layers.Conv2D(filters, kernel), layers.Conv2D(filters, kernel)]
        return keras.Sequential([*shaped, layers.Flatten(), layers.Dense(2)])

    # products for one sample: 3*3*1*f * 6*6 + 3*3*f*f * 4*4
    assert modes._products_of_convolutions(build(8)) == 9 * 8 * 36 + 9 * 64 * 16
    for filters, mode in ((8, "xla"), (16, "graph")):
        model = build(filters)
        model.compile(optimizer=keras.optimizers.SGD(0.01), loss="mse")
        history = tf_gd.fit(model, np.zeros((4, 8, 8, 1)), np.zeros((4, 2)), verbose=0)
        assert history.params["mode"] == mode


@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
def test_by_default_within_5e_6_of_model_fit(mode):
    kind = (plain_model, (X, Y), {"loss": "mse"})
    ours = trained(tf_gd.fit, *kind, keras.optimizers.SGD(0.05, momentum=0.9), epochs=3, mode=mode)
    theirs = trained(keras.Model.fit, *kind, keras.optimizers.SGD(0.05, momentum=0.9), epochs=3)
    for a, b in zip(ours[0].weights, theirs[0].weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=5e-6)


# --- callbacks and interruption


def test_a_callback_that_wants_batches_gets_them_and_nothing_else_changes():
    class OnBatches(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.losses = []

        def on_train_batch_end(self, batch, logs=None):
            self.losses.append((batch, logs["loss"]))

    kind, by_us, by_keras = (plain_model, (X, Y), {"loss": "mse"}), OnBatches(), OnBatches()
    with tf_gd.exact_arithmetic():
        ours, theirs = (
            trained(fit, *kind, keras.optimizers.SGD(0.05), callbacks=[heard], epochs=2)
            for fit, heard in ((tf_gd.fit, by_us), (keras.Model.fit, by_keras))
        )
    assert_same(ours, theirs)
    assert [batch for batch, _ in by_us.losses] == [0, 1, 2, 0, 1, 2]
    assert by_us.losses == by_keras.losses


def test_callbacks_of_keras_work(tmp_path):
    callbacks = [
        keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", save_best_only=True, monitor="loss"),
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
        keras.callbacks.LearningRateScheduler(lambda epoch: 0.05 / (1 + epoch)),
        keras.callbacks.ReduceLROnPlateau(monitor="loss", patience=0, min_delta=100.0),
        keras.callbacks.TerminateOnNaN(),
    ]
    model, history = trained(
        tf_gd.fit, plain_model, (X, Y), {"loss": "mse"}, keras.optimizers.SGD(0.05), callbacks=callbacks, epochs=3
    )
    np.testing.assert_allclose(history.history["learning_rate"], [0.05, 0.025, 0.05 / 3], rtol=1e-6)
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 4
    best = keras.saving.load_model(tmp_path / "best.keras")
    assert best.evaluate(X, Y, verbose=0) == pytest.approx(model.evaluate(X, Y, verbose=0), rel=1e-5)


@pytest.mark.parametrize("error", [KeyboardInterrupt, None], ids=["raised", "signal"])
def test_ctrl_c_keeps_what_was_learnt(error):
    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                if error:
                    raise error
                _thread.interrupt_main()

    model, history = trained(
        tf_gd.fit, plain_model, (X, Y), {"loss": "mse"}, keras.optimizers.SGD(0.05), callbacks=Stop(), epochs=9
    )
    assert history.params["interrupted"] is True
    assert len(history.history["loss"]) in (2, 3)
    assert int(model.optimizer.iterations) in (6, 9)


def test_an_error_in_a_callback_comes_through_and_the_weights_stay():
    class Breaks(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise RuntimeError("mine")

    model = plain_model()
    model.compile(optimizer=keras.optimizers.SGD(0.05), loss="mse")
    before = model.weights[0].numpy()
    with pytest.raises(RuntimeError, match="mine"):
        tf_gd.fit(model, X, Y, verbose=0, callbacks=[Breaks()])
    assert int(model.optimizer.iterations) == 3
    assert not np.array_equal(before, model.weights[0].numpy())


def of_batches():
    return tf.data.Dataset.from_tensor_slices((X, Y)).batch(16)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"validation_split": 1.5}, ValueError, "validation_split: got 1.5"),
        ({"validation_split": 0.999}, ValueError, "expected some in both parts"),
        ({"validation_data": X}, ValueError, "validation y: got None, expected targets"),
        ({"validation_data": (X, Y, Y, Y)}, TypeError, "validation_data: got 4 parts, expected"),
        ({"validation_data": (X, Y[:3])}, ValueError, "validation x and validation y: got samples of x 70, y 3"),
        ({"class_weight": [1, 2]}, ValueError, r"class_weight: got \[1, 2\], expected a dict"),
        ({"sample_weight": np.ones(3)}, ValueError, "sample_weight 3, expected equally many"),
        ({"callbacks": 3}, TypeError, "callbacks: got 3"),
        ({"validation_freq": 0}, ValueError, "validation_freq: got 0"),
        ({"validation_freq": ["a"]}, TypeError, "validation_freq: got 'a'"),
        (
            {"validation_data": of_batches().repeat()},
            ValueError,
            "validation_data: .* never ends, expected validation_steps",
        ),
        ({"validation_data": (of_batches(), Y)}, TypeError, "validation_data: got a data set in a tuple"),
        ({"validation_data": (X[:, :5], Y)}, ValueError, r"validation x: got shape \(70, 5\)"),
        ({"callbacks": [1]}, TypeError, r"callbacks: got 1 \(int\), expected keras.callbacks.Callback"),
        ({"sample_weight": np.ones((70, 2))}, ValueError, r"sample_weight: got shape \(70, 2\), expected one for each"),
        ({"validation_data": (X, Y[:, :1])}, UserWarning, r"y: got shape \(70, 1\), expected"),
        ({"steps_per_epoch": 0}, ValueError, "steps_per_epoch: got 0"),
        ({"mode": "fast"}, ValueError, "mode: got 'fast'"),
    ],
)
def test_bad_settings(settings, error, message):
    with pytest.raises(error, match=message):
        trained(tf_gd.fit, plain_model, (X, Y), {"loss": "mse"}, keras.optimizers.SGD(0.05), **settings)


def test_a_shuffle_that_is_none_of_ours():
    model = plain_model()
    model.compile(optimizer="sgd", loss="mse")
    with pytest.raises(ValueError, match="shuffle: got 'batch', expected True, False or 'keras'"):
        tf_gd.fit(model, X, Y, shuffle="batch")


@pytest.mark.parametrize(
    ("x", "y", "error", "message"),
    [
        (X, None, ValueError, "y: got None, expected targets"),
        (X.tolist(), Y, TypeError, r"x: got a list of float, expected an array .*np.array\(x\)"),
        (tf.data.Dataset.from_tensor_slices((X, Y)), None, ValueError, r"x: got shape \(6,\), expected .*call .batch\(32\)"),
        (tf.data.Dataset.range(3), None, ValueError, "x: got a data set of single samples"),
        (tf.data.Dataset.from_tensors((X, Y)).repeat(), None, ValueError, "x: got a data set that never ends"),
        (None, Y, ValueError, "x: got None, expected the inputs"),
        ((row for row in ()), None, ValueError, "x: got generator, expected batches, at least one"),
        (tf.data.Dataset.from_tensors((X, Y, Y, Y)), None, ValueError, "x: got a data set of 4 parts"),
        (tf.data.Dataset.from_tensor_slices((X, Y)).batch(9), Y, ValueError, "y: got one beside a data set"),
        (tf.data.Dataset.from_tensor_slices((X, Y)).batch(9).take(0), None, ValueError, "got a data set without batches"),
        ((row for row in X), Y, ValueError, "y: got one beside a data set"),
        (X.astype("complex64"), Y, TypeError, "x: got complex numbers, expected an array of numbers"),
        (X[:, :5], Y, ValueError, r"x: got shape \(70, 5\), expected \('samples', 6\) as the model's input"),
    ],
)
def test_data_of_the_wrong_kind(x, y, error, message):
    with pytest.raises(error, match=message):
        trained(tf_gd.fit, plain_model, (x, y), {"loss": "mse"}, keras.optimizers.SGD(0.05))


def test_a_batch_larger_than_the_data_is_for_xla_as_well():
    kind, settings = (plain_model, (X, Y), {"loss": "mse"}), {"batch_size": 200, "mode": "xla"}
    _, history = trained(tf_gd.fit, *kind, keras.optimizers.SGD(0.05), validation_data=(X[:4], Y[:4]), **settings)
    assert history.params["mode"] == "xla"


def test_a_model_with_a_loss_of_its_own_needs_no_targets():
    def build():
        regularised = keras.layers.ActivityRegularization(l2=0.1)
        return keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(4), regularised])

    _, history = trained(tf_gd.fit, build, (X,), {}, keras.optimizers.SGD(0.05))
    _, expected = trained(keras.Model.fit, build, (X,), {}, keras.optimizers.SGD(0.05))
    np.testing.assert_allclose(history.history["loss"], expected.history["loss"], rtol=1e-5)


@pytest.mark.parametrize(
    ("compiled", "y"),
    [
        ({"loss": "sparse_categorical_crossentropy"}, (LABELS % 2).astype("float32")[:, None]),
        ({"loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)}, LABELS % 2 * -1),
        ({"loss": lambda true, predicted: keras.ops.mean((predicted - true[:, :2]) ** 2, axis=-1)}, np.hstack([Y, Y, Y])),
        ({"loss": "mse"}, (Y > 0).astype("int64")),
        ({"loss": ["mae"]}, Y),
    ],
    ids=["float labels", "ignored class", "own loss", "integers", "list"],
)
def test_targets_as_keras_takes_them(compiled, y):
    results = [trained(f, plain_model, (X, y), compiled, keras.optimizers.SGD(0.01)) for f in (tf_gd.fit, keras.Model.fit)]
    for a, b in zip(results[0][0].weights, results[1][0].weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=5e-6)


@pytest.mark.parametrize(("outputs", "y"), [(1, Y[:, 0]), (2, Y)])
def test_targets_of_one_dimension_less_are_those_of_keras_only_for_one_output(outputs, y):
    """Keras turns targets (N,) into (N, 1); what would broadcast, it does not turn."""

    def build():
        return keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(outputs)])

    results = [trained(f, build, (X, y), {"loss": "mse"}, keras.optimizers.SGD(0.01)) for f in (tf_gd.fit, keras.Model.fit)]
    np.testing.assert_allclose(*(model.weights[0].numpy() for model, _ in results), atol=5e-6)
    if outputs == 2:
        with pytest.raises(ValueError, match=r"y: got shape \(70,\), expected \(.samples., 2\)"):
            tf_gd.fit(results[0][0], X, (y[:, 0] > 0).astype("int32"), verbose=0)


def test_models_that_this_loop_would_not_do_justice_to():
    class Own(keras.Sequential):
        def train_step(self, data):
            return {}

    own = Own([keras.layers.Dense(2)])
    own.compile(loss="mse")
    with pytest.raises(ValueError, match="model: Own has a train_step of its own"):
        tf_gd.find_learning_rate(own, X, Y)
    with pytest.raises(ValueError, match="No loss to compute"):
        trained(tf_gd.fit, plain_model, (X, Y), {}, keras.optimizers.SGD(0.05))
    with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
        model = plain_model()
        model.compile(optimizer=keras.optimizers.SGD(0.05), loss="mse")
    with pytest.raises(ValueError, match="model: got one of MirroredStrategy with 2 replicas, expected one"):
        tf_gd.find_learning_rate(model, X, Y)


def test_a_layer_made_trainable_needs_compiling_again():
    model = plain_model()
    model.layers[0].trainable = False
    model.compile(optimizer=keras.optimizers.SGD(0.05), loss="mse")
    tf_gd.fit(model, X, Y, verbose=0)
    model.layers[0].trainable = True
    with pytest.raises(ValueError, match=r"kernel to train, which was not there .* Call model.compile"):
        tf_gd.fit(model, X, Y, verbose=0)
    model.compile(optimizer=keras.optimizers.SGD(0.05), loss="mse")
    tf_gd.fit(model, X, Y, verbose=0)


def test_programs_of_old_optimizers_are_given_up_and_others_bounded(monkeypatch):
    model = plain_model()
    for _ in range(3):
        model.compile(optimizer=keras.optimizers.SGD(0.05), loss="mse")
        tf_gd.fit(model, X, Y, verbose=0, mode="graph", validation_data=(X, Y))
    assert len(model._tf_gd_programs.programs.kept) == 2
    monkeypatch.setattr(model._tf_gd_programs.programs, "most", 3)
    for size in range(1, 9):
        tf_gd.fit(model, X[:size], Y[:size], verbose=0, mode="graph")
    assert len(model._tf_gd_programs.programs.kept) == 3


def test_only_the_step_that_xla_cannot_compile_runs_as_a_graph(monkeypatch):
    monkeypatch.setattr(modes, "WORTH_COMPILING", 1)

    class NotForXlaWhenEvaluating(keras.layers.Layer):
        def call(self, inputs, training=False):
            if not training:
                tf.print("", output_stream="file:///dev/null")
            return inputs

    def build():
        return keras.Sequential([keras.layers.Input((6,)), NotForXlaWhenEvaluating(), keras.layers.Dense(2)])

    model, history = trained(
        tf_gd.fit, build, (X, Y), {"loss": "mse"}, keras.optimizers.SGD(0.05), validation_data=(X, Y), epochs=2
    )
    assert history.params["mode"] == "xla"
    assert history.history["val_loss"][1] == pytest.approx(model.evaluate(X, Y, verbose=0), rel=1e-5)


def test_an_error_in_a_users_layer_comes_once():
    calls = []

    class Breaks(keras.layers.Layer):
        def call(self, inputs, training=False):
            if training:
                calls.append(0)
                raise TypeError("mine")
            return inputs

    def build():
        return keras.Sequential([keras.layers.Input((6,)), Breaks(), keras.layers.Dense(2)])

    with pytest.raises(TypeError, match="mine"):
        trained(tf_gd.fit, build, (X, Y), {"loss": "mse"}, keras.optimizers.SGD(0.05))
    assert len(calls) == 1


def test_tensors_are_data_as_well():
    model, _ = trained(tf_gd.fit, plain_model, (tf.constant(X), tf.constant(Y)), {"loss": "mse"}, keras.optimizers.SGD(0.05))
    same, _ = trained(tf_gd.fit, plain_model, (X, Y), {"loss": "mse"}, keras.optimizers.SGD(0.05))
    np.testing.assert_array_equal(model.weights[0].numpy(), same.weights[0].numpy())


def test_freezing_and_compiling_again_are_noticed():
    model, _ = trained(tf_gd.fit, plain_model, (X, Y), {"loss": "mse"}, keras.optimizers.SGD(0.05))
    frozen = model.weights[0].numpy()
    model.layers[0].trainable = False
    tf_gd.fit(model, X, Y, verbose=0)
    np.testing.assert_array_equal(model.weights[0].numpy(), frozen)
    model.compile(optimizer=keras.optimizers.SGD(0.05), loss="mae")
    history = tf_gd.fit(model, X, Y, shuffle=False, batch_size=70, verbose=0)
    model.compile(optimizer=keras.optimizers.SGD(1e-9), loss="mae")
    assert history.history["loss"][0] >= model.evaluate(X, Y, batch_size=70, verbose=0)


def test_labels_outside_the_classes():
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    with pytest.raises(ValueError, match="y: got labels from 0 to 2, expected 0 to 1, for the model has 2 outputs"):
        trained(tf_gd.fit, plain_model, (X, LABELS), {"loss": loss}, keras.optimizers.SGD(0.05))


@pytest.mark.parametrize("settings", [{}, {"steps_per_epoch": 2}, {"validation_steps": 1}], ids=str)
def test_the_number_of_batches_in_a_call_changes_no_bit(settings, monkeypatch):
    kind, results = (plain_model, (X, Y), {"loss": "mse", "metrics": ["mae"]}), []
    settings = {"validation_data": (X[:40], Y[:40]), "epochs": 3, **settings}
    for most in (1, 2, 100):
        monkeypatch.setattr(hooks.Pace, "next", lambda self, left, most=most: int(min(most, left)))
        results.append(trained(tf_gd.fit, *kind, keras.optimizers.SGD(0.05, momentum=0.9), **settings))
    assert_same(*results[:2])
    assert_same(*results[1:])


def test_labels_of_a_second_output():
    build, (x, (y, labels)), compiled = KINDS[1]
    with pytest.raises(ValueError, match="y: got labels from 5 to 7, expected 0 to 2, for the model has 3 outputs"):
        trained(tf_gd.fit, build, (x, [y, labels * 0 + 5 + np.arange(70) % 3]), compiled, keras.optimizers.SGD(0.05))


def test_one_hot_vectors_for_labels():
    compiled = {"loss": "sparse_categorical_crossentropy"}
    with pytest.raises(ValueError, match=r"y: got shape \(70, 2\), one-hot vectors, expected labels \(.samples.,\)"):
        trained(tf_gd.fit, plain_model, (X, Y), compiled, keras.optimizers.SGD(0.05))


def test_callbacks_that_listen_to_the_validation():
    """SwapEMAWeights puts the averaged weights in place while the model is tested."""
    results = []
    with tf_gd.exact_arithmetic():
        for fit in (tf_gd.fit, keras.Model.fit):
            heard = []
            listener = keras.callbacks.LambdaCallback()
            listener.on_test_batch_end = lambda batch, logs=None, heard=heard: heard.append((batch, logs["loss"]))
            listener.on_test_begin = lambda logs=None, heard=heard: heard.append("begin")
            listener.on_test_end = lambda logs=None, heard=heard: heard.append(("end", dict(logs)))
            callbacks = [keras.callbacks.SwapEMAWeights(swap_on_epoch=True), listener]
            optimizer = keras.optimizers.SGD(0.1, use_ema=True)
            run = dict(callbacks=callbacks, validation_data=(X[:40], Y[:40]), epochs=2)
            results.append((*trained(fit, plain_model, (X, Y), {"loss": "mse"}, optimizer, **run), heard))
    assert_same(results[0][:2], results[1][:2])
    assert results[0][2] == results[1][2]
    assert len(heard) == 2 * (1 + 2 + 1)


def test_nothing_to_train():
    model = plain_model()
    model.trainable = False
    model.compile(optimizer=keras.optimizers.SGD(0.05), loss="mse")
    before = model.get_weights()
    with pytest.warns(UserWarning, match="got no trainable variables"):
        history = tf_gd.fit(model, X, Y, verbose=0)
    assert history.history["loss"][0] == pytest.approx(model.evaluate(X, Y, verbose=0), rel=1e-5)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
