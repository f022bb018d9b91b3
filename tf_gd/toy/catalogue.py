"""The catalogue: test functions with their formula, start, domain and known minima.

Each entry is a function that returns the arguments of :class:`tf_gd.Objective`. The minima are closed forms where
there is one; sources: Surjanovic and Bingham, "Virtual Library of Simulation Experiments" (test functions); Zhang et
al., "Dive into Deep Learning" (the one-dimensional examples and the two ellipses).
"""

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np

from tf_gd import _checks
from tf_gd._lazy import LazyModule

if TYPE_CHECKING:
    import tensorflow as tf
else:
    tf = LazyModule("tensorflow")


def _split(x):
    return tf.unstack(x, num=2, axis=-1)  # its gradient is one tf.stack; that of two slices, two padded arrays and their sum


def square():
    """x^2."""
    return dict(fn=lambda x: x[..., 0] ** 2, start=[10.0], minima=[[0.0]], domain=[-15, 15], formula="x^2")


def cosine_wave():
    """x cos(0.15 pi x); its stationary points solve u tan u = 1 with u = 0.15 pi x."""
    roots = [3.425618459481728, -0.860333589019380]  # Abramowitz and Stegun, table 4.20, more digits
    return dict(
        fn=lambda x: x[..., 0] * tf.cos(0.15 * math.pi * x[..., 0]),
        start=[10.0],
        minima=[[u / (0.15 * math.pi)] for u in roots],
        domain=[-10.5, 10.5],
        formula="x cos(0.15 pi x)",
    )


def quartic():
    """2 x^4 + 3 x^3 + 2, with a flat point of inflection at 0 on the way to the minimum at -9/8."""
    return dict(
        fn=lambda x: 2.0 * x[..., 0] ** 4 + 3.0 * x[..., 0] ** 3 + 2.0,
        start=[0.5],
        minima=[[-9 / 8]],
        domain=[-1.7, 0.8],
        formula="2 x^4 + 3 x^3 + 2",
    )


def double_well():
    """(x^2 - 1)^2: two minima of the same depth."""
    return dict(
        fn=lambda x: (x[..., 0] ** 2 - 1.0) ** 2,
        start=[0.2],
        minima=[[1.0], [-1.0]],
        domain=[-1.7, 1.7],
        formula="(x^2 - 1)^2",
    )


def lecture_quadratic():
    """Gradient zero where [[4, 1], [1, 2]] x = [6, 5]."""

    def fn(x):
        x1, x2 = _split(x)
        return 2.0 * x1**2 + x2**2 + x1 * x2 - 6.0 * x1 - 5.0 * x2

    return dict(
        fn=fn,
        start=[-2.0, 4.5],
        minima=[[1.0, 2.0]],
        domain=[[-3, 5], [-2, 6]],
        formula="2 x1^2 + x2^2 + x1 x2 - 6 x1 - 5 x2",
    )


def lecture_bowl():
    """Round level lines: the negative gradient points at the minimum from everywhere."""

    def fn(x):
        x1, x2 = _split(x)
        return (x1 - 3.0) ** 2 + (x2 - 3.0) ** 2

    return dict(fn=fn, start=[0.0, 1.0], minima=[[3.0, 3.0]], domain=[-1, 7], formula="(x1 - 3)^2 + (x2 - 3)^2")


def ellipse():
    """x1^2 + 2 x2^2."""

    def fn(x):
        x1, x2 = _split(x)
        return x1**2 + 2.0 * x2**2

    return dict(fn=fn, start=[-5.0, -2.0], minima=[[0.0, 0.0]], domain=[[-5.5, 1.5], [-3, 2]], formula="x1^2 + 2 x2^2")


def flat_ellipse():
    """0.1 x1^2 + 2 x2^2: the rate that suits x2 is far too small for x1."""

    def fn(x):
        x1, x2 = _split(x)
        return 0.1 * x1**2 + 2.0 * x2**2

    return dict(fn=fn, start=[-5.0, -2.0], minima=[[0.0, 0.0]], domain=[[-5.5, 1.5], [-3, 2]], formula="0.1 x1^2 + 2 x2^2")


def bowl(dim=2, condition_number=100.0):
    """Half sum of l_i x_i^2, the curvatures l_i spread evenly in the logarithm from 1 to the condition number."""
    dim = _checks.whole_number("dim", dim, minimum=1)
    condition_number = _checks.number("condition_number", condition_number, minimum=1.0)
    curvatures = np.geomspace(1.0, condition_number, dim) if dim > 1 else np.array([condition_number])
    return dict(
        fn=lambda x: 0.5 * tf.reduce_sum(tf.constant(curvatures, x.dtype) * x**2, axis=-1),
        start=np.ones(dim),
        minima=[np.zeros(dim)],
        domain=[-1.25, 1.25],
        formula="1/2 sum l_i x_i^2",
    )


def saddle():
    """Half x1^2 - half x2^2: downhill for ever along x2."""

    def fn(x):
        x1, x2 = _split(x)
        return 0.5 * x1**2 - 0.5 * x2**2

    return dict(fn=fn, start=[1.0, 1e-6], domain=[-2, 2], formula="1/2 x1^2 - 1/2 x2^2")


def rosenbrock(dim=2):
    """A curved valley, steep across and nearly flat along."""
    dim = _checks.whole_number("dim", dim, minimum=2)

    def fn(x):
        here, following = tf.split(x, 2, axis=-1) if dim == 2 else (x[..., :-1], x[..., 1:])
        return tf.reduce_sum(100.0 * (following - here**2) ** 2 + (1.0 - here) ** 2, axis=-1)

    return dict(
        fn=fn,
        start=np.resize([-1.2, 1.0], dim),
        minima=[np.ones(dim)],
        domain=[[-2, 2], [-1, 3]] if dim == 2 else [-2, 2],
        formula="sum 100 (x_(i+1) - x_i^2)^2 + (1 - x_i)^2",
    )


