"""
21 What if several workers share the batch?
===========================================

With two GPUs each takes half of every batch, works out the gradient of its half,
and the two are added up. That should be gradient descent on the whole batch. In
``model.fit`` it is not always. This page types the right loop, and shows two places
where ``fit`` goes another way.

*Further reading, after slide 17 "solving problems in practice". You need pages 10
and 14.*
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow(cpus=2)  # two devices to try it on, out of one CPU

import keras
import numpy as np
import tensorflow as tf

from tf_gd import claim, datasets, show

strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
x = np.array([[1.0, 0.0], [0.0, 1.0]], "float32")
y = np.array([[-3.0], [-4.0]], "float32")

# %%
# Two halves, one gradient
# ------------------------
# A linear model :math:`x^\top w`, :math:`w = 0`, squared error, two samples with
# the gradients (6, 0) and (0, 8): their mean is (3, 4). Each worker sums over its
# own samples and divides by the number of *all* samples. Then adding up gives the
# mean.
w = tf.Variable([[0.0], [0.0]])
parts = []
for worker in range(2):
    mine = slice(worker, worker + 1)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum((x[mine] @ w - y[mine]) ** 2) / len(x)
    parts.append(tape.gradient(loss, w))
    print("worker", worker, "has the gradient", parts[-1].numpy().ravel())
gradient = parts[0] + parts[1]


# %%
# Clip after the sum, not before
# ------------------------------
# Clipped to the length 1, (3, 4) becomes (0.6, 0.8). If each worker clips its own
# part first, (3, 0) becomes (1, 0) and (0, 4) becomes (0, 1): together (1, 1), not
# the same way, and too long. ``model.fit`` does that; ``tf_gd.fit`` clips the sum.
def clip(gradient):
    return gradient / tf.maximum(tf.norm(gradient), 1.0)


after, before = clip(gradient), clip(parts[0]) + clip(parts[1])
w.assign_sub(1.0 * after)  # the update: a rate of 1


def weights_after(fit, x, y, batch_size=2, **settings):
    with strategy.scope():
        layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
        model = keras.Sequential([keras.layers.Input((x.shape[1],)), layer])
        model.compile(keras.optimizers.SGD(**settings), loss="mse")
        fit(model, x, y, batch_size=batch_size, shuffle=False, verbose=0)
    return model.get_weights()[0].ravel()


clipped = dict(learning_rate=1.0, global_clipnorm=1.0)
theirs = weights_after(keras.Model.fit, x, y, **clipped)
ours = weights_after(tf_gd.fit, x, y, **clipped)
print("clipped before the sum", -before.numpy().ravel(), " model.fit", theirs)
print("clipped after the sum ", w.numpy().ravel(), " tf_gd.fit", ours)
claim("tf_gd.fit is the typed loop", ours, w.numpy().ravel(), within=1e-6)

# %%
# A mean of means is not the mean
# -------------------------------
# One weight, all inputs 1, seven samples in batches of four. The first batch has
# targets 0, where the weight is already. The last has three: 0, 0, 3. The best
# weight for them is their mean 1, where a step of rate 1/2 lands. But on two
# workers three samples are two and one. ``model.fit`` takes a mean on each, then
# the mean of those, (0 + 3)/2: the lone sample counts as much as the other two.
ones = np.ones((7, 1), "float32")
targets = np.array([[0.0]] * 6 + [[3.0]], "float32")
last = dict(batch_size=4, learning_rate=0.5)
uneven, fits = {}, {"tf_gd.fit": tf_gd.fit, "model.fit": keras.Model.fit}
for name, fit in fits.items():
    uneven[name] = float(weights_after(fit, ones, targets, **last)[0])
    print(f"{name} lands on {uneven[name]:.2f}")
claim("the mean of three", uneven["tf_gd.fit"], targets[4:].mean(), within=1e-6)


# %%
# Does it matter?
# ---------------
# Three epochs on the digits: how far are the weights from those of one process?
data = datasets.digits()


def path_of(fit, scope):
    with scope:
        keras.utils.set_random_seed(0)
        model, path = datasets.mlp(), tf_gd.callbacks.WeightPath()
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.1, global_clipnorm=0.5), loss)
        run = dict(epochs=3, shuffle=False, verbose=0, callbacks=[path])
        fit(model, data.x_train, data.y_train, **run)
    return path.points


alone = path_of(tf_gd.fit, tf.device("CPU:0"))
distances = {}
for name, fit in fits.items():
    path = path_of(fit, strategy.scope())
    distances[f"{name}, two workers"] = np.linalg.norm(path - alone, axis=1)
moved = np.linalg.norm(alone[-1] - alone[0])
for name, distance in distances.items():
    print(f"{name}: {distance[-1] / moved:.1e} of the way from one process")
ax = show.plot_losses(distances, xlabel="epoch", title="How far from one process?")
ax.set(ylabel="distance of the weights")
show.save(ax, "21_workers.png")

# %%
# ``tf_gd.fit`` differs by rounding, ``model.fit`` by a large part of :math:`|w_3 -
# w_0|`. For several machines there is ``tf-gd launch``.
#
# To try
# ------
# 1. Three workers have 2, 2 and 1 samples. What must each divide its sum by?
#
#    .. dropdown:: Answer
#
#       By 5, all of them: then the parts add up to the mean.
#
#       >>> losses = np.array([4.0, 2.0, 6.0, 0.0, 3.0])
#       >>> parts_of = np.split(losses, [2, 4])
#       >>> float(sum(part.sum() / 5 for part in parts_of)), float(losses.mean())
#       (3.0, 3.0)
#
# 2. How long can the step of ``model.fit`` be on n workers, clipped to 1?
#
#    .. dropdown:: Answer
#
#       Up to n, if all parts point the same way.
#
#       >>> float(tf.norm(clip(parts[0]) + clip(parts[0])))
#       2.0
