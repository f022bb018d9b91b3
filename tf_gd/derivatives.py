"""Functions with their first and second derivatives: compiled once, float64 arrays in and out."""

import functools
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf


def with_gradient(function: Callable, x):
    """Return the value of a function and its gradient, or its Jacobian where the value is a vector.

    Args:
        function: ``(dim,)`` -> ``()`` or ``(m,)``; for many points ``(n, dim)`` -> ``(n,)``.
        x: one point ``(dim,)``, or many ``(n, dim)``.
    """
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = function(x)
    if value.shape == (0,):  # no function: TensorFlow cannot run its Jacobian
        return value, tf.zeros((0, *x.shape), x.dtype)
    # The value at each of many points depends on this point alone: one gradient holds them all.
    slope = tape.gradient if value.shape.rank == x.shape.rank - 1 else tape.jacobian
    return value, tf.convert_to_tensor(slope(value, x, unconnected_gradients="zero"))


def with_hessian(function: Callable, x):
    """Return value, gradient and Hessian ``(..., dim, dim)``; arguments as in `with_gradient`."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        value, slope = with_gradient(function, x)
    curvature = tape.jacobian if x.shape.rank == 1 else tape.batch_jacobian
    return value, slope, curvature(slope, x, unconnected_gradients="zero")


def compiled(function: Callable, *shape: int | None) -> Callable:
    """Return a function of an array of this shape, which is compiled when it is first called."""

    @functools.cache
    def trace():
        spec = tf.TensorSpec(shape, tf.float64)
        return tf.function(function, autograph=False).get_concrete_function(spec)

    def call(x):
        found = trace()(tf.constant(x, tf.float64))
        return found.numpy() if tf.is_tensor(found) else tuple(part.numpy() for part in found)

    return call


class Smooth:
    """A function of one point ``(dim,)`` to a number, or to a vector ``(m,)``.

    Args:
        function: tensor ``(dim,)`` -> tensor ``()`` or ``(m,)``, in float64.
        dim: the number of variables.

    Attributes:
        first: point -> value and gradient ``(dim,)``, or Jacobian ``(m, dim)``.
        second: point -> value, gradient and Hessian ``(dim, dim)``, or ``(m, dim, dim)``.
        of_many: points ``(n, dim)`` -> values.
    """

    def __init__(self, function: Callable, dim: int):
        self.function = function
        self.first = compiled(functools.partial(with_gradient, function), dim)
        self.second = compiled(functools.partial(with_hessian, function), dim)
        self.of_many = compiled(lambda points: tf.vectorized_map(function, points), None, dim)

    def __call__(self, x) -> np.ndarray:
        """Return the value at ``x``."""
        return self.first(x)[0]


def together(functions: Sequence[Callable]) -> Callable:
    """Return several functions, each to a number or a vector, as one to a vector ``(m,)``."""

    def vector(x):
        values = [tf.reshape(tf.cast(one(x), tf.float64), (-1,)) for one in functions]
        return tf.concat([*values, tf.zeros(0, tf.float64)], axis=0)

    return vector
