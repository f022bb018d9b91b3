"""
14 What does model.fit do with my network?
==========================================

The same as the loop of page 13. This page types a Keras model's training step,
compiles it, then lets ``fit`` do it.

*Follows slide 17 "solving problems in practice". You need pages 10 and 13.*
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow()

import time

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from tf_gd import claim, datasets, show

data = datasets.digits()
learning_rate, batch_size, epochs = 0.1, 32, 3
loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def build_model():
    keras.utils.set_random_seed(0)  # the same weights to begin with, every time
    layers = [keras.layers.Dense(64, activation="relu"), keras.layers.Dense(10)]
    return keras.Sequential([keras.layers.Input((64,)), *layers])


# %%
# The training step
# -----------------
# ``training=True`` is for layers such as Dropout. ``model.losses`` are penalties on
# large weights; none here. ``from_logits``: softmax is in the loss.
def train_step(model, x, y):
    with tf.GradientTape() as tape:
        scores = model(x, training=True)
        loss = loss_fn(y, scores) + sum(model.losses)
    gradients = tape.gradient(loss, model.trainable_variables)
    for w, gradient in zip(model.trainable_variables, gradients, strict=True):
        w.assign_sub(learning_rate * gradient)
    return loss


# %%
# The loop of page 12, in the order of the data.
def train(step, model):
    for epoch in range(epochs):
        start = time.perf_counter()
        for first in range(0, len(data.x_train), batch_size):
            batch = slice(first, first + batch_size)
            loss = step(model, data.x_train[batch], data.y_train[batch])
    print(f"loss of the last batch {loss:.4f}")
    return (time.perf_counter() - start) / 45  # of the last epoch's 45 steps


# %%
# Without Keras, as on page 13.
def raw_step(variables, x, y):
    with tf.GradientTape() as tape:
        W1, b1, W2, b2 = variables
        scores = tf.nn.relu(x @ W1 + b1) @ W2 + b2
        each = tf.nn.sparse_softmax_cross_entropy_with_logits(y, scores)
        loss = tf.reduce_mean(each)
    gradients = tape.gradient(loss, variables)
    for variable, gradient in zip(variables, gradients, strict=True):
        variable.assign_sub(learning_rate * gradient)
    return loss


# %%
# Five ways
# ---------
# ``tf.function`` records the step as a graph (page 15). So does ``model.fit``, and
# runs it from Python, batch after batch. ``tf_gd.fit`` puts the whole epoch into
# the graph. (``keras.Model.fit(model, ...)`` is ``model.fit(...)``.) Under
# ``exact_arithmetic`` TensorFlow does not rearrange a graph, so that even the last
# bits can be compared.
seconds, weights = {}, {}
with tf_gd.exact_arithmetic():
    raw = [tf.Variable(weight) for weight in build_model().get_weights()]
    seconds["tensors, line by line"] = train(raw_step, raw)
    weights["tensors, line by line"] = [variable.numpy() for variable in raw]
    compiled = tf.function(train_step)
    steps = {"Keras, line by line": train_step, "Keras, tf.function": compiled}
    for name, step in steps.items():
        model = build_model()
        seconds[name] = train(step, model)
        weights[name] = model.get_weights()
    for name, fit in (("model.fit", keras.Model.fit), ("tf_gd.fit", tf_gd.fit)):
        model = build_model()
        model.compile(optimizer=keras.optimizers.SGD(learning_rate), loss=loss_fn)
        run = dict(batch_size=batch_size, shuffle=False, verbose=0)
        fit(model, data.x_train, data.y_train, epochs=2, **run)  # compiles
        start = time.perf_counter()
        last = fit(model, data.x_train, data.y_train, **run)
        seconds[name] = (time.perf_counter() - start) / 45
        weights[name] = model.get_weights()

# %%
# All the same weights? The distance is that of the weight that differs most.
apart = {}
for name, found in weights.items():
    pairs = zip(found, weights["model.fit"], strict=True)
    apart[name] = max(np.abs(a - b).max() for a, b in pairs)
    print(f"{name:21} {1e6 * seconds[name]:6.0f} us, apart {apart[name]:.1e}")
claim("largest distance to model.fit", max(apart.values()), 0.0, within=1e-6)

with plt.style.context(show.STYLE):
    ax = plt.subplots(figsize=(7, 3))[1]
microseconds = [1e6 * value for value in seconds.values()]
ax.bar_label(ax.barh(list(seconds), microseconds), fmt=" {:,.0f} us")
ax.set(xscale="log", xlabel="microseconds a step", title="One step, one network")
ax.set_xlim(right=4 * max(microseconds))
ax.invert_yaxis()
show.save(ax, "14_ladder.png")

# %%
# Each bar is the same update :math:`w \leftarrow w - 0.1\,\nabla_w \ell`, l the
# loss. What differs is when Python is asked: each operation, step, or epoch.
#
# To try
# ------
# 1. Why is the loss that ``fit`` reports higher than ``evaluate`` says after it?
#
#    .. dropdown:: Answer
#
#       It is a mean over batches, each before its update.
#
#       >>> after = model.evaluate(data.x_train, data.y_train, verbose=0)
#       >>> after < last.history["loss"][0]
#       True
#
# 2. Write the update of ``train_step`` with Keras's optimizer.
#
#    .. dropdown:: Answer
#
#       >>> with tf.GradientTape() as tape:
#       ...     loss = loss_fn(data.y_train, model(data.x_train, training=True))
#       >>> gradients = tape.gradient(loss, model.trainable_variables)
#       >>> keras.optimizers.SGD(0.1).apply(gradients, model.trainable_variables)
#       >>> bool(loss_fn(data.y_train, model(data.x_train)) < loss)
#       True
