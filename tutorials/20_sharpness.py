"""
20 How sharp is the minimum that a network finds?
=================================================

On a parabola the rate must be below 2/L, L the curvature. The loss of a network is
no parabola: its largest curvature, the *sharpness*, changes on the way. This page
measures it during training, and finds that it rises until it is just what the
learning rate can bear, and stays there.

*Further reading, after slide 15 "the learning rate". You need pages 07 and 14.*
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow()

import keras
import matplotlib.pyplot as plt
import tensorflow as tf

from tf_gd import callbacks, claim, datasets, show

# Targets of 3 in place of 1: a loss steep enough to see what this page is about.
data = datasets.digits()
x, y = data.x_train[:200], 3 * keras.utils.to_categorical(data.y_train[:200], 10)


def build_model():
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(32, "tanh"), keras.layers.Dense(32, "tanh")]
    network = [keras.layers.Input((64,)), *layers, keras.layers.Dense(10)]
    return keras.Sequential(network)


# %%
# The largest curvature, without the matrix
# -----------------------------------------
# A network with a million weights has a Hessian of :math:`10^{12}` numbers. But the
# Hessian *times a vector* is the derivative of the slope along that vector: a tape
# inside a tape. Multiply again and again, and the vector turns into the direction
# of the curvature that is largest in size. That is the power method.
def largest_curvature(model, x, y, rounds=30):
    weights = [weight.value for weight in model.trainable_variables]
    vector = [tf.random.stateless_normal(w.shape, seed=(0, 1)) for w in weights]
    for k in range(rounds):
        length = tf.linalg.global_norm(vector)
        vector = [part / length for part in vector]
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                loss = tf.reduce_mean((model(x) - y) ** 2)
            gradient = inner.gradient(loss, weights)
            products = [g * v for g, v in zip(gradient, vector, strict=True)]
            slope = sum(tf.reduce_sum(product) for product in products)
        vector = outer.gradient(slope, weights)
    return tf.linalg.global_norm(vector)


model = build_model()
model.compile(loss="mse")
typed = float(largest_curvature(model, x, y))
limit = tf_gd.learning_rate_limit(model, x, y)
print(f"by the power method L = {typed:.4f}; 2/L from the library {limit:.4f}")
claim("2/L, typed and from the library", 2 / typed, limit, within=2e-3)


# %%
# Sharper and sharper
# -------------------
# Gradient descent on all 200 images at once, 1,000 steps, with two rates. The
# callback ``Sharpness`` measures L every 100 steps.
def train(learning_rate):
    model = build_model()
    model.compile(optimizer=keras.optimizers.SGD(learning_rate), loss="mse")
    sharpness = callbacks.Sharpness(x, y, every=100, tolerance=1e-2)
    path = callbacks.WeightPath(every=50)
    run = dict(batch_size=len(x), epochs=1000, shuffle=False, verbose=0)
    history = tf_gd.fit(model, x, y, **run, callbacks=[sharpness, path])
    print(
        f"rate {learning_rate}: limit {2 / learning_rate:.0f}, L every 100 steps:"
    )
    print(sharpness.eigenvalues.round(1), " last loss", history.history["loss"][-1])
    return model, sharpness, path


model, sharpness, path = train(0.2)
_, calm, _ = train(0.05)
late = sharpness.eigenvalues[-4:].mean()
claim("rate 0.2: L comes to rest at 2/rate", late, 2 / 0.2, within=0.5)

# %%
# With the rate 0.2 the sharpness starts below 10, rises to 10, and stays: at the
# *edge of stability* (Cohen and others, 2021). If it rose further, the walk would
# be thrown out of the sharp place, as on page 09. With the rate 0.05 the limit is
# 40, far away.
surface = tf_gd.loss_surface(
    model, x, y, directions="pca", path=path, resolution=21
)
with plt.style.context(show.STYLE):
    figure, axes = plt.subplots(1, 3, figsize=(15, 4.4))
sharpness.plot(ax=axes[0])
calm.plot(ax=axes[1])
surface.plot(ax=axes[2])
for ax, title in zip(
    axes, ("rate 0.2", "rate 0.05", "rate 0.2, the path"), strict=True
):
    ax.set_title(title)
show.save(axes, "20_sharpness.png")

# %%
# Left: L rises to :math:`2/\eta = 10`. Middle: :math:`2/\eta = 40` is never
# reached. Right: the loss on the plane in which the weights moved most, and their
# path on it.
print(f"share of the movement that lies in the plane: {surface.explained:.2f}")

# %%
# To try
# ------
# 1. Where does L come to rest with the rate 0.25?
#
#    .. dropdown:: Answer
#
#       At 2/0.25 = 8, just above where it began.
#
#       >>> _, sharper, _ = train(0.25)  # doctest: +ELLIPSIS
#       rate 0.25: ...
#       >>> round(float(sharper.eigenvalues[-4:].mean()))
#       8
#
# 2. With momentum :math:`\beta` the limit is :math:`2 (1 + \beta)/\eta`. Why is it
#    larger?
#
#    .. dropdown:: Answer
#
#       On a parabola the velocity brakes the jumps across: page 08, the border of
#       the map. For a factor of 0.9 nearly twice the curvature is borne.
#
#       >>> round(2 * (1 + 0.9) / 0.2, 6)
#       19.0
