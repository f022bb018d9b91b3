"""``tf_gd.fit`` beside ``model.fit``: who stops or measures in a hook, weights of classes, and the clock."""

import os
import signal
import threading
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import assert_same

import tf_gd
from tf_gd.networks import hooks

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(70, 6)).astype("float32")
Y = RANDOM.normal(size=(70, 2)).astype("float32")
LABELS = RANDOM.integers(0, 3, 70)
FITS = (tf_gd.fit, keras.Model.fit)


def dense(loss="mse", outputs=2, **settings):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(4), keras.layers.Dense(outputs)])
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), loss, **settings)
    return model


def trained(fit, *data, model=None, **settings):
    settings = dict(epochs=3, batch_size=10, shuffle=False, verbose=0) | settings
    model = model or dense(metrics=["mae"])
    with tf_gd.exact_arithmetic():
        return model, fit(model, *(data or (X, Y)), **settings)


@pytest.mark.parametrize("at_once", [1, 3])
@pytest.mark.parametrize(
    "hook", ["on_train_begin", "on_epoch_begin", "on_train_batch_begin", "on_epoch_end", "on_test_begin"]
)
def test_who_stops_training_in_a_hook_stops_it_where_keras_does(hook, at_once):
    def stopped(fit):
        class Stops(keras.callbacks.Callback):
            pass

        setattr(Stops, hook, lambda self, *_, **__: setattr(self.model, "stop_training", True))
        model = dense(metrics=["mae"], steps_per_execution=at_once)
        return trained(fit, model=model, callbacks=[Stops()], validation_data=(X, Y))

    results = [stopped(fit) for fit in FITS]
    assert_same(*results)
    assert len(results[0][1].history["loss"]) == 1


@pytest.mark.parametrize("hook", ["on_test_begin", "on_test_batch_end"])
def test_who_stops_evaluating_in_a_hook_stops_it_where_keras_does(hook):
    def stopped(fit):
        class Stops(keras.callbacks.Callback):
            pass

        setattr(Stops, hook, lambda self, *_, **__: setattr(self.model, "stop_evaluating", True))
        return trained(fit, callbacks=[Stops()], validation_data=(X, Y))

    assert_same(*map(stopped, FITS))


@pytest.mark.parametrize("hook", ["on_train_batch_end", "on_epoch_begin", "on_epoch_end", "on_test_end"])
def test_evaluating_in_a_hook_is_as_in_keras(hook):
    """Keras's ``evaluate`` leaves its numbers in the metrics of the model."""

    def measured(fit):
        seen = []

        class Measures(keras.callbacks.Callback):
            pass

        setattr(Measures, hook, lambda self, *_, **__: seen.append(self.model.evaluate(X[:20], Y[:20], verbose=0)))
        result = trained(fit, callbacks=[Measures()], validation_data=(X[20:], Y[20:]))
        return result, seen

    ours, theirs = map(measured, FITS)
    assert_same(ours[0], theirs[0])
    np.testing.assert_array_equal(ours[1], theirs[1])


