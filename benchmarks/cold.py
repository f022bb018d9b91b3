"""The first training of a process, compilation included: tf_gd.fit, model.fit, Keras on JAX.

``python benchmarks/cold.py --peers .venv-peers/bin/python [--quick]`` prints the seconds of 5 and
of 50 epochs on the digits, each in a process that has just started and imported its packages.
"""

import os
import tempfile
from functools import partial
from pathlib import Path

import harness
import numpy as np
import training_peers
from harness import Contestant, size

OURS, KERAS, JAX = "tf_gd.fit", "model.fit", "Keras on JAX"
NETWORKS = ["MLP 64-64-10", "MLP 64-512-512-10", "Dense+L2, BatchNorm, Dropout", "CNN, 16 filters"]
NETWORKS = size(NETWORKS, NETWORKS[:1])
EPOCHS = size((5, 50), (5,))


def first_fit(who: str, network: str, epochs: int):
    if who == JAX:
        import jax  # noqa: F401  without it there is no such backend
    from networks import NETWORKS, for_digits, model_of

    (x, y), model = training_peers.data(), for_digits(model_of(NETWORKS[network]))
    settings = dict(batch_size=32, epochs=epochs, verbose=0)
    if who == OURS:
        import tf_gd

        return lambda: tf_gd.fit(model, x, y, **settings) and None
    return lambda: model.fit(x, y, **settings) and None


def name(who: str, network: str, epochs: int) -> str:
    return f"{who}: {network}, {epochs} epochs"


CONTESTANTS = {
    name(who, network, epochs): Contestant(partial(first_fit, who, network, epochs), where="peers" if who == JAX else who)
    for network in NETWORKS
    for epochs in EPOCHS
    for who in (OURS, KERAS, JAX)
}


def report(options) -> None:
    """Start all in each round and print the table."""
    import tf_gd

    with tempfile.TemporaryDirectory() as folder:
        x, y = tf_gd.datasets.digits()[:2]
        os.environ["DIGITS"] = str(Path(folder) / "digits.npz")
        np.savez(os.environ["DIGITS"], x=x, y=y)
        rows = []
        for network in NETWORKS:
            for epochs in EPOCHS:
                own = {name(who, network, epochs): who for who in (OURS, KERAS, JAX)}
                times = harness.first_calls({key: CONTESTANTS[key] for key in own}, options)
                seconds = {own[key]: measured.median for key, measured in times.items()}
                shown = [harness.digits(seconds[who]) if who in seconds else "" for who in own.values()]
                ratio = harness.digits(seconds[OURS] / seconds[KERAS])
                rows.append([network, str(epochs), *shown, ratio])
        print("Seconds of the first training of a process:\n")
        headers = ["", "epochs", OURS, KERAS, JAX, "ours / model.fit"]
        print(harness.table(headers, rows))


if __name__ == "__main__":
    harness.main(__doc__, CONTESTANTS, report=report, rounds=3)
