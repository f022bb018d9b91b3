"""One step of gradient descent

The gradient points where f rises fastest. Go the other way, learning_rate times
as far as the gradient is long. Return the new point. This is the whole of
gradient descent; all that follows repeats it.
"""

import tensorflow as tf


def step(f, x, learning_rate):
    """Return the point after one step from x, a tensor of the shape of x."""
    raise NotImplementedError


# ---- answers ----
from tf_gd.exercises.drawing import bowl, path_of, rate_of, start_of
from tf_gd.exercises.exercise import Mistake


def solution(f, x, learning_rate):
    x = tf.Variable(x)
    with tf.GradientTape() as tape:
        y = f(x)
    return x - learning_rate * tape.gradient(y, x)


def draw(random, number):
    return {"f": bowl(random), "x": start_of(random), "learning_rate": rate_of(random, 0.4)}


def expected(f, x, learning_rate):
    return path_of(f, x, learning_rate, 1)[-1]


AFTER = "04_which_way_is_down"
RETURNS = "the new point"
IDEA = "new x = x - learning_rate * gradient."
LINE = "return"
MISTAKES = [
    Mistake("it goes uphill: the gradient is added", "x - learning_rate", "x + learning_rate"),
    Mistake("the learning rate is left out", "learning_rate * ", ""),
    Mistake(
        "only the step is returned, not the point that it leads to",
        "x - learning_rate",
        "-learning_rate",
    ),
    Mistake(
        "divided by the learning rate",
        "x - learning_rate * tape.gradient(y, x)",
        "x - tape.gradient(y, x) / learning_rate",
    ),
    Mistake(
        "x is returned as it was", "return x - learning_rate * tape.gradient(y, x)", "return x"
    ),
    Mistake("the value of f is subtracted, not its gradient", "tape.gradient(y, x)", "y"),
]
