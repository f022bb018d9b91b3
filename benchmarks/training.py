"""Training on the digits: tf_gd.fit beside model.fit, Keras on JAX, and optax.

``python benchmarks/training.py --peers .venv-peers/bin/python [--quick]`` prints microseconds a
step (batch size 32) of warm runs and of a ``tf.data.Dataset``, with ``model.fit`` as compiled by
default; the seconds of the first epoch; and the memory that an epoch on 10^6 rows takes.
"""

import os
import statistics
import tempfile
from functools import partial

import harness
import numpy as np
import training_peers
from harness import Contestant, digits, size, spread
from training_peers import data

ROWS = size(1437, 160)
STEPS = -(-ROWS // 32)  # of an epoch
NETWORKS = {  # name, as in networks.py: epochs of one measurement of ours
    "MLP 64-64-10": 60,
    "MLP 64-512-512-10": 12,
    "Dense+L2, BatchNorm, Dropout": 30,
    "CNN, 16 filters": 30,
    "CNN, 16 and 16 filters": 12,
}
if harness.QUICK:  # one of each kind
    del NETWORKS["MLP 64-512-512-10"], NETWORKS["CNN, 16 and 16 filters"]
MLP, KERAS, OURS = "MLP 64-64-10", "model.fit", "tf_gd.fit"


def training(who: str, network: str, **settings):
    """Return the function that trains, with the model and what has to be given first."""
    from networks import NETWORKS, for_digits, model_of

    import tf_gd

    model = for_digits(model_of(NETWORKS[network]), **settings)
    return partial(partial(tf_gd.fit, model) if who == OURS else model.fit, verbose=0)


def warm(who: str, network: str, epochs: int):
    fit = partial(training(who, network), *data(), batch_size=32)
    first, _ = harness.timed(fit)
    if who == OURS:  # from 2,000 steps on XLA compiles it, where that is faster
        fit(epochs=size(45, 1))
    fit()

    def run():
        history = fit(epochs=epochs)
        assert np.isfinite(history.history["loss"]).all()
        return {"first": f"{first:.2f}", "mode": history.params.get("mode", "")}

    return run


def on_a_data_set(who: str, steps_per_execution: int = 1):
    import tensorflow as tf

    batches = tf.data.Dataset.from_tensor_slices(data()).batch(32).prefetch(4)
    fit = training(who, MLP, steps_per_execution=steps_per_execution)
    return lambda: fit(batches, epochs=size(4, 1), shuffle=False) and None


def memory():
    """The peak of memory beside that of the data, for an epoch of ours over 10^6 rows of 64."""
    fit, rows, generator = training(OURS, MLP), size(1_000_000, 6_400), np.random.default_rng(0)
    x, y = generator.random((rows, 64), "float32"), generator.integers(0, 10, rows).astype("int32")
    fit(x[:3200], y[:3200], mode="xla")

    def run():
        more, seconds, _ = harness.grown(lambda: fit(x, y, mode="xla"))
        copies = f"{more / (x.nbytes + y.nbytes):.2f} times their memory"
        return f"An epoch over {rows:,} rows of 64: {seconds:.1f} s, and {copies} beside them."

    return run


WARM = {}
for name, count in NETWORKS.items():
    for who, epochs in ((KERAS, size(max(2, count // 10), 1)), (OURS, size(count, 1))):
        WARM[f"{who}: {name}"] = Contestant(partial(warm, who, name, epochs), epochs * STEPS)
    for who, (build, epochs) in training_peers.PEERS.items():
        if build is not training_peers.optax_scan or name.startswith("MLP"):
            steps = epochs * STEPS
            WARM[f"{who}: {name}"] = Contestant(partial(build, name), steps, where="peers")
MEMORY = {"memory": Contestant(memory, where=size("a process of its own", "here"))}
DATA_SET = {OURS: Contestant(partial(on_a_data_set, OURS), size(4, 1) * STEPS)}
for steps in size((1, 9, 45), (1,)):
    build = partial(on_a_data_set, KERAS, steps)
    DATA_SET[f"{KERAS}, steps_per_execution={steps}"] = Contestant(build, size(4, 1) * STEPS)


def report(options) -> None:
    """Run all by turns and print the tables."""
    import tf_gd

    with tempfile.NamedTemporaryFile(suffix=".npz") as file:
        x, y = tf_gd.datasets.digits()[:2]
        np.savez(file.name, x=x[:ROWS], y=y[:ROWS])
        os.environ["DIGITS"] = file.name
        times = harness.race(WARM, options)
        data_set = harness.race(DATA_SET, options)
    rows, firsts, peers = [], [], []
    peers_headers = ["", "Keras on JAX", "ratio", "optax scan", "ratio"]
    for name in NETWORKS:
        keras, ours = (times[f"{who}: {name}"] for who in (KERAS, OURS))
        ratios, both = keras.ratios(ours), [digits(each.median * 1e6) for each in (keras, ours)]
        compared = [digits(statistics.median(ratios)), spread(ratios), ours.value["mode"]]
        rows.append([name, *both, *compared])
        firsts.append([name, keras.value["first"], ours.value["first"]])
        peers.append([name])
        for peer in (times.get(f"{who}: {name}") for who in training_peers.PEERS):
            ratio = digits(statistics.median(peer.ratios(ours))) if peer else ""
            peers[-1] += [digits(peer.median * 1e6), ratio] if peer else ["", ""]
    print("Microseconds a step on the digits, batch size 32, warm; ratio to tf_gd.fit.\n")
    print(harness.table(["", KERAS, OURS, "ratio", "spread", "mode"], rows), end="\n\n")
    if len(times) > 2 * len(NETWORKS):
        print("The same of the peers.\n")
        print(harness.table(peers_headers, peers), end="\n\n")
    print("Seconds of the first epoch, compilation included.\n")
    print(harness.table(["", KERAS, OURS], firsts), end="\n\n")
    print(f"A tf.data.Dataset of the digits, {MLP}: microseconds a step.\n")
    print(harness.show(data_set, OURS, "us"), end="\n\n")
    print(harness.race(MEMORY, options, rounds=0)["memory"].value)


if __name__ == "__main__":
    harness.main(__doc__, WARM | MEMORY, report=report)
