"""
09 Where will we converge?
==========================

A function can have many minima. In which one gradient descent ends depends on where
it starts; so people start several times. Less known: it depends on the learning
rate as well. This page counts.

*Follows slide 16 "where will we converge". You need pages 06 and 07.* Drag it:
``tf-gd explore himmelblau --start=0,0 --learning-rate=0.01 --steps=300``
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow()

import matplotlib.pyplot as plt
import numpy as np
import scipy.optimize
import tensorflow as tf

from tf_gd import claim, show


def f(x):
    x1, x2 = x[..., 0], x[..., 1]
    return (x1**2 + x2 - 11.0) ** 2 + (x1 + x2**2 - 7.0) ** 2


# %%
# Many starts at once
# -------------------
# Himmelblau's function has four minima, all with f = 0. Put 500 starts into one
# variable of shape (500, 2), and run the loop of page 05. The tape differentiates
# the sum of the 500 values; each point is in one of them only, so each gets its own
# gradient.
starts = np.random.default_rng(0).uniform(-5.0, 5.0, size=(500, 2))
x = tf.Variable(starts, dtype=tf.float32)
for k in range(300):
    with tf.GradientTape() as tape:
        loss = f(x)
    gradient = tape.gradient(loss, x)
    x.assign_sub(0.01 * gradient)
print("the first three:", *x.numpy()[:3].round(3).tolist())

# %%
# Where did they go? Group the ends by two digits.
minima, counts = np.unique(x.numpy().round(2), axis=0, return_counts=True)
for minimum, count in zip(minima, counts, strict=True):
    print(f"{minimum[0]:6.2f} {minimum[1]:6.2f}  {count / 5:5.1f} % of the starts")

# %%
# ``multi_start`` is this loop, for any number of starts, and finds the minima.
himmelblau = tf_gd.objectives.get("himmelblau")
runs = tf_gd.multi_start(himmelblau, starts, learning_rate=0.01, steps=300)
apart = float(np.abs(runs.final - x.numpy()).max())
print("largest difference to the loop:", apart)
claim("minima found", len(counts), len(runs.minima))
show.save(runs.plot(), "09_starts.png")

# %%
# A colour for each minimum :math:`x^*`, where :math:`\nabla f(x^*) = 0`. Starts of
# a colour lie together: they form its *basin*.
#
# How many trials?
# ----------------
# If a share p of the starts ends where we want, then n trials all miss with the
# probability :math:`(1 - p)^n`. For a chance of 99% we need :math:`n = \ln 0.01 /
# \ln(1 - p)`.
p = runs.shares.min()
trials = int(np.ceil(np.log(0.01) / np.log(1 - p)))
print(f"the rarest minimum takes {p:.0%} of the starts: {trials} trials find it")


# %%
# In one variable the shares can be computed
# ------------------------------------------
# :math:`x \cos(0.15 \pi x)` has three minima that starts in [-10.5, 10.5] reach. A
# walk with a small rate cannot cross a maximum. So the share of each minimum is the
# distance between the two maxima around it, and those are where :math:`u \tan u =
# 1`, with :math:`u = 0.15 \pi x`.
u = scipy.optimize.fsolve(lambda u: np.cos(u) - u * np.sin(u), [-3.0, 1.0])
maxima = u / (0.15 * np.pi)
predicted = np.diff([-10.5, *maxima, 10.5]) / 21.0
many = tf_gd.multi_start(
    "cosine_wave", 100_000, learning_rate=0.1, steps=500, seed=0
)
measured = many.shares[np.argsort(many.minima[:, 0])]
claim("shares, from left to right", measured, predicted, within=6e-3)

# %%
# The learning rate chooses, too
# ------------------------------
# Around a minimum the limit of page 06 holds: a rate above :math:`2/L`, with L the
# largest curvature *there*, throws the walk out again. Four minima, four limits;
# try three rates.
maps = {
    rate: tf_gd.basin_map(
        himmelblau, learning_rate=rate, steps=1500, resolution=201
    )
    for rate in (0.01, 0.0155, 0.02)
}
limits = maps[0.01].runs.limits
print("limits:", limits.round(6))
for rate, one in maps.items():
    print(f"rate {rate}: shares {one.shares.round(4)}, grey {one.unsettled:.4f}")

reached = [int((one.shares > 1e-3).sum()) for one in maps.values()]
allowed = [int((limits > rate).sum()) for rate in maps]
claim("minima reached: those with a limit above the rate", reached, allowed)

with plt.style.context(show.STYLE):
    figure, axes = plt.subplots(1, 3, figsize=(13, 4.6), sharey=True)
for ax, one in zip(axes, maps.values(), strict=True):
    one.plot(ax=ax)
show.save(axes, "09_basins.png")

# %%
# Grey starts never come to rest. A larger rate keeps only the flat minima, those
# with :math:`2/L > \eta`.
#
# To try
# ------
# 1. Is gradient descent from 25 starts likely to miss one of the four minima?
#
#    .. dropdown:: Answer
#
#       Hardly: even the rarest is missed with probability :math:`0.81^{25}`, 0.5%.
#
#       >>> bool((1 - p) ** 25 < 0.01)
#       True
#
# 2. The limit grows with momentum, to :math:`2 (1 + \beta) / L`. Which minima come
#    back at the rate 0.02 with a momentum of 0.5? Type that loop.
#
#    .. dropdown:: Answer
#
#       All: :math:`1.5 \cdot 0.0149 > 0.02`.
#
#       >>> x, v = tf.Variable(starts), tf.Variable(0.0 * starts)
#       >>> for k in range(1000):
#       ...     with tf.GradientTape() as tape:
#       ...         loss = f(x)
#       ...     _ = v.assign(0.5 * v - 0.02 * tape.gradient(loss, x))
#       ...     _ = x.assign_add(v)
#       >>> counts = np.unique(x.numpy().round(2), axis=0, return_counts=True)[1]
#       >>> int((counts > 1).sum())
#       4
