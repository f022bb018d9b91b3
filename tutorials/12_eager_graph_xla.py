"""
Eager, graph, XLA: where does the time go?
==========================================

One step of gradient descent on two variables is a dozen multiplications: nanoseconds. Run line by line from Python it
takes a millisecond. This tutorial runs the same loop in three ways, looks at what each costs, and shows the two traps
of compiling: doing it again and again, and expecting the same last bits.

*Follows the slide "Why TensorFlow".*
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow()

import time

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from tf_gd import claim, datasets, predicted_and_measured, show

# %%
# Three ways to run one loop
# --------------------------
# *Eager*: Python calls TensorFlow for every operation, some twenty for a step. *Graph*: ``tf.function`` records the
# operations once, the loop included, and TensorFlow goes through them without Python. *XLA* compiles the graph into
# machine code, and of the dozen multiplications nothing is left but a dozen multiplications.
steps = {"eager": 300, "graph": 10_000, "xla": 300_000}
microseconds, paths = {}, {}
for mode, count in steps.items():
    run = dict(learning_rate=1e-3, momentum=0.9, mode=mode, record_every=100)
    tf_gd.gradient_descent("rosenbrock", steps=count, **run)  # compiles, where there is something to compile
    path = tf_gd.gradient_descent("rosenbrock", steps=count, **run)
    microseconds[mode] = path.seconds / count * 1e6
    paths[mode] = path
    claim(f"{mode}: updates made", measured=path.steps, expected=count)

# %%
# The same numbers?
# -----------------
# A graph computes what is written, and gives the bits that Python gives. XLA is free to round ``a * b + c`` once
# instead of twice. That is more exact, and not the same: the paths part in the last digits, and stay together in all
# that matters. So bits are compared within one mode only.
eager, graph, xla = (paths[mode].points[:4] for mode in ("eager", "graph", "xla"))
claim("graph and eager, the first 300 steps: largest difference", measured=np.abs(graph - eager).max(), expected=0.0)
claim("XLA and eager, the first 300 steps: largest difference", np.abs(xla - eager).max(), expected=0.0, within=1e-4)
for mode in ("eager", "graph", "xla"):
    same = tf_gd.compare("rosenbrock", learning_rate=1e-3, momentum=0.9, steps=200, mode=mode)
    claim(f"by hand and keras.optimizers.SGD, both {mode}: distance in ULP", measured=same.max_ulp, expected=0)

# %%
# Compiling once
# --------------
# Compiling takes a good part of a second. ``tf.function`` does it again for every new Python number it is given, since a
# Python number is baked into the program; a tensor is an argument of it. The list grows whenever Python runs the body.
traced = []


@tf.function
def step(x, learning_rate):
    traced.append(learning_rate)
    return x - learning_rate * 2.0 * x


x = tf.constant(1.0)
for rate in (0.1, 0.2, 0.3):
    x = step(x, rate)
claim("programs for three learning rates, as Python numbers", measured=len(traced), expected=3)
claim("and x went the right way: 0.8 * 0.6 * 0.4", measured=x, expected=0.192, within=1e-6)

traced.clear()
for rate in (0.1, 0.2, 0.3):
    x = step(x, tf.constant(rate))
claim("programs for three learning rates, as tensors", measured=len(traced), expected=1)

# %%
# In ``tf_gd`` rates, momentum and the number of steps are tensors. A sweep over a hundred rates compiles once.
#
# A network
# ---------
# ``model.fit`` compiles one step, and returns to Python after each for callbacks and the progress bar. ``tf_gd.fit``
# compiles the whole epoch, with the same steps in it. On a small network the way to Python and back was most of the
# time.
data = datasets.digits()


def train(fit, epochs, **how):
    keras.utils.set_random_seed(0)
    model = datasets.mlp()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss=loss)
    run = dict(batch_size=32, shuffle=False, verbose=0, **how)
    fit(model, data.x_train, data.y_train, epochs=1, **run)  # compiles
    start = time.perf_counter()
    history = fit(model, data.x_train, data.y_train, epochs=epochs, **run)
    seconds = time.perf_counter() - start
    return seconds / (epochs * 45) * 1e6, model.get_weights(), history


microseconds["model.fit"], theirs, _ = train(keras.Model.fit, epochs=4)
_, ours, history = train(tf_gd.fit, epochs=4, mode="xla")
microseconds["tf_gd.fit"], _, _ = train(tf_gd.fit, epochs=40, mode="xla")
claim("the mode in which tf_gd.fit ran", measured=history.params["mode"], expected="xla")
apart = max(np.abs(a - b).max() for a, b in zip(ours, theirs, strict=True))
claim("weights after 5 epochs, tf_gd.fit with XLA and model.fit without", apart, expected=0.0, within=5e-6)

# %%
# The time of one step, on this machine, in this run; each gridline is ten times the one before.
with plt.style.context(show.STYLE):
    _figure, ax = plt.subplots(figsize=(6.4, 3.2))
colors = ["#0072B2"] * 3 + ["#D55E00", "#0072B2"]
names = ["Rosenbrock, eager", "Rosenbrock, graph", "Rosenbrock, XLA", "MLP, model.fit", "MLP, tf_gd.fit"]
bars = ax.barh(names, list(microseconds.values()), color=colors)
ax.bar_label(bars, [f" {value:,.0f} us" if value > 100 else f" {value:.2g} us" for value in microseconds.values()])
ax.set(xscale="log", xlabel="microseconds a step", xlim=(0.005, 3e4))
ax.invert_yaxis()
show.save(ax, "12_speed.png")
print(predicted_and_measured())

# %%
# To try
# ------
# 1. Which of the bars changes most with a hidden layer of 512 instead of 64? Why?
# 2. Change the learning rate between two runs. Does anything compile again?
# 3. Time ``tf_gd.fit`` with a callback that has ``on_train_batch_end``. What does hearing every batch cost?
