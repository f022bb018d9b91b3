"""
06 How long should a step be?
=============================

The gradient says which way to go. How far is up to us: the learning rate. Too
small, and the walk takes for ever; too large, and it jumps over the valley and out
of it. This page runs four rates, finds the border, and lets the rate change.

*Follows slide 15 "the learning rate". You need pages 02 and 04.* Under your hand:
``tf-gd explore square --start=10 --learning-rate=1.1 --steps=10``
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow()

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from tf_gd import claim, show

L = 4.0


def f(x):
    return 0.5 * L * x**2


# %%
# Four rates
# ----------
# L is the curvature: :math:`f''(x) = L` everywhere. A step makes :math:`x - \eta L
# x = (1 - \eta L)\,x` of :math:`x`, so everything depends on the factor :math:`1 -
# \eta L`.
def walk(learning_rates, start=1.0):
    x = tf.Variable(start)
    path = [x.numpy()]
    for learning_rate in learning_rates:
        with tf.GradientTape() as tape:
            loss = f(x)
        gradient = tape.gradient(loss, x)
        x.assign_sub(learning_rate * gradient)
        path.append(x.numpy())
    return np.array(path)


rates = [0.2 / L, 1.0 / L, 1.8 / L, 2.2 / L]
paths = [walk([rate] * 6) for rate in rates]
print(" k" + "".join(f"  rate {rate:<5.3g}" for rate in rates))
for k in range(7):
    print(f"{k:2}" + "".join(f"{path[k]:12.4f}" for path in paths))
ends, factors = [path[-1] for path in paths], 1 - np.array(rates) * L
claim("six steps, six factors", ends, factors**6, within=1e-5)

# %%
# The first creeps. The second arrives in one step: the rate is :math:`1/L`. The
# third jumps to and fro, and still arrives. The fourth jumps farther each time.
with plt.style.context(show.STYLE):
    figure, axes = plt.subplots(1, 4, sharey=True, figsize=(11, 3.2))
x = np.linspace(-3.2, 3.2, 201)
for ax, rate, path in zip(axes, rates, paths, strict=True):
    ax.plot(x, f(x), color="#999999", linestyle="-")
    ax.plot(path, f(path), marker="o", **show.BY_HAND)
    ax.set(xlabel="x", title=f"rate {rate:.3g}: factor {1 - rate * L:.1f}")
axes[0].set(ylabel="f(x)", ylim=(-0.5, 20))
show.save(axes, "06_four_rates.png")

# %%
# The factor :math:`1 - \eta L` of each rate stands above its picture: between 0 and
# 1 creep, 0 arrive, between -1 and 0 jump, beyond -1 diverge.
#
# The border
# ----------
# The walk goes down while the factor is smaller than 1 in size: :math:`|1 - \eta L|
# < 1`, that is :math:`\eta < 2/L`. Try 60 rates, four steps each.
many = np.geomspace(0.01, 1.0, 60) * 4 / L
losses = [float(f(walk([rate] * 4)[-1])) for rate in many]
down = [rate for rate, loss in zip(many, losses, strict=True) if loss < f(1.0)]
claim("the largest rate that goes down, times L", max(down) * L, 2.0, within=0.15)
ax = show.plot_learning_rates(many, losses, f(1.0), limit=2 / L, best=1 / L)
show.save(ax, "06_sweep.png")

# %%
# Fastest at :math:`\eta = 1/L`, useless from :math:`\eta = 2/L` on. L is the
# curvature; for a function that is no parabola, the largest curvature where the
# walk is. ``tf_gd.learning_rate_limit`` computes :math:`2/L` for any function.
limit = tf_gd.learning_rate_limit(lambda x: f(x[0]), [1.0])
print("limit:", limit)

# %%
# A rate that changes
# -------------------
# Early steps may be long, late ones should be short. Let the rate fall from step to
# step, here from beyond the border: :math:`\eta_k = \frac{2.2/L}{1 + k/10}`.
falling = [2.2 / L / (1 + 0.1 * k) for k in range(30)]
path = walk(falling)
print("at the start, after 5, 10 and 13 steps:", path[[0, 5, 10, 13]])

# %%
# At k = 12 the rate is :math:`1/L`, and that step arrives. Keras calls such a rule
# a *schedule*. It is a function of the step. The library takes a number, an array
# with one rate for each step, or a schedule.
schedule = keras.optimizers.schedules.InverseTimeDecay(
    initial_learning_rate=2.2 / L, decay_steps=1, decay_rate=0.1
)
by_schedule = walk([schedule(k) for k in range(30)])
run = dict(steps=30, mode="eager")
library = tf_gd.gradient_descent(
    lambda x: f(x[0]), [1.0], learning_rate=schedule, **run
)
same = bool((library.points[:, 0] == by_schedule).all())
built_in = tf_gd.keras_descent(
    lambda x: f(x[0]), [1.0], optimizer=keras.optimizers.SGD(schedule), **run
)
same_in_keras = bool((built_in.points[:, 0] == by_schedule).all())
print("the same bits, in the library and in Keras:", same, same_in_keras)

# %%
# To try
# ------
# 1. Ten steps on :math:`x^2` from 10 with the rate 1.1: where do they end? Predict
#    it, then type the loop.
#
#    .. dropdown:: Answer
#
#       :math:`10 \cdot (1 - 2.2)^{10} = 61.917364`, as *Dive into Deep Learning*
#       prints it. Divergence is no error. It is what the rate asked for.
#
#       >>> x = tf.Variable(10.0)
#       >>> for k in range(10):
#       ...     with tf.GradientTape() as tape:
#       ...         loss = x**2
#       ...     _ = x.assign_sub(1.1 * tape.gradient(loss, x))
#       >>> print(f"{x.numpy():.3f}")
#       61.917
#
# 2. On :math:`x \cos(0.15 \pi x)`, start at 10 with the rate 2. Where is it after
#    ten steps: near the nearest minimum?
#
#    .. dropdown:: Answer
#
#       The nearest is at 7.27. A large rate jumps out of its valley and comes down
#       in another one, beside -1.83.
#
#       >>> tf_gd.gradient_descent("cosine_wave", learning_rate=2.0, steps=10).final
#       array([-1.52816...], dtype=float32)
