"""Training steps by hand, right, and wrong in one way each, as users write them; with models and data to run them on."""

import keras
import numpy as np
import tensorflow as tf

GENERATOR = np.random.default_rng(1)
X = GENERATOR.normal(size=(44, 6)).astype("float32")
Y = GENERATOR.normal(size=(44, 2)).astype("float32")
ONE = GENERATOR.normal(size=44).astype("float32")
LABELS = GENERATOR.integers(0, 3, 44)
SCHEDULE = keras.optimizers.schedules.ExponentialDecay(0.05, 1, 0.7)
SETTINGS = dict(batch_size=8, steps=8)  # five full batches, one of four, and two of the next epoch


def model_of(*layers):
    return lambda: keras.Sequential([keras.layers.Input((6,)), *(make() for make in layers)])


def dense(size, activation=None, **options):
    return lambda: keras.layers.Dense(size, activation, **options)


plain = model_of(dense(6, "tanh"), dense(2))
one_out = model_of(dense(5, "tanh"), dense(1))
classes = model_of(dense(5, "tanh"), dense(3))
regularised = model_of(dense(5, "tanh", kernel_regularizer="l2"), dense(2))
dropout = model_of(dense(9, "tanh"), lambda: keras.layers.Dropout(0.5, seed=1), dense(2))
normalised = model_of(dense(9), keras.layers.BatchNormalization, dense(2))
frozen = model_of(lambda: keras.layers.Dense(6, "tanh", trainable=False), dense(2))
same_shapes = model_of(dense(6, "tanh"), dense(6, "tanh"), dense(6))
one_weight_a_layer = model_of(dense(1, trainable=False), dense(1, use_bias=False), dense(1, use_bias=False))
named = model_of(dense(5, "tanh"), dense(4, "tanh", name="p"), dense(2, name="q"))
constrained = model_of(dense(5, "tanh", kernel_constraint=keras.constraints.UnitNorm()), dense(2))


def squared_error(y, prediction):
    return tf.reduce_mean((y - prediction) ** 2)


class Loop:
    """A loop by hand that is right, to be made wrong in one way or another."""

    def __init__(self, rate=0.05, momentum=0.0, nesterov=False, **wrong):
        self.rate, self.momentum, self.nesterov, self.wrong = rate, momentum, nesterov, wrong
        self.velocities, self.step = {}, 0

    def loss(self, model, x, y, prediction):
        return squared_error(y, prediction) + sum(model.losses)

    def __call__(self, model, x, y):
        if len(x) < 8 and self.wrong.get("drop"):
            return 0.0
        training = self.wrong.get("training", True)
        variables = model.variables if self.wrong.get("all") else model.trainable_variables
        for _ in range(self.wrong.get("calls_before", 0)):
            model(x, training=True)
        with tf.GradientTape() as tape:
            loss = self.wrong.get("loss", Loop.loss)(self, model, x, y, model(x, training=training))
        gradients = self.wrong.get("gradients", lambda g, w: g)(tape.gradient(loss, variables), variables)
        rate = self.wrong.get("rate", lambda step: self.rate(step) if callable(self.rate) else self.rate)(self.step)
        for w, g in zip(variables, gradients, strict=True):
            if self.wrong.get("skip", "nothing") in w.path:
                continue
            self.update(w, g, rate)
        self.step += 1
        return self.wrong.get("report", lambda model, x, y, loss: loss)(model, x, y, loss)

    def update(self, w, g, rate):
        self.wrong.get("update", Loop.keras_update)(self, w, tf.convert_to_tensor(g), rate)

    def velocity(self, w):
        key = self.wrong.get("key", lambda w: w.path)(w)
        return self.velocities.setdefault(key, tf.Variable(tf.zeros_like(w)))

    def keras_update(self, w, g, rate):
        if not self.momentum:
            w.assign_sub(rate * g)
            return
        v = self.velocity(w)
        v.assign(self.momentum * v - rate * g)
        w.assign_add(self.momentum * v - rate * g if self.nesterov else v)

    def pytorch_update(self, w, g, rate):
        v = self.velocity(w)
        v.assign(self.momentum * v + g)
        w.assign_sub(rate * v)

    def dampened_update(self, w, g, rate):
        v = self.velocity(w)
        v.assign(self.momentum * v + (1 - self.momentum) * g)
        w.assign_sub(rate * v)

    def forgetful_update(self, w, g, rate):
        v = -rate * g
        w.assign_add(self.momentum * v - rate * g)


def decaying(how, amount):
    def update(loop, w, g, rate):
        if how == "coupled":
            loop.keras_update(w, g + amount * w, rate)
        elif how == "after":
            loop.keras_update(w, g, rate)
            w.assign_sub(rate * amount * w)
        elif how == "without rate":
            loop.keras_update(w, g, rate)
            w.assign_sub(amount * w)
        else:
            w.assign_sub(rate * amount * w)
            loop.keras_update(w, g, rate)

    return update


def sgd(rate=0.05, **options):
    return keras.optimizers.SGD(rate, **options)


def mse(reduce):
    return lambda loop, model, x, y, prediction: reduce((y - prediction) ** 2, x)


def look_ahead(momentum):
    """Nesterov's own form: the gradient where the velocity leads, the weights where it started."""
    velocities = {}

    def train_step(model, x, y):
        variables = model.trainable_variables
        vs = [velocities.setdefault(w.path, tf.Variable(tf.zeros_like(w))) for w in variables]
        for w, v in zip(variables, vs, strict=True):
            w.assign_add(momentum * v)
        with tf.GradientTape() as tape:
            loss = squared_error(y, model(x, training=True))
        for w, v, g in zip(variables, vs, tape.gradient(loss, variables), strict=True):
            w.assign_sub(momentum * v)
            v.assign(momentum * v - 0.05 * g)
            w.assign_add(v)
        return loss

    return train_step


def accumulated(model, x, y):
    with tf.GradientTape() as tape:
        loss = squared_error(y, model(x, training=True))
    for w, g in zip(model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True):
        w.assign_sub(0.05 * g)
    return loss


def other_batches(order):
    batches, loop = [(X[i * 8 : i * 8 + 8], Y[i * 8 : i * 8 + 8]) for i in range(5)], Loop()
    order = iter(order)
    return lambda model, x, y: loop(model, *batches[next(order)])


def cross_entropy(**options):
    return lambda loop, model, x, y, p: keras.losses.SparseCategoricalCrossentropy(**options)(y, p)


def clip_each(limit):
    return lambda gradients, variables: [tf.clip_by_norm(g, limit) for g in gradients]


def clip_all(limit):
    return lambda gradients, variables: tf.clip_by_global_norm(gradients, limit)[0]


def clip_after_decay(limit, amount):
    return lambda gradients, variables: tf.clip_by_global_norm(
        [g + amount * w for g, w in zip(gradients, variables, strict=True)], limit
    )[0]


WARM_UP = keras.optimizers.schedules.CosineDecay(0.0, 50, warmup_target=0.1, warmup_steps=5)
LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
M = {"momentum": 0.9}
N = {"momentum": 0.9, "nesterov": True}
