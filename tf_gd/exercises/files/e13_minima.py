"""All the minima

Himmelblau's function has four minima, here moved to another place. Descend from
every start, round the ends to one decimal, and return each minimum once. The
starts are an array (n, 2), and f takes one point. np.unique(ends, axis=0) keeps
one of equal rows.
"""

import numpy as np
import tensorflow as tf


def minima(f, starts, learning_rate, steps):
    """Return the minima, an array of shape (4, 2), in any order."""
    raise NotImplementedError


# ---- answers ----
from tf_gd.exercises.exercise import Mistake


def solution(f, starts, learning_rate, steps):
    ends = []
    for start in starts:
        x = tf.Variable(start)
        for _ in range(steps):
            with tf.GradientTape() as tape:
                y = f(x)
            x.assign_sub(learning_rate * tape.gradient(y, x))
        ends.append(x.numpy())
    return np.unique(np.round(ends, 1), axis=0)


class Moved:
    """Himmelblau's function, moved."""

    def __init__(self, by):
        self.by = by

    def __call__(self, x):
        a, b = x[0] - self.by[0], x[1] - self.by[1]
        return (a**2 + b - 11) ** 2 + (a + b**2 - 7) ** 2

    def __str__(self):
        return f"<Himmelblau's function moved by {[round(float(b), 2) for b in self.by]}>"


# Himmelblau 1972; to seven decimals in many tables.
PUBLISHED = np.array(
    [[3.0, 2.0], [-2.805118, 3.131312], [-3.779310, -3.283186], [3.584428, -1.848126]]
)


def draw(random, number):
    # By tenths, less 0.02: so no minimum lies where rounding turns.
    by = (np.round(random.uniform(-2, 2, 2), 1) - [0.0, 0.02]).astype("float32")
    near = [point + random.uniform(-0.2, 0.2, 2) for point in PUBLISHED]
    again = near[int(random.integers(4))] + random.uniform(-0.25, 0.25, 2)
    starts = (np.stack([*near, again]) + by).astype("float32")
    return {
        "f": Moved(by),
        "starts": random.permutation(starts),
        "learning_rate": 0.012,
        "steps": 12,
    }


def expected(f, starts, learning_rate, steps):
    ends = np.round(PUBLISHED + f.by, 1)
    return ends[np.lexsort(ends.T[::-1])]


def results(function, **given):
    ends = np.asarray(function(*given.values()), "float64")
    return ends[np.lexsort(ends.T[::-1])] if ends.ndim == 2 and ends.shape[-1] == 2 else ends


AFTER = "09_where_do_we_converge"
RETURNS = "the minima, in the order of their first coordinates"
DRAWS = 1
IDEA = "A loop over the starts around the loop of the steps; then np.unique(np.round(ends, 1), axis=0)."
LINE = "np.unique"
MISTAKES = [
    Mistake(
        "each minimum as often as it was reached",
        "np.unique(np.round(ends, 1), axis=0)",
        "np.round(ends, 1)",
    ),
    Mistake(
        "not rounded: ends that differ in the last bit count as two", "np.round(ends, 1)", "ends"
    ),
    Mistake("only the first start", "in starts:", "in starts[:1]:"),
    Mistake(
        "the starts are returned, not the ends", "ends.append(x.numpy())", "ends.append(start)"
    ),
    Mistake("a single step from each start", "range(steps)", "range(1)"),
    Mistake(
        "rounded to whole numbers: that moves the minima", "np.round(ends, 1)", "np.round(ends)"
    ),
    Mistake("np.unique without axis=0 takes the numbers apart", ", axis=0", ""),
]
