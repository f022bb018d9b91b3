"""Several replicas of a model: equal to one, and to the bit equal to one process that adds the shares' gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from shares import OPTIMIZERS, SGD, X, Y, build, one_process_that_adds_two_shares, weights

import tf_gd


def two():
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"], tf.distribute.ReductionToOneDevice())


@pytest.mark.parametrize("rows", [48, 50, 49], ids=["whole batches", "a last one of 2", "a last one of 1"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_two_replicas_do_what_one_does(name, rows):
    run = dict(batch_size=16, epochs=2, shuffle=True, seed=3, verbose=0, validation_data=(X[:7], Y[:7]))
    alone = build(OPTIMIZERS[name])
    expected = tf_gd.fit(alone, X[:rows], Y[:rows], **run, mode="graph")
    with two().scope():
        model = build(OPTIMIZERS[name])
        history = tf_gd.fit(model, X[:rows], Y[:rows], **run)
    for a, b in zip(weights(model), weights(alone), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)
    for key, values in expected.history.items():
        np.testing.assert_allclose(history.history[key], values, rtol=1e-5)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_to_the_bit_one_process_that_adds_two_shares(name):
    """With Keras's own optimizer applied to the sum."""
    with tf_gd.exact_arithmetic():
        with two().scope():
            model = build(OPTIMIZERS[name])
            tf_gd.fit(model, X, Y, batch_size=16, epochs=2, shuffle=False, verbose=0)
        alone = one_process_that_adds_two_shares(name)
    for a, b in zip(model.variables + model.optimizer.variables, alone.variables + alone.optimizer.variables, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(a), keras.ops.convert_to_numpy(b))


