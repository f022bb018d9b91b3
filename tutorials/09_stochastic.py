"""
Why look at a few samples at a time?
====================================

The loss of a network is a mean over all samples, and so is its gradient. The mean over a few of them, drawn at random,
points the same way on average, and costs a fraction. This tutorial measures what that noise does: how much there is, where
it leads without a smaller learning rate, and why the same work goes further.

*Follows the slide "Why gradient descent: easy, general, little memory when stochastic".*
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow()

import keras
import numpy as np
import tensorflow as tf

from tf_gd import claim, datasets, predicted_and_measured, show, updates

# %%
# Right on average
# ----------------
# The gradients of all batches of 3 of the digits, averaged, are the gradient of all digits: a mean of means.
data = datasets.digits()
x, y = data.x_train, data.y_train
loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
keras.utils.set_random_seed(0)
model = datasets.softmax_regression()
kernel, bias = model.trainable_variables


def gradient(x_batch, y_batch):
    with tf.GradientTape() as tape:
        loss = loss_fn(y_batch, model(x_batch))
    return tape.gradient(loss, kernel.value).numpy()


whole = gradient(x, y)
parts = np.stack([gradient(x[i : i + 3], y[i : i + 3]) for i in range(0, len(x), 3)])
claim(
    "mean of the batches' gradients, less the whole one, at most", np.abs(parts.mean(axis=0) - whole).max(), 0.0, within=1e-6
)

# %%
# The noise around it falls with the batch size: the variance of a mean of B is that of one, divided by B.
order = np.random.default_rng(0).integers(0, len(x), size=(400, 64))
noise = {}
for size in (1, 4, 64):
    drawn = np.stack([gradient(x[chosen[:size]], y[chosen[:size]]) for chosen in order])
    noise[size] = np.mean(np.sum((drawn - whole) ** 2, axis=(1, 2)))
claim("variance with batches of 1, over batches of 4", noise[1] / noise[4], 4.0, within=0.4)
claim("variance with batches of 1, over batches of 64", noise[1] / noise[64], 64.0, within=7.0)

# %%
# The floor
# ---------
# With a constant rate the noise never lets the weight come to rest. On :math:`\tfrac12 \lambda w^2`, with noise of variance
# :math:`s^2` in each gradient, a step makes the variance :math:`V` into :math:`(1 - \eta \lambda)^2 V + \eta^2 s^2`. It is
# at rest where :math:`V = \eta s^2 / (\lambda (2 - \eta \lambda))`. Run 200,000 such descents side by side.
generator = np.random.default_rng(0)
paths = {}
for rate, steps in ((0.1, 100), (0.5, 40), (1.5, 40)):
    w, variances = np.zeros(200_000), [0.0]
    for _ in range(steps):
        g = w + generator.normal(size=w.shape)
        w = updates.plain(w, g, rate)
        variances.append(np.mean(w**2))
    paths[f"rate {rate}"] = np.array(variances[1:])
    claim(f"the floor at rate {rate}: rate / (2 - rate)", variances[-1], rate / (2 - rate), within=0.015 * rate / (2 - rate))
ax = show.plot_losses(paths)
ax.set(ylabel="variance of the weight")
show.save(ax, "09_noise_floor.png")

# %%
# So small rates end lower and large ones get there sooner; hence schedules. With :math:`\eta_k = 1 / (k + 1)` each step
# takes the mean of all samples so far, and the variance falls as 1 / k for ever.
w = np.full(20_000, 5.0)
for k in range(400):
    w = updates.plain(w, w + generator.normal(size=w.shape), 1 / (k + 1))
claim("400 steps with rates 1, 1/2, 1/3, ...: variance 1/400", np.mean(w**2), 1 / 400, within=2e-4)

# %%
# The same work
# -------------
# Five passes over the 1,437 digits, 7,185 gradients of a sample each time: as 5 steps of all, as 225 steps of 32, as 7,185
# steps of one. For each the best of three rates, judged by the loss of all digits in the end.
curves = {}
for size, choice in ((1437, (0.5, 1.0, 2.0)), (32, (0.1, 0.3, 1.0)), (1, (0.01, 0.03, 0.1))):
    for rate in choice:
        keras.utils.set_random_seed(0)
        model = datasets.softmax_regression()
        model.compile(optimizer=keras.optimizers.SGD(rate), loss=loss_fn)
        history = tf_gd.fit(model, x, y, batch_size=size, epochs=5, seed=0, verbose=0, validation_data=(x, y)).history
        label, losses = f"batches of {size}", np.array(history["val_loss"])
        if label not in curves or losses[-1] < curves[label][-1]:
            curves[label] = losses
ends = [curve[-1] for curve in curves.values()]
claim("loss of full batch, over that of batches of 32", ends[0] / ends[1], 3.0, at_least=True)
ax = show.plot_losses(curves, xlabel="pass over the data")
show.save(ax, "09_same_work.png")


# %%
# The memory
# ----------
# To play the tape backwards, what the forward pass computed has to be kept, for each sample in the batch. Count the numbers
# in the compiled step: what depends on the batch grows in proportion, and 32 samples need a 45th of 1,437.
def numbers(size):
    step = tf.function(gradient_of_loss).get_concrete_function(
        tf.TensorSpec((size, 64), tf.float32), tf.TensorSpec((size,), tf.int64)
    )
    outputs = [tensor for operation in step.graph.get_operations() for tensor in operation.outputs]
    return sum(int(np.prod(tensor.shape)) for tensor in outputs if tensor.shape.rank and tensor.shape[0] == size)


def gradient_of_loss(x_batch, y_batch):
    with tf.GradientTape() as tape:
        loss = loss_fn(y_batch, model(x_batch))
    return tape.gradient(loss, kernel.value)


claim("numbers held for a batch of 1,437, over one of 32", numbers(1437) / numbers(32), 1437 / 32, within=1.0)
print(predicted_and_measured())

# %%
# To try
# ------
# 1. Add momentum 0.9 to the descents above. Does the floor rise or fall? (Divide the rate by ten as well, and look again.)
# 2. Train with batches of 1 at the rate 0.3. Where is its floor?
# 3. How long does a pass take with batches of 1, 32 and 1,437? Why is the smallest not the fastest?
