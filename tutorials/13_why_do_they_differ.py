"""
Why does my loop differ from model.fit?
=======================================

Same model, same data, same optimizer, and the loss goes another way: the question asked most about training loops
written by hand. ``explain_difference`` answers it by experiment: it puts every mistake it knows into Keras's own step, and
names the one that leads where your loop went.

*Follows the slide "TensorFlow".*
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow()

import keras
import tensorflow as tf

from tf_gd import claim, datasets, show

# %%
# The two sides
# -------------
# A network for the handwritten digits with the usual ingredients: a regulariser, Dropout, Nesterov's momentum.
data = datasets.digits()
loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
optimizer = keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True)


def build_model():
    hidden = keras.layers.Dense(32, "relu", kernel_regularizer=keras.regularizers.L2(0.01))
    return keras.Sequential([keras.layers.Input((64,)), hidden, keras.layers.Dropout(0.2), keras.layers.Dense(10)])


def explain(step):
    x, y, run = data.x_train, data.y_train, dict(optimizer=optimizer, loss=loss_fn, steps=6)
    return tf_gd.explain_difference(build_model, x, y, step, **run)


# %%
# A loop that is right
# --------------------
# Forward pass with ``training=True``, loss of the data and of the regularisers, a velocity for each variable.
def make_step(loss_of, update):
    velocities = {}

    def train_step(model, x, y):
        with tf.GradientTape() as tape:
            loss = loss_of(model, x, y)
        variables = model.trainable_variables
        for w, g in zip(variables, tape.gradient(loss, variables), strict=True):
            v = velocities.setdefault(w.path, tf.Variable(tf.zeros_like(w)))
            update(w, v, g)
        return loss

    return train_step


def right_loss(model, x, y):
    return loss_fn(y, model(x, training=True)) + sum(model.losses)


def right_update(w, v, g):
    v.assign(0.9 * v - 0.1 * g)
    w.assign_add(0.9 * v - 0.1 * g)


right = explain(make_step(right_loss, right_update))
claim("the right loop agrees", measured=right.agrees, expected=True)
claim("its weights after 6 steps, largest distance to Keras", right.max_abs, expected=0.0, within=1e-6)


# %%
# Four that are wrong
# -------------------
# Each is one line away from the right one, and each has been asked about in public many times.
def without_regularisers(model, x, y):
    return loss_fn(y, model(x, training=True))


def without_training(model, x, y):
    return loss_fn(y, model(x)) + sum(model.losses)


def summed(model, x, y):
    each = keras.losses.sparse_categorical_crossentropy(y, model(x, training=True), from_logits=True)
    return tf.reduce_sum(each) + sum(model.losses)


def forgets_nesterov(w, v, g):
    v.assign(0.9 * v - 0.1 * g)
    w.assign_add(v)


wrong = {
    "regularisation losses left out": make_step(without_regularisers, right_update),
    "training=True forgotten": make_step(without_training, right_update),
    "the loss summed instead of averaged": make_step(summed, right_update),
    "Nesterov ignored": make_step(right_loss, forgets_nesterov),
}
for name, found in (explained := {name: explain(step) for name, step in wrong.items()}).items():
    claim("a wrong loop, and the cause that is named first", measured=found.causes[0].name, expected=name)

# %%
# A fifth raises no error: targets of the shape ``(N,)``, predictions ``(N, 1)``, and their difference is a matrix.
y, prediction = tf.constant([1.0, 2.0, 3.0, 4.0]), tf.constant([[1.0], [2.0], [3.0], [4.0]])
claim("loss of a perfect prediction, by hand", tf.reduce_mean((y - prediction) ** 2), expected=2.5)
claim("loss of a perfect prediction, Keras", keras.losses.MeanSquaredError()(y, prediction), expected=0.0)
broadcasts = make_step(lambda model, x, y: tf.reduce_mean((y - model(x, training=True)) ** 2), forgets_nesterov)
x, y = data.x_train, data.y_train.astype("float32") / 9
run = dict(optimizer=keras.optimizers.SGD(0.1, momentum=0.9), loss="mse", steps=6)
regression = lambda: keras.Sequential([keras.layers.Input((64,)), keras.layers.Dense(1)])  # noqa: E731
found = tf_gd.explain_difference(regression, x, y, broadcasts, **run)
name = "shapes that broadcast in the loss, every prediction against every target"
claim("the fifth wrong loop", measured=found.causes[0].name, expected=name)
explained[name] = found

# %%
# The report says what the evidence is and what to change. Of the second loop:
result = explained["training=True forgotten"]
print(result)

# %%
# The evidence: with the cause in Keras's step, nothing is left of the distance (dashed) that was complained of (solid).
ax = None
for name, found in explained.items():
    ax = show.plot_explanation(found, ax=ax, label=name.split(",")[0])
ax.set_title("five wrong loops beside Keras")
show.save(ax, "13_explained.png")


# %%
# Several at once
# ---------------
# Mistakes come together. They are told apart, and ordered by how much of the difference each explains.
found = explain(make_step(lambda model, x, y: loss_fn(y, model(x)), forgets_nesterov))
names = sorted(cause.name for cause in found.causes)
expected = "Nesterov ignored, regularisation losses left out, training=True forgotten"
claim("three mistakes in one loop", measured=", ".join(names), expected=expected)
claim("their shares of the difference add up to", sum(cause.share for cause in found.causes), expected=1.0, within=0.01)

# %%
# To try
# ------
# 1. Hand over a step of your own, with a mistake that you make on purpose. Is it named?
# 2. Decay the weights before the gradient is taken. What does the report say?
# 3. Return the loss from after the update. Is that a difference of the weights?
