"""Embeddings: the gradients are rows, and ``fit`` does with them what ``model.fit`` does, to the bit."""

import keras
import models
import numpy as np
import pytest

import tf_gd

layers, SGD = keras.layers, keras.optimizers.SGD
RANDOM = np.random.default_rng(0)
FEW = RANDOM.integers(0, 6, (70, 5)).astype("int32")  # the same word many times in a batch
MANY = RANDOM.integers(0, 20, (70, 3)).astype("int32")
Y = (5 * RANDOM.normal(size=(70, 2))).astype("float32")


def one_table():
    words = keras.Input((5,), dtype="int32")
    return keras.Model(words, layers.Dense(2)(layers.GlobalAveragePooling1D()(layers.Embedding(20, 4)(words))))


def shared_table():
    few, many, table = keras.Input((5,), dtype="int32"), keras.Input((3,), dtype="int32"), layers.Embedding(20, 4)
    both = layers.concatenate([layers.Flatten()(table(few)), layers.Flatten()(table(many))])
    return keras.Model([few, many], layers.Dense(2)(both))


CLIPS = [{}, {"clipnorm": 0.05}, {"global_clipnorm": 0.05}, {"clipvalue": 0.003}]
MOMENTA = [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}]
MORE = [
    {},
    {"weight_decay": 0.1},
    {"use_ema": True, "ema_overwrite_frequency": 3},
    {"gradient_accumulation_steps": 2},
    {"scaled": True},
]


def trained(fit, build, x, options):
    options = dict(options)
    scaled = options.pop("scaled", False)
    optimizer = SGD(0.1, **options)
    optimizer = keras.optimizers.LossScaleOptimizer(optimizer) if scaled else optimizer
    with tf_gd.exact_arithmetic():
        return models.trained(fit, build, (x, Y), {"loss": "mse"}, optimizer, epochs=2, batch_size=16)


@pytest.mark.parametrize("more", MORE, ids=str)
@pytest.mark.parametrize("clip", CLIPS, ids=str)
@pytest.mark.parametrize(("build", "x"), [(one_table, FEW), (shared_table, [FEW, MANY])], ids=["one", "shared"])
def test_rows_are_clipped_decayed_and_accumulated_as_in_keras(build, x, clip, more):
    for momentum in MOMENTA if clip and not more else MOMENTA[1:2]:
        models.assert_same(*(trained(f, build, x, clip | more | momentum) for f in (tf_gd.fit, keras.Model.fit)))


def test_the_norm_that_keras_takes_is_not_that_of_the_gradient():
    """Two rows of (3, 4) for one word: the gradient (6, 8) has norm 10, the rows have sqrt(50)."""
    import tensorflow as tf

    from tf_gd import sgd

    rows = tf.IndexedSlices(tf.constant([[3.0, 4.0], [3.0, 4.0]]), tf.constant([1, 1]), tf.constant([2, 2]))
    (clipped,) = sgd.clip(sgd.Options(clipnorm=1.0), [rows], [], [])
    np.testing.assert_allclose(tf.convert_to_tensor(clipped)[1], np.array([6.0, 8.0]) / np.sqrt(50), rtol=1e-6)
    (dense,) = sgd.clip(sgd.Options(clipnorm=1.0), [tf.convert_to_tensor(rows)], [], [])
    np.testing.assert_allclose(dense[1], [0.6, 0.8], rtol=1e-6)
