"""The catalogue: test functions with their formula, start, known minima and domain.

Each entry is a function that returns the arguments of :class:`tf_gd.Objective`. The minima are
closed forms where they exist. Sources: Surjanovic and Bingham, "Virtual Library of Simulation
Experiments" (test functions); Zhang et al., "Dive into Deep Learning" (the one-dimensional
examples and the two ellipses).

Powers are squares and products: these are rounded the same way everywhere, while ``x**3`` and even
``x**2`` of one number ask the C library, which may be off by a unit in the last place.
"""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tf_gd import _checks
from tf_gd._lazy import tensorflow as tf

CATALOGUE: dict[str, Callable[..., dict[str, Any]]] = {}


def _add(formula: str, start, minima, domain) -> Callable:
    """Add a function of x1, x2, ... to the catalogue."""

    def add(f: Callable) -> Callable:
        def fn(x):
            # The gradient of tf.unstack is one tf.stack; that of slices pads and adds arrays.
            return f(*tf.unstack(x, num=len(start), axis=-1))

        known = dict(start=start, minima=minima, domain=domain, formula=formula)
        CATALOGUE[f.__name__] = lambda: dict(fn=fn, **known)
        return f

    return add


@_add("x^2", [10.0], [[0.0]], [-15, 15])
def square(x):
    """The simplest one."""
    return tf.square(x)


# x cos(0.15 pi x) is stationary where u tan u = 1, u = 0.15 pi x: Abramowitz and Stegun, table
# 4.20, with more digits.
_COSINE_WAVE = [[u / (0.15 * math.pi)] for u in (3.425618459481728, -0.860333589019380)]


@_add("x cos(0.15 pi x)", [10.0], _COSINE_WAVE, [-10.5, 10.5])
def cosine_wave(x):
    """Two minima of different depth."""
    return x * tf.cos(0.15 * math.pi * x)


@_add("2 x^4 + 3 x^3 + 2", [0.5], [[-9 / 8]], [-1.7, 0.8])
def quartic(x):
    """With a flat point of inflection at 0 on the way to the minimum at -9/8."""
    squared = tf.square(x)
    return 2.0 * tf.square(squared) + 3.0 * (x * squared) + 2.0


@_add("(x^2 - 1)^2", [0.2], [[1.0], [-1.0]], [-1.7, 1.7])
def double_well(x):
    """Two minima of the same depth."""
    return tf.square(tf.square(x) - 1.0)


@_add("2 x1^2 + x2^2 + x1 x2 - 6 x1 - 5 x2", [-2.0, 4.5], [[1.0, 2.0]], [[-3, 5], [-2, 6]])
def lecture_quadratic(x1, x2):
    """The gradient is zero where [[4, 1], [1, 2]] x = [6, 5]."""
    return 2.0 * tf.square(x1) + tf.square(x2) + x1 * x2 - 6.0 * x1 - 5.0 * x2


@_add("(x1 - 3)^2 + (x2 - 3)^2", [0.0, 1.0], [[3.0, 3.0]], [-1, 7])
def lecture_bowl(x1, x2):
    """Round level lines: the negative gradient points at the minimum from everywhere."""
    return tf.square(x1 - 3.0) + tf.square(x2 - 3.0)


@_add("x1^2 + 2 x2^2", [-5.0, -2.0], [[0.0, 0.0]], [[-5.5, 1.5], [-3, 2]])
def ellipse(x1, x2):
    """Twice as steep along x2."""
    return tf.square(x1) + 2.0 * tf.square(x2)


@_add("0.1 x1^2 + 2 x2^2", [-5.0, -2.0], [[0.0, 0.0]], [[-5.5, 1.5], [-3, 2]])
def flat_ellipse(x1, x2):
    """The rate that suits x2 is far too small for x1."""
    return 0.1 * tf.square(x1) + 2.0 * tf.square(x2)


def bowl(dim=2, condition_number=100.0):
    """The curvatures l_i grow geometrically from 1 to the condition number."""
    dim = _checks.whole_number("dim", dim, minimum=1)
    condition_number = _checks.number("condition_number", condition_number, minimum=1.0)
    curvatures = np.geomspace(1.0, condition_number, dim) if dim > 1 else [condition_number]
    return dict(
        fn=lambda x: 0.5 * tf.reduce_sum(tf.constant(curvatures, x.dtype) * tf.square(x), axis=-1),
        start=np.ones(dim),
        minima=[np.zeros(dim)],
        domain=[-1.25, 1.25],
        formula="1/2 sum l_i x_i^2",
    )


@_add("1/2 x1^2 - 1/2 x2^2", [1.0, 1e-6], [], [-2, 2])
def saddle(x1, x2):
    """Unbounded below along x2."""
    return 0.5 * tf.square(x1) - 0.5 * tf.square(x2)


def rosenbrock(dim=2):
    """A curved valley, steep across and nearly flat along."""
    dim = _checks.whole_number("dim", dim, minimum=2)

    def fn(x):
        here, following = tf.split(x, 2, axis=-1) if dim == 2 else (x[..., :-1], x[..., 1:])
        beside = following - tf.square(here)
        return tf.reduce_sum(100.0 * tf.square(beside) + tf.square(1.0 - here), axis=-1)

    return dict(
        fn=fn,
        start=np.resize([-1.2, 1.0], dim),
        minima=[np.ones(dim)],
        domain=[[-2, 2], [-1, 3]] if dim == 2 else [-2, 2],
        formula="sum 100 (x_(i+1) - x_i^2)^2 + (1 - x_i)^2",
    )


