"""
10 What is inside keras.optimizers.SGD?
=======================================

The loop of the pages before ends with one line, the update. A Keras program has
``optimizer.apply(...)`` there. This page runs both side by side, number for number:
plain, with momentum, with weight decay, with clipping. To the last bit they are the
same.

*Follows slide 17 "solving problems in practice". You need pages 05 and 08.*
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow()

import keras
import tensorflow as tf

from tf_gd import claim, show

start = [-1.2, 1.0]


def f(x):
    return 100.0 * (x[..., 1] - x[..., 0] ** 2) ** 2 + (1.0 - x[..., 0]) ** 2


# %%
# Two loops side by side
# ----------------------
# Left: our update, typed. Right: the same loop, with ``optimizer.apply`` in its
# place. An optimizer takes a list of gradients and the list of their variables.
mine, keras_x = tf.Variable(start), tf.Variable(start)
optimizer = keras.optimizers.SGD(learning_rate=0.001)
print("k       by hand         keras.optimizers.SGD")
for k in range(50):
    with tf.GradientTape() as tape:
        loss = f(mine)
    gradient = tape.gradient(loss, mine)
    mine.assign_sub(0.001 * gradient)
    with tf.GradientTape() as tape:
        loss = f(keras_x)
    gradient = tape.gradient(loss, keras_x)
    optimizer.apply([gradient], [keras_x])
    if k < 5:
        print(k, "%9.6f %9.6f   %9.6f %9.6f" % (*mine.numpy(), *keras_x.numpy()))
plain_same = bool(tf.reduce_all(mine == keras_x))
print("the same bits after 50 steps:", plain_same)


# %%
# The options of SGD, typed
# -------------------------
# All further options change the update alone. So write each as a function of the
# point, the velocity and the gradient, and put it into the same loop. The order
# inside Keras: clip the gradient, decay the weights, step.
def by_hand(update, steps=50):
    x, v = tf.Variable(start), tf.Variable([0.0, 0.0])
    for k in range(steps):
        with tf.GradientTape() as tape:
            loss = f(x)
        update(x, v, tape.gradient(loss, x))
    return x.numpy()


def built_in(optimizer, steps=50):
    x = tf.Variable(start)
    for k in range(steps):
        with tf.GradientTape() as tape:
            loss = f(x)
        optimizer.apply([tape.gradient(loss, x)], [x])
    return x.numpy()


def momentum(x, v, gradient):
    v.assign(0.9 * v - 0.001 * gradient)
    x.assign_add(v)


def weight_decay(x, v, gradient):
    x.assign_sub(0.001 * (0.1 * x))  # pulls towards zero, by a share of the rate
    x.assign_sub(0.001 * gradient)


def clip_the_norm(x, v, gradient):
    length = tf.sqrt(tf.reduce_sum(gradient**2))
    gradient = (gradient * 5.0) / tf.maximum(length, 5.0)  # at most 5 long
    x.assign_sub(0.001 * gradient)


SGD = keras.optimizers.SGD
pairs = {
    momentum: SGD(0.001, momentum=0.9),
    weight_decay: SGD(0.001, weight_decay=0.1),
    clip_the_norm: SGD(0.001, clipnorm=5.0),
}
same = {}
for update, optimizer in pairs.items():
    ours, theirs = by_hand(update), built_in(optimizer)
    same[update.__name__] = bool((ours == theirs).all())
    print(update.__name__, "by hand", ours, "built in", theirs)
claim("all three: the same bits", all(same.values()), expected=True)

# %%
# The library wraps both sides
# ----------------------------
# ``gradient_descent`` runs the typed update, ``keras_descent`` runs any Keras
# optimizer, through one loop. ``compare`` runs both and compares every record. A
# *ULP*, unit in the last place, is the gap between a float and the next one.
settings = dict(learning_rate=0.001, momentum=0.9, nesterov=True, steps=1000)
result = tf_gd.compare("rosenbrock", **settings)
print(result.verdict())
claim("distance in ULP after 1000 steps", result.max_ulp, 0)
show.save(result.plot(), "10_compare.png")

# %%
# Two curves, one over the other: :math:`f(x_k)` by hand and built in. ``ManualSGD``
# goes the other way: our update as an optimizer, for ``model.compile``.
wrapped = built_in(tf_gd.ManualSGD(0.001, momentum=0.9))
same["ManualSGD"] = bool((wrapped == by_hand(momentum)).all())
print(same)

# %%
# To try
# ------
# 1. Run ``compare`` in float64. Are the two still the same?
#
#    .. dropdown:: Answer
#
#       No. Keras rounds the rate and the momentum to float32, whatever the variable
#       is. ``cause`` names it.
#
#       >>> other = tf_gd.compare("rosenbrock", **settings, dtype="float64")
#       >>> other.identical, "rounds the learning rate" in other.cause
#       (False, True)
#
# 2. Decay after the step instead of before it. Is it still Keras's?
#
#    .. dropdown:: Answer
#
#       No: it pulls at a point that has moved already.
#
#       >>> def after(x, v, gradient):
#       ...     x.assign_sub(0.001 * gradient)
#       ...     x.assign_sub(0.001 * (0.1 * x))
#       >>> bool((by_hand(after) == by_hand(weight_decay)).all())
#       False
