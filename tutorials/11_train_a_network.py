"""
Train a network by hand
=======================

The update does not care whether ``w`` is a point on a parabola or the weights of a network. This tutorial trains two
networks on real handwritten digits, with a training loop written by hand and with ``model.fit``, and finds the same
weights to the last bit.

*Follows the slides "Why gradient descent" and "TensorFlow".*
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow()

import keras
import matplotlib.pyplot as plt
import numpy as np

from tf_gd import claim, datasets, predicted_and_measured, show

# %%
# The data
# --------
# 1,797 digits of 8 x 8 pixels, which come with scikit-learn. A network sees each as a row of 64 numbers.
data = datasets.digits()
claim("images to train on", measured=data.x_train.shape, expected=(1437, 64))
claim("images to test on", measured=data.x_test.shape, expected=(360, 64))

# %%
# The problem in the lecture's words: the decision variables are the weights, the objective is the mean cross-entropy of
# the predicted probabilities over the training images, and there are no constraints. The gradient of one small batch
# stands in for the gradient of all images: that is *stochastic* gradient descent, and why it needs little memory.
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

# %%
# By hand, and built in
# ---------------------
# ``tf_gd.fit`` is the hand-written loop: forward pass under a ``GradientTape``, gradients, update. Its step is short
# enough to print here, and it is the code that runs.
import inspect

from tf_gd.networks import step

print(inspect.getsource(step.step_of_descent).split('"""')[2])


# %%
# ``compare_training`` builds a model twice from the same seed, trains one with ``tf_gd.fit`` and one with ``model.fit``, in
# the same order of batches, and compares all weights after every epoch. First softmax regression, a single layer:
def race(build_model, learning_rate):
    optimizer = keras.optimizers.SGD(learning_rate, momentum=0.9, nesterov=True)
    settings = dict(loss=loss, metrics=["accuracy"], epochs=10, batch_size=32)
    test_data = (data.x_test, data.y_test)
    return tf_gd.compare_training(
        build_model, data.x_train, data.y_train, optimizer=optimizer, test_data=test_data, **settings
    )


regression = race(datasets.softmax_regression, learning_rate=0.1)
claim("softmax regression: weights after 10 epochs, distance in ULP", regression.max_ulp, expected=0)
for who, run in (("by hand", regression.manual), ("built in", regression.builtin)):
    claim(f"softmax regression {who}: test accuracy", run.evaluation["accuracy"], expected=0.92, at_least=True)

# %%
# Then a network with a hidden layer of 64 rectified linear units:
network = race(datasets.mlp, learning_rate=0.1)
claim("MLP: weights after 10 epochs, distance in ULP", measured=network.max_ulp, expected=0)
for who, run in (("by hand", network.manual), ("built in", network.builtin)):
    claim(f"MLP {who}: test accuracy", run.evaluation["accuracy"], expected=0.95, at_least=True)

# %%
# Both loops report the same loss after every epoch: the mean over the batches, each taken before its update.
same = network.manual.history["loss"] == network.builtin.history["loss"]
claim("MLP: the two histories of the loss are equal", measured=same, expected=True)
curves = {"by hand": network.manual.history["loss"], "built in": network.builtin.history["loss"]}
ax = show.plot_losses(curves, xlabel="epoch (counted from 0)")
ax.set_title("MLP 64-64-10 on handwritten digits")
show.save(ax, "11_losses.png")
ax = network.plot()
show.save(ax, "11_distance.png")

# %%
# What it has learnt
# ------------------
# Images of the test set with the network's answer; where it is wrong, the right one stands in brackets.
model = network.manual.model
answers = np.argmax(model.predict(data.x_test, verbose=0), axis=1)
wrong = np.flatnonzero(answers != data.y_test)
shown = np.concatenate([wrong[:5], np.flatnonzero(answers == data.y_test)[: 15 - len(wrong[:5])]])
with plt.style.context(show.STYLE):
    figure, axes = plt.subplots(3, 5, figsize=(6.4, 4.4))
for image, ax in zip(shown, axes.flat, strict=True):
    ax.imshow(data.x_test[image].reshape(8, 8), cmap="Greys")
    right = answers[image] == data.y_test[image]
    ax.set_title(f"{answers[image]}" if right else f"{answers[image]} ({data.y_test[image]})")
    ax.set_axis_off()
show.save(axes, "11_digits.png")
print(predicted_and_measured())

# %%
# To try
# ------
# 1. Set the momentum to 0. How many epochs more does the same loss take?
# 2. Which digits are taken for which? Print ``answers`` beside ``data.y_test``.
# 3. Put ``keras.optimizers.Adam(1e-3)`` in. Is ``tf_gd.fit`` still the same as ``model.fit``?
