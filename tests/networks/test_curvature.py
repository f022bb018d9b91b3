"""The largest curvature, against published values and Hessians worked out by hand."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_gd
from tf_gd.networks.curvature import largest_eigenvalue


def test_rosenbrock():
    assert largest_eigenvalue("rosenbrock") == pytest.approx(1001.600640, abs=1e-6)
    assert tf_gd.learning_rate_limit("rosenbrock") == pytest.approx(0.00199680, abs=1e-8)


def test_the_minima_of_himmelblau():
    minima = tf_gd.objectives.get("himmelblau").minima
    limits = [tf_gd.learning_rate_limit("himmelblau", minimum) for minimum in minima]
    np.testing.assert_allclose(limits, [0.0243060, 0.0248293, 0.0149493, 0.0189719], atol=1e-7)


def test_many_dimensions_without_forming_the_matrix():
    bowl = tf_gd.objectives.get("bowl", dim=2000, condition_number=50.0)
    assert tf_gd.learning_rate_limit(bowl) == pytest.approx(2 / 50, rel=1e-3)


def test_the_largest_not_the_most_negative():
    assert largest_eigenvalue(lambda x: 0.5 * x[0] ** 2 - 5.0 * x[1] ** 2, [1.0, 1.0]) == pytest.approx(1.0)
    assert tf_gd.learning_rate_limit(lambda x: -tf.reduce_sum(x**2), [1.0]) == math.inf
    assert tf_gd.learning_rate_limit(lambda x: 3.0 * tf.reduce_sum(x), [1.0]) == math.inf


def test_below_the_limit_descent_settles_above_it_not():
    limit = tf_gd.learning_rate_limit("himmelblau", [3.0, 2.0])
    for factor, settles in ((0.98, True), (1.02, False)):
        path = tf_gd.gradient_descent("himmelblau", [3.001, 2.0], learning_rate=factor * limit, steps=3000, dtype="float64")
        assert (np.abs(path.final - [3, 2]).max() < 1e-3) == settles


@pytest.mark.parametrize("inputs", [4, 40])
def test_linear_regression(inputs):
    """The Hessian of the mean squared error is 2 / (n outputs) A^T A for each output, A with a column of ones."""
    x = np.random.default_rng(0).normal(size=(50, inputs)).astype("float32")
    model = keras.Sequential([keras.layers.Input((inputs,)), keras.layers.Dense(3)])
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
    a = np.column_stack([x, np.ones(50)])
    expected = np.linalg.eigvalsh(2 / (50 * 3) * a.T @ a)[-1]
    before = [w.numpy() for w in model.weights]
    assert largest_eigenvalue(model, x, np.zeros((50, 3), "float32")) == pytest.approx(expected, rel=1e-3)
    for weight, old in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), old)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("rosenbrok",), ValueError, "Did you mean"),
        (("square", [1.0, 2.0]), ValueError, "x: got 2 coordinates, expected 1"),
        (("square", [1.0], [2.0]), TypeError, "y: an objective has no targets"),
        ((keras.Sequential([keras.layers.Dense(1)]), np.ones((2, 2))), ValueError, "not compiled"),
        (("quartic", [1e200]), ValueError, "the Hessian is not finite"),
    ],
)
def test_bad_input(arguments, error, message):
    with pytest.raises(error, match=message):
        tf_gd.learning_rate_limit(*arguments)


def test_a_compute_loss_from_before_it_took_training():
    class Own(keras.Sequential):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
            return keras.ops.mean(keras.ops.square(y - y_pred))

    x = np.array([[1.0], [2.0]], "float32")
    own, plain = (kind([keras.Input((1,)), keras.layers.Dense(1)]) for kind in (Own, keras.Sequential))
    for model in (own, plain):
        model.compile(keras.optimizers.SGD(0.1), "mse")
    # Hessian of ((w + b - 1)^2 + (2 w + b - 2)^2) / 2: [[5, 3], [3, 2]].
    largest_of_all = (7 + 45**0.5) / 2
    for model in (own, plain):
        assert tf_gd.learning_rate_limit(model, x, x) == pytest.approx(2 / largest_of_all, rel=1e-3)
