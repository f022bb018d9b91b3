"""The networks of the training benchmark, in plain Keras, so that every backend can build them."""

import keras

layers = keras.layers


def mlp():
    """64-64-10."""
    return keras.Sequential([layers.Input((64,)), layers.Dense(64, "relu"), layers.Dense(10)])


def wide():
    """64-512-512-10."""
    return keras.Sequential([layers.Input((64,)), layers.Dense(512, "relu"), layers.Dense(512, "relu"), layers.Dense(10)])


def regularised():
    """L2, BatchNorm and Dropout."""
    hidden = layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(1e-4))
    return keras.Sequential(
        [layers.Input((64,)), hidden, layers.BatchNormalization(), layers.Dropout(0.2), layers.Dense(10)]
    )


def convolutional():
    """One convolution of 16 filters."""
    picture = [layers.Reshape((8, 8, 1)), layers.Conv2D(16, 3, activation="relu"), layers.Flatten()]
    return keras.Sequential([layers.Input((64,)), *picture, layers.Dense(10)])


def two_convolutions():
    """Two convolutions of 16 filters, eight times the work of one."""
    convolutions = [layers.Conv2D(16, 3, activation="relu") for _ in range(2)]
    return keras.Sequential(
        [layers.Input((64,)), layers.Reshape((8, 8, 1)), *convolutions, layers.Flatten(), layers.Dense(10)]
    )


NETWORKS = {  # name: (what builds it, epochs of one measurement of ours)
    "MLP 64-64-10": (mlp, 60),
    "MLP 64-512-512-10": (wide, 12),
    "Dense+L2, BatchNorm, Dropout": (regularised, 30),
    "CNN, 16 filters": (convolutional, 30),
    "CNN, 16 and 16 filters": (two_convolutions, 12),
}


def compiled(build, **settings):
    """Return a network ready to train on the digits."""
    keras.utils.set_random_seed(0)
    model = build()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(0.05, momentum=0.9), loss=loss, metrics=["accuracy"], **settings)
    return model
