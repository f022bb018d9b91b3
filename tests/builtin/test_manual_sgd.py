"""ManualSGD against keras.optimizers.SGD: every option, under XLA, in mixed precision, on several replicas, saved."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from models import GENERATOR, SGD_OPTIONS, X, Y, assert_same, plain_model, trained

import tf_gd


@pytest.mark.parametrize("options", SGD_OPTIONS, ids=str)
@pytest.mark.parametrize("fit", [keras.Model.fit, tf_gd.fit], ids=["model.fit", "tf_gd.fit"])
def test_manual_sgd_is_sgd_to_the_bit(options, fit):
    kind = (plain_model, (X, Y), {"loss": "mse"})
    with tf_gd.exact_arithmetic():
        ours = trained(fit, *kind, tf_gd.ManualSGD(0.05, **options), epochs=3)
        theirs = trained(keras.Model.fit, *kind, keras.optimizers.SGD(0.05, **options), epochs=3)
    assert_same(ours, theirs)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    learning_rate=st.floats(1e-4, 1.0),
    momentum=st.sampled_from([0.0, 0.3, 0.9, 1.0]),
    nesterov=st.booleans(),
    shape=st.lists(st.integers(1, 4), min_size=0, max_size=3),
    dtype=st.sampled_from(["float32", "float64", "float16", "bfloat16"]),
)
def test_property_of_manual_sgd(learning_rate, momentum, nesterov, shape, dtype):
    generator = np.random.default_rng(0)
    start = generator.normal(size=shape)
    ours, theirs = (keras.Variable(start, dtype=dtype) for _ in range(2))
    by_hand = tf_gd.ManualSGD(learning_rate, momentum, nesterov)
    built_in = keras.optimizers.SGD(learning_rate, momentum, nesterov)
    for _ in range(6):
        gradient = tf.cast(generator.normal(size=shape), dtype)
        by_hand.apply([gradient], [ours])
        built_in.apply([gradient], [theirs])
    np.testing.assert_array_equal(tf.cast(ours, "float64").numpy(), tf.cast(theirs, "float64").numpy())


def test_manual_sgd_on_an_embedding():
    table = GENERATOR.normal(size=(5, 2)).astype("float32")
    gradient = tf.IndexedSlices(
        tf.constant([[0.1, 0.2], [0.3, 0.4], [0.7, 0.9]]), tf.constant([1, 3, 1]), tf.constant([5, 2])
    )
    for options in ({}, {"momentum": 0.9}):
        results = []
        for kind in (tf_gd.ManualSGD, keras.optimizers.SGD):
            variable, optimizer = keras.Variable(table), kind(0.1, **options)
            for _ in range(3):
                optimizer.apply([gradient], [variable])
            results.append(variable.numpy())
        np.testing.assert_array_equal(*results)


def test_manual_sgd_is_saved_and_loaded(tmp_path):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    model, _ = trained(
        keras.Model.fit, plain_model, (X, Y), {"loss": "mse"}, tf_gd.ManualSGD(schedule, momentum=0.9, weight_decay=0.01)
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.optimizer) is tf_gd.ManualSGD
    assert keras.saving.get_registered_name(tf_gd.ManualSGD) == "tf_gd>ManualSGD"
    assert loaded.optimizer.get_config() == model.optimizer.get_config()
    for a, b in zip(loaded.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((-0.1,), ValueError, "learning_rate: got -0.1"),
        ((True,), TypeError, "learning_rate: got True"),
        ((float("nan"),), ValueError, "learning_rate: got nan"),
        ((0.1, 1.5), ValueError, "momentum: got 1.5"),
        ((0.1, True), TypeError, "momentum: got True"),
        ((0.1, 0.9, 1), TypeError, "nesterov: got 1"),
    ],
)
def test_bad_arguments_of_manual_sgd(arguments, error, message):
    with pytest.raises(error, match=message):
        tf_gd.ManualSGD(*arguments)


def test_whole_numbers_are_taken_as_floats():
    assert float(tf_gd.ManualSGD(1, 0).learning_rate) == 1.0


@pytest.mark.parametrize(
    "options", [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01}], ids=str
)
@pytest.mark.parametrize("fit", [tf_gd.fit, keras.Model.fit], ids=["ours", "keras"])
def test_under_xla(options, fit):
    compiled = {"loss": "mse", "jit_compile": True}
    results = [
        trained(fit, plain_model, (X, Y), compiled, kind(0.05, **options), epochs=3)
        for kind in (tf_gd.ManualSGD, keras.optimizers.SGD)
    ]
    assert_same(*results)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_in_mixed_precision(policy):
    def build():
        inputs = keras.layers.Input((6,))
        hidden = keras.layers.Dense(5, "relu", dtype=policy)(inputs)
        return keras.Model(inputs, keras.layers.Dense(2, dtype="float32")(hidden))

    results = []
    for kind in (tf_gd.ManualSGD, keras.optimizers.SGD):
        optimizer = keras.optimizers.LossScaleOptimizer(kind(0.05, momentum=0.9), initial_scale=2.0**6)
        results.append(trained(keras.Model.fit, build, (X, Y), {"loss": "mse"}, optimizer, epochs=2))
    assert_same(*results)
    assert not np.array_equal(results[0][0].get_weights()[0], build().get_weights()[0])


@pytest.mark.slow
def test_on_several_replicas():
    """A mirrored strategy sums the gradients of the replicas before the update."""
    if len(tf.config.list_logical_devices("CPU")) < 2:
        pytest.skip("one CPU device only")
    weights = []
    for kind in (tf_gd.ManualSGD, keras.optimizers.SGD):
        keras.utils.set_random_seed(5)
        with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
            model = plain_model()
            model.compile(optimizer=kind(0.05, momentum=0.9, nesterov=True), loss="mse")
        model.fit(X[:64], Y[:64], batch_size=16, epochs=2, shuffle=False, verbose=0)
        weights.append(model.get_weights())
    for ours, theirs in zip(*weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    run = dict(batch_size=16, epochs=2)
    alone, _ = trained(keras.Model.fit, plain_model, (X[:64], Y[:64]), {"loss": "mse"}, kind(0.05, 0.9, True), **run)
    for replicated, single in zip(weights[0], alone.get_weights(), strict=True):
        np.testing.assert_allclose(replicated, single, atol=1e-5)


@pytest.mark.slow
def test_it_goes_on_from_weights_saved_by_sgd(tmp_path):
    model, _ = trained(keras.Model.fit, plain_model, (X, Y), {"loss": "mse"}, keras.optimizers.SGD(0.05, momentum=0.9))
    values = [np.array(v.numpy()) for v in model.optimizer.variables]
    other, _ = trained(keras.Model.fit, plain_model, (X, Y), {"loss": "mse"}, tf_gd.ManualSGD(0.05, momentum=0.9))
    for variable, value in zip(other.optimizer.variables, values, strict=True):
        variable.assign(value)
    model.save_weights(tmp_path / "model.weights.h5")
    other.load_weights(tmp_path / "model.weights.h5")
    for fit in (keras.Model.fit, tf_gd.fit):
        with tf_gd.exact_arithmetic():
            fit(model, X, Y, shuffle=False, verbose=0)
            fit(other, X, Y, shuffle=False, verbose=0)
        for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