def test_a_checkpoint_of_a_run_that_was_stopped_is_at_its_end(tmp_path):
    class Stops(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    first = trained(tf_gd.fit, callbacks=[Stops()], checkpoint=tmp_path, epochs=5)
    again = trained(tf_gd.fit, callbacks=[Stops()], checkpoint=tmp_path, epochs=5)
    assert_same(first, again)
    assert len(again[1].history["loss"]) == 2


class Heard(keras.utils.PyDataset):
    """Batches of samples; writes down what it hears."""

    def __init__(self, heard):
        super().__init__()
        self.heard = heard

    def __len__(self):
        return 7

    def __getitem__(self, at):
        return X[at * 10 : at * 10 + 10], Y[at * 10 : at * 10 + 10]

    def on_epoch_begin(self):
        self.heard.append("data begin")

    def on_epoch_end(self):
        self.heard.append("data end")


@pytest.mark.parametrize("settings", [{}, {"steps_per_epoch": 3}], ids=str)
def test_data_and_callbacks_hear_in_the_order_of_keras(settings):
    def hears(fit):
        heard = []

        class Listens(keras.callbacks.Callback):
            pass

        for hook in ("on_train_begin", "on_epoch_begin", "on_test_begin", "on_test_end", "on_epoch_end", "on_train_end"):
            setattr(Listens, hook, lambda self, *_, hook=hook, **__: heard.append(hook))
        trained(
            fit, Heard(heard), callbacks=[Listens()], validation_data=Heard(heard), batch_size=None, epochs=2, **settings
        )
        return heard

    assert hears(tf_gd.fit) == hears(keras.Model.fit)


CROSSENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
WEIGHTS = {0: 1.0, 2: 5.0, 1: 0.25}


@pytest.mark.parametrize(
    ("y", "loss"),
    [
        (LABELS, CROSSENTROPY),
        (LABELS[:, None], CROSSENTROPY),
        (np.eye(3, dtype="float32")[LABELS], keras.losses.CategoricalCrossentropy(from_logits=True)),
        (LABELS.astype("float32"), CROSSENTROPY),
    ],
    ids=["labels", "column", "one-hot", "float"],
)
@pytest.mark.parametrize("sparse", [False, True])
def test_weights_of_classes_are_not_for_the_samples_to_validate_on(y, loss, sparse):
    """Neither for those held out, nor for those given."""
    import scipy.sparse

    x = scipy.sparse.csr_matrix(X) if sparse else X
    for held_out in ({"validation_split": 0.3}, {"validation_data": (X, y)}):
        if sparse and "validation_split" in held_out:
            continue  # Keras cannot split a matrix of SciPy
        results = [trained(fit, x, y, model=dense(loss, outputs=3), class_weight=WEIGHTS, **held_out) for fit in FITS]
        assert_same(*results)
    model, history = results[0]
    assert history.history["val_loss"][-1] == pytest.approx(model.evaluate(X, y, verbose=0), rel=1e-5)


def of_samples():
    return tf.data.Dataset.from_tensor_slices((X, LABELS)).batch(10)


def yields():
    for start in range(0, 70, 10):
        yield X[start : start + 10], LABELS[start : start + 10]


@pytest.mark.parametrize(
    ("data", "settings", "message"),
    [
        ((X, LABELS), {"class_weight": [1, 2, 3]}, "class_weight: got .1, 2, 3., expected a dict from class"),
        ((X, LABELS), {"class_weight": {"0": 2.0}}, "class_weight: got {'0': 2.0}, expected a dict from class"),
        ((X, LABELS), {"class_weight": {0: "a"}}, "class_weight: got {0: 'a'}, expected a dict from class"),
        ((X, LABELS), {"class_weight": {}}, "class_weight: got {}, expected a dict from class"),
        (
            (X, LABELS),
            {"class_weight": WEIGHTS, "sample_weight": np.ones(70)},
            "class_weight: got one beside sample_weight, expected one of the two",
        ),
        ((X, [LABELS, LABELS]), {"class_weight": WEIGHTS}, "class_weight: got a tuple of targets, expected one array"),
        ((X, np.zeros((70, 4, 3))), {"class_weight": WEIGHTS}, r"class_weight: got targets of shape \(70, 4, 3\)"),
        ((of_samples(),), {"class_weight": {"0": 2.0}}, "class_weight: got {'0': 2.0}, expected a dict from class"),
        ((yields(),), {"class_weight": WEIGHTS}, r"class_weight: got one beside a generator, .* sample_weight"),
        (
            (X, LABELS),
            {"sample_weight": {"a": np.ones(70), "b": np.ones(70)}},
            "sample_weight: got a dict of 2, expected one array",
        ),
        ((X, LABELS), {"sample_weight": [np.ones(70), np.ones(70)]}, "sample_weight: got a tuple of 2, expected one array"),
    ],
)
def test_weights_that_do_not_fit_are_named(data, settings, message):
    with pytest.raises(ValueError, match="^" + message):
        tf_gd.fit(dense(CROSSENTROPY, outputs=3), *data, verbose=0, **settings)


def test_classes_that_the_weights_leave_out_weigh_one_in_a_data_set_too():
    weights = {0: 3.0}  # Keras fails for labels beyond the largest key
    results = [
        trained(tf_gd.fit, *data, model=dense(CROSSENTROPY, outputs=3), class_weight=weights, **settings)
        for data, settings in (((X, LABELS), {}), ((of_samples(),), {"batch_size": None}))
    ]
    assert_same(*results)


class ReturnsItsVariable(keras.metrics.Metric):
    def __init__(self):
        super().__init__(name="own")
        self.total = self.add_variable((), "zeros", name="total")

    def update_state(self, y, prediction, sample_weight=None):
        self.total.assign_add(keras.ops.mean(keras.ops.abs(y - prediction)))

    def result(self):
        return self.total


def test_a_metric_that_returns_its_variable_has_a_number_for_each_epoch():
    _, history = trained(tf_gd.fit, model=dense(metrics=[ReturnsItsVariable()]), validation_data=(X[:30], Y[:30]))
    _, plain = trained(tf_gd.fit, model=dense(metrics=[ReturnsItsVariable()]))
    assert history.history["own"] == plain.history["own"]
    assert history.history["own"] != history.history["val_own"]


@pytest.mark.parametrize(
    ("data", "settings", "message"),
    [
        ((X[:0], Y[:0]), {}, "x and y: got no samples"),
        ((X, Y), {"validation_data": (X[:0], Y[:0])}, "validation x and validation y: got no samples"),
        ((tf.data.Dataset.from_tensor_slices((X, Y)).batch(100, drop_remainder=True),), {}, "x: got a data set without b"),
    ],
    ids=["training", "validation", "no whole batch"],
)
def test_no_samples_are_refused(data, settings, message):
    with pytest.raises(ValueError, match="^" + message):
        tf_gd.fit(dense(), *data, verbose=0, **settings)


def test_a_checkpoint_of_data_that_keras_shuffles_needs_a_seed(tmp_path):
    import scipy.sparse

    def run(at, **settings):
        return trained(tf_gd.fit, scipy.sparse.csr_matrix(X), Y, model=model(), checkpoint=at, **settings)

    def model():
        weights = dense().get_weights()
        keras.utils.clear_session()  # forgets the seed
        made = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(4), keras.layers.Dense(2)])
        made.compile("sgd", "mse")
        made.set_weights(weights)
        return made

    with pytest.raises(ValueError, match=r"^checkpoint: got data that Keras shuffles.*set_random_seed"):
        run(tmp_path / "refused", shuffle=True)
    run(tmp_path / "as they come", shuffle=False)
    seeded = model()
    keras.utils.set_random_seed(7)
    trained(tf_gd.fit, scipy.sparse.csr_matrix(X), Y, model=seeded, checkpoint=tmp_path / "seeded", shuffle=True)