_HIMMELBLAU = [
    [3.0, 2.0],
    [-2.805118086952745, 3.131312518250573],
    [-3.779310253377747, -3.283185991286170],
    [3.584428340330492, -1.848126526964404],
]


@_add("(x1^2 + x2 - 11)^2 + (x1 + x2^2 - 7)^2", [0.0, 0.0], _HIMMELBLAU, [-5, 5])
def himmelblau(x1, x2):
    """Four minima of the same depth."""
    return tf.square(tf.square(x1) + x2 - 11.0) + tf.square(x1 + tf.square(x2) - 7.0)


@_add(
    "(1.5 - x1 + x1 x2)^2 + (2.25 - x1 + x1 x2^2)^2 + (2.625 - x1 + x1 x2^3)^2",
    [1.0, 1.0],
    [[3.0, 0.5]],
    [-4.5, 4.5],
)
def beale(x1, x2):
    """Flat, with steep corners."""
    squared = tf.square(x2)
    first, second = 1.5 - x1 + x1 * x2, 2.25 - x1 + x1 * squared
    third = 2.625 - x1 + x1 * (x2 * squared)
    return tf.square(first) + tf.square(second) + tf.square(third)


@_add("(x1 + 2 x2 - 7)^2 + (2 x1 + x2 - 5)^2", [-8.0, 8.0], [[1.0, 3.0]], [-10, 10])
def booth(x1, x2):
    """A tilted bowl."""
    return tf.square(x1 + 2.0 * x2 - 7.0) + tf.square(2.0 * x1 + x2 - 5.0)


@_add("0.26 (x1^2 + x2^2) - 0.48 x1 x2", [9.0, 4.0], [[0.0, 0.0]], [-10, 10])
def matyas(x1, x2):
    """A long flat valley along x1 = x2."""
    return 0.26 * (tf.square(x1) + tf.square(x2)) - 0.48 * x1 * x2


_SIDE = math.sqrt((4.2 + math.sqrt(4.2**2 - 4 * 3.5)) / 2)  # solves x^4 - 4.2 x^2 + 3.5 = 0
_CAMEL = [[0.0, 0.0], [_SIDE, -_SIDE / 2], [-_SIDE, _SIDE / 2]]


@_add("2 x1^2 - 1.05 x1^4 + x1^6/6 + x1 x2 + x2^2", [0.9, 1.6], _CAMEL, [-2.5, 2.5])
def three_hump_camel(x1, x2):
    """Three minima, on the line x2 = -x1 / 2."""
    squared = tf.square(x1)
    sixth = tf.square(x1 * squared)
    return 2.0 * squared - 1.05 * tf.square(squared) + sixth / 6.0 + x1 * x2 + tf.square(x2)


def rastrigin(dim=2):
    """A bowl with a minimum near every integer point; only the lowest is listed."""
    dim = _checks.whole_number("dim", dim, minimum=1)

    def fn(x):
        waves = 10.0 * tf.cos(2.0 * math.pi * x)
        return 10.0 * dim + tf.reduce_sum(tf.square(x) - waves, axis=-1)

    return dict(
        fn=fn,
        start=np.resize([0.4, -0.3], dim),
        minima=[np.zeros(dim)],
        domain=[-5.12, 5.12],
        formula="10 n + sum x_i^2 - 10 cos(2 pi x_i)",
    )


_LOWEST = np.array([0.5 - math.pi / 3, -0.5 - math.pi / 3])
_MCCORMICK = [_LOWEST, _LOWEST + math.pi]


@_add(
    "sin(x1 + x2) + (x1 - x2)^2 - 1.5 x1 + 2.5 x2 + 1",
    [3.0, -2.0],
    _MCCORMICK,
    [[-1.5, 4], [-3, 4]],
)
def mccormick(x1, x2):
    """Repeats along x1 = x2 every pi, each time higher; two minima lie in the domain."""
    total, difference = x1 + x2, x1 - x2  # -1.5 x1 + 2.5 x2 = 0.5 (x1 + x2) - 2 (x1 - x2)
    return tf.sin(total) + 0.5 * total + tf.square(difference) - 2.0 * difference + 1.0


def styblinski_tang(dim=2):
    """Two minima in each coordinate, the outer roots of 4 x^3 - 32 x + 5; the lower is -2.9035."""
    dim = _checks.whole_number("dim", dim, minimum=1)
    low, _, high = sorted(np.roots([4.0, 0.0, -32.0, 5.0]).real)

    def fn(x):
        squared = tf.square(x)
        return 0.5 * tf.reduce_sum(tf.square(squared) - 16.0 * squared + 5.0 * x, axis=-1)

    return dict(
        fn=fn,
        start=np.resize([0.5, -0.5], dim),
        minima=itertools.product((low, high), repeat=dim) if dim <= 4 else [np.full(dim, low)],
        domain=[-4.5, 4.5],
        formula="1/2 sum x_i^4 - 16 x_i^2 + 5 x_i",
    )


for _family in (bowl, rosenbrock, rastrigin, styblinski_tang):
    CATALOGUE[_family.__name__] = _family
