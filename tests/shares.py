"""A model to train on several replicas, and what one process makes of it that adds the gradients of two shares."""

import keras
import numpy as np
import tensorflow as tf

import tf_gd

X = np.random.default_rng(1).normal(size=(50, 6)).astype("float32")  # 3 batches of 16, and 2 samples
Y = np.tanh(X[:, :2]).astype("float32")
SGD = keras.optimizers.SGD
OPTIMIZERS = {
    "plain": lambda: SGD(0.1),
    "momentum": lambda: SGD(0.1, momentum=0.9),
    "Nesterov": lambda: SGD(0.1, momentum=0.9, nesterov=True),
    "weight decay": lambda: SGD(0.1, weight_decay=0.05),
    "clipnorm": lambda: SGD(0.1, clipnorm=0.1),
    "global_clipnorm": lambda: SGD(0.1, global_clipnorm=0.1),
    "clipvalue": lambda: SGD(0.1, clipvalue=0.02),
    "accumulation": lambda: SGD(0.1, momentum=0.9, gradient_accumulation_steps=3),
    "moving average": lambda: SGD(0.1, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=3),
    "schedule": lambda: SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 3, 0.5)),
    "Adam": lambda: keras.optimizers.Adam(0.01, global_clipnorm=0.1),
    "Lion": lambda: keras.optimizers.Lion(0.01, weight_decay=0.05, clipnorm=0.1, use_ema=True, ema_momentum=0.8),
    "by hand": lambda: tf_gd.ManualSGD(0.1, momentum=0.9, global_clipnorm=0.2),
}


def build(optimizer, loss="mse", **layer):
    keras.utils.set_random_seed(4)
    hidden = keras.layers.Dense(5, "tanh", kernel_regularizer="l2", **layer)
    model = keras.Sequential([keras.Input((6,)), hidden, keras.layers.Dense(2)])
    model.compile(optimizer(), loss, metrics=["mae"])
    return model


def weights(model):
    return [keras.ops.convert_to_numpy(variable) for variable in [*model.variables, *model.optimizer.variables]]


def one_process_that_adds_two_shares(name):
    """Return a model trained for two epochs by Keras's own optimizer, on the sum of two shares' gradients."""
    alone = build(OPTIMIZERS[name])
    alone.optimizer.build(alone.trainable_variables)

    @tf.function
    def share(x, y, everywhere):
        with tf.GradientTape() as tape:
            errors = tf.reduce_sum(tf.reduce_mean(tf.square(y - alone(x, training=True)), axis=-1))
            loss = errors / everywhere + sum(alone.losses) / 2.0
        return tape.gradient(loss, [v.value for v in alone.trainable_variables])

    @tf.function
    def apply(gradients):
        alone.optimizer.apply(gradients, alone.trainable_variables)

    for _ in range(2):
        for first in range(0, 50, 16):
            x, y = X[first : first + 16], Y[first : first + 16]
            half = (len(x) + 1) // 2
            count = tf.constant(float(len(x)))
            one, other = share(x[:half], y[:half], count), share(x[half:], y[half:], count)
            apply([a + b for a, b in zip(one, other, strict=True)])
    alone.optimizer.finalize_variable_values(alone.trainable_variables)
    return alone
