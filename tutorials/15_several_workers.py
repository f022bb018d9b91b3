"""
What if several workers share the batch?
========================================

With two GPUs, or two machines, each takes half of every batch, works out the gradient of its half, and the two are added up.
That should be gradient descent on the whole batch. In ``model.fit`` it is not always: this tutorial finds two places where
it goes wrong, with numbers small enough to check by head, and writes the loop that is right.

*Follows the slides "Why gradient descent" and "TensorFlow".*
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow(cpus=2)

import keras
import numpy as np
import tensorflow as tf

from tf_gd import claim, datasets, predicted_and_measured, show, updates

strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])  # with two GPUs: MirroredStrategy()


# %%
# Two samples, two replicas
# -------------------------
# A linear model without a constant, its weights 0, and the squared error: the gradient of one sample is
# :math:`-2 y x`. The first sample has the gradient (6, 0), the second (0, 8). The mean is (3, 4), and 5 long.
def linear(inputs, **settings):
    layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
    model = keras.Sequential([keras.layers.Input((inputs,)), layer])
    model.compile(keras.optimizers.SGD(**settings), loss="mse")
    return model


x, y = np.array([[1.0, 0.0], [0.0, 1.0]], "float32"), np.array([[-3.0], [-4.0]], "float32")


def weights_after(train, x, y, batch_size=2, **settings):
    with strategy.scope():
        model = linear(x.shape[1], **settings)
        train(model, x, y, batch_size=batch_size, shuffle=False, verbose=0)
    return model.get_weights()[0].ravel()


claim("model.fit on two replicas, rate 1", weights_after(keras.Model.fit, x, y, learning_rate=1.0), [-3.0, -4.0])

# %%
# Clip after the sum, not before
# ------------------------------
# Clipped to the norm 1 the gradient is (0.6, 0.8): as before in direction, and 1 long. But ``model.fit`` has each replica
# clip its own part, (3, 0) to (1, 0) and (0, 4) to (0, 1), and then adds them up: (1, 1). That is another direction, and
# longer than the limit. The more replicas, the longer.
clipped = dict(learning_rate=1.0, global_clipnorm=1.0)
claim("model.fit: longer than 1, another way", weights_after(keras.Model.fit, x, y, **clipped), [-1.0, -1.0])
claim("tf_gd.fit: the gradient of the batch, clipped", weights_after(tf_gd.fit, x, y, **clipped), [-0.6, -0.8], within=1e-6)

# %%
# A mean of means is not the mean
# -------------------------------
# One weight, x = 1, and seven samples in batches of four. The first four targets are 0, as the weight is: nothing to do.
# The last batch has three: 0, 0 and 3. The best weight for it is their mean, 1, and a step with the rate 1/2 = 1/L lands
# there. But on two replicas three samples are two and one. ``model.fit`` takes the mean on each, and then the mean of those,
# (0 + 3) / 2: the sample that is alone counts twice.
ones, targets = np.ones((7, 1), "float32"), np.array([[0.0]] * 6 + [[3.0]], "float32")
last = dict(batch_size=4, learning_rate=0.5)
claim("model.fit: the mean of two means", weights_after(keras.Model.fit, ones, targets, **last), 1.5, within=1e-6)
claim("tf_gd.fit: the mean", weights_after(tf_gd.fit, ones, targets, **last), 1.0, within=1e-6)


# %%
# The loop that is right
# ----------------------
# Each replica sums up over its samples and divides by the number of samples *everywhere*. The gradients are added up, and
# all that comes after is done once, on the sum: clip, then step.
@tf.function
def step(model, x, y, samples, learning_rate, limit):
    def gradients_of_its_share(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum((model(x, training=True) - y) ** 2) / samples
        return tape.gradient(loss, [weight.value for weight in model.trainable_variables])

    parts = strategy.run(gradients_of_its_share, args=(x, y))
    gradients = [strategy.reduce(tf.distribute.ReduceOp.SUM, part, axis=None) for part in parts]
    gradients = updates.clip_by_global_norm(gradients, limit)
    for weight, gradient in zip(model.trainable_variables, gradients, strict=True):
        weight.assign(updates.plain(weight.value, gradient, learning_rate))


def shared_out(array):
    """Return half of the rows to each replica; where they are odd, one more to the first."""
    parts = np.array_split(array, strategy.num_replicas_in_sync)
    return strategy.experimental_distribute_values_from_function(lambda replica: parts[replica.replica_id_in_sync_group])


def by_hand(x, y, learning_rate, limit):
    with strategy.scope():
        model = linear(x.shape[1])
        step(model, shared_out(x), shared_out(y), float(len(x)), learning_rate, limit)
    return model.get_weights()[0].ravel()


claim("by hand, two samples, clipped", by_hand(x, y, 1.0, 1.0), [-0.6, -0.8], within=1e-6)
claim("by hand, three samples", by_hand(ones[4:], targets[4:], 0.5, 100.0), 1.0, within=1e-6)


# %%
# Does it matter?
# ---------------
# The digits, eight epochs in batches of 32, of which the last has 29, clipped. How far are the weights from those that one
# process reaches alone?
data = datasets.digits()


def path_of(train, scope):
    with scope:
        keras.utils.set_random_seed(0)
        model, path = datasets.mlp(), tf_gd.callbacks.WeightPath()
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.1, momentum=0.9, global_clipnorm=0.5), loss)
        train(model, data.x_train, data.y_train, batch_size=32, epochs=8, shuffle=False, verbose=0, callbacks=[path])
    return path.points


alone = path_of(tf_gd.fit, tf.device("CPU:0"))
distances = {
    f"{name} on two replicas": np.linalg.norm(path_of(train, strategy.scope()) - alone, axis=1)
    for name, train in (("tf_gd.fit", tf_gd.fit), ("model.fit", keras.Model.fit))
}
moved = np.linalg.norm(alone[-1] - alone[0])
rounding, elsewhere = (distance[-1] / moved for distance in distances.values())
claim("tf_gd.fit: its weights differ by rounding, relative to the way", rounding, 0.0, within=1e-5)
claim("model.fit: it ends elsewhere, by a tenth of the way or more", elsewhere, 0.1, at_least=True)

# %%
# On several machines the strategy is ``MultiWorkerMirroredStrategy``; ``tf-gd launch --workers 2 script.py`` tries it.
ax = show.plot_losses(distances, xlabel="epoch")
ax.set(ylabel="distance of the weights", title=f"How far from what one process reaches, on a way of {moved:.0f}")
show.save(ax, "15_several_workers.png")
print(predicted_and_measured())

# %%
# To try
# ------
# 1. Take ``clipnorm=1.0`` instead, which clips each weight's gradient for itself. What does ``model.fit`` make of (3, 4)?
# 2. Split the CPU into four. How long can the step of ``model.fit`` become that was clipped to 1?
# 3. Which ``sample_weight`` of the last sample makes ``model.fit`` land on 1 after all?
