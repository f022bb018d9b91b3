"""``tf_gd.fit`` beside ``model.fit``: data, weights and steps in forms that are rarer, to the bit."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import assert_same

import tf_gd

layers, ops = keras.layers, keras.ops
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(44, 3)).astype("float32")
Y = RANDOM.normal(size=(44, 1)).astype("float32")
WEIGHTS = np.linspace(0.0, 2.0, 44).astype("float32")
SEQUENCE = RANDOM.normal(size=(44, 4, 1)).astype("float32")
IMAGES = RANDOM.normal(size=(12, 4, 4, 2)).astype("float32")
PIXELS = RANDOM.integers(0, 3, (12, 4, 4))


def dense(outputs=1, base=keras.Sequential):
    return base([layers.Input((3,)), layers.Dense(outputs, name="a")])


class SeesTuples(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, inputs):
        return self.dense(inputs[0]) * (2.0 if isinstance(inputs, list) else 3.0)


class TargetsInATuple(keras.Sequential):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return ops.mean(ops.square(y_pred - y[0])) * (2.0 if isinstance(y, list) else 3.0)


class Autoencoder(keras.Sequential):
    def train_step(self, data):
        return super().train_step((data, data))

    def test_step(self, data):
        return super().test_step((data, data))


class OfFour(keras.Sequential):
    def train_step(self, data):
        one, two, three, four = data
        return super().train_step((one + two, three * four))


class OfNumbers(keras.Sequential):
    def train_step(self, data):
        x = tf.cast(tf.fill((2, 3), data), "float32")
        return super().train_step((x, x[:, :1]))


class Unlabelled(keras.Sequential):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        known = ops.cast(y >= 0, "float32")
        return super().compute_loss(x, ops.maximum(y, 0), y_pred, known, training)


class Halves(keras.optimizers.Adam):
    def apply_gradients(self, grads_and_vars, **options):
        return super().apply_gradients([(g * 0.5, v) for g, v in grads_and_vars], **options)


class HalvesSGD(keras.optimizers.SGD):
    def apply_gradients(self, grads_and_vars, **options):
        return super().apply_gradients([(g * 0.5, v) for g, v in grads_and_vars], **options)


def changed_sgd():
    optimizer = keras.optimizers.SGD(0.05)
    whole = optimizer.apply_gradients
    optimizer.apply_gradients = lambda pairs: whole([(g * 0.5, v) for g, v in pairs])
    return optimizer


def sequence():
    return keras.Sequential([layers.Input((4, 1)), layers.Dense(1)])


def pixels():
    return keras.Sequential([layers.Input((4, 4, 2)), layers.Dense(3, activation="softmax")])


def named():
    inputs = layers.Input((3,))
    return keras.Model(inputs, {"a": layers.Dense(1, name="a")(inputs)})


def of(*parts, batch=5):
    return tf.data.Dataset.from_tensor_slices(parts if len(parts) > 1 else parts[0]).batch(batch)


# build, what it is compiled with, what fit gets
PROGRAMS = {
    "a list of inputs": (SeesTuples, {}, ([X, X], Y), {}),
    "a tuple of inputs": (SeesTuples, {}, ((X, X), Y), {"validation_data": ((X, X), Y)}),
    "a list of targets": (lambda: dense(base=TargetsInATuple), dict(loss=None), (X, [Y]), {}),
    "an autoencoder without targets": (lambda: dense(3, Autoencoder), {}, (X,), {"validation_data": X}),
    "the same from a data set": (lambda: dense(3, Autoencoder), {}, (of(X),), {"batch_size": None}),
    "a data set of four parts": (lambda: dense(1, OfFour), {}, (of(X, X, Y, Y),), {"batch_size": None}),
    "a data set of numbers": (lambda: dense(1, OfNumbers), {}, (tf.data.Dataset.range(4),), {"batch_size": None}),
    "labels that an own loss leaves out": (
        lambda: dense(2, Unlabelled),
        dict(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)),
        (X, np.arange(44) % 3 - 1),
        {},
    ),
    "an optimizer's own apply_gradients": (dense, dict(optimizer=Halves), (X, Y), {}),
    "that of a subclass of SGD": (dense, dict(optimizer=HalvesSGD), (X, Y), {}),
    "that of an instance": (dense, dict(optimizer=lambda _: changed_sgd()), (X, Y), {}),
    "weights in a dict": (named, {}, (X, {"a": Y}), {"sample_weight": {"a": WEIGHTS}}),
    "weights in a list": (dense, {}, (X, [Y]), {"sample_weight": [WEIGHTS]}),
    "weights of positions": (sequence, {}, (SEQUENCE, SEQUENCE), {"sample_weight": SEQUENCE**2}),
    "weights of positions to validate": (
        sequence,
        {},
        (SEQUENCE, SEQUENCE),
        {"validation_data": (SEQUENCE, SEQUENCE, SEQUENCE**2)},
    ),
    "weights of pixels": (
        pixels,
        dict(loss="sparse_categorical_crossentropy"),
        (IMAGES, PIXELS),
        {"sample_weight": 1.0 + PIXELS[..., None]},
    ),
    "weights of elements": (
        lambda: dense(3),
        dict(loss=lambda y, p: ops.abs(y - p)),
        (X, X),
        {"sample_weight": np.abs(X)},
    ),
    "half precision": (dense, {}, (tf.cast(X, "bfloat16"), Y), {}),
    "weights of classes by float": (
        lambda: keras.Sequential([layers.Input((3,)), layers.Dense(1, activation="sigmoid")]),
        dict(loss="binary_crossentropy"),
        (X, (Y > 0).astype("float32")),
        {"class_weight": {0.0: 1.0, np.float32(1.0): 5.0}},
    ),
}


def trained(fit, program):
    build, compiled, data, settings = PROGRAMS[program]
    keras.utils.clear_session()
    keras.utils.set_random_seed(1)
    model = build()
    optimizer = compiled.get("optimizer", keras.optimizers.SGD)(0.05)
    model.compile(**(dict(loss="mse") | compiled | dict(optimizer=optimizer)))
    settings = dict(epochs=3, batch_size=5, shuffle=False, verbose=0) | settings
    with tf_gd.exact_arithmetic():
        return model, fit(model, *data, **settings)


@pytest.mark.parametrize("program", PROGRAMS)
def test_it_is_model_fit_to_the_bit(program):
    assert_same(trained(tf_gd.fit, program), trained(keras.Model.fit, program))


def test_the_average_takes_its_place_where_no_epoch_is_left():
    results = []
    for fit in (tf_gd.fit, keras.Model.fit):
        keras.utils.set_random_seed(1)
        model = dense()
        model.compile(keras.optimizers.SGD(0.05, use_ema=True, ema_momentum=0.5), "mse")
        fit(model, X, Y, epochs=2, shuffle=False, verbose=0)
        model.set_weights([weight + 1 for weight in model.get_weights()])
        history = fit(model, X, Y, epochs=2, initial_epoch=2, shuffle=False, verbose=0)
        results.append((model, history))
    for one, two in zip(*(model.get_weights() for model, _ in results), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-6)


def test_who_compiles_in_a_callback_is_told():
    class Compiles(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 0:
                self.model.compile(keras.optimizers.Adam(0.01), "mse")

    model = dense()
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="a callback called model.compile during the call"):
        tf_gd.fit(model, X, Y, epochs=3, verbose=0, callbacks=[Compiles()])


def test_targets_of_positions_have_no_class():
    model = keras.Sequential([layers.Input((4, 1)), layers.Dense(3)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    with pytest.raises(ValueError, match=r"class_weight: got targets of shape \(44, 4\)"):
        tf_gd.fit(model, SEQUENCE, np.arange(176).reshape(44, 4) % 3, class_weight={0: 2.0}, verbose=0)
