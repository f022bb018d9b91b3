"""find_learning_rate, the callbacks, and check_gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import X, Y, convolutional, mixed_precision, plain_model

import tf_gd
from tf_gd import callbacks, datasets, show


def compiled(build=plain_model, optimizer=None, **settings):
    keras.utils.set_random_seed(3)
    model = build()
    model.compile(optimizer=optimizer or keras.optimizers.SGD(0.05, momentum=0.9), **{"loss": "mse", **settings})
    return model


# --- find_learning_rate


def normalised():
    layers = keras.layers
    return keras.Sequential([layers.Dense(4), layers.BatchNormalization(), layers.Dropout(0.1), layers.Dense(2)])


SCHEDULE = keras.optimizers.schedules.CosineDecay(0.1, 100)


@pytest.mark.parametrize(
    ("build", "optimizer"),
    [
        (plain_model, lambda: keras.optimizers.SGD(0.05, momentum=0.9)),
        (plain_model, lambda: keras.optimizers.SGD(SCHEDULE)),
        (convolutional, lambda: keras.optimizers.Adam(1e-3)),
        (plain_model, lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.05))),
        (normalised, keras.optimizers.SGD),
    ],
)
def test_everything_is_put_back(build, optimizer):
    model = compiled(build, optimizer())
    tf_gd.fit(model, X, Y, verbose=0)
    variables = [*model.variables, *model.optimizer.variables]
    before, rate = [np.array(v.numpy()) for v in variables], model.optimizer.get_config()
    found = tf_gd.find_learning_rate(model, X, Y, steps=30)
    assert len([*model.variables, *model.optimizer.variables]) == len(variables)
    for variable, value in zip(variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    assert model.optimizer.get_config() == rate
    assert len(found.losses) == len(found.rates) == len(found.smoothed)
    tf_gd.fit(model, X, Y, verbose=0)


def test_the_rate_at_which_a_parabola_explodes():
    """Loss w^2 on one sample: w is multiplied by 1 - 2 rate each step, and grows once the rate is above 1."""
    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1, kernel_initializer="ones", use_bias=False)])
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
    one, zero = np.ones((1, 1), "float32"), np.zeros((1, 1), "float32")
    found = tf_gd.find_learning_rate(model, one, zero, low=1e-4, high=100.0, steps=60)
    expected, w = [], 1.0
    for rate in found.rates:
        expected.append(w**2)
        w *= 1 - 2 * rate
    np.testing.assert_allclose(found.losses, expected, rtol=1e-3, atol=1e-12)
    assert found.suggestion < 1.0 < found.exploded
    np.testing.assert_allclose(found.rates[:2], [1e-4, 1e-4 * 1e6 ** (1 / 59)])
    assert str(found).startswith("begin with a learning rate of")


def test_a_suggested_rate_trains_the_digits():
    data = datasets.digits()
    keras.utils.set_random_seed(0)
    model = datasets.mlp()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(1e-6), loss=loss, metrics=["accuracy"])
    found = tf_gd.find_learning_rate(model, data.x_train, data.y_train)
    model.optimizer.learning_rate = found.suggestion
    tf_gd.fit(model, data.x_train, data.y_train, epochs=10, seed=0, verbose=0)
    assert model.evaluate(data.x_test, data.y_test, verbose=0)[1] > 0.9


def test_no_rate_at_which_the_loss_falls_and_no_loss_at_all():
    model = compiled()
    model.set_weights([np.full_like(w, np.nan) for w in model.get_weights()])
    with pytest.raises(ValueError, match="the loss is nan before any step"):
        tf_gd.find_learning_rate(model, X, Y)
    found = tf_gd.find_learning_rate(compiled(optimizer=keras.optimizers.SGD()), X, Y, low=50.0, high=1e4, steps=20)
    assert found.suggestion == found.lowest == found.rates[0] == 50.0
    assert "falls at no rate from 50 on" in str(found)


def test_the_picture_of_a_range_test():
    found = tf_gd.find_learning_rate(compiled(), X, Y, steps=40)
    ax = found.plot()
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), found.smoothed)
    assert any(line.get_label().startswith("begin with") for line in ax.lines)
    assert ax.get_xscale() == "log"


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"low": 0}, ValueError, "low: got 0.0, expected a finite number above 0"),
        ({"low": 1.0, "high": 0.5}, ValueError, "high: got 0.5, expected a finite number above 1"),
        ({"steps": 3}, ValueError, "steps: got 3"),
        ({"x": X[:3]}, ValueError, "equally many"),
        ({"model": 3}, TypeError, "model: got int"),
    ],
)
def test_bad_input_to_find_learning_rate(settings, error, message):
    with pytest.raises(error, match=message):
        tf_gd.find_learning_rate(**{"model": compiled(), "x": X, "y": Y, **settings})


# --- callbacks


@pytest.mark.parametrize("fit", [tf_gd.fit, keras.Model.fit], ids=["ours", "keras"])
def test_the_path_of_the_weights(fit):
    model, path = compiled(optimizer=keras.optimizers.SGD(0.05)), callbacks.WeightPath()
    start = np.concatenate([np.ravel(w) for w in model.get_weights()])
    fit(model, X, Y, epochs=3, verbose=0, batch_size=70, shuffle=False, callbacks=[path])
    np.testing.assert_array_equal(path.points[0], start)
    np.testing.assert_array_equal(path.points[-1], np.concatenate([np.ravel(w) for w in model.get_weights()]))
    assert path.epochs.tolist() == [0, 1, 2, 3]
    assert path.points.dtype == "float32"


def test_fewer_records_and_going_on():
    model, path = compiled(), callbacks.WeightPath(every=2)
    tf_gd.fit(model, X, Y, epochs=5, verbose=0, callbacks=[path])
    assert path.epochs.tolist() == [0, 2, 4, 5]
    tf_gd.fit(model, X, Y, epochs=8, initial_epoch=5, verbose=0, callbacks=[path])
    assert path.epochs.tolist() == [0, 2, 4, 5, 6, 8]
    tf_gd.fit(model, X, Y, epochs=3, verbose=0, callbacks=[path])
    assert path.epochs.tolist() == [0, 2, 4, 5, 6, 8, 10, 11]
    with pytest.raises(ValueError, match="every: got 0"):
        callbacks.WeightPath(every=0)
    assert callbacks.WeightPath().points.shape == (0, 0)


@pytest.mark.parametrize("fit", [tf_gd.fit, keras.Model.fit], ids=["ours", "keras"])
def test_sharpness_against_the_hessian_of_least_squares(fit):
    """The Hessian of the mean of (Xw - y)^2 is 2/n X'X, wherever one is."""
    model = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(1, use_bias=False)])
    schedule = keras.optimizers.schedules.InverseTimeDecay(0.05, 3, 1.0)  # a batch has 32 of the 70: three steps an epoch
    model.compile(optimizer=keras.optimizers.SGD(schedule), loss="mse")
    watch = callbacks.Sharpness(X, Y[:, :1])
    history = fit(model, X, Y[:, :1], epochs=2, verbose=0, callbacks=[watch])
    expected = np.linalg.eigvalsh(2 * X.T.astype("float64") @ X / len(X))[-1]
    np.testing.assert_allclose(watch.eigenvalues, expected, rtol=1e-3)
    np.testing.assert_allclose(watch.limits, [2 / 0.05, 2 / 0.025, 2 / (0.05 / 3)], rtol=1e-5)
    assert history.history["sharpness"] == watch.eigenvalues[1:].tolist()
    ax = watch.plot()
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), watch.eigenvalues)
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), watch.limits)


