"""Training on the digits: ``tf_gd.fit`` beside ``model.fit`` as compiled by default, Keras on JAX, and optax.

``python benchmarks/training.py --peers .venv-peers/bin/python`` prints microseconds a step (median of warm runs, batch size
32), the seconds of the first epoch, a data set, and the memory that a training on 10^6 rows takes.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tf_gd

tf_gd.quiet_tensorflow()

import keras
import numpy as np
import tensorflow as tf
from networks import NETWORKS, compiled, mlp

from tf_gd import datasets
from tf_gd.show import table

HERE = Path(__file__).parent
STEPS = 45  # of an epoch on the digits


def measure(build, fit, epochs: int, data) -> tuple[float, float, str]:
    """Return microseconds a step, warm, the seconds of the first epoch, and the mode of the warm runs."""
    model, settings = compiled(build), dict(batch_size=32, verbose=0)
    start = time.perf_counter()
    fit(model, data.x_train, data.y_train, epochs=1, **settings)
    first = time.perf_counter() - start
    while fit is tf_gd.fit and model.__dict__["_tf_gd_steps"] < 2000:  # from then on compiled by XLA, where that is faster
        fit(model, data.x_train, data.y_train, epochs=45, **settings)
    fit(model, data.x_train, data.y_train, epochs=1, **settings)
    repeats = []
    for _ in range(5):
        start = time.perf_counter()
        history = fit(model, data.x_train, data.y_train, epochs=epochs, **settings)
        repeats.append((time.perf_counter() - start) / (epochs * STEPS) * 1e6)
    assert np.isfinite(history.history["loss"]).all()
    return statistics.median(repeats), first, history.params.get("mode", "")


def on_a_data_set(fit, data, **settings) -> float:
    """Return microseconds a step on the digits as a ``tf.data.Dataset``."""
    dataset = tf.data.Dataset.from_tensor_slices((data.x_train, data.y_train)).batch(32).prefetch(4)
    model = compiled(mlp, **settings)
    fit(model, dataset, epochs=1, verbose=0, shuffle=False)
    repeats = []
    for _ in range(5):
        start = time.perf_counter()
        fit(model, dataset, epochs=4, verbose=0, shuffle=False)
        repeats.append((time.perf_counter() - start) / (4 * STEPS) * 1e6)
    return statistics.median(repeats)


def memory() -> None:
    """Print the peak of memory beside that of the data, for an epoch of ours over 10^6 rows of 64."""
    generator = np.random.default_rng(0)
    x, y = generator.random((1_000_000, 64), "float32"), generator.integers(0, 10, 1_000_000).astype("int32")
    model = compiled(mlp)
    tf_gd.fit(model, x[:3200], y[:3200], verbose=0, mode="xla")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    start = time.perf_counter()
    tf_gd.fit(model, x, y, verbose=0, mode="xla")
    seconds = time.perf_counter() - start
    more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    size = x.nbytes + y.nbytes
    print(json.dumps({"data": size, "beyond": more, "seconds": seconds}))


def peers_of(python: str | None, name: str, path: Path) -> dict[str, float]:
    """Return what the peers take for a step, measured in their own environment."""
    if python is None:
        return {}
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    command = [python, str(HERE / "training_peers.py"), str(path), name]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measure all networks, ours and the others by turns, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", help="the Python that has jax, optax and keras; without it they are left out")
    parser.add_argument("--memory", action="store_true", help="only measure the memory")
    options = parser.parse_args()
    if options.memory:
        return memory()

    data, rows, firsts = datasets.digits(), [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.npz"
        np.savez(path, x=data.x_train, y=data.y_train)
        for name, (build, epochs) in NETWORKS.items():
            print(name, file=sys.stderr)
            keras_step, keras_first, _ = measure(build, keras.Model.fit, max(2, epochs // 10), data)
            our_step, our_first, mode = measure(build, tf_gd.fit, epochs, data)
            peers = peers_of(options.peers, name, path)
            times = [keras_step, our_step, peers.get("keras_on_jax", np.nan), peers.get("optax_scan", np.nan)]
            shown = [f"{value:,.0f}" if np.isfinite(value) else "" for value in times]
            rows.append([name, *shown, f"{keras_step / our_step:.1f}", mode])
            firsts.append([name, f"{keras_first:.2f}", f"{our_first:.2f}"])
    print("Microseconds a step on the digits, batch size 32, warm.\n")
    print(table(["", "model.fit", "tf_gd.fit", "Keras on JAX", "optax scan", "ratio", "mode"], rows))
    print("\nSeconds of the first epoch, compilation included.\n")
    print(table(["", "model.fit", "tf_gd.fit"], firsts))

    by_keras = {steps: on_a_data_set(keras.Model.fit, data, steps_per_execution=steps) for steps in (1, 9, 45)}
    best = min(by_keras, key=by_keras.__getitem__)
    print(
        f"\nA tf.data.Dataset of the digits, MLP 64-64-10: model.fit {by_keras[1]:,.0f} us a step, with "
        f"steps_per_execution={best} {by_keras[best]:,.0f}; tf_gd.fit {on_a_data_set(tf_gd.fit, data):,.0f}."
    )
    done = subprocess.run([sys.executable, __file__, "--memory"], check=True, capture_output=True, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    print(
        f"An epoch over 10^6 rows of 64: {found['beyond'] / found['data']:.2f} times the memory of the data beside them, "
        f"{found['seconds']:.1f} s."
    )
    return None


if __name__ == "__main__":
    main()
