"""A Keras optimizer of your own

A Keras optimizer is a class with build, which makes its variables, and
update_step, which changes one weight. build stands there. Write update_step of
SGD with momentum: v = momentum * v - learning_rate * gradient, and the weight
moves by v. self.assign(a, b) sets the variable a, self.assign_add adds to it.
The check compares the weights with Keras's to the last bit.
"""

import keras
import tensorflow as tf


class Momentum(keras.optimizers.Optimizer):
    """SGD with momentum."""

    def __init__(self, learning_rate=0.01, momentum=0.9):
        super().__init__(learning_rate=learning_rate)
        self.momentum = momentum

    def build(self, variables):
        super().build(variables)
        self.velocities = [tf.Variable(tf.zeros_like(w)) for w in variables]

    def update_step(self, gradient, variable, learning_rate):
        rate = tf.cast(learning_rate, variable.dtype)
        v = self.velocities[self._get_variable_index(variable)]
        raise NotImplementedError


# ---- answers ----

from tf_gd.exercises.drawing import rate_of
from tf_gd.exercises.exercise import Mistake


class solution(keras.optimizers.Optimizer):
    def __init__(self, learning_rate=0.01, momentum=0.9):
        super().__init__(learning_rate=learning_rate)
        self.momentum = momentum

    def build(self, variables):
        super().build(variables)
        self.velocities = [tf.Variable(tf.zeros_like(w)) for w in variables]

    def update_step(self, gradient, variable, learning_rate):
        rate = tf.cast(learning_rate, variable.dtype)
        v = self.velocities[self._get_variable_index(variable)]
        self.assign(v, self.momentum * v - rate * gradient)
        self.assign_add(variable, v)


def draw(random, number):
    weights = [random.normal(size=shape).astype("float32") for shape in ((3, 4), (4,))]
    gradients = [[random.normal(size=w.shape).astype("float32") for w in weights] for _ in range(5)]
    return {
        "weights": weights,
        "gradients": gradients,
        "learning_rate": rate_of(random),
        "momentum": float(round(random.uniform(0.3, 0.9), 2)),
    }


def results(function, weights, gradients, learning_rate, momentum):
    optimizer = function(learning_rate=learning_rate, momentum=momentum)
    variables = [keras.Variable(w) for w in weights]
    for one in gradients:
        optimizer.apply([tf.constant(g) for g in one], variables)
    return tuple(v.numpy() for v in variables)


def expected(weights, gradients, learning_rate, momentum):
    return results(keras.optimizers.SGD, weights, gradients, learning_rate, momentum)


AFTER = "10_inside_keras_sgd"
CALL = "Momentum(learning_rate={learning_rate}, momentum={momentum}), on two weights"
RETURNS = ("the first weight, after 5 steps", "the second weight, after 5 steps")
WITHIN = 0.0
IDEA = "self.assign(v, self.momentum * v - rate * gradient), and then self.assign_add(variable, v)."
LINE = "self.assign(v"
MISTAKES = [
    Mistake(
        "the rate outside of the velocity: equal on paper, but rounded to other bits",
        "self.assign(v, self.momentum * v - rate * gradient)\n        self.assign_add(variable, v)",
        "self.assign(v, self.momentum * v + gradient)\n        self.assign_sub(variable, rate * v)",
    ),
    Mistake(
        "dampened: (1 - momentum) times the gradient",
        "rate * gradient",
        "(1 - self.momentum) * rate * gradient",
    ),
    Mistake(
        "the velocity is never kept: self.assign(v, ...)",
        "        self.assign(v, self.momentum * v - rate * gradient)\n",
        "        v = self.momentum * v - rate * gradient\n",
    ),
    Mistake(
        "the weight moves by the old velocity",
        "        self.assign(v, self.momentum * v - rate * gradient)\n        self.assign_add(variable, v)",
        "        self.assign_add(variable, v)\n        self.assign(v, self.momentum * v - rate * gradient)",
    ),
    Mistake(
        "the sign of the move is turned", "self.assign_add(variable", "self.assign_sub(variable"
    ),
    Mistake(
        "Nesterov's form, which SGD has only with nesterov=True",
        "self.assign_add(variable, v)",
        "self.assign_add(variable, self.momentum * v - rate * gradient)",
    ),
    Mistake("the weight is never changed", "        self.assign_add(variable, v)\n", ""),
    Mistake("it goes uphill: the gradient is added to the velocity", "v - rate", "v + rate"),
]
