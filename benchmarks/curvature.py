"""The largest eigenvalue of a network's Hessian of a million weights: its cost in gradients and in copies of the weights.

``python benchmarks/curvature.py``
"""

import os
import resource
import time

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras
import tensorflow as tf

import tf_gd
from tf_gd.networks import curvature
from tf_gd.show import table


def seconds_of(run) -> float:
    """Return the median seconds of seven calls, after one that compiles."""
    run()
    seconds = []
    for _ in range(7):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def main() -> None:
    """Measure at the start and after twenty epochs, and print the table."""
    x, y = tf_gd.datasets.digits()[:2]
    keras.utils.set_random_seed(0)
    dense = [keras.layers.Dense(960, activation="relu") for _ in range(2)]
    model = keras.Sequential([keras.Input((64,)), *dense, keras.layers.Dense(10)])
    model.compile(keras.optimizers.SGD(0.05), keras.losses.SparseCategoricalCrossentropy(from_logits=True))

    @tf.function
    def gradient():
        with tf.GradientTape() as tape:
            loss = model.compute_loss(x=x, y=y, y_pred=model(x, training=False))
        return tape.gradient(loss, model.trainable_variables)

    rows = []
    for when in ("at the start", "after 20 epochs"):
        pair = 2 * seconds_of(lambda: gradient()[0].numpy())
        product, size = curvature.product_of_model(model, x, y)
        vector = np.ones(size)
        one, calls = seconds_of(lambda product=product, vector=vector: product(vector)), []

        def counted(vector, product=product, calls=calls):
            calls.append(1)
            return product(vector)

        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.perf_counter()
        sharpness = curvature.largest(counted, size, 1e-4)
        seconds = time.perf_counter() - start
        more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / (4 * size)
        rows.append([when, f"{sharpness:.4f}", len(calls), f"{one / pair:.1f}", f"{seconds / pair:.0f}", f"{more:.0f}"])
        tf_gd.fit(model, x, y, epochs=20, batch_size=32, verbose=0, seed=0)
    print(f"{size:,} weights, {len(x):,} images; a pair of gradients is two over all of them; tolerance 1e-4\n")
    print(table(["", "sharpness", "products", "pairs each", "pairs in all", "copies more"], rows))


if __name__ == "__main__":
    main()
