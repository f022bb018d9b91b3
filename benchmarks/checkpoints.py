"""What a checkpoint after every epoch costs: the MLP on the digits, 1,000 steps an epoch, with and without, in turns.

``python benchmarks/checkpoints.py``
"""

import os
import statistics
import tempfile
import time

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras

import tf_gd

EPOCHS, ROUNDS = 20, 9


def main() -> None:
    """Train in turns, and print the medians and the ratio."""
    x, y = tf_gd.datasets.digits()[:2]
    rows = np.resize(np.arange(len(x)), 32_000)
    x, y = x[rows], y[rows]
    keras.utils.set_random_seed(0)
    model = tf_gd.datasets.mlp()
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    run = dict(batch_size=32, epochs=EPOCHS, verbose=0, seed=0, mode="xla")
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(ROUNDS + 1):
        for kept in seconds:
            with tempfile.TemporaryDirectory() as directory:
                start = time.perf_counter()
                tf_gd.fit(model, x, y, checkpoint=directory if kept else None, **run)
                seconds[kept].append(time.perf_counter() - start)
    without, with_them = (statistics.median(times[1:]) for times in (seconds[False], seconds[True]))
    print(f"{EPOCHS} epochs of 1,000 steps: {without * 1e3:.0f} ms, with checkpoints {with_them * 1e3:.0f} ms")
    print(f"ratio {with_them / without:.3f}")


if __name__ == "__main__":
    main()
