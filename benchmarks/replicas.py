"""tf_gd.fit on two replicas beside one: an MLP 64-1024-1024-10 at batch size 512 on a CPU.

``python benchmarks/replicas.py [--quick]`` prints milliseconds a step, and the ratio to one
replica. Each setting of logical CPUs and threads has a process of its own (in a quick run one
replica, too, is given two logical CPUs, so that there are fewer of them to start).
"""

import functools

import harness
import numpy as np
from harness import Contestant, size

STEPS, WIDTH, BATCH = size(60, 2), size(1024, 16), size(512, 16)


@functools.cache
def configure(devices: int, threads: int) -> None:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    logical = [tf.config.LogicalDeviceConfiguration()] * devices
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], logical)


def training(devices: int, threads: int, batch_size: int):
    configure(size(devices, 2), threads)
    import tensorflow as tf
    from networks import compiled, dense, model_of

    import tf_gd

    x = np.random.default_rng(0).normal(size=(batch_size * STEPS, 64)).astype("float32")
    y = np.random.default_rng(1).integers(0, 10, batch_size * STEPS)
    settings = dict(batch_size=batch_size, shuffle=False, mode="graph", verbose=0)
    strategy = tf.distribute.get_strategy()
    if devices > 1:
        add = tf.distribute.ReductionToOneDevice()
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"], add)
    with strategy.scope():
        model = compiled(model_of(lambda: dense(WIDTH, WIDTH, 10)), 0.01)
    return lambda: tf_gd.fit(model, x, y, **settings) and None


def contestant(devices: int, threads: int, batch_size: int = BATCH) -> Contestant:
    """Return one with so many logical CPUs, threads in an operation (0: all), and samples."""
    build = functools.partial(training, devices, threads, batch_size)
    return Contestant(build, STEPS, size(4, 1), f"{size(devices, 2)} CPUs, {threads} threads")


CONTESTANTS = {
    "one replica": contestant(1, 0),
    "one replica, one thread": contestant(1, 1),
    "two replicas": contestant(2, 0),
    "two replicas, one thread each": contestant(2, 1),
    "one replica, one thread, half the batch": contestant(1, 1, BATCH // 2),
}

if __name__ == "__main__":
    harness.main(__doc__, CONTESTANTS, "Milliseconds a step.", "ms", rounds=3)