def test_sharpness_every_other_epoch_and_bad_data():
    watch = callbacks.Sharpness(X, Y, every=2)
    history = tf_gd.fit(compiled(), X, Y, epochs=4, verbose=0, callbacks=[watch])
    assert watch.epochs.tolist() == [0, 2, 4]
    np.testing.assert_array_equal(history.history["sharpness"], [np.nan, watch.eigenvalues[1], np.nan, watch.eigenvalues[2]])
    with pytest.raises(ValueError, match="equally many"):
        callbacks.Sharpness(X, Y[:3])


@pytest.mark.parametrize("size", [2, 40])
def test_sharpness_of_a_training_that_diverges(size):
    model = compiled(lambda: keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(size), keras.layers.Dense(2)]))
    model.optimizer.learning_rate = 1e6
    watch = callbacks.Sharpness(X, Y)
    history = tf_gd.fit(model, X, Y, epochs=3, verbose=0, callbacks=[watch])
    assert np.isfinite(watch.eigenvalues[0])
    assert np.isnan(watch.eigenvalues[-1])
    assert len(history.history["sharpness"]) == 3


def test_public_modules_can_be_imported_from():
    from tf_gd.callbacks import WeightPath
    from tf_gd.datasets import digits
    from tf_gd.objectives import resolve

    assert WeightPath is callbacks.WeightPath
    assert digits is datasets.digits
    assert callable(resolve)


# --- gradients that are None


class Rounds(keras.layers.Layer):
    """Nothing comes back through it."""

    def call(self, inputs):
        return tf.round(inputs)


def rounded_in_the_middle():
    return keras.Sequential(
        [keras.layers.Input((6,)), keras.layers.Dense(3, name="before"), Rounds(), keras.layers.Dense(2, name="after")]
    )


@pytest.mark.parametrize("mode", ["eager", "graph"])
def test_a_variable_without_gradient_is_named(mode):
    model = compiled(rounded_in_the_middle)
    with pytest.warns(UserWarning, match=r"no gradient for .*before/kernel, .*before/bias: left as they are. The usual"):
        tf_gd.fit(model, X, Y, verbose=0, mode=mode)


def test_no_gradient_at_all_is_an_error():
    model = compiled(lambda: keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(2), Rounds()]))
    with pytest.raises(ValueError, match=r"there is no gradient for any of .*kernel, .*bias. The usual causes"):
        tf_gd.fit(model, X, Y, verbose=0)


def test_check_gradients():
    model = compiled()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model.layers[0](X))
    gradients = tape.gradient(loss, model.trainable_variables)
    with pytest.raises(ValueError, match=r"gradients: got None for .*/kernel, .*/bias, expected one for every variable"):
        tf_gd.check_gradients(gradients, model.trainable_variables)
    assert tf_gd.check_gradients(gradients[:2], model.trainable_variables[:2]) == gradients[:2]
    for wrong, got in ((None, "NoneType"), ({"w": gradients[0]}, "dict"), ([gradients], "nested lists")):
        with pytest.raises(TypeError, match=f"gradients: got {got}, expected a flat list"):
            tf_gd.check_gradients(wrong, model.trainable_variables)
    with pytest.raises(ValueError, match="got 4 for 2 variables"):
        tf_gd.check_gradients(gradients, model.trainable_variables[:2])


def test_mixed_precision_has_a_rate_as_well():
    found = tf_gd.find_learning_rate(compiled(mixed_precision), X, Y, steps=20)
    assert np.isfinite(found.suggestion)
    assert show.plot_range_test(found).lines