def himmelblau():
    """Four minima of the same depth."""

    def fn(x):
        x1, x2 = _split(x)
        return (x1**2 + x2 - 11.0) ** 2 + (x1 + x2**2 - 7.0) ** 2

    minima = [
        [3.0, 2.0],
        [-2.805118086952745, 3.131312518250573],
        [-3.779310253377747, -3.283185991286170],
        [3.584428340330492, -1.848126526964404],
    ]
    return dict(fn=fn, start=[0.0, 0.0], minima=minima, domain=[-5, 5], formula="(x1^2 + x2 - 11)^2 + (x1 + x2^2 - 7)^2")


def beale():
    """Flat, with steep corners."""

    def fn(x):
        x1, x2 = _split(x)
        return (1.5 - x1 + x1 * x2) ** 2 + (2.25 - x1 + x1 * x2**2) ** 2 + (2.625 - x1 + x1 * x2**3) ** 2

    return dict(
        fn=fn,
        start=[1.0, 1.0],
        minima=[[3.0, 0.5]],
        domain=[-4.5, 4.5],
        formula="(1.5 - x1 + x1 x2)^2 + (2.25 - x1 + x1 x2^2)^2 + (2.625 - x1 + x1 x2^3)^2",
    )


def booth():
    """A tilted bowl."""

    def fn(x):
        x1, x2 = _split(x)
        return (x1 + 2.0 * x2 - 7.0) ** 2 + (2.0 * x1 + x2 - 5.0) ** 2

    return dict(
        fn=fn, start=[-8.0, 8.0], minima=[[1.0, 3.0]], domain=[-10, 10], formula="(x1 + 2 x2 - 7)^2 + (2 x1 + x2 - 5)^2"
    )


def matyas():
    """A long flat valley along x1 = x2."""

    def fn(x):
        x1, x2 = _split(x)
        return 0.26 * (x1**2 + x2**2) - 0.48 * x1 * x2

    return dict(fn=fn, start=[9.0, 4.0], minima=[[0.0, 0.0]], domain=[-10, 10], formula="0.26 (x1^2 + x2^2) - 0.48 x1 x2")


def three_hump_camel():
    """Three minima; on x2 = -x1 / 2 the stationary points solve x^4 - 4.2 x^2 + 3.5 = 0."""

    def fn(x):
        x1, x2 = _split(x)
        return 2.0 * x1**2 - 1.05 * x1**4 + x1**6 / 6.0 + x1 * x2 + x2**2

    side = math.sqrt((4.2 + math.sqrt(4.2**2 - 4 * 3.5)) / 2)
    return dict(
        fn=fn,
        start=[0.9, 1.6],
        minima=[[0.0, 0.0], [side, -side / 2], [-side, side / 2]],
        domain=[-2.5, 2.5],
        formula="2 x1^2 - 1.05 x1^4 + x1^6/6 + x1 x2 + x2^2",
    )


def rastrigin(dim=2):
    """A bowl with a minimum near every point of whole coordinates; only the lowest is listed."""
    dim = _checks.whole_number("dim", dim, minimum=1)
    return dict(
        fn=lambda x: 10.0 * dim + tf.reduce_sum(x**2 - 10.0 * tf.cos(2.0 * math.pi * x), axis=-1),
        start=np.resize([0.4, -0.3], dim),
        minima=[np.zeros(dim)],
        domain=[-5.12, 5.12],
        formula="10 n + sum x_i^2 - 10 cos(2 pi x_i)",
    )


def mccormick():
    """Repeats along x1 = x2 every pi, each time higher; two minima lie in the domain."""

    def fn(x):
        x1, x2 = _split(x)
        total, difference = x1 + x2, x1 - x2  # -1.5 x1 + 2.5 x2 = 0.5 (x1 + x2) - 2 (x1 - x2)
        return tf.sin(total) + 0.5 * total + difference**2 - 2.0 * difference + 1.0

    low = np.array([0.5 - math.pi / 3, -0.5 - math.pi / 3])
    return dict(
        fn=fn,
        start=[3.0, -2.0],
        minima=[low, low + math.pi],
        domain=[[-1.5, 4], [-3, 4]],
        formula="sin(x1 + x2) + (x1 - x2)^2 - 1.5 x1 + 2.5 x2 + 1",
    )


def styblinski_tang(dim=2):
    """Two minima in each coordinate, the roots of 4 x^3 - 32 x + 5 = 0 at either end; the lower is -2.9035."""
    dim = _checks.whole_number("dim", dim, minimum=1)
    low, _, high = sorted(np.roots([4.0, 0.0, -32.0, 5.0]).real)
    return dict(
        fn=lambda x: 0.5 * tf.reduce_sum(x**4 - 16.0 * x**2 + 5.0 * x, axis=-1),
        start=np.resize([0.5, -0.5], dim),
        minima=itertools.product((low, high), repeat=dim) if dim <= 4 else [np.full(dim, low)],
        domain=[-4.5, 4.5],
        formula="1/2 sum x_i^4 - 16 x_i^2 + 5 x_i",
    )


CATALOGUE = {
    entry.__name__: entry
    for entry in (
        *(square, cosine_wave, quartic, double_well),
        *(lecture_quadratic, lecture_bowl, ellipse, flat_ellipse, bowl, saddle),
        *(rosenbrock, himmelblau, beale, booth, matyas, three_hump_camel, rastrigin, mccormick, styblinski_tang),
    )
}
