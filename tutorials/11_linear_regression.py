"""
11 How does gradient descent fit a line?
========================================

Here the step from curves to data. The decision variables are the parameters of a
model, a weight and a bias; the objective is how badly the model fits the data. The
loop is the same. This page fits a line by hand, checks it by the formula, and finds
why inputs should be scaled.

*Follows slide 17 "solving problems in practice". You need pages 03 and 07.*
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow()

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from tf_gd import claim, show

# %%
# The data: 100 points around the line :math:`y = 2x - 1`, with noise of 0.3.
generator = np.random.default_rng(0)
x = generator.uniform(0.0, 4.0, size=100).astype("float32")
y = (2.0 * x - 1.0 + 0.3 * generator.normal(size=100)).astype("float32")

# %%
# Model, loss, gradient, update
# -----------------------------
# The model predicts :math:`w x + b`. The loss is the mean of the squared errors
# over all points. The tape takes a list of variables and returns a list of
# gradients, in the same order.
w, b = tf.Variable(0.0), tf.Variable(0.0)
learning_rate = 0.1
losses = []
print(" k        w        b     loss    dl/dw    dl/db")
for k in range(300):
    with tf.GradientTape() as tape:
        prediction = w * x + b
        loss = tf.reduce_mean((prediction - y) ** 2)
    dw, db = tape.gradient(loss, [w, b])
    if k < 5:
        print("%2d %8.4f %8.4f %8.4f %8.4f %8.4f" % (k, w, b, loss, dw, db))
    w.assign_sub(learning_rate * dw)
    b.assign_sub(learning_rate * db)
    losses.append(float(loss))

# %%
# A line is a linear model, so there is a formula: least squares, page 03.
table = np.stack([x, np.ones_like(x)], axis=1).astype("float64")
formula = np.linalg.lstsq(table, y.astype("float64"))[0]
print(f"by hand {w.numpy():.5f} {b.numpy():.5f}, by formula {formula.round(5)}")
claim("weight and bias", [w.numpy(), b.numpy()], formula, within=1e-4)

with plt.style.context(show.STYLE):
    figure, axes = plt.subplots(1, 2, figsize=(10, 4))
axes[0].plot(x, y, ".", color="#999999", label="data")
ends = np.array([0.0, 4.0])
axes[0].plot(
    ends, w.numpy() * ends + b.numpy(), label="the line found", **show.BY_HAND
)
axes[0].set(xlabel="x", ylabel="y", title=f"y = {w.numpy():.2f} x {b.numpy():+.2f}")
axes[0].legend()
show.plot_losses({"by hand": losses}, ax=axes[1], title="mean squared error")
show.save(axes, "11_line.png")

# %%
# The loss :math:`\frac{1}{n} \sum (w x_i + b - y_i)^2` does not fall to zero: what
# is left is the noise, about :math:`0.3^2 = 0.09`.
#
# How fast? Predict it
# --------------------
# The loss is a quadratic in w and b. Its Hessian is :math:`2 X^\top X / n`, X the
# table above. So page 07 says what the slow direction keeps in a step.
hessian = 2 * table.T @ table / len(x)
eigenvalues = np.linalg.eigvalsh(hessian)
slow = 1 - learning_rate * eigenvalues[0]
lowest = np.mean((table @ formula - y) ** 2)
measured = ((losses[60] - lowest) / (losses[20] - lowest)) ** (1 / 40)
print("curvatures", eigenvalues, " limit 2/L =", 2 / eigenvalues[1])
claim("the loss above the lowest: factor a step", measured, slow**2, within=2e-3)

# %%
# With the mean taken off and the deviation divided out, both curvatures are 2: the
# valley is round, and the rate 1/2 arrives in one step.
z = (x - x.mean()) / x.std()
w, b = tf.Variable(0.0), tf.Variable(0.0)
with tf.GradientTape() as tape:
    loss = tf.reduce_mean((w * z + b - y) ** 2)
dw, db = tape.gradient(loss, [w, b])
w.assign_sub(0.5 * dw)
b.assign_sub(0.5 * db)
in_one_step = float(tf.reduce_mean((w * z + b - y) ** 2))
print(f"scaled inputs, one step: loss {in_one_step:.6f}, lowest {lowest:.6f}")

# %%
# In Keras
# --------
# A ``Dense`` layer with one unit is :math:`w x + b`; its loss ``"mse"`` is the same
# mean. With full batches ``fit`` walks the same path, so it meets the same losses.
model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])
model.set_weights([np.zeros((1, 1)), np.zeros(1)])
model.compile(optimizer=keras.optimizers.SGD(learning_rate), loss="mse")
history = model.fit(x, y, batch_size=100, epochs=5, shuffle=False, verbose=0)
fit_losses = history.history["loss"]
claim("the losses of model.fit", fit_losses, losses[:5], within=1e-5)

# %%
# To try
# ------
# 1. Which rate is too large for the unscaled inputs? Predict it, then try.
#
#    .. dropdown:: Answer
#
#       From 2/L on, 0.141, the loss grows.
#
#       >>> model.set_weights([np.zeros((1, 1)), np.zeros(1)])
#       >>> model.optimizer.learning_rate = 2.1 / eigenvalues[1]
#       >>> run = dict(batch_size=100, epochs=30, shuffle=False, verbose=0)
#       >>> grows = model.fit(x, y, **run).history["loss"]
#       >>> grows[-1] > grows[0]
#       True
#
# 2. Write ``tf.reduce_sum`` in place of ``tf.reduce_mean``. What has to change?
#
#    .. dropdown:: Answer
#
#       The gradient is 100 times as large, so the rate has to be a hundredth.
#
#       >>> with tf.GradientTape() as tape:
#       ...     total = tf.reduce_sum((w * x + b - y) ** 2)
#       >>> by_sum = tape.gradient(total, w)
#       >>> with tf.GradientTape() as tape:
#       ...     mean = tf.reduce_mean((w * x + b - y) ** 2)
#       >>> round(float(by_sum / tape.gradient(mean, w)))
#       100
