"""The networks of the benchmarks, in plain Keras, so that every backend can build them."""

import keras
from keras.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, Input, Reshape


def dense(*sizes: int) -> list:
    """Return the layers of a network of rectified linear units, with logits as outputs."""
    return [*(Dense(size, "relu") for size in sizes[:-1]), Dense(sizes[-1])]


def regularised() -> list:
    hidden = Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(1e-4))
    return [hidden, BatchNormalization(), Dropout(0.2), Dense(10)]


def convolutions(count: int) -> list:
    """Return so many convolutions of 16 filters; two are eight times the work of one."""
    filters = [Conv2D(16, 3, activation="relu") for _ in range(count)]
    return [Reshape((8, 8, 1)), *filters, Flatten(), Dense(10)]


NETWORKS = {
    "MLP 64-64-10": lambda: dense(64, 10),
    "MLP 64-512-512-10": lambda: dense(512, 512, 10),
    "Dense+L2, BatchNorm, Dropout": regularised,
    "CNN, 16 filters": lambda: convolutions(1),
    "CNN, 16 and 16 filters": lambda: convolutions(2),
}


def model_of(layers):
    """Return a model of inputs ``(64,)``, the same each time."""
    keras.utils.set_random_seed(0)
    return keras.Sequential([Input((64,)), *layers()])


def compiled(model, learning_rate: float, momentum: float = 0.0, **settings):
    """Compile a model whose outputs are logits, with SGD, and return it."""
    settings.setdefault("loss", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.compile(optimizer=keras.optimizers.SGD(learning_rate, momentum), **settings)
    return model


def for_digits(model, **settings):
    """Compile a model as the training benchmark does, and return it."""
    return compiled(model, 0.05, 0.9, metrics=["accuracy"], **settings)
