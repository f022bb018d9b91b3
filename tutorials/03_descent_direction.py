"""
Which way is down?
==================

We look for the point where a function is lowest, and we cannot see the whole function: only its value and its slope
where we stand. This tutorial shows that the slope is enough to know which way to go, first with one variable, then
with several, and walks that way.

*Follows the slides "Descent direction in 1-D" and "in n-D".*
"""

# %%
# ``quiet_tensorflow`` only keeps TensorFlow's start-up messages off the screen. ``claim`` states a number, prints it
# beside the measured one, and stops the script if the two disagree.
import tf_gd

tf_gd.quiet_tensorflow()

import numpy as np
import tensorflow as tf

from tf_gd import claim, predicted_and_measured, show

# %%
# One variable: go against the sign of the slope
# ----------------------------------------------
# At :math:`x = 10` the slope of :math:`x^2` is :math:`f'(10) = 20`. It is positive: the function rises to the right, so
# down is to the left. Automatic differentiation gives the slope without a formula for it: the tape records what is
# computed from ``x``, and plays it backwards.
x = tf.constant([10.0])
with tf.GradientTape() as tape:
    tape.watch(x)
    loss = x[0] ** 2
slope = tape.gradient(loss, x)
claim("the slope of x^2 at 10 is 2 x = 20", measured=slope.numpy(), expected=[20.0])

# %%
# A step against the slope, as long as the slope is steep, times a small number, the learning rate:
# :math:`x_{k+1} = x_k - 0.2 \cdot 2 x_k = 0.6\, x_k`. Ten steps multiply the start by :math:`0.6^{10}`. (*Dive into Deep
# Learning*, chapter 12.3, prints the same number.)
path = tf_gd.gradient_descent("square", start=[10.0], learning_rate=0.2, steps=10)
claim("ten steps on x^2 from 10 end at 10 * 0.6^10", measured=path.final, expected=[10 * 0.6**10], within=1e-7)
claim("which Dive into Deep Learning prints as", measured=path.final, expected=[0.060466], within=5e-7)
show.save(path.plot(), "03_one_variable.png")

# %%
# The picture has the function above its slope. Where the lower curve is above zero the steps go left, where it is
# below zero they go right, and they get shorter by themselves as the slope gets flat.
#
# Several variables: go against the gradient
# ------------------------------------------
# With several variables the slope depends on the direction in which we look. Take the quadratic of the lecture,
# :math:`f = 2 x_1^2 + x_2^2 + x_1 x_2 - 6 x_1 - 5 x_2`, stand at :math:`(-2, 4.5)`, and measure the slope in 360
# directions by taking a very small step in each.
objective = tf_gd.objectives.get("lecture_quadratic")
here = np.array([-2.0, 4.5])
angles = np.radians(np.arange(360.0))
directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
x = tf.constant(here + 1e-5 * directions)
slopes = (objective.fn(x) - objective.fn(tf.constant(here))).numpy() / 1e-5

# %%
# The gradient collects the slopes along the axes, :math:`(4 x_1 + x_2 - 6,\; x_1 + 2 x_2 - 5)`. No direction goes
# down more steeply than the one opposite to it, and there the slope is minus its length.
x = tf.constant(here)
with tf.GradientTape() as tape:
    tape.watch(x)
    loss = objective.fn(x)
gradient = tape.gradient(loss, x).numpy()
claim("the gradient at (-2, 4.5), by hand", measured=gradient, expected=[-9.5, 2.0])

steepest = np.degrees(angles[np.argmin(slopes)])
opposite = np.degrees(np.arctan2(-gradient[1], -gradient[0])) % 360
claim("the steepest of 360 directions is opposite to the gradient (degrees)", steepest, round(opposite))
claim("and the slope there is minus its length", slopes.min(), -np.linalg.norm(gradient), within=2e-3)

# %%
# Every direction within 90 degrees of that one goes down as well; at 90 degrees, along the level line, nothing changes
# at first order. So the steps of gradient descent leave every level line at a right angle.
downhill = float(np.mean(slopes < 0))
claim("half of all directions go down", measured=downhill, expected=0.5, within=1 / 360)

# %%
# Walk, and check where we arrive: the gradient is zero where
# :math:`\begin{pmatrix}4&1\\1&2\end{pmatrix} x = \begin{pmatrix}6\\5\end{pmatrix}`, which is at :math:`(1, 2)`.
path = tf_gd.gradient_descent(objective, here, learning_rate=0.2, steps=200, tolerance=1e-5)
solution = np.linalg.solve([[4.0, 1.0], [1.0, 2.0]], [6.0, 5.0])
claim("descent says that it has converged", measured=path.outcome, expected="converged")
claim("to where the gradient is zero", measured=path.final, expected=solution, within=1e-5)
show.save(path.plot(), "03_lecture_quadratic.png")

# %%
# The same on the ellipse :math:`x_1^2 + 2 x_2^2`, whose result is published.
path = tf_gd.gradient_descent("ellipse", [-5.0, -2.0], learning_rate=0.1, steps=20)
claim("20 steps on the ellipse", measured=path.final, expected=[-0.057646, -0.000073], within=5e-7)

# %%
# Downhill is not the same as to a minimum
# ----------------------------------------
# At a saddle the gradient is zero too. Start a millionth beside the ridge of
# :math:`\tfrac12 x_1^2 - \tfrac12 x_2^2`: each step of rate 0.1 multiplies :math:`x_2` by 1.1, so that the descent
# hardly moves for a long while, then runs away: :math:`1.1^k \ge 10^6` first holds for :math:`k = 145`.
path = tf_gd.gradient_descent("saddle", [1.0, 1e-6], learning_rate=0.1, steps=160, dtype="float64")
away = int(np.argmax(np.abs(path.points[:, 1]) >= 1.0))
claim("steps until the saddle is left", measured=away, expected=int(np.ceil(6 * np.log(10) / np.log(1.1))))
show.save(path.plot(), "03_saddle.png")
print(predicted_and_measured())

# %%
# To try
# ------
# 1. Measure the slopes at the minimum (1, 2). Which direction is downhill there?
# 2. Start the saddle at ``[1.0, 0.0]``, exactly on the ridge. Where does the descent end, and is that a minimum?
# 3. Which way does the gradient of ``"rosenbrock"`` point at (-1.2, 1), and which way is the minimum?
