"""Training on the digits: ``tf_gd.fit`` beside ``model.fit`` as compiled by default, in one process, batch size 32.

``python benchmarks/training.py`` prints microseconds a step (median of the warm epochs) and the seconds of the first epoch.
"""

import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tf_gd

tf_gd.quiet_tensorflow()

import keras
import numpy as np

from tf_gd import datasets
from tf_gd.show import table

layers = keras.layers


def wide():
    return keras.Sequential(
        [layers.Input((64,)), layers.Dense(512, "relu"), layers.Dense(512, "relu"), layers.Dense(10)], name="wide"
    )


def regularised():
    return keras.Sequential(
        [
            layers.Input((64,)),
            layers.Dense(64, "relu", kernel_regularizer=keras.regularizers.L2(1e-4)),
            layers.BatchNormalization(),
            layers.Dropout(0.2),
            layers.Dense(10),
        ],
        name="regularised",
    )


def convolutional():
    return keras.Sequential(
        [
            layers.Input((64,)),
            layers.Reshape((8, 8, 1)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.Conv2D(16, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(10),
        ],
        name="convolutional",
    )


MODELS = [
    ("MLP 64-64-10", datasets.mlp, 60),
    ("MLP 64-512-512-10", wide, 12),
    ("Dense+L2, BatchNorm, Dropout", regularised, 15),
    ("small CNN", convolutional, 12),
]


def measure(build, fit, epochs: int, data) -> tuple[float, float, str]:
    """Return microseconds a step, warm, the seconds of the first epoch, and the mode."""
    keras.utils.set_random_seed(0)
    model = build()
    model.compile(
        optimizer=keras.optimizers.SGD(0.05, momentum=0.9),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    settings = dict(batch_size=32, verbose=0)
    start = time.perf_counter()
    fit(model, data.x_train, data.y_train, epochs=1, **settings)
    first = time.perf_counter() - start
    repeats = []
    for _ in range(5):
        start = time.perf_counter()
        history = fit(model, data.x_train, data.y_train, epochs=epochs, **settings)
        repeats.append((time.perf_counter() - start) / (epochs * 45) * 1e6)
    assert np.isfinite(history.history["loss"]).all()
    return statistics.median(repeats), first, history.params.get("mode", "")


def main() -> None:
    """Measure all models, ours and Keras's by turns, and print a table."""
    data = datasets.digits()
    rows = []
    for name, build, epochs in MODELS:
        keras_step, keras_first, _ = measure(build, keras.Model.fit, max(2, epochs // 10), data)
        our_step, our_first, mode = measure(build, tf_gd.fit, epochs, data)
        first = f"{keras_first:.1f} / {our_first:.1f}"
        rows.append([name, f"{keras_step:,.0f}", f"{our_step:,.0f}", f"{keras_step / our_step:.1f}", mode, first])
    print("Microseconds a step on the digits, batch size 32, warm; seconds of the first epoch.\n")
    print(table(["", "model.fit", "tf_gd.fit", "ratio", "mode", "first epoch, s"], rows))


if __name__ == "__main__":
    main()
