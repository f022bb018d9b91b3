"""
08 Can a step remember the one before?
======================================

In a narrow valley gradient descent jumps from wall to wall. Let it keep a
*velocity*: what points to and fro cancels, the rest adds up. That is momentum, one
more line in the loop.

*Follows slide 14 "the update rule" and slide 15 "the learning rate". You need page
07.* Drag it: ``tf-gd explore flat_ellipse --start=-5,-2 --learning-rate=0.6
--momentum=0.5 --steps=20``
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow()

import keras
import numpy as np
import tensorflow as tf

from tf_gd import claim, rates, show

start = [-5.0, -2.0]


def f(x):
    return 0.1 * x[..., 0] ** 2 + 2.0 * x[..., 1] ** 2


# %%
# Momentum: two lines
# -------------------
# The velocity v starts at zero. Each step keeps a part of it, the *momentum*
# :math:`\beta`, and adds the usual step: :math:`v \leftarrow \beta v - \eta \nabla
# f(x)`. Then the point moves by the velocity: :math:`x \leftarrow x + v`.
def momentum_walk(learning_rate, momentum, steps):
    x, v = tf.Variable(start), tf.Variable([0.0, 0.0])
    path = [x.numpy()]
    for k in range(steps):
        with tf.GradientTape() as tape:
            loss = f(x)
        gradient = tape.gradient(loss, x)
        v.assign(momentum * v - learning_rate * gradient)
        x.assign_add(v)
        path.append(x.numpy())
        if k < 5:
            print(k, "%9.4f %9.4f %9.4f %9.4f" % (*x.numpy(), *v.numpy()))
    return np.array(path)


# %%
# At the rate 0.6 plain descent diverges here, page 07. With momentum it does not.
print("k        x1        x2        v1        v2")
end_half = momentum_walk(0.6, 0.5, steps=20)[-1]
end_quarter = momentum_walk(0.6, 0.25, steps=20)[-1]
print("after 20 steps, momentum 0.5 and 0.25:", end_half, end_quarter)


# %%
# Nesterov: one line changes
# --------------------------
# Nesterov adds the next step's share of the velocity already now. Only the last
# line differs: :math:`x \leftarrow x + \beta v - \eta \nabla f(x)`, with the new v.
def nesterov_walk(learning_rate, momentum, steps):
    x, v = tf.Variable(start), tf.Variable([0.0, 0.0])
    path = [x.numpy()]
    for k in range(steps):
        with tf.GradientTape() as tape:
            loss = f(x)
        gradient = tape.gradient(loss, x)
        v.assign(momentum * v - learning_rate * gradient)
        x.assign_add(momentum * v - learning_rate * gradient)
        path.append(x.numpy())
    return np.array(path)


ahead = nesterov_walk(0.3, 0.5, steps=20)

# %%
# The library takes ``momentum`` and ``nesterov``, with the same names as Keras.
about = dict(domain=[(-5.5, 1.5), (-3, 2)], formula="0.1 x1^2 + 2 x2^2")
surface = tf_gd.Objective("valley", f, start=start, **about)
half = dict(momentum=0.5)
settings = {"plain": {}, "momentum": half, "Nesterov": {**half, "nesterov": True}}
run = dict(learning_rate=0.3, steps=20, mode="eager")
paths = {}
for name, how in settings.items():
    paths[name] = tf_gd.gradient_descent(surface, **run, **how)
same = bool((paths["Nesterov"].points == ahead).all())
print("the same bits as the loop:", same)
show.save(show.plot_contours(surface, paths), "08_paths.png")

# %%
# With :math:`\beta = 0.5` the velocity along the valley grows to twice the plain
# step, :math:`\eta/(1 - \beta) = 2\eta`.
#
# In Keras the two lines are inside the optimizer:
sgd = keras.optimizers.SGD(0.3, 0.5, nesterov=True)
built_in = tf_gd.keras_descent(surface, optimizer=sgd, steps=20, mode="eager")
same_in_keras = bool((built_in.points == ahead).all())
print("the same bits in Keras:", same_in_keras)

# %%
# How much does it gain?
# ----------------------
# A step of plain descent leaves :math:`(\kappa - 1)/(\kappa + 1)` of the distance
# at best, one with momentum :math:`(\sqrt\kappa - 1)/(\sqrt\kappa + 1)` (Polyak,
# 1964): only the root of :math:`\kappa` counts. The map is for curvatures 1 to 100.
show.save(rates.rate_map([1.0, 100.0]).plot(), "08_map.png")

# %%
# Dark is fast: :math:`(\sqrt\kappa - 1)/(\sqrt\kappa + 1)` is left. Without
# momentum, at the bottom, all is pale. Hatched, beyond :math:`\eta L = 2 + 2\beta`,
# every run diverges.
#
# Why? With momentum a coordinate follows :math:`x_{k+1} = (1 + \beta -
# \eta\lambda)\, x_k - \beta x_{k-1}`. Its two factors have the product
# :math:`\beta`; where they are complex, each is :math:`\sqrt\beta` in size.
# Measured, for 0.75:
bowl = tf_gd.objectives.get("bowl", condition_number=100.0)
settings = dict(learning_rate=0.033, momentum=0.75, steps=150, dtype="float64")
heavy = rates.measured(tf_gd.gradient_descent(bowl, **settings), [0.0, 0.0])
claim("a run with momentum 0.75", heavy, 0.75**0.5, within=5e-3)

# %%
# To try
# ------
# 1. What does ``nesterov=True`` do without momentum?
#
#    .. dropdown:: Answer
#
#       Nothing, here and in Keras: with :math:`\beta = 0` it is plain descent.
#
#       >>> bool((nesterov_walk(0.3, 0.0, 20) == paths["plain"].points).all())
#       True
#
# 2. Why does Nesterov's walk diverge at the rate 0.4?
#
#    .. dropdown:: Answer
#
#       :math:`x_{k+1} = (1 - \eta L)\,((1 + \beta)\,x_k - \beta x_{k-1})` flips for
#       ever, :math:`x_{k+1} = -x_k`, if :math:`(1 - \eta L)(1 + 2\beta) = -1`. That
#       is the border: :math:`\eta = 2 (1 + \beta) / (1 + 2 \beta) / L`, here 0.375.
#
#       >>> ends = [nesterov_walk(rate, 0.5, 200)[-1] for rate in (0.37, 0.38)]
#       >>> [bool(abs(end[1]) < 2.0) for end in ends]
#       [True, False]
