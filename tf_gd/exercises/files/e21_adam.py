"""Adam's four lines

m is a moving average of the gradients, v of their squares; both start at 0:
    m = beta_1 m + (1 - beta_1) g      v = beta_2 v + (1 - beta_2) g^2
At first both are too small, by 1 - beta^t in step t = 1, 2 ... So Keras has
    rate = learning_rate * sqrt(1 - beta_2^t) / (1 - beta_1^t)
    w = w - rate * m / (sqrt(v) + epsilon)
Return w after one step for each of the gradients.
"""

import numpy as np


def adam(w, gradients, learning_rate, beta_1, beta_2, epsilon):
    """Return the weight after all steps; w and each gradient are arrays."""
    m, v = np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(gradients, start=1):
        raise NotImplementedError("four lines")
    return w


# ---- answers ----
import keras

from tf_gd.exercises.drawing import rate_of
from tf_gd.exercises.exercise import Mistake


def solution(w, gradients, learning_rate, beta_1, beta_2, epsilon):
    m, v = np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(gradients, start=1):
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        rate = learning_rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
        w = w - rate * m / (np.sqrt(v) + epsilon)
    return w


def draw(random, number):
    gradients = [random.normal(size=3).astype("float32") for _ in range(int(random.integers(2, 6)))]
    beta_1, beta_2, epsilon = np.round(
        random.uniform((0.6, 0.9, 0.01), (0.85, 0.99, 0.1)), 2
    ).tolist()
    return {
        "w": random.normal(size=3).astype("float32"),
        "gradients": gradients,
        "learning_rate": rate_of(random),
        "beta_1": beta_1,
        "beta_2": beta_2,
        "epsilon": epsilon,
    }


def expected(w, gradients, learning_rate, beta_1, beta_2, epsilon):
    optimizer = keras.optimizers.Adam(learning_rate, beta_1, beta_2, epsilon)
    variable = keras.Variable(w)
    for g in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(g)], [variable])
    return variable.numpy()


AFTER = "18_adaptive_steps"
RETURNS = "the weight"
IDEA = "m, v, the rate of this step, and w: one line each, in this order."
LINE = "rate ="
MISTAKES = [
    Mistake(
        "the correction of the bias is left out", " * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)", ""
    ),
    Mistake("the correction of the second moment is left out", " * np.sqrt(1 - beta_2**t)", ""),
    Mistake("the correction of the first moment is left out", " / (1 - beta_1**t)", ""),
    Mistake("the square root of v is left out", "np.sqrt(v)", "v"),
    Mistake("epsilon inside the root", "(np.sqrt(v) + epsilon)", "np.sqrt(v + epsilon)"),
    Mistake(
        "epsilon as in the paper, added after the correction",
        "rate * m / (np.sqrt(v) + epsilon)",
        "learning_rate * m / (1 - beta_1**t) / (np.sqrt(v / (1 - beta_2**t)) + epsilon)",
    ),
    Mistake(
        "t stands still: the correction of the first step in every step",
        "t, g in enumerate(gradients, start=1)",
        "t, g in zip([1] * 99, gradients)",
    ),
    Mistake(
        "the two betas are swapped",
        "m = beta_1 * m + (1 - beta_1) * g\n        v = beta_2 * v + (1 - beta_2) * g**2",
        "m = beta_2 * m + (1 - beta_2) * g\n        v = beta_1 * v + (1 - beta_1) * g**2",
    ),
    Mistake(
        "v is an average of |g|, not of g^2", "(1 - beta_2) * g**2", "(1 - beta_2) * np.abs(g)"
    ),
    Mistake(
        "m and v are sums: the factors 1 - beta are left out",
        "m = beta_1 * m + (1 - beta_1) * g\n        v = beta_2 * v + (1 - beta_2) * g**2",
        "m = beta_1 * m + g\n        v = beta_2 * v + g**2",
    ),
]
