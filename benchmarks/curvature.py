"""tf_gd.learning_rate_limit of a network of a million weights beside two gradients of its loss.

``python benchmarks/curvature.py [--quick]`` prints how many products of the Hessian and a vector
it takes (the loss counts its calls), what one costs, written by hand, and what it costs in all.
"""

from statistics import median

import harness
import keras
import tensorflow as tf
from harness import Contestant, digits, size
from networks import compiled, dense, model_of

import tf_gd

X, Y = (array[: size(None, 64)] for array in tf_gd.datasets.digits()[:2])
CALLS, GROWTH, PRECISE = tf.Variable(0), [], dict(tolerance=1e-4)


class Counted(keras.losses.SparseCategoricalCrossentropy):
    def call(self, y_true, y_pred):
        CALLS.assign_add(1)
        return super().call(y_true, y_pred)


def contestants(model):
    weights = [variable.value for variable in model.trainable_variables]

    @tf.function
    def gradient():
        with tf.GradientTape() as tape:
            loss = model.compute_loss(x=X, y=Y, y_pred=model(X, training=False))
        return tape.gradient(loss, weights)

    @tf.function
    def product():  # with the vector of ones
        with tf.GradientTape() as tape:
            slope = tf.add_n([tf.reduce_sum(part) for part in gradient()])
        return tape.gradient(slope, weights)

    def limit():
        CALLS.assign(0)
        more, _, rate = harness.grown(lambda: tf_gd.learning_rate_limit(model, X, Y, **PRECISE))
        GROWTH.append(more)
        return f"{2 / rate:.4f}", int(CALLS)

    runs = {"pair": lambda: (gradient(), gradient()), "product": product, "limit": limit}
    return {name: Contestant(lambda run=run: run) for name, run in runs.items()}


def report(options) -> None:
    model, rows = model_of(lambda: dense(size(960, 16), size(960, 16), 10)), []
    for when in ("at the start", "after 20 epochs"):
        times = harness.race(contestants(compiled(model, 0.05, loss=Counted(True))), options)
        one, pairs = (times[name].ratios(times["pair"]) for name in ("product", "limit"))
        costs = digits(median(one)), digits(median(pairs)), harness.spread(pairs)
        rows.append([when, *times["limit"].value, *costs])
        tf_gd.fit(compiled(model, 0.05), X, Y, epochs=20, batch_size=32, verbose=0, seed=0)
    weights = model.count_params()
    print(f"{weights:,} weights, {len(X):,} images, tolerance 1e-4;")
    print(f"memory grew by {digits(GROWTH[0] / (4 * weights))} copies of the weights.\n")
    headers = "sharpness", "products", "pairs each", "pairs in all", "spread"
    print(harness.table(["", *headers], rows))


if __name__ == "__main__":
    harness.main(__doc__, {}, report=report)
