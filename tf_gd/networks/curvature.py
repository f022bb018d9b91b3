"""How curved is the loss? The largest eigenvalue of its Hessian, and the rate that it allows."""

import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from scipy.sparse.linalg import LinearOperator, eigsh

from tf_gd import _checks, _keras
from tf_gd._keras import keras
from tf_gd.networks import arrays
from tf_gd.networks.checks import build, check_compiled
from tf_gd.networks.step import forward
from tf_gd.toy.checks import check_place

_DENSE = 16  # up to so many variables the Hessian is cheap, and Lanczos needs _BASIS of them
_BASIS = 8  # vectors that Lanczos keeps; with more it needs hardly fewer products


def learning_rate_limit(model_or_objective, x=None, y=None, *, tolerance=1e-4) -> float:
    """Return 2 / L, the learning rate above which gradient descent cannot settle.

    L is the largest eigenvalue of the Hessian.

    Args:
        model_or_objective: a compiled Keras model, or an objective as
            :func:`tf_gd.gradient_descent` takes it.
        x, y: for a model the data ``(samples, ...)`` of the mean loss; for an objective ``x`` is
            the point, by default its first known minimum, or else its start.
        tolerance: the relative precision of L.

    Returns:
        The limit; infinite where the loss curves up in no direction.

    Raises:
        TypeError, ValueError: an unknown objective, a model that is not compiled, or no
            second derivative.

    Examples:
        >>> round(learning_rate_limit("rosenbrock"), 7)
        0.0019968

    References:
        Cohen et al., "Gradient descent on neural networks typically occurs at the edge of
        stability", 2021.
    """
    largest = largest_eigenvalue(model_or_objective, x, y, tolerance=tolerance)
    return 2.0 / largest if largest > 0 else math.inf


def largest_eigenvalue(model_or_objective, x=None, y=None, *, tolerance=1e-4) -> float:
    """Return the largest eigenvalue of the Hessian, without forming it.

    The Lanczos method needs some ten to thirty Hessian-vector products, each at the cost of a
    little over two gradients, and keeps eight vectors.

    Args, Raises:
        As for :func:`learning_rate_limit`.

    Examples:
        >>> round(largest_eigenvalue("lecture_bowl"), 6)
        2.0
    """
    tolerance = _checks.number("tolerance", tolerance, above=0.0, maximum=0.1)
    if isinstance(model_or_objective, keras.Model):
        multiply, size = product_of_model(model_or_objective, x, y)
    else:
        if y is not None:
            raise TypeError(
                "y: an objective has no targets. Pass the point alone, or a Keras model, x and y."
            )
        multiply, size = _product_of_objective(model_or_objective, x)
    eigenvalue = largest(multiply, size, tolerance)
    if np.isnan(eigenvalue):
        raise ValueError(
            "x: the Hessian is not finite at this point, or these weights and data; choose others."
        )
    return eigenvalue


def largest(multiply: Callable, size: int, tolerance: float) -> float:
    """Return the largest eigenvalue of a symmetric matrix, given its product with a vector.

    NaN if a product is not finite.
    """
    start = np.random.default_rng(0).normal(size=size)
    if not np.isfinite(multiply(start)).all():
        return np.nan
    if size <= _DENSE:
        values = np.linalg.eigvalsh(np.stack([multiply(row) for row in np.eye(size)]))
    else:
        hessian = LinearOperator((size, size), matvec=multiply, dtype=np.float64)
        values = eigsh(
            hessian, k=1, which="LA", tol=tolerance, v0=start, ncv=_BASIS, return_eigenvectors=False
        )
    return float(values[-1])


def _product_of_objective(objective, x) -> tuple[Callable, int]:
    chosen, point = check_place(objective, x)
    position = tf.constant(point)

    def multiply(vector):
        with tf.GradientTape() as outer:
            outer.watch(position)
            with tf.GradientTape() as inner:
                inner.watch(position)
                loss = tf.reshape(chosen.fn(position), ())
            slope = tf.reduce_sum(inner.gradient(loss, position) * tf.constant(np.ravel(vector)))
        return outer.gradient(slope, position, unconnected_gradients="zero").numpy()

    return multiply, len(point)


def product_of_model(model, x, y) -> tuple[Callable, int]:
    """Return the product of a model's Hessian with a vector, as a function, and the vector's size.

    The function follows the weights: after a step of training it takes the Hessian at the new ones.
    """
    check_compiled(model)
    if x is None:
        raise ValueError(
            "x: got None, expected the data on which to measure the loss of the model."
        )
    x, y, _ = arrays.as_tensors(x, y)
    build(model, x, y, None)
    weights = [variable.value for variable in model.trainable_variables]
    sizes = [int(np.prod(weight.shape)) for weight in weights]

    @tf.function(autograph=False)
    def product(vectors):
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                prediction = forward(model, x, training=False)
                loss = _keras.loss_of(model, x, y, prediction, None, training=False)
            gradients = inner.gradient(loss, weights, unconnected_gradients="zero")
            slope = tf.add_n(
                [tf.reduce_sum(g * v) for g, v in zip(gradients, vectors, strict=True)]
            )
        return outer.gradient(slope, weights, unconnected_gradients="zero")

    def multiply(vector):
        parts = np.split(np.ravel(vector), np.cumsum(sizes)[:-1])
        vectors = [
            tf.reshape(tf.cast(p, w.dtype), w.shape) for p, w in zip(parts, weights, strict=True)
        ]
        return np.concatenate(
            [np.ravel(tf.convert_to_tensor(part)).astype("float64") for part in product(vectors)]
        )

    return multiply, sum(sizes)
