"""
07 Why is a narrow valley slow?
===============================

One learning rate has to serve all directions. In a narrow valley the ground is
steep across and nearly flat along: the rate has to be small for the one, and is
then far too small for the other. This page measures how slow that is, and finds one
number that predicts it.

*Follows slide 13 "gradient descent in higher dimensions" and slide 15 "the learning
rate". You need pages 05 and 06.* Under your hand:
``tf-gd explore flat_ellipse --start=-5,-2 --learning-rate=0.6 --steps=20``
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow()

import keras
import numpy as np
import tensorflow as tf

from tf_gd import claim, show

curvatures = np.array([0.2, 4.0])
start = [-5.0, -2.0]


def f(x):
    return 0.5 * tf.reduce_sum(tf.constant(curvatures, x.dtype) * x**2, axis=-1)


# %%
# Three rates in a valley
# -----------------------
# :math:`f(x) = 0.1\,x_1^2 + 2\,x_2^2`: curvature 0.2 along :math:`x_1`, 4 along
# :math:`x_2`. The gradient is :math:`(0.2\,x_1,\; 4\,x_2)`, so each coordinate is a
# walk of its own, with a factor :math:`1 - \eta \lambda` of its own;
# :math:`\lambda` is its curvature.
def walk(learning_rate, steps=20):
    x = tf.Variable(start)
    path = [x.numpy()]
    for k in range(steps):
        with tf.GradientTape() as tape:
            loss = f(x)
        x.assign_sub(learning_rate * tape.gradient(loss, x))
        path.append(x.numpy())
    return np.array(path)


walks = {rate: walk(rate) for rate in (0.1, 0.4, 0.6)}
print("rate    after 20 steps          factors")
for rate, path in walks.items():
    print(rate, "%11.6f %13.6f" % tuple(path[-1]), " ", 1 - rate * curvatures)

# %%
# At 0.1, :math:`x_1` creeps. At 0.4 it still creeps, while :math:`x_2` jumps to and
# fro. At 0.6, beyond :math:`2/4`, :math:`x_2` runs away. The steep direction sets
# the limit, and the flat one pays for it. The library's paths have the same bits.
about = dict(domain=[(-5.5, 1.5), (-3, 2)], formula="0.1 x1^2 + 2 x2^2")
surface = tf_gd.Objective("valley", f, start=start, **about)
paths = {}
for rate in walks:
    run = dict(learning_rate=rate, steps=20, mode="eager")
    paths[f"rate {rate}"] = tf_gd.gradient_descent(surface, **run)
same = all((paths[f"rate {rate}"].points == walks[rate]).all() for rate in walks)
print("the same bits as the loop:", same)
show.save(show.plot_contours(surface, paths), "07_valley.png")

# %%
# Across the valley the factor is :math:`1 - 4\eta`, along it :math:`1 - 0.2\eta`.
# No rate makes both small.
#
# The best compromise
# -------------------
# With m the smallest curvature and L the largest, the rate :math:`\eta = 2/(m + L)`
# makes the two factors equal in size: :math:`(\kappa - 1)/(\kappa + 1)`, where
# :math:`\kappa = L/m` is the *condition number*. That is how much of the distance
# is left after a step.
m, L = curvatures.min(), curvatures.max()
kappa = L / m
best = 2 / (m + L)
path = walk(best, steps=40)
left = np.linalg.norm(path[1:], axis=1) / np.linalg.norm(path[:-1], axis=1)
claim("what a step leaves", left, (kappa - 1) / (kappa + 1), within=1e-5)


# %%
# So the steps for one more digit grow with the condition number:
# :math:`1.15\,\kappa` of them, 115 for :math:`\kappa = 100`. The number of
# variables does not matter.
#
# Any function, near its minimum
# ------------------------------
# The second derivatives of a function of several variables form a matrix, the
# *Hessian*. Its *eigenvalues* are the curvatures along the valley's own axes,
# however it is turned. ``jacobian`` differentiates each entry of the gradient by
# each variable. Here at the minimum (1, 1) of a famous valley, Rosenbrock's.
def rosenbrock(x):
    return 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2


x = tf.Variable([1.0, 1.0])
with tf.GradientTape() as outer:
    with tf.GradientTape() as inner:
        loss = rosenbrock(x)
    gradient = inner.gradient(loss, x)
hessian = outer.jacobian(gradient, x).numpy()
eigenvalues = np.linalg.eigvalsh(hessian)
condition = eigenvalues[1] / eigenvalues[0]
print("eigenvalues", eigenvalues, " condition number", condition)

# %%
# From its usual start, (-1.2, 1), with the rate 0.001, the walk needs 15,068 steps
# until f is below a millionth. Keras is no faster: the valley is the same.
settings = dict(steps=16_000, dtype="float64")
sgd = keras.optimizers.SGD(1e-3)
slow = tf_gd.keras_descent("rosenbrock", optimizer=sgd, **settings)
print("steps until f is below 1e-6:", np.argmax(slow.losses < 1e-6))
late = slow.points[[15_000, 16_000]] - 1.0
measured = (np.linalg.norm(late[1]) / np.linalg.norm(late[0])) ** (1 / 1000)
claim("what a late step leaves", measured, 1 - 1e-3 * eigenvalues[0], within=1e-6)

# %%
# To try
# ------
# 1. Which rate brings :math:`x_2` to zero in one step? What is left of :math:`x_1`
#    then?
#
#    .. dropdown:: Answer
#
#       The rate :math:`1/4`. Of :math:`x_1` are left :math:`1 - 0.2/4 = 95\%`.
#
#       >>> abs(walk(0.25, steps=1)[-1] / start).round(3).tolist()
#       [0.95, 0.0]
#
# 2. Why do people scale the inputs of a model to the same size?
#
#    .. dropdown:: Answer
#
#       The Hessian of a linear model is :math:`2 X^\top X / n`. An input ten times
#       as large makes a curvature a hundred times as large, and so the condition
#       number.
#
#       >>> x = np.random.default_rng(0).normal(size=(1000, 2))
#       >>> conditions = [np.linalg.cond(a.T @ a) for a in (x, x * [1.0, 10.0])]
#       >>> bool(conditions[0] < 2), bool(conditions[1] > 90)
#       (True, True)
