"""Functions with random numbers in them, and their gradients in closed form."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Drawn:
    """A function that TensorFlow differentiates, and its gradient written out.

    Attributes:
        text: the function as a reader writes it.
        value: of a tensor, or an array.
        gradient: of an array, in float64.
    """

    text: str
    value: Callable[[Any], Any]
    gradient: Callable[[np.ndarray], np.ndarray]

    def __call__(self, x):
        """Return f at a tensor, or an array."""
        return self.value(x)

    def __str__(self) -> str:
        return f"<{self.text}>"


def curve(random: np.random.Generator) -> Drawn:
    """Return a convex function of one variable, a x^4 + b x^2 + c x."""
    a, b, c = (float(round(number, 2)) for number in random.uniform((0.05, 0.3, -1), (0.15, 1, 1)))
    return Drawn(
        f"{a:g} x^4 + {b:g} x^2 {'+' if c >= 0 else '-'} {abs(c):g} x",
        lambda x: a * x**4 + b * x**2 + c * x,
        lambda x: 4 * a * x**3 + 2 * b * x + c,
    )


def bowl(random: np.random.Generator, dim: int = 2) -> Drawn:
    """Return a convex function of some variables, with a mixed term."""
    a = np.round(random.uniform(0.3, 1.5, dim), 2)
    c = np.round(random.uniform(-1, 1, dim), 2)
    d = float(round(random.uniform(-0.25, 0.25), 2))
    weights, centre = a.astype("float32"), c.astype("float32")

    def value(x):
        import tensorflow as tf

        return tf.reduce_sum(weights * (x - centre) ** 2) + d * x[0] * x[1]

    def gradient(x):
        mixed = np.zeros(dim)
        mixed[:2] = d * x[1], d * x[0]
        return 2 * a * (x - c) + mixed

    squares = (f"{w:g} (x{n} {_signed(-m)})^2" for n, (w, m) in enumerate(zip(a, c, strict=True)))
    text = f"{' + '.join(squares)} {_signed(d)} x0 x1"
    return Drawn(text, value, gradient)


def _signed(number: float) -> str:
    return f"{'-' if number < 0 else '+'} {abs(number):g}"


def start_of(random: np.random.Generator, dim: int = 2) -> np.ndarray:
    """Return a point to start from, float32."""
    return np.round(random.uniform(-2, 2, dim), 2).astype("float32")


def rate_of(random: np.random.Generator, high: float = 0.2) -> float:
    """Return a learning rate, with two digits."""
    return float(round(random.uniform(0.05, high), 2))


def path_of(
    f: Drawn, start, rate: float, steps: int, momentum: float = 0.0, nesterov: bool = False
) -> np.ndarray:
    """Return the path of gradient descent in NumPy, ``(steps + 1, dim)`` in float64."""
    x = np.asarray(start, "float64")
    path, velocity = [x], np.zeros_like(x)
    for _ in range(steps):
        g = f.gradient(x)
        velocity = momentum * velocity - rate * g
        x = x + (momentum * velocity - rate * g if nesterov else velocity)
        path.append(x)
    return np.stack(path)


def keras_path(f: Drawn, start, steps: int, optimizer) -> np.ndarray:
    """Return the path of an optimizer of Keras on the gradient written out."""
    import keras

    x = keras.Variable(np.asarray(start, "float32"))
    path = [x.numpy()]
    for _ in range(steps):
        g = keras.ops.convert_to_tensor(f.gradient(x.numpy().astype("float64")).astype("float32"))
        optimizer.apply([g], [x])
        path.append(x.numpy())
    return np.stack(path)


def table_of(random: np.random.Generator, samples: int, features: int, outputs: int = 1) -> tuple:
    """Return inputs ``(samples, features)`` and targets ``(samples, outputs)``, float32."""
    x = random.normal(size=(samples, features)).astype("float32")
    y = (
        np.tanh(x @ random.normal(size=(features, outputs)))
        + random.normal(size=(samples, outputs)) / 5
    )
    return x, y.astype("float32")
