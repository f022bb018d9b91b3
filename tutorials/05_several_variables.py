"""
05 Which way is down, in several directions?
============================================

With one variable there is left and right, with two a whole circle of directions,
and the slope depends on the way we look. One direction is the steepest. The
gradient points there, and the rule does not change: step against it.

*Follows slide 13 "gradient descent in higher dimensions" and slide 14 "the update
rule". You need pages 03 and 04.*
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow()

import keras
import numpy as np
import scipy.optimize
import tensorflow as tf

from tf_gd import claim, show


def f(x):
    x1, x2 = x[..., 0], x[..., 1]
    return 2.0 * x1**2 + x2**2 + x1 * x2 - 6.0 * x1 - 5.0 * x2


start = [-2.0, 4.5]

# %%
# Look around
# -----------
# Stand at the start and take a tiny step in each of 360 directions. How much does f
# change?
angles = np.radians(np.arange(360.0))
directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
tiny = 1e-5
slopes = (f(start + tiny * directions) - f(np.array(start))) / tiny
steepest = int(np.argmin(slopes))
print(f"down at most: {slopes[steepest]:.3f}, looking to {steepest} degrees")
print(f"of 360 directions, {np.sum(slopes < 0)} go down")

# %%
# The gradient
# ------------
# The tape gives the slopes along the two axes, :math:`\nabla f = (4 x_1 + x_2 -
# 6,\; x_1 + 2 x_2 - 5)`. That pair, read as an arrow, points to where f rises most;
# its opposite is the steepest way down, and its length says how steep.
x = tf.Variable(start)
with tf.GradientTape() as tape:
    loss = f(x)
gradient = tape.gradient(loss, x).numpy()
length = np.linalg.norm(gradient)
against = np.degrees(np.arctan2(-gradient[1], -gradient[0])) % 360
print(
    f"gradient {gradient}, {length:.3f} long, its opposite at {against:.1f} degrees"
)
claim("the steepest direction, in degrees", steepest, against, within=0.5)

# %%
# Why? Along a vector d of length 1 the slope is :math:`\nabla f \cdot d = |\nabla
# f| \cos\varphi`, :math:`\varphi` the angle between the two. It is least at 180
# degrees, and zero at a right angle, along the level line. Half of the circle goes
# down.
#
# The update rule
# ---------------
# :math:`x_{k+1} = x_k - \eta\,\nabla f(x_k)`. In code it is the line of page 00,
# with two numbers in ``x``.
x = tf.Variable(start)
learning_rate = 0.1
points = [x.numpy()]
print(" k       x1       x2     f(x)   df/dx1   df/dx2")
for k in range(100):
    with tf.GradientTape() as tape:
        loss = f(x)
    gradient = tape.gradient(loss, x)
    if k < 5:
        numbers = [*x.numpy(), loss.numpy(), *gradient.numpy()]
        print(f"{k:2} " + " ".join(f"{number:8.4f}" for number in numbers))
    x.assign_sub(learning_rate * gradient)
    points.append(x.numpy())

lowest = scipy.optimize.minimize(f, start).x
claim("the walk ends where SciPy finds the minimum", x, lowest, within=1e-4)

# %%
# The library's path has the same bits. Its picture shows the level lines of f.
surface = tf_gd.Objective(
    "lecture_quadratic",
    f,
    start=start,
    minima=[lowest],
    domain=[(-3, 5), (-2, 6)],
    formula="2 x1^2 + x2^2 + x1 x2 - 6 x1 - 5 x2",
)
run = dict(learning_rate=learning_rate, steps=100, mode="eager")
path = tf_gd.gradient_descent(surface, **run)
same = bool((path.points == points).all())
print("the same bits as the loop:", same)
show.save(path.plot(arrows=6), "05_walk.png")

# %%
# Each arrow is :math:`-\nabla f`, at a right angle to the level line. It does not
# point at the minimum: it knows only the slope where it stands.
#
# In Keras
# --------
# ``keras.optimizers.SGD`` holds the last line of the loop.
x = tf.Variable(start)
optimizer = keras.optimizers.SGD(learning_rate)
for k in range(100):
    with tf.GradientTape() as tape:
        loss = f(x)
    optimizer.apply([tape.gradient(loss, x)], [x])
same_in_keras = bool((x.numpy() == points[-1]).all())
print("the same bits in Keras:", same_in_keras)

# %%
# To try
# ------
# 1. Without looking, type the loop on :math:`x_1^2 + 2 x_2^2` from (-5, -2): 20
#    steps of rate 0.1. (*Dive into Deep Learning* ends at -0.057646, -0.000073.)
#
#    .. dropdown:: Answer
#
#       >>> x = tf.Variable([-5.0, -2.0])
#       >>> for k in range(20):
#       ...     with tf.GradientTape() as tape:
#       ...         loss = x[0] ** 2 + 2.0 * x[1] ** 2
#       ...     _ = x.assign_sub(0.1 * tape.gradient(loss, x))
#       >>> print(*(f"{coordinate:.6f}" for coordinate in x.numpy()))
#       -0.057646 -0.000073
#
# 2. The gradient of :math:`\frac12 x_1^2 - \frac12 x_2^2` is zero at (0, 0). Is
#    that a minimum? Start beside it, at (1, 0.000001).
#
#    .. dropdown:: Answer
#
#       No, it is a saddle. Each step makes :math:`x_2` 1.1 times as large:
#       :math:`1.1^k` reaches a million at step 145.
#
#       >>> run = dict(learning_rate=0.1, steps=160, dtype="float64")
#       >>> path = tf_gd.gradient_descent("saddle", [1.0, 1e-6], **run).points
#       >>> int(np.argmax(np.abs(path[:, 1]) >= 1.0))
#       145
