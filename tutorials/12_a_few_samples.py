"""
12 Why look at a few samples at a time?
=======================================

The loss of a model is a mean over all samples, and so is its gradient. The mean
over a few samples, a *mini-batch*, points the same way on average and costs a
fraction. That is stochastic gradient descent. This page types its epoch, and
measures what the noise does.

*Follows slide 17 "solving problems in practice". You need page 11.*
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow()

import numpy as np
import tensorflow as tf

from tf_gd import claim, show

generator = np.random.default_rng(0)
x = generator.normal(size=(1000, 3)).astype("float32")
y = x @ np.float32([1.0, -2.0, 0.5]) + generator.normal(size=1000).astype("float32")


def loss_of(w, x, y):
    return tf.reduce_mean((tf.linalg.matvec(x, w) - y) ** 2)


# %%
# An epoch
# --------
# Shuffle the samples, cut them into batches of 32, and make one step for each. One
# pass over the data is an *epoch*. 1,000 is not a multiple of 32: the last batch
# has 8.
def epoch(w, learning_rate, batch_size):
    order = generator.permutation(len(x))
    for first in range(0, len(x), batch_size):
        batch = order[first : first + batch_size]
        with tf.GradientTape() as tape:
            loss = loss_of(w, x[batch], y[batch])
        gradient = tape.gradient(loss, w)
        w.assign_sub(learning_rate * gradient)
    return len(batch)


w = tf.Variable([0.0, 0.0, 0.0])
print("epoch      w1       w2       w3   loss of all samples")
for number in range(5):
    last_batch = epoch(w, learning_rate=0.03, batch_size=32)
    print("%5d %8.4f %8.4f %8.4f %8.4f" % (number, *w.numpy(), loss_of(w, x, y)))
best = np.linalg.lstsq(x, y)[0]
print("samples in the last batch:", last_batch, " least squares:", best)


# %%
# Right on average
# ----------------
# The gradients of all batches of 10, averaged, are the gradient of all samples,
# because the batches are equally large. Around it a single batch is noisy; the
# variance of a mean of B samples is that of one sample, divided by B.
def gradient_of(batch):
    w = tf.Variable([0.0, 0.0, 0.0])
    with tf.GradientTape() as tape:
        loss = loss_of(w, x[batch], y[batch])
    return tape.gradient(loss, w).numpy()


whole = gradient_of(range(1000))
parts = np.mean([gradient_of(range(i, i + 10)) for i in range(0, 1000, 10)], axis=0)
print("gradient of all:", whole, " mean over batches:", parts)
spread = {}
for size in (1, 16):
    drawn = [gradient_of(generator.integers(0, 1000, size)) for _ in range(400)]
    spread[size] = np.mean(np.sum((np.array(drawn) - whole) ** 2, axis=1))
claim("variance with 1 sample, over 16", spread[1] / spread[16], 16.0, within=4.0)

# %%
# The floor
# ---------
# With a constant rate the noise never lets w come to rest. On :math:`\frac{1}{2}
# w^2`, with noise of variance 1 in each gradient, a step makes the variance V of w
# into :math:`(1 - \eta)^2 V + \eta^2`. It stays where :math:`V = \eta / (2 -
# \eta)`. Try it on 100,000 walks at once.
floors, variances = {}, {}
for rate in (0.1, 0.5, 1.5):
    w, found = np.zeros(100_000), []
    for k in range(60):
        gradient = w + generator.normal(size=w.shape)
        w = w - rate * gradient
        found.append(np.mean(w**2))
    variances[f"rate {rate}"] = np.array(found)
    floors[f"rate {rate}"] = rate / (2 - rate)
    print(f"rate {rate}: variance {found[-1]:.4f}, floor {rate / (2 - rate):.4f}")
measured = [found[-1] for found in variances.values()]
claim("the floors", measured, list(floors.values()), within=0.05)
ax = show.plot_losses(
    variances, floors=floors, first=1, title="Where the noise leaves w"
)
ax.set(ylabel="variance of w")
show.save(ax, "12_floor.png")

# %%
# Dashed: the floor :math:`\eta / (2 - \eta)`. A small rate ends lower, a large one
# is there sooner. Hence schedules, page 06: long steps first, short ones later.
#
# The same work
# -------------
# What does it buy? Two passes over the data each time: as 2 steps of all samples,
# or as 64 steps of 32.
after_two = {}
for size, rate in ((1000, 0.4), (32, 0.03)):
    w = tf.Variable([0.0, 0.0, 0.0])
    epoch(w, rate, size)
    epoch(w, rate, size)
    after_two[size] = float(loss_of(w, x, y) - loss_of(best, x, y))
    print(f"batches of {size:4}: {after_two[size]:.5f} above the lowest loss")

# %%
# ``model.fit`` runs this epoch, with ``batch_size=32`` if nothing else is said, and
# so does ``tf_gd.fit``; page 14 compares the two.
#
# To try
# ------
# 1. Why is the loss of a batch divided by its own number of samples, 8 in the last
#    one?
#
#    .. dropdown:: Answer
#
#       So that its gradient is a mean like the others. The last 8 samples then
#       weigh four times as much as others. Keras does it like this, too.
#
#       >>> last_batch, round(32 / last_batch)
#       (8, 4)
#
# 2. With the rates 1, 1/2, 1/3, ... the variance falls for ever. How fast?
#
#    .. dropdown:: Answer
#
#       As 1/k: each step then takes the mean of all samples so far.
#
#       >>> w = np.full(20_000, 5.0)
#       >>> for k in range(100):
#       ...     w = w - (w + generator.normal(size=w.shape)) / (k + 1)
#       >>> round(float(np.mean(w**2) * 100), 1)
#       1.0
