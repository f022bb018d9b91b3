"""fit on a tf.data.Dataset, and a number of steps for each epoch: against model.fit to the bit under exact arithmetic."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import LABELS, X, Y, assert_same, plain_model, trained

import tf_gd


def of(x, y, *, shuffled=False, size=16):
    dataset = tf.data.Dataset.from_tensor_slices((x, y))
    return (dataset.shuffle(70, seed=3) if shuffled else dataset).batch(size)


@pytest.mark.parametrize(
    ("dataset", "settings"),
    [
        (lambda: of(X, Y), {}),
        (lambda: of(X, Y, shuffled=True), {}),
        (lambda: of(X, Y).repeat(), {"steps_per_epoch": 7}),
        (lambda: of(X, Y, size=4), {"steps_per_epoch": 6}),
        (lambda: of(X, LABELS % 2, shuffled=True), {"class_weight": {0: 1.0, 1: 3.0}}),
        (lambda: of(X, Y), {"validation_data": of(X[:20], Y[:20])}),
        (lambda: tf.data.Dataset.from_tensor_slices((X, Y, np.linspace(0, 1, 70, dtype="float32"))).batch(8), {}),
        (lambda: of(X, Y), {"callbacks": [keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)]}),
    ],
    ids=["plain", "shuffled", "steps", "goes on", "class weights", "validation", "weights", "by batch"],
)
@pytest.mark.filterwarnings("ignore:.*ran out of data")
@pytest.mark.filterwarnings("ignore:steps_per_epoch")
def test_data_sets(dataset, settings):
    compiled = {"loss": "mse", "metrics": ["mae"]}
    if "class_weight" in settings:
        compiled = {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
    results = []
    with tf_gd.exact_arithmetic():
        for fit in (tf_gd.fit, keras.Model.fit):
            keras.utils.set_random_seed(5)
            model = plain_model()
            model.compile(optimizer=keras.optimizers.SGD(0.05, momentum=0.9), **compiled)
            results.append((model, fit(model, dataset(), epochs=3, verbose=0, shuffle=False, **settings)))
    assert_same(*results)


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_a_data_set_of_unknown_length():
    """The weights are those of model.fit. Its counter is not: it also counts the batch that is not there any more."""
    results = []
    with tf_gd.exact_arithmetic():
        for fit in (tf_gd.fit, keras.Model.fit):
            dataset, optimizer = of(X, Y, size=9).filter(lambda x, y: True), keras.optimizers.SGD(0.05, momentum=0.9)
            results.append(trained(fit, plain_model, (dataset,), {"loss": "mse"}, optimizer, epochs=3))
    (ours, history), (theirs, expected) = results
    for a, b in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert history.history == expected.history
    assert int(ours.optimizer.iterations) == 3 * 8


def test_a_data_set_in_every_mode():
    finals = []
    for mode in ("eager", "graph", "xla"):
        model, history = trained(
            tf_gd.fit, plain_model, (of(X, Y),), {"loss": "mse"}, keras.optimizers.SGD(0.05), epochs=2, mode=mode
        )
        assert history.params["mode"] == mode
        finals.append(model.weights[0].numpy())
    np.testing.assert_allclose(finals[0], finals[1], atol=1e-6)
    np.testing.assert_allclose(finals[0], finals[2], atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*ran out of data")
def test_steps_per_epoch_on_arrays_go_on_where_they_stopped():
    kind, settings = (plain_model, (X, Y), {"loss": "mse"}), {"steps_per_epoch": 2, "batch_size": 16, "epochs": 4}
    with tf_gd.exact_arithmetic():
        with pytest.warns(UserWarning, match="steps_per_epoch: the data ended after 1 of 2 batches"):
            ours = trained(tf_gd.fit, *kind, keras.optimizers.SGD(0.05), **settings)
        theirs = trained(keras.Model.fit, *kind, keras.optimizers.SGD(0.05), **settings)
    assert_same(ours, theirs)
    assert int(ours[0].optimizer.iterations) == 2 + 2 + 1 + 2


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 5

    def __getitem__(self, index):
        part = slice(index * 14, index * 14 + 14)
        return X[part], Y[part]


class Growing(Batches):
    """Other data after every end of an epoch, of which Keras calls one before the first."""

    ends = 0

    def __getitem__(self, index):
        x, y = super().__getitem__(index)
        return x * (1 + self.ends), y

    def on_epoch_end(self):
        self.ends += 1


def generated():
    for _ in range(4):
        for first in range(0, 70, 14):
            yield X[first : first + 14], Y[first : first + 14]


@pytest.mark.parametrize(
    ("make", "settings"),
    [
        (Batches, {}),
        (Growing, {}),
        (lambda: of(X, Y), {"validation_data": "growing"}),
        (generated, {"steps_per_epoch": 5}),
        (lambda: of(X, Y), {"validation_data": Batches()}),
        (lambda: of(X, Y), {"validation_data": of(X, Y).repeat(), "validation_steps": 3}),
    ],
    ids=["PyDataset", "changing PyDataset", "changing validation", "generator", "validation", "validation steps"],
)
def test_what_keras_makes_a_data_set_of(make, settings):
    results = []
    with tf_gd.exact_arithmetic():
        for fit in (tf_gd.fit, keras.Model.fit):
            optimizer = keras.optimizers.SGD(0.05, momentum=0.9)
            again = {"validation_data": Growing()} if settings.get("validation_data") == "growing" else settings
            results.append(trained(fit, plain_model, (make(),), {"loss": "mse"}, optimizer, epochs=3, **again))
    assert_same(*results)


def test_sequences_of_any_length_and_text():
    def build():
        layers = keras.layers
        return keras.Sequential([layers.Embedding(9, 4), layers.GlobalAveragePooling1D(), layers.Dense(2)])

    rows = [np.arange(1 + i % 5) % 9 for i in range(70)]
    signature = (tf.TensorSpec((None,), tf.int64), tf.TensorSpec((2,), tf.float32))
    results = []
    with tf_gd.exact_arithmetic():
        for fit in (tf_gd.fit, keras.Model.fit):
            dataset = tf.data.Dataset.from_generator(lambda: zip(rows, Y, strict=True), output_signature=signature)
            dataset = dataset.padded_batch(8).apply(tf.data.experimental.assert_cardinality(9))
            results.append(trained(fit, build, (dataset,), {"loss": "mse"}, keras.optimizers.SGD(0.05), epochs=2))
    assert_same(*results)
