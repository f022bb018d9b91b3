"""
15 Where does the time go?
==========================

One step on two variables is a dozen multiplications: nanoseconds. Typed in Python
it takes a millisecond. This page runs the same loop in three ways, shows what each
costs, and two traps of compiling: to do it again and again, and to expect the same
last bits.

*Follows slide 17 "solving problems in practice". You need pages 05 and 14.*
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow()

import time

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from tf_gd import claim, show


def f(x):
    return 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2


# %%
# One loop, three ways
# --------------------
# The loop of page 05, with ``tf.range``, and a new tensor ``x`` in each step.
def descend(x, learning_rate, steps):
    for k in tf.range(steps):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = f(x)
        gradient = tape.gradient(loss, x)
        x = x - learning_rate * gradient
    return x


# %%
# *Eager*: Python calls TensorFlow for each operation, some twenty in a step.
# *Graph*: ``tf.function`` records the operations once, the loop included, and runs
# them without Python. *XLA*: ``jit_compile`` makes machine code of it.
ways = {
    "eager": descend,
    "graph": tf.function(descend),
    "XLA": tf.function(descend, jit_compile=True),
}
start, rate = tf.constant([-1.2, 1.0]), tf.constant(0.001)
ends, microseconds, first_call = {}, {}, {}
for name, run in ways.items():
    begin = time.perf_counter()
    ends[name] = run(start, rate, tf.constant(200)).numpy()
    first_call[name] = time.perf_counter() - begin
    steps = 200 if name == "eager" else 20_000
    begin = time.perf_counter()
    run(start, rate, tf.constant(steps)).numpy()
    microseconds[name] = 1e6 * (time.perf_counter() - begin) / steps
    print(f"{name:5}: first call {first_call[name]:.2f} s,", end=" ")
    print(f"then {microseconds[name]:8.3f} us a step, ends at {ends[name]}")
faster = microseconds["eager"] / microseconds["XLA"]
claim("XLA, times as fast as eager", faster, 100, at_least=True)

with plt.style.context(show.STYLE):
    ax = plt.subplots(figsize=(6.4, 2.6))[1]
ax.bar_label(ax.barh(list(ways), list(microseconds.values())), fmt=" {:,.1f} us")
ax.set(xscale="log", xlabel="microseconds a step", title="Rosenbrock's function")
ax.set_xlim(right=20 * microseconds["eager"])
ax.invert_yaxis()
show.save(ax, "15_three_ways.png")

# %%
# The update :math:`x - \eta \nabla f(x)` is the same; each gridline is ten times
# the one before. In ``tf_gd`` this is the argument ``mode``: "eager", "graph",
# "xla", or "auto", which takes the fastest that compiles.
settings = dict(learning_rate=0.001, steps=200, record_every=200)
for mode in ("eager", "graph", "xla"):
    path = tf_gd.gradient_descent(f, [-1.2, 1.0], mode=mode, **settings)
    print(f"{mode:5}", path.final)

# %%
# The same bits?
# --------------
# XLA may compute :math:`a b + c` with one rounding in place of two. That is more
# exact, and not the same. So compare bits within one way only, and say which.
apart = {
    name: float(np.abs(end - ends["eager"]).max()) for name, end in ends.items()
}
print("distance to eager:", apart)
claim("graph and XLA end near eager", list(apart.values()), 0.0, within=1e-5)

# %%
# Compiling again and again
# -------------------------
# ``tf.function`` makes a new graph for each new *Python number*, because it writes
# the number into the graph. A tensor is an argument of the graph. The list below
# grows whenever Python runs the body of the function.
traced = []


@tf.function
def step(x, learning_rate):
    traced.append(learning_rate)
    return x - learning_rate * 2.0 * x


x = tf.constant(1.0)
for rate in (0.1, 0.2, 0.3):
    x = step(x, rate)
as_numbers = len(traced)
for rate in (0.1, 0.2, 0.3):
    x = step(x, tf.constant(rate))
as_tensors = len(traced) - as_numbers
print(f"graphs for three rates: {as_numbers} as numbers, {as_tensors} as tensors")

# %%
# ``tf_gd`` hands rates, momentum and steps over as tensors: a hundred rates compile
# once.
#
# To try
# ------
# 1. What happens if you call ``step`` with a tensor of another shape?
#
#    .. dropdown:: Answer
#
#       It is traced once more: a graph is made for one shape and one type.
#
#       >>> before = len(traced)
#       >>> _ = step(tf.constant([1.0, 2.0]), tf.constant(0.1))
#       >>> len(traced) - before
#       1
#
# 2. Would a ``print`` in ``step`` print at each call?
#
#    .. dropdown:: Answer
#
#       No. Like ``traced.append`` it is Python, which runs when the graph is made,
#       and not after. ``tf.print`` is in the graph.
#
#       >>> before = len(traced)
#       >>> for _ in range(5):
#       ...     _ = step(tf.constant([1.0, 2.0]), tf.constant(0.1))
#       >>> len(traced) - before
#       0
