"""
13 How do I train a network by hand?
====================================

Training a network is the loop that we know: forward pass, loss, tape, update, over
mini-batches. This page writes it all without Keras: two layers, 4,810 parameters,
real handwritten digits.

*Follows slide 17 "solving problems in practice". You need pages 11 and 12.*
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow()

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from tf_gd import claim, datasets, show

# %%
# The data
# --------
# 1,797 images of 8 x 8 pixels, which come with scikit-learn; the network sees each
# as a row of 64 numbers from 0 to 1, and has to say which of ten digits it is.
data = datasets.digits()
print("to train:", data.x_train.shape, "  to test:", data.x_test.shape)

# %%
# The network
# -----------
# First layer: 64 sums :math:`x W_1 + b_1`, of which the negative ones are set to
# zero (*relu*). Second layer: ten sums, a score for each digit. The weights start
# at random, as large as Glorot and Bengio (2010) advise.
generator = np.random.default_rng(0)


def weights(inputs, outputs):
    limit = np.sqrt(6.0 / (inputs + outputs))
    values = generator.uniform(-limit, limit, size=(inputs, outputs))
    return tf.Variable(values.astype("float32"))


W1, b1 = weights(64, 64), tf.Variable(tf.zeros(64))
W2, b2 = weights(64, 10), tf.Variable(tf.zeros(10))
variables = [W1, b1, W2, b2]
at_first = [variable.numpy() for variable in variables]


def network(x):
    hidden = tf.nn.relu(x @ W1 + b1)
    return hidden @ W2 + b2


# %%
# The loss
# --------
# *Softmax* turns scores, also called *logits*, into probabilities. The loss of an
# image is minus the logarithm of the probability of its true digit, the
# *cross-entropy*: 0 if the network is sure and right. One that knows nothing says
# 1/10 for each digit, and pays :math:`\ln 10`.
def loss_of(x, y):
    scores = network(x)
    each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=scores)
    return tf.reduce_mean(each)


nothing = tf.nn.sparse_softmax_cross_entropy_with_logits([3], tf.zeros((1, 10)))
claim("a network that knows nothing pays", nothing, np.log(10), within=1e-6)


# %%
# The training loop
# -----------------
# A gradient and an update for each variable. (The images are shuffled already.)
def train(epochs, learning_rate=0.1, batch_size=32):
    losses = []
    for epoch in range(epochs):
        for first in range(0, len(data.x_train), batch_size):
            x = data.x_train[first : first + batch_size]
            y = data.y_train[first : first + batch_size]
            with tf.GradientTape() as tape:
                loss = loss_of(x, y)
            gradients = tape.gradient(loss, variables)
            for variable, gradient in zip(variables, gradients, strict=True):
                variable.assign_sub(learning_rate * gradient)
        losses.append(float(loss_of(data.x_train, data.y_train)))
        print(
            f"epoch {epoch}: loss {losses[-1]:.4f}, test accuracy {accuracy():.3f}"
        )
    return losses


def accuracy():
    answers = tf.argmax(network(data.x_test), axis=1)
    return float(np.mean(answers == data.y_test))


print(f"before training: test accuracy {accuracy():.3f}")
losses = train(epochs=8)
claim("test accuracy after 8 epochs", accuracy(), 0.9, at_least=True)

# %%
# Images it never saw; a wrong answer is followed by the right one.
answers = np.argmax(network(data.x_test), axis=1)
wrong = np.flatnonzero(answers != data.y_test)[:6]
shown = [*wrong, *np.flatnonzero(answers == data.y_test)[: 12 - len(wrong)]]
with plt.style.context(show.STYLE):
    figure, axes = plt.subplots(2, 6, figsize=(8, 3.2))
for image, ax in zip(shown, axes.flat, strict=True):
    ax.imshow(data.x_test[image].reshape(8, 8), cmap="Greys")
    right = data.y_test[image]
    ax.set_title(f"{answers[image]}" + (f", not {right}" if image in wrong else ""))
    ax.set_axis_off()
show.save(axes, "13_digits.png")

# %%
# The answer is the largest of the scores :math:`\mathrm{relu}(x W_1 + b_1)\,W_2 +
# b_2`.
#
# To try
# ------
# 1. Start with all weights zero. Why does the network learn next to nothing?
#
#    .. dropdown:: Answer
#
#       W2 has none, as every hidden number is 0; W1 none, as W2 is 0. b2 moves.
#
#       >>> zeros = [variable.assign(0.0 * variable) for variable in variables]
#       >>> with tf.GradientTape() as tape:
#       ...     loss = loss_of(data.x_train, data.y_train)
#       >>> float(tf.norm(tape.gradient(loss, W1)))
#       0.0
#
# 2. Close the page and write ``train``. Then: how many epochs does half the
#    learning rate take to the same loss?
#
#    .. dropdown:: Answer
#
#       About twice as many, 14 or 15 for 7: each step goes half as far.
#
#       >>> for variable, value in zip(variables, at_first, strict=True):
#       ...     _ = variable.assign(value)
#       >>> slower = train(epochs=15, learning_rate=0.05)  # doctest: +ELLIPSIS
#       epoch 0: ...
#       >>> 14 <= 1 + int(np.argmax(np.array(slower) < losses[6])) <= 15
#       True