def test_the_advice_for_both_weights_works():
    sample_weight = np.linspace(0.0, 1.0, 70)
    model = dense(CROSSENTROPY, outputs=3)
    both = sample_weight * np.array([WEIGHTS.get(int(label), 1.0) for label in LABELS])
    trained(tf_gd.fit, X, LABELS, model=model, sample_weight=both)


def slow(stop):
    while not stop.is_set():
        time.sleep(0.05)
        yield np.ones((8, 6), "float32"), np.ones((8, 2), "float32")


@pytest.mark.parametrize("eager", [False, True])
def test_a_stream_that_reads_ahead_does_not_make_a_call_long(eager):
    """What was read ahead comes at once: from its time one would ask for hundreds of batches."""
    stop = threading.Event()
    spec = (tf.TensorSpec((None, 6)), tf.TensorSpec((None, 2)))
    data = tf.data.Dataset.from_generator(lambda: slow(stop), output_signature=spec).prefetch(40)
    times = []
    model = dense(run_eagerly=eager)

    class Watches(keras.callbacks.Callback):  # no hooks for batches
        pass

    def interrupt():
        times.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(3.0, interrupt)
    timer.start()
    try:
        history = tf_gd.fit(model, data, steps_per_epoch=2000, epochs=1, verbose=0, callbacks=[Watches()])
    finally:
        timer.cancel()
        stop.set()
    assert history.params["interrupted"]
    assert time.perf_counter() - times[0] < 15  # about one on a machine that does nothing else; of 100 s


class Swallows(keras.layers.Layer):
    """Presses Ctrl-C, and takes it for an error of a layer, as bare ``except`` clauses of Keras do."""

    def __init__(self, then, **options):
        super().__init__(**options)
        self.then, self.calls = then, 0

    def call(self, x):
        if tf.executing_eagerly():
            self.calls += 1
            if self.calls == 12:  # some are Keras's own, before the first batch
                try:
                    os.kill(os.getpid(), signal.SIGINT)
                    time.sleep(1)
                except:  # noqa: E722
                    if self.then is not None:
                        raise self.then("could not call the layer") from None
        return x


@pytest.mark.parametrize("then", [None, ValueError])
def test_ctrl_c_is_heard_where_a_layer_swallows_it(then):
    layer = Swallows(then)
    model = keras.Sequential([keras.Input((6,)), layer, keras.layers.Dense(2)])
    model.compile("sgd", "mse", run_eagerly=True)
    history = tf_gd.fit(model, X[:, :6], np.ones((len(X), 2)), batch_size=1, epochs=20, verbose=0)
    assert history.params["interrupted"]
    assert layer.calls <= 70  # of 1,400: a call of many batches may go on to its end
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_without_ctrl_c_is_an_error():
    model = keras.Sequential([keras.Input((6,)), Swallows(None), keras.layers.Dense(2)])
    model.compile("sgd", lambda y, p: 1 / 0, run_eagerly=True)
    with pytest.raises(ZeroDivisionError):
        tf_gd.fit(model, X[:, :6], np.ones((len(X), 2)), batch_size=1, verbose=0)


def test_a_call_takes_all_batches_of_an_epoch_only_where_that_is_quick():
    class Source:
        def __init__(self, samples, batches):
            self.samples, self.batches = samples, batches

    def first(samples, batches):
        return hooks.pace_of(dense(), [], "train", Source(samples, batches)).next(10**9)

    assert first(70, 7) == 7
    assert first(400_000, 400_000) == 1  # little to compute, but so many batches
    assert hooks.Pace().of_stream(float("inf"))[1] == hooks.SECONDS_A_CALL
    assert hooks.Pace(fixed=3).of_stream(float("inf")) == (3, float("inf"))
