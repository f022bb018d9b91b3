"""
How sharp is the minimum that a network finds?
==============================================

On a quadratic the rate must be below 2 / L, L the largest curvature. The loss of a network is no quadratic: its curvature
changes along the way. This tutorial measures it during training, and finds that gradient descent stays where the curvature
is just what its learning rate can bear: at the edge of stability.

*Follows the slides "The learning rate" and "Why gradient descent".*
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow()

import keras
import matplotlib.pyplot as plt
import numpy as np

from tf_gd import callbacks, claim, datasets, predicted_and_measured, show

# %%
# Curvature without the matrix
# ----------------------------
# The Hessian of a network with a million weights has a million times a million entries, but its product with a vector costs
# about two gradients: differentiate the slope along the vector. Some twenty such products give the largest eigenvalue
# (Lanczos). On a linear layer with the squared error it can be checked: the Hessian is twice the mean of
# :math:`x x^\top`, divided by the number of outputs.
data = datasets.digits()
x, y = data.x_train[:300], keras.utils.to_categorical(data.y_train[:300], 10)
linear = keras.Sequential([keras.layers.Input((64,)), keras.layers.Dense(10, use_bias=False)])
linear.compile(loss="mse")
by_formula = 2 / 10 * np.linalg.eigvalsh(x.T.astype("float64") @ x / len(x))[-1]
claim("2 / L of a linear layer", tf_gd.learning_rate_limit(linear, x, y), 2 / by_formula, within=1e-3)


# %%
# At the edge
# -----------
# Full-batch gradient descent on a small network, 2,000 steps, with two rates. Where it starts L is about 6.6. For the rate
# 0.2 that is stable, 2 / 0.2 = 10; for 0.5 it is not: the limit is 4, so the steps first throw the weights out of there.
def train(learning_rate):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Input((64,)), keras.layers.Dense(32, "tanh"), keras.layers.Dense(10)])
    model.compile(optimizer=keras.optimizers.SGD(learning_rate), loss="mse")
    sharpness, path = callbacks.Sharpness(x, y, every=200, tolerance=1e-2), callbacks.WeightPath(every=50)
    run = dict(batch_size=len(x), epochs=2000, shuffle=False, verbose=0, callbacks=[sharpness, path])
    history = tf_gd.fit(model, x, y, **run)
    return model, sharpness, path, history.history["loss"]


model, sharpness, path, losses = train(0.5)
_, calm, _, calm_losses = train(0.2)
claim("both start at the same curvature", sharpness.eigenvalues[0], calm.eigenvalues[0], within=1e-6)
claim("rate 0.5: too sharp there, L times the rate above 2", sharpness.eigenvalues[0] * 0.5, 2.0, at_least=True)

# %%
# With the large rate the curvature falls to what the rate can bear, 2 / 0.5 = 4, and stays there, while the loss goes on
# falling. With the small one it is never near its limit. (Cohen et al., 2021, found this on all networks they tried.)
later = sharpness.eigenvalues[len(sharpness.eigenvalues) // 2 :]
claim("rate 0.5: mean curvature over the second half, 2 / rate", later.mean(), 4.0, within=0.2)
claim("rate 0.2: the largest curvature stays below 2 / rate", bool(calm.eigenvalues.max() < 10.0), expected=True)
claim("rate 0.5: the loss falls all the same, to a tenth", losses[0] / losses[-1], 10.0, at_least=True)
claim("and lower than with rate 0.2", bool(losses[-1] < calm_losses[-1]), expected=True)

# %%
# A picture of it
# ---------------
# The loss on the plane in which the path moved most. The path as it is drawn lies on the surface: it is projected onto the
# plane, and the title says how much of its movement that shows.
surface = tf_gd.loss_surface(model, x, y, directions="pca", path=path, resolution=25)
claim("the path ends where the model is, in the middle of the plane", surface.path[-1], [0.0, 0.0], within=1e-5)
claim("with the loss that Keras evaluates there", surface.path_losses[-1], model.evaluate(x, y, verbose=0), within=1e-6)
claim("share of the path's movement that lies in the plane", surface.explained, 0.8, at_least=True)

figure, axes = plt.subplots(1, 2, figsize=(11.5, 4.6), layout="constrained")
sharpness.plot(ax=axes[0])
surface.plot(ax=axes[1])
show.save(axes, "14_sharpness.png")
print(predicted_and_measured())

# %%
# To try
# ------
# 1. Train with momentum 0.9 and the rate 0.05. The limit is 2 (1 + 0.9) / 0.05 then: is the edge reached?
# 2. Use batches of 30 instead of all 300. Does the curvature still come to rest at 2 / rate?
# 3. Which of the two minima is better on ``data.x_test``? Is the flatter one?
