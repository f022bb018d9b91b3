"""Small models of every kind, data for them, and how to train and compare them."""

import keras
import numpy as np

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(70, 6)).astype("float32")
Y = GENERATOR.normal(size=(70, 2)).astype("float32")
LABELS = GENERATOR.integers(0, 3, 70)


def plain_model():
    return keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(5, "tanh"), keras.layers.Dense(2)])


def two_in_two_out():
    a, b = keras.layers.Input((6,), name="a"), keras.layers.Input((4,), name="b", dtype="int32")
    embedded = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(7, 3)(b))
    hidden = keras.layers.Dense(8, "relu")(keras.layers.Concatenate()([a, embedded]))
    hidden = keras.layers.Dropout(0.2, seed=4)(keras.layers.BatchNormalization()(hidden))
    return keras.Model({"a": a, "b": b}, [keras.layers.Dense(2, name="p")(hidden), keras.layers.Dense(3, name="q")(hidden)])


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden, self.out = keras.layers.Dense(5, "relu"), keras.layers.Dense(2)
        self.frozen = keras.layers.Dense(6, trainable=False)

    def call(self, inputs):
        return self.out(self.hidden(self.frozen(inputs)))


def convolutional():
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((6,)),
            layers.Reshape((6, 1)),
            layers.Conv1D(4, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )


def mixed_precision():
    inputs = keras.layers.Input((6,))
    hidden = keras.layers.Dense(5, "relu", dtype="mixed_bfloat16")(inputs)
    return keras.Model(inputs, keras.layers.Dense(2, dtype="float32")(hidden))


TWO = ({"a": X, "b": GENERATOR.integers(0, 7, (70, 4)).astype("int32")}, [Y, LABELS])
TWO_LOSSES = ["mse", keras.losses.SparseCategoricalCrossentropy(from_logits=True)]
KINDS = [
    (plain_model, (X, Y), {"loss": "mse", "metrics": ["mae"]}),
    (two_in_two_out, TWO, {"loss": TWO_LOSSES, "loss_weights": [1.0, 0.5], "metrics": [["mae"], ["accuracy"]]}),
    (Subclassed, (X, Y), {"loss": "mae"}),
    (convolutional, (X, Y), {"loss": "huber", "weighted_metrics": ["mae"]}),
    (mixed_precision, (X, Y), {"loss": "mse"}),
]


SGD_OPTIONS = [
    {},
    {"momentum": 0.9},
    {"momentum": 0.9, "nesterov": True},
    {"weight_decay": 0.01, "momentum": 0.5},
    {"clipnorm": 0.1},
    {"global_clipnorm": 0.1, "momentum": 0.9},
    {"clipvalue": 0.01},
    {"use_ema": True, "ema_momentum": 0.5},
    {"use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 2, "momentum": 0.9},
    {"gradient_accumulation_steps": 2, "momentum": 0.9, "clipnorm": 0.1},
    {"loss_scale_factor": 8.0, "weight_decay": 0.01},
    {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 2},
    {"gradient_accumulation_steps": 2, "momentum": 0.9},
    {"loss_scale_factor": 8.0},
]


def trained(fit, build, given, compiled, optimizer, **settings):
    keras.utils.set_random_seed(5)
    model = build()
    model.compile(optimizer=optimizer, **compiled)
    history = fit(model, *given, shuffle=False, verbose=0, **settings)
    return model, history


def assert_same(ours, theirs):
    """Check that two trainings end in the same bits: the history in its order, model, optimizer."""
    (model, history), (other, expected) = ours, theirs
    assert list(history.history) == list(expected.history)
    for name, values in expected.history.items():
        np.testing.assert_array_equal(history.history[name], values, err_msg=name)
    for a, b in zip(*map(_variables, (model, other)), strict=True):
        np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (a, b)), err_msg=a.path)


def _variables(model):
    return [*model.variables, *(model.optimizer.variables if model.optimizer else ())]
