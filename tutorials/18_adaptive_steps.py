"""
18 Can each direction have a rate of its own?
=============================================

In a narrow valley one rate is too large across and too small along. So divide the
step of each coordinate by the usual size of its gradient: AdaGrad, RMSProp, Adam.

*Further reading, after slide 17 "solving problems in practice". You need pages 08
and 10.*
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow()

import keras
import numpy as np
import tensorflow as tf

from tf_gd import claim, show

start = [-5.0, -2.0]
valley = tf_gd.objectives.get("flat_ellipse")  # 0.1 x1^2 + 2 x2^2, page 07


# %%
# One loop, another update
# ------------------------
# ``update`` moves x, and may keep things in ``state``.
def descend(update, steps=50):
    x, state = tf.Variable(start), {}
    path = [x.numpy()]
    for k in range(steps):
        with tf.GradientTape() as tape:
            loss = valley.fn(x)
        update(x, tape.gradient(loss, x), k, state)
        path.append(x.numpy())
    return np.array(path)


# %%
# AdaGrad: the root of all squares so far
# ---------------------------------------
# (Duchi, Hazan and Singer, 2011.) Large gradients get small steps; the sum only
# grows, so all steps get shorter. Keras begins it at 0.1, and adds an
# :math:`\epsilon` against division by 0.
def adagrad(x, gradient, k, state):
    total = state.get("total", 0.1) + gradient**2
    x.assign_sub(0.5 * gradient / tf.sqrt(total + 1e-7))
    state["total"] = total


# %%
# RMSProp: the root of a mean that forgets
# ----------------------------------------
# (Tieleman and Hinton, 2012.) Old squares fade, a tenth a step.
def rmsprop(x, gradient, k, state):
    mean = 0.9 * state.get("mean", 0.0) + 0.1 * gradient**2
    x.assign_sub(0.1 * gradient / tf.sqrt(mean + 1e-7))
    state["mean"] = mean


# %%
# Adam: a velocity as well
# ------------------------
# (Kingma and Ba, 2015.) A mean of the gradients takes the place of the gradient.
# Both means begin at zero; dividing by :math:`1 - \beta^{k+1}` mends that.
def adam(x, gradient, k, state):
    m, v = state.get("m", 0.0), state.get("v", 0.0)
    m = m + (gradient - m) * (1 - 0.9)
    v = v + (gradient**2 - v) * (1 - 0.999)
    t = tf.constant(k + 1.0)
    rate = 0.3 * tf.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    x.assign_sub(m * rate / (tf.sqrt(v) + 1e-7))
    state.update(m=m, v=v)


# %%
# The same in Keras
# -----------------
# ``keras_descent`` runs any optimizer of Keras in the same loop.
pairs = {
    "AdaGrad": (adagrad, keras.optimizers.Adagrad(0.5)),
    "RMSProp": (rmsprop, keras.optimizers.RMSprop(0.1)),
    "Adam": (adam, keras.optimizers.Adam(0.3)),
}
paths, apart = {}, {}
for name, (update, optimizer) in pairs.items():
    typed = descend(update)
    run = dict(optimizer=optimizer, steps=50, mode="eager")
    paths[name] = tf_gd.keras_descent(valley, start, **run)
    apart[name] = float(np.abs(typed - paths[name].points).max())
    print(f"{name:9} ends at {typed[-1]}, {apart[name]:.1e} from Keras")
claim("largest distance on the way", max(apart.values()), 0.0, within=2e-6)

# %%
# Beside them plain descent, at the best rate for this valley.
plain = tf_gd.gradient_descent(valley, start, learning_rate=2 / 4.2, steps=50)
paths["plain, best rate"] = plain
for name, path in paths.items():
    print(f"{name:17} f after 50 steps: {path.losses[50]:.1e}")
show.save(show.plot_contours(valley, paths), "18_paths.png")

# %%
# The first steps :math:`\eta\,g_i / \sqrt{c\,g_i^2}` (c = 0.1 in RMSProp, 1 in
# Adam) are as long along one axis as along the other: they go off diagonally. On
# this bowl plain descent ends lower. Adaptive steps help where the curvatures are
# unknown.
#
# The first step of Adam
# ----------------------
# At k = 0 the correction undoes the mean: the step is the rate times the *sign* of
# the gradient.
first = descend(adam, steps=1)[1] - np.array(start)
claim("Adam's first step", first, -0.3 * np.sign(start), within=1e-5)

# %%
# To try
# ------
# 1. Multiply the function by 1,000. Which of the three walks changes?
#
#    .. dropdown:: Answer
#
#       AdaGrad a little, the others not: the gradient is divided by its own size.
#
#       >>> steep = tf_gd.Objective("f", lambda x: 1e3 * valley.fn(x), start=start)
#       >>> for name, (_, optimizer) in pairs.items():
#       ...     path = tf_gd.keras_descent(steep, optimizer=optimizer, steps=50)
#       ...     print(name, np.abs(path.points - paths[name].points).max() < 1e-3)
#       AdaGrad False
#       RMSProp True
#       Adam True
#
# 2. What is Adam without its memory of gradients, ``beta_1=0``?
#
#    .. dropdown:: Answer
#
#       RMSProp, with the mean divided by :math:`1 - \beta_2^{k+1}`.
#
#       >>> def corrected(x, gradient, k, state):
#       ...     mean = 0.9 * state.get("mean", 0.0) + 0.1 * gradient**2
#       ...     x.assign_sub(0.1 * gradient / tf.sqrt(mean / (1 - 0.9 ** (k + 1))))
#       ...     state["mean"] = mean
#       >>> run = dict(optimizer=keras.optimizers.Adam(0.1, 0.0, 0.9), steps=50)
#       >>> path = tf_gd.keras_descent(valley, start, **run)
#       >>> bool(np.abs(descend(corrected) - path.points).max() < 1e-3)
#       True
