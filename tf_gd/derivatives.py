"""Functions of one point with their derivatives, in float64, as NumPy: what solvers are made of."""

import functools
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf


class Smooth:
    """A function of one point ``(dim,)`` to a number, or several functions to a vector ``(m,)``, compiled once.

    Args:
        function: tensor ``(dim,)`` -> tensor ``()`` or ``(m,)``, in float64.
        dim: how many variables there are.
    """

    def __init__(self, function: Callable, dim: int):
        self.function = function
        self._spec = tf.TensorSpec((dim,), tf.float64)

    @functools.cached_property
    def _value(self):
        return tf.function(self.function, autograph=False).get_concrete_function(self._spec)

    @functools.cached_property
    def _first(self):
        return tf.function(self._with_first, autograph=False).get_concrete_function(self._spec)

    @functools.cached_property
    def _second(self):
        return tf.function(self._with_second, autograph=False).get_concrete_function(self._spec)

    @functools.cached_property
    def _many(self):
        spec = tf.TensorSpec((None, *self._spec.shape), tf.float64)
        many = tf.function(lambda points: tf.vectorized_map(self.function, points), autograph=False)
        return many.get_concrete_function(spec)

    def _with_first(self, x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = self.function(x)
        slope = tape.gradient if value.shape.rank == 0 else tape.jacobian
        return value, slope(value, x, unconnected_gradients="zero")

    def _with_second(self, x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            _, slope = self._with_first(x)
        return tape.jacobian(slope, x, unconnected_gradients="zero")

    def __call__(self, x) -> np.ndarray:
        """Return the value at ``x``."""
        return self._value(tf.constant(x, tf.float64)).numpy()

    def first(self, x) -> tuple[np.ndarray, np.ndarray]:
        """Return the value and its gradient ``(dim,)``, or Jacobian ``(m, dim)``."""
        if self._first.structured_outputs[0].shape == (0,):  # no function: nothing to call
            return np.zeros(0), np.zeros((0, *self._spec.shape))
        value, slope = self._first(tf.constant(x, tf.float64))
        return value.numpy(), tf.convert_to_tensor(slope).numpy()

    def second(self, x) -> np.ndarray:
        """Return the Hessian ``(dim, dim)``, or one for each function, ``(m, dim, dim)``."""
        return tf.convert_to_tensor(self._second(tf.constant(x, tf.float64))).numpy()

    def of_many(self, points) -> np.ndarray:
        """Return the values at many points ``(n, dim)``."""
        return self._many(tf.constant(points, tf.float64)).numpy()


def together(functions: Sequence[Callable], scale: float = 1.0) -> Callable:
    """Return several functions, each to a number or a vector, as one to a vector ``(m,)``."""

    def vector(x):
        parts = [tf.reshape(tf.cast(tf.convert_to_tensor(function(x)), tf.float64), (-1,)) for function in functions]
        return scale * tf.concat([*parts, tf.zeros((0,), tf.float64)], axis=0)

    return vector


def quadratic(function: Smooth, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Return H, q, c if all of a function is ``x H x / 2 + q x + c``, ``(..., dim, dim)``, ``(..., dim)``, ``(...)``.

    Returns:
        None where the second derivative is not the same at all of some points, or the first not what it says.
    """
    generator = np.random.default_rng(0)
    scale = 1.0 + np.abs(x).max()
    away = generator.normal(size=(12, len(x))) * 10.0 ** np.repeat([0, 1, 2, 4, 6, 9], 2)[:, None]
    points = [x, *(x + scale * away)]
    hessians = [function.second(point) for point in points]
    largest = max(float(np.abs(hessian).max(initial=0.0)) for hessian in hessians)
    if not all(np.abs(hessian - hessians[0]).max(initial=0.0) <= 1e-9 * (1 + largest) for hessian in hessians):
        return None
    h = hessians[0]
    value, slope = function.first(x)
    q = slope - h @ x
    for point in points[1:]:  # a kink has no second derivative, but another slope on its other side
        steps = np.abs(h).max(initial=0.0) * np.abs(point).max() + np.abs(slope).max(initial=0.0)
        if np.abs(function.first(point)[1] - (h @ point + q)).max(initial=0.0) > 1e-8 * (1e-8 + steps):
            return None
    return h, q, value - 0.5 * (h @ x) @ x - q @ x
