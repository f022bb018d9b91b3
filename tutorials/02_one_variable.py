"""
02 Where is the lowest point?
=============================

At the bottom of a valley the ground is level: look where the derivative is zero. It
is zero on a hilltop as well, so look at the second derivative too. This page does
both in one variable, and shows why convex functions are so much easier than others.

*Follows slides 6 to 8 "solving an optimization problem". You need page 00.*
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow()

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from tf_gd import claim, show


def convex(x):
    return x**2 - 2.0 * x + 3.0


def wavy(x):
    return 0.25 * x**4 - 2.0 * x**2 + 0.5 * x


# %%
# A derivative of a derivative
# ----------------------------
# A tape inside a tape: the inner one gives the slope, the outer one the slope of
# the slope, the *curvature*. At many points at once: each :math:`f(x_i)` depends on
# its own :math:`x_i` alone.
def derivatives(f, x):
    x = tf.Variable(x)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            value = f(x)
        slope = inner.gradient(value, x)
    curvature = outer.gradient(slope, x)
    return value.numpy(), slope.numpy(), curvature.numpy()


# %%
# Where the slope is zero
# -----------------------
# Between a point with a negative slope and one with a positive slope there is one
# where it is zero. Halve the interval and keep the half in which the sign changes,
# twenty times: that is bisection. The 61 intervals are 0.1 long, and have no round
# number on an edge.
def flat_points(f):
    edges, found = np.linspace(-3.05, 3.05, 62), []
    positive = derivatives(f, edges)[1] > 0
    for i in np.flatnonzero(positive[:-1] != positive[1:]):
        left, right = edges[i], edges[i + 1]
        for _ in range(20):
            middle = (left + right) / 2
            if (derivatives(f, [middle])[1] > 0) == positive[i]:
                left = middle
            else:
                right = middle
        found.append(middle)
    return found


# %%
# The second derivative test
# --------------------------
# Where :math:`f' = 0`: if :math:`f'' > 0`, the curve is bent upwards, and the point
# is a minimum; if :math:`f'' < 0`, it is a maximum.
minima = {}
print("               x         f        f''")
for f in (convex, wavy):
    minima[f] = []
    for x in flat_points(f):
        value, _, curvature = (number[0] for number in derivatives(f, [x]))
        kind = "minimum" if curvature > 0 else "maximum"
        print(f"{f.__name__:8} {x:8.4f} {value:8.4f} {curvature:9.3f}  {kind}")
        if kind == "minimum":
            minima[f].append(x)

# %%
# Convex: bent upwards everywhere
# -------------------------------
# A function with :math:`f'' \ge 0` everywhere is *convex*. Its slope never falls,
# so wherever it is zero is a minimum of the whole function; where :math:`f'' > 0`
# there is one at most.
x = np.linspace(-3.0, 3.0, 241)
with plt.style.context(show.STYLE):
    figure, axes = plt.subplots(2, 2, sharex=True, figsize=(9, 5.5))
for (top, bottom), f in zip(axes.T, (convex, wavy), strict=True):
    value, slope, curvature = derivatives(f, x)
    print(f"{f.__name__}: f'' >= 0 at all 241 points: {(curvature >= 0).all()}")
    top.plot(x, value, color="#0072B2")
    top.set(title=f"{f.__name__}: f(x), and below f'(x)")
    bottom.plot(x, slope, color="#0072B2")
    bottom.axhline(0.0, color="#333333", linewidth=0.8)
    for point in minima[f]:
        top.axvline(point, color="#333333", linestyle=":")
        bottom.axvline(point, color="#333333", linestyle=":")
show.save(axes, "02_flat_points.png")


# %%
# Dotted: the minima. There :math:`f'(x)` crosses zero upwards. At the maximum
# between them it crosses zero downwards.
#
# Walking finds a minimum, not always the lowest
# ----------------------------------------------
# The loop of page 00 needs no list. It ends where the slope is zero; on a maximum
# only if it starts there.
def descend(f, x, learning_rate=0.05, steps=100):
    x = tf.Variable(x)
    for _ in range(steps):
        with tf.GradientTape() as tape:
            loss = f(x)
        x.assign_sub(learning_rate * tape.gradient(loss, x))
    return float(x)


ends = [descend(wavy, -3.0), descend(wavy, 3.0)]
claim("from the two sides", ends, [minima[wavy][0], minima[wavy][-1]], within=1e-4)
lowest = min(minima[wavy], key=wavy)
print(f"lowest at {lowest:.4f}: only one of the two walks found it")

# %%
# To try
# ------
# 1. What does the test say of :math:`x^4` and of :math:`x^3` at 0?
#
#    .. dropdown:: Answer
#
#       Nothing: it is zero. The first has a minimum there, the second none.
#
#       >>> [float(derivatives(lambda x: x**n, [0.0])[2][0]) for n in (4, 3)]
#       [0.0, 0.0]
#
# 2. From which starts does the walk on ``wavy`` end at the right minimum?
#
#    .. dropdown:: Answer
#
#       From those to the right of the maximum, at 0.1255.
#
#       >>> round(descend(wavy, 0.12), 2), round(descend(wavy, 0.13), 2)
#       (-2.06, 1.93)