@pytest.mark.slow
@pytest.mark.parametrize("steps", [None, 2], ids=["whole epochs", "an epoch goes on"])
def test_a_data_set_is_shared_out_as_arrays_are(steps):
    weight = np.linspace(0, 2, 50).astype("float32")
    run = dict(epochs=3, shuffle=False, verbose=0, steps_per_epoch=steps)
    with two().scope():
        of_arrays, of_a_set = (build(OPTIMIZERS["global_clipnorm"]) for _ in range(2))
        batches, checks = (tf.data.Dataset.from_tensor_slices(parts) for parts in ((X, Y, weight), (X[:7], Y[:7])))
        batches = batches.batch(16) if steps is None else batches.batch(16).repeat()
        arrays = dict(batch_size=16, sample_weight=weight, validation_batch_size=4, validation_data=(X[:7], Y[:7]))
        expected = tf_gd.fit(of_arrays, X, Y, **run, **arrays)
        history = tf_gd.fit(of_a_set, batches, **run, validation_data=checks.batch(4))
    assert history.history == expected.history
    for a, b in zip(weights(of_a_set), weights(of_arrays), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_data_set_that_ends_early_on_replicas():
    with two().scope():
        model = build(OPTIMIZERS["momentum"])
        batches = tf.data.Dataset.from_tensor_slices((X, Y)).batch(16).filter(lambda x, y: tf.shape(x)[0] == 16)  # 3 of 4
        history = tf_gd.fit(model, batches, epochs=2, verbose=0)
        assert model.optimizer.iterations.numpy() == 6
        with pytest.warns(UserWarning, match="ended after 3 of 9 batches"):
            tf_gd.fit(model, batches, steps_per_epoch=9, verbose=0)
    assert len(history.history["loss"]) == 2


def test_sample_weights_and_sums():
    weight = np.linspace(0, 2, 50).astype("float32")
    for loss in (keras.losses.MeanSquaredError(), keras.losses.MeanSquaredError(reduction="sum")):
        models = []
        for scope in (tf.distribute.get_strategy().scope(), two().scope()):
            with scope:
                models.append(build(lambda: SGD(0.01), loss))
                tf_gd.fit(models[-1], X, Y, sample_weight=weight, batch_size=15, epochs=2, shuffle=False, verbose=0)
        for a, b in zip(*map(weights, models), strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)


def test_model_fit_is_wrong_where_this_is_right():
    """The reason for it: model.fit clips before it adds, and takes the mean of means."""
    alone = build(OPTIMIZERS["global_clipnorm"])
    tf_gd.fit(alone, X, Y, batch_size=16, shuffle=False, verbose=0)
    with two().scope():
        theirs = build(OPTIMIZERS["global_clipnorm"])
        theirs.fit(X, Y, batch_size=16, shuffle=False, verbose=0)
    assert max(np.abs(a - b).max() for a, b in zip(weights(alone), weights(theirs), strict=True)) > 1e-3


def test_batch_normalisation_and_dropout_run_and_are_averaged():
    with two().scope():
        keras.utils.set_random_seed(4)
        layers = [keras.layers.Dense(5), keras.layers.BatchNormalization(), keras.layers.Dropout(0.5), keras.layers.Dense(2)]
        model = keras.Sequential([keras.Input((6,)), *layers])
        model.compile(SGD(0.0), "mse")
        tf_gd.fit(model, X[:16], Y[:16], batch_size=16, shuffle=False, verbose=0)
    inside = X[:16] @ np.asarray(layers[0].kernel) + np.asarray(layers[0].bias)
    means = (inside[:8].mean(axis=0) + inside[8:].mean(axis=0)) / 2
    np.testing.assert_allclose(np.asarray(layers[1].moving_mean), 0.01 * means, rtol=1e-4)


def test_a_killed_run_on_replicas_goes_on(tmp_path):
    run = dict(batch_size=16, seed=3, verbose=0)
    with two().scope():
        whole, first, resumed = (build(OPTIMIZERS["momentum"]) for _ in range(3))
        expected = tf_gd.fit(whole, X, Y, epochs=4, **run)
        tf_gd.fit(first, X, Y, epochs=2, checkpoint=tmp_path, **run)
        history = tf_gd.fit(resumed, X, Y, epochs=4, checkpoint=tmp_path, **run)
    for a, b in zip(weights(whole), weights(resumed), strict=True):
        np.testing.assert_array_equal(a, b)
    assert history.history == expected.history


@pytest.mark.parametrize(
    ("optimizer", "options", "said"),
    [
        (lambda: keras.optimizers.Adam(gradient_accumulation_steps=2), {}, "optimizer: got Adam with gradient_accum"),
        (lambda: keras.optimizers.Lion(use_ema=True, ema_overwrite_frequency=2), {}, "optimizer: got Lion with ema_over"),
        (lambda: SGD(0.1), dict(mode="xla"), "mode: got"),
        (lambda: SGD(0.1), dict(shuffle="keras"), "shuffle: got"),
    ],
)
def test_what_would_be_wrong_is_refused(optimizer, options, said):
    with two().scope():
        model = build(optimizer)
        with pytest.raises(ValueError, match=said):
            tf_gd.fit(model, X, Y, verbose=0, **options)
    with two().scope(), pytest.raises(ValueError, match="outside the scope"):
        tf_gd.fit(model, X, Y, verbose=0)
    with two().scope():
        model = build(lambda: SGD(0.1), keras.losses.MeanSquaredError(reduction="mean_with_sample_weight"))
        with pytest.raises(ValueError, match="loss: got reductions mean_with_sample_weight"):
            tf_gd.fit(model, X, Y, verbose=0)


@pytest.mark.parametrize("kind", ["mirrored", "workers", "one device"])
def test_a_strategy_with_a_single_replica(kind):
    """As on a machine with one GPU, or a script for several workers that is run alone."""
    kinds = {
        "mirrored": lambda: tf.distribute.MirroredStrategy(["CPU:0"]),
        "workers": tf.distribute.MultiWorkerMirroredStrategy,
        "one device": lambda: tf.distribute.OneDeviceStrategy("CPU:0"),
    }
    run = dict(batch_size=16, epochs=2, shuffle=False, verbose=0, validation_data=(X[:7], Y[:7]))
    alone = build(OPTIMIZERS["global_clipnorm"])
    expected = tf_gd.fit(alone, X, Y, **run, mode="graph")
    with kinds[kind]().scope():
        model = build(OPTIMIZERS["global_clipnorm"])
        history = tf_gd.fit(model, X, Y, **run)
        many = tf_gd.multi_start("booth", 10, learning_rate=0.01, steps=10, seed=0)
    assert many.final.shape == (10, 2)
    for a, b in zip(weights(model), weights(alone), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)
    np.testing.assert_allclose(history.history["val_loss"], expected.history["val_loss"], rtol=1e-5)


class AddsLoss(keras.layers.Layer):
    def call(self, h):
        self.add_loss(0.3 * keras.ops.mean(h**2))
        return h


@pytest.mark.parametrize("batch_size", [7, 1, 8])
@pytest.mark.parametrize("kind", ["activity", "add_loss", "both, and a penalty"])
def test_what_layers_add_to_the_loss_weighs_as_on_one_device(kind, batch_size):
    def model():
        keras.utils.set_random_seed(4)
        options = {} if kind == "add_loss" else dict(activity_regularizer=keras.regularizers.L2(0.5))
        options |= dict(kernel_regularizer="l2") if "penalty" in kind else {}
        layers = [keras.layers.Dense(5, "tanh", **options), *([] if kind == "activity" else [AddsLoss()])]
        built = keras.Sequential([keras.Input(X.shape[1:]), *layers, keras.layers.Dense(2)])
        built.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
        return built

    run = dict(batch_size=batch_size, epochs=1, shuffle=False, verbose=0)
    alone = model()
    tf_gd.fit(alone, X[:20], Y[:20], **run, mode="graph")
    with two().scope():
        shared = model()
        tf_gd.fit(shared, X[:20], Y[:20], **run)
    for a, b in zip(weights(shared), weights(alone), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
