"""Two replicas on two logical CPUs against one: an MLP 64-1024-1024-10 at batch size 512.

``python benchmarks/replicas.py``. Every contestant runs in a process of its own in each round.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
CONTESTANTS = {  # logical CPUs, threads in an operation, samples in a batch
    "one replica": (1, 0, 512),
    "one replica, one thread": (1, 1, 512),
    "two replicas": (2, 0, 512),
    "two replicas, one thread each": (2, 1, 512),
    "one replica, one thread, half the batch": (1, 1, 256),
}
STEPS = 60


def one(name: str) -> None:
    """Run one contestant and print its milliseconds a step."""
    import numpy as np
    import tensorflow as tf

    import tf_gd

    devices, threads, batch_size = CONTESTANTS[name]
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    logical = [tf.config.LogicalDeviceConfiguration()] * devices
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], logical)
    import keras

    x = np.random.default_rng(0).normal(size=(batch_size * STEPS, 64)).astype("float32")
    y = np.random.default_rng(1).integers(0, 10, batch_size * STEPS)
    names = [f"CPU:{number}" for number in range(devices)]
    strategy = tf.distribute.MirroredStrategy(names, tf.distribute.ReductionToOneDevice())
    with strategy.scope() if devices > 1 else tf.distribute.get_strategy().scope():
        layers = [keras.layers.Dense(1024, activation="relu") for _ in range(2)]
        model = keras.Sequential([keras.Input((64,)), *layers, keras.layers.Dense(10)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.01), loss)
        seconds = []
        for _ in range(5):
            start = time.perf_counter()
            tf_gd.fit(model, x, y, batch_size=batch_size, shuffle=False, mode="graph", verbose=0)
            seconds.append(time.perf_counter() - start)
    print(json.dumps(statistics.median(seconds[1:]) / STEPS * 1e3))


def main() -> None:
    """Run all rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="?", choices=CONTESTANTS)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.name:
        one(options.name)
        return
    from tf_gd.show import table

    found: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    for _ in range(options.rounds):
        for name, times in found.items():
            done = subprocess.run([sys.executable, __file__, name], check=True, capture_output=True, text=True)
            times.append(json.loads(done.stdout.splitlines()[-1]))
    first = statistics.median(found["one replica"])
    rows = []
    for name, times in found.items():
        median = statistics.median(times)
        rows.append([name, f"{median:.2f}", f"{min(times):.2f}-{max(times):.2f}", f"{first / median:.2f}"])
    print(table(["", "ms a step", "rounds", "times as fast"], rows))


if __name__ == "__main__":
    main()
