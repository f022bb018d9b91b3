"""
What is inside keras.optimizers.SGD?
====================================

Three lines. This tutorial writes them by hand, runs them and Keras through the same loop, and compares every point,
loss and gradient norm of the two to the last bit.

*Follows the slide "Tools: TensorFlow".*
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow()

import keras
import numpy as np

from tf_gd import claim, predicted_and_measured, show, updates

# %%
# One step
# --------
# ``tf_gd.updates`` holds the update as pure functions: the weights and the gradient go in, new weights come out. The
# first example of Keras's own tests, a rate of 0.5:
w, g = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 6.0, 7.0, 2.0])
claim("one plain step", measured=updates.plain(w, g, 0.5), expected=[0.5, -1.0, -0.5, 3.0])

# %%
# The same through Keras. An optimizer changes a variable in place, and counts.
variable = keras.Variable(w, dtype="float32")
keras.optimizers.SGD(0.5).apply([keras.ops.convert_to_tensor(g, "float32")], [variable])
claim("the same by keras.optimizers.SGD", measured=variable.numpy(), expected=[0.5, -1.0, -0.5, 3.0])

# %%
# Weight decay pulls the weights towards zero before the step, and does not touch the gradient. From Keras's tests again:
# three steps with a gradient of zero.
w = np.float32(2.0)
for _ in range(3):
    w = updates.plain(updates.decay(w, np.float32(1.0), np.float32(0.004)), np.float32(0.0), np.float32(1.0))
claim("weight decay 0.004, three steps from 2", measured=w, expected=1.9760959, within=2e-7)

# %%
# Clipping shortens the gradient before anything else happens.
clipped = updates.clip_by_norm([keras.ops.array([100.0, 100.0])], 1.0)[0]
claim("(100, 100) clipped to length 1", measured=clipped, expected=[0.70711, 0.70711], within=5e-6)

# %%
# A whole descent
# ---------------
# Momentum adds a velocity, ``v = v * momentum - g * learning_rate``. On the flat ellipse at rate 0.6, where plain descent
# diverges, it settles; *Dive into Deep Learning* prints the end points.
for momentum, expected in ((0.5, [0.007188, 0.002553]), (0.25, [-0.126340, -0.186632])):
    path = tf_gd.gradient_descent("flat_ellipse", learning_rate=0.6, momentum=momentum, steps=20, dtype="float64")
    claim(f"momentum {momentum} on the flat ellipse, 20 steps", path.final, expected, within=1e-6)

# %%
# Now race them. ``compare`` runs the update by hand and an unmodified ``keras.optimizers.SGD`` through the same loop.
# Only the update differs: even recording the losses changes how a compiler rounds, so both record the same.
result = tf_gd.compare("rosenbrock", learning_rate=1e-3, momentum=0.9, nesterov=True, steps=1000)
print(result.verdict())
claim("Rosenbrock, Nesterov, 1000 steps: distance in ULP", measured=result.max_ulp, expected=0)
show.save(result.plot(), "10_distance.png")

# %%
# A ULP, unit in the last place, is the gap between a number and the next that the computer can represent. Zero ULP is
# not "close": it is the same bits. It holds on every function of the catalogue.
names = tf_gd.objectives.names()
settings = dict(learning_rate=1e-3, momentum=0.9, nesterov=True, steps=100, mode="graph")
worst = max(tf_gd.compare(name, **settings).max_ulp for name in names)
claim(f"all {len(names)} functions, Nesterov: largest distance in ULP", measured=worst, expected=0)

# %%
# And for plain descent and momentum, here on a function with sines and cosines in it.
for kind, momentum in (("plain", 0.0), ("momentum", 0.9)):
    result = tf_gd.compare("mccormick", learning_rate=0.01, momentum=momentum, steps=100)
    claim(f"McCormick, {kind}: distance in ULP", measured=result.max_ulp, expected=0)

# %%
# Where they differ, and why
# --------------------------
# Keras rounds the learning rate and the momentum to float32 even when the variables are float64. The table names the
# cause after checking it: with both rounded by hand as well, the two are the same again.
result = tf_gd.compare("rosenbrock", learning_rate=1e-3, momentum=0.9, steps=1000, dtype="float64")
print(result)
claim("in float64 they are identical", measured=result.identical, expected=False)
claim("the cause is found", measured="rounds the learning rate" in result.cause, expected=True)
show.save(result.plot(), "10_float64.png")

# %%
# And one that surprises: ``nesterov=True`` without momentum is plain gradient descent, by hand and in Keras.
ahead = tf_gd.gradient_descent("booth", learning_rate=0.02, nesterov=True, steps=50)
plain = tf_gd.gradient_descent("booth", learning_rate=0.02, steps=50)
claim("Nesterov without momentum is plain", measured=bool((ahead.points == plain.points).all()), expected=True)
print(predicted_and_measured())

# %%
# To try
# ------
# 1. Run ``tf_gd.compare`` on a function of your own. Is it identical in all three modes?
# 2. Compare ``mode="xla"`` by hand with ``mode="graph"`` built in. How far apart are they, and why?
# 3. Read ``tf_gd.updates``: in which order are clipping, weight decay and momentum applied?
