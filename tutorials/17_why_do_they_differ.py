"""
17 Why does my loop differ from model.fit?
==========================================

Same model, data and optimizer, and the loss goes another way: the question asked
most about typed loops. Here are mistakes of one line; ``explain_difference`` names
them.

*Follows slide 17 "solving problems in practice". You need page 14.*
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow()

import keras
import tensorflow as tf

from tf_gd import claim, datasets, show

data = datasets.digits()
loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
optimizer = keras.optimizers.SGD(0.1, momentum=0.9)


def build_model():
    l2 = keras.regularizers.L2(0.01)
    hidden = keras.layers.Dense(32, "relu", kernel_regularizer=l2)
    layers = [hidden, keras.layers.Dropout(0.2), keras.layers.Dense(10)]
    return keras.Sequential([keras.layers.Input((64,)), *layers])


# %%
# The right loop
# --------------
# The regularizer asks for ``sum(model.losses)``, Dropout for ``training=True``,
# momentum for a velocity per variable, kept under its name, ``w.path``.
def right_loss(model, x, y):
    return loss_fn(y, model(x, training=True)) + sum(model.losses)


def right_update(w, v, gradient):
    v.assign(0.9 * v - 0.1 * gradient)
    w.assign_add(v)


def make_step(loss_of, update):
    velocities = {}

    def train_step(model, x, y):
        with tf.GradientTape() as tape:
            loss = loss_of(model, x, y)
        variables = model.trainable_variables
        gradients = tape.gradient(loss, variables)
        for w, gradient in zip(variables, gradients, strict=True):
            v = velocities.setdefault(w.path, tf.Variable(tf.zeros_like(w)))
            update(w, v, gradient)
        return loss

    return train_step


# %%
# ``explain_difference`` runs the step and Keras's own on the same batches, with the
# same seeds, so that Dropout drops the same on both sides.
def explain(step):
    run = dict(optimizer=optimizer, loss=loss_fn, steps=4)
    x, y = data.x_train, data.y_train
    return tf_gd.explain_difference(build_model, x, y, step, **run)


right = explain(make_step(right_loss, right_update))
print("the right loop agrees with Keras:", right.agrees)
claim("largest distance of a weight", right.max_abs, 0.0, within=1e-6)


# %%
# Two wrong loops
# ---------------
# Each is one line away from the right one.
def without_regularizers(model, x, y):
    return loss_fn(y, model(x, training=True))


def without_training(model, x, y):
    return loss_fn(y, model(x)) + sum(model.losses)


wrong = {
    "regularization left out": make_step(without_regularizers, right_update),
    "training=True forgotten": make_step(without_training, right_update),
}
found = {mistake: explain(step) for mistake, step in wrong.items()}
ax = None
for mistake, explained in found.items():
    print(f"{mistake:25} found: {explained.causes[0].name}")
    ax = show.plot_explanation(explained, ax=ax, label=mistake)
show.save(ax, "17_explained.png")

# %%
# Solid: how far each loop's weights are from Keras's, :math:`|w - w_{Keras}|`.
# Dashed: from Keras with that mistake put into it. At the bottom they are the same.
#
# The report
# ----------
# It names the cause, gives the evidence, and says what to change.
print(found["training=True forgotten"])

# %%
# One that raises no error
# ------------------------
# Targets of the shape ``(N,)`` minus predictions of the shape ``(N, 1)`` is a
# matrix, each prediction against each target. For targets 1 to 4, predicted
# perfectly, the mean of its squares is :math:`(6 \cdot 1 + 4 \cdot 4 + 2 \cdot
# 9)/16 = 2.5`.
y = tf.constant([1.0, 2.0, 3.0, 4.0])
prediction = tf.constant([[1.0], [2.0], [3.0], [4.0]])
by_hand = tf.reduce_mean((y - prediction) ** 2)
by_keras = keras.losses.MeanSquaredError()(y, prediction)
print(f"loss of a perfect prediction: {by_hand} by hand, {by_keras} in Keras")

# %%
# To try
# ------
# 1. Make two mistakes at once. Are both found?
#
#    .. dropdown:: Answer
#
#       Yes, the one that explains more first, with what would do the same.
#
#       >>> def forgets_momentum(w, v, gradient):
#       ...     w.assign_sub(0.1 * gradient)
#       >>> both = explain(make_step(without_regularizers, forgets_momentum))
#       >>> [cause.name.partition(", or ")[0] for cause in both.causes]
#       ['momentum left out', 'regularisation losses left out']
#
# 2. Return the loss from after the update. Do the weights differ?
#
#    .. dropdown:: Answer
#
#       No, only the reported loss: Keras's is from before the update.
#
#       >>> step = make_step(right_loss, right_update)
#       >>> def late(model, x, y):
#       ...     step(model, x, y)
#       ...     return loss_fn(y, model(x)) + sum(model.losses)
#       >>> explain(late).max_abs < 1e-6
#       True
