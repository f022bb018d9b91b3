"""
00 How does TensorFlow take a derivative?
=========================================

To walk downhill we have to know the slope. TensorFlow works it out by itself: it
records a computation on a *tape*, and then plays the tape backwards. This page
shows the tape, why it sometimes answers ``None``, and the few lines that make
gradient descent of it.

*Before the first slide. You need Python, and what a derivative is.*
"""

# %%
# ``quiet_tensorflow`` keeps TensorFlow's start-up messages off the screen.
import tf_gd

tf_gd.quiet_tensorflow()

import keras
import numpy as np
import tensorflow as tf

from tf_gd import claim, show

a = 1.0


def f(x):
    return a * x**2


# %%
# The tape
# --------
# The derivative of :math:`f(x) = a x^2` is :math:`f'(x) = 2 a x`: for :math:`a = 1`
# and :math:`x = 10` that is 20. TensorFlow is not given this formula. It watches
# the variable ``x`` inside the ``with`` block, notes every operation, and goes back
# through its notes with the chain rule. One tape gives both the value and the
# derivative.
x = tf.Variable(10.0)
with tf.GradientTape() as tape:
    loss = f(x)
gradient = tape.gradient(loss, x)
print(f"x = {x.numpy()}, f(x) = {loss.numpy()}, f'(x) = {gradient.numpy()}")
claim("the tape finds the derivative 2 a x", gradient, expected=2 * a * x.numpy())

# %%
# ``claim`` compares a measured number with one that we worked out beforehand. It
# prints both, and stops the script if they differ by more than ``within``.
#
# Why is my gradient None?
# ------------------------
# A tape watches variables. It watches a constant only when it is told to.
constant = tf.constant(10.0)
with tf.GradientTape() as tape:
    loss = f(constant)
unwatched = tape.gradient(loss, constant)

with tf.GradientTape() as tape:
    tape.watch(constant)
    loss = f(constant)
watched = tape.gradient(loss, constant)
print("constant:", unwatched, "  watched:", watched.numpy())

# %%
# ``None`` means: no note on the tape leads from ``x`` to the loss. Three more
# reasons are common. The value was computed before the tape ran; or in NumPy, which
# leaves no notes; or the numbers are integers, which have no derivative.
before, integer = f(x), tf.Variable(10)
with tf.GradientTape(persistent=True) as tape:  # may be asked more than once
    late = before + 1.0
    in_numpy = tf.constant(np.square(x.numpy()))
    of_integers = integer * integer
nones = [tape.gradient(late, x), tape.gradient(in_numpy, x)]
nones.append(tape.gradient(of_integers, integer))
print("computed before, in NumPy, with integers:", nones)

# %%
# The loop
# --------
# Where the slope is positive the function rises to the right, so down is to the
# left. Go against the slope: by the slope times a small number, the *learning rate*
# :math:`\eta`. Do it again and again. That is gradient descent.
x = tf.Variable(10.0)
learning_rate = 0.2
print(" k         x      f(x)     f'(x)")
for k in range(10):
    with tf.GradientTape() as tape:
        loss = f(x)
    gradient = tape.gradient(loss, x)
    if k < 5:
        print(f"{k:2} {x.numpy():9.4f} {loss.numpy():9.4f} {gradient.numpy():9.4f}")
    x.assign_sub(learning_rate * gradient)
end = x.numpy()

# %%
# ``x.assign_sub(...)`` changes the variable in place. Predict, then measure: a step
# makes :math:`x - 0.2 \cdot 2x = 0.6\,x` of :math:`x`.
claim("ten steps", end, 10 * (1 - learning_rate * 2 * a) ** 10, within=1e-6)

# %%
# The library does these lines for you
# ------------------------------------
# ``tf_gd.gradient_descent`` runs the same loop and records every step. It takes
# functions of any number of variables: ``x[..., 0]`` is the first coordinate.
run = dict(learning_rate=learning_rate, steps=10, mode="eager")
path = tf_gd.gradient_descent(lambda x: f(x[..., 0]), [10.0], **run)
same = bool(path.final[0] == end)
print("the same bits, equal to the last digit:", same)
show.save(path.plot(tangents=3), "00_the_loop.png")

# %%
# Above, each step :math:`x \leftarrow x - 0.2\,f'(x)` goes down the curve. Below is
# the derivative :math:`f'(x)`: as it gets smaller, the steps get shorter.
#
# In Keras the update is an object: ``apply`` takes gradients and changes variables.
x = tf.Variable(10.0)
optimizer = keras.optimizers.SGD(learning_rate)
for k in range(10):
    with tf.GradientTape() as tape:
        loss = f(x)
    optimizer.apply([tape.gradient(loss, x)], [x])
same_in_keras = bool(x.numpy() == end)
print("the same bits in Keras:", same_in_keras)

# %%
# To try
# ------
# 1. Which learning rate arrives at the minimum in a single step?
#
#    .. dropdown:: Answer
#
#       The factor :math:`1 - 2 a \eta` is zero for :math:`\eta = 1/(2a)`.
#
#       >>> 10.0 - 1 / (2 * a) * 2 * a * 10.0
#       0.0
#
# 2. Write ``x = x - learning_rate * gradient`` in the loop. When does it fail, and
#    why?
#
#    .. dropdown:: Answer
#
#       At the second step: no tape watches a tensor. (``0.2 * None``: TypeError.)
#
#       >>> x = x - learning_rate * gradient
#       >>> with tf.GradientTape() as tape:
#       ...     loss = f(x)
#       >>> print(tape.gradient(loss, x))
#       None
