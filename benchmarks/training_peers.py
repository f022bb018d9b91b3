"""Peers of the training benchmark, in the environment that has JAX: Keras on JAX, and optax under lax.scan.

``KERAS_BACKEND=jax python training_peers.py digits.npz NETWORK`` prints microseconds a step as JSON.
"""

import itertools
import json
import statistics
import sys
import time

import numpy as np

REPEATS = 5


def seconds_of(run) -> float:
    """Return the median seconds of a call, after one to compile."""
    run()
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def keras_on_jax(name: str, x, y) -> float:
    """Return the time of a step at the best ``steps_per_execution``."""
    from networks import NETWORKS, compiled

    best = np.inf
    for steps_per_execution in (1, 9, 45):
        model = compiled(NETWORKS[name][0], steps_per_execution=steps_per_execution)
        seconds = seconds_of(lambda model=model: model.fit(x, y, batch_size=32, epochs=6, verbose=0))
        best = min(best, seconds / (6 * 45))
    return best * 1e6


def optax_scan(sizes: list[int], x, y) -> float:
    """Return the time of a step of ``optax.sgd`` under ``lax.scan`` over the batches of an epoch."""
    import jax
    import jax.numpy as jnp
    import optax

    optimizer, generator = optax.sgd(0.05, momentum=0.9), np.random.default_rng(0)
    pairs = itertools.pairwise(sizes)
    layers = [(jnp.array(generator.normal(size=(a, b)) / np.sqrt(a), "float32"), jnp.zeros(b)) for a, b in pairs]

    def loss_of(layers, x, y):
        for w, b in layers[:-1]:
            x = jax.nn.relu(x @ w + b)
        logits = x @ layers[-1][0] + layers[-1][1]
        hits = (logits.argmax(axis=1) == y).sum()
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean(), hits

    @jax.jit
    def epoch(layers, state, order):
        def step(carry, rows):
            layers, state = carry
            (loss, hits), gradients = jax.value_and_grad(loss_of, has_aux=True)(layers, *rows)
            updates, state = optimizer.update(gradients, state)
            return (optax.apply_updates(layers, updates), state), (loss, hits)

        full = len(x) // 32 * 32
        rows = (jnp.asarray(x)[order[:full]].reshape(-1, 32, x.shape[1]), jnp.asarray(y)[order[:full]].reshape(-1, 32))
        (layers, state), measured = jax.lax.scan(step, (layers, state), rows)
        (layers, state), _ = step((layers, state), (jnp.asarray(x)[order[full:]], jnp.asarray(y)[order[full:]]))
        return layers, state, measured

    def run():
        nonlocal layers, state
        for _ in range(12):
            layers, state, measured = epoch(layers, state, generator.permutation(len(x)))
        jax.block_until_ready(measured)

    state = optimizer.init(layers)
    return seconds_of(run) / (12 * 45) * 1e6


def main() -> None:
    """Measure the network named."""
    path, name = sys.argv[1:]
    with np.load(path) as file:
        x, y = file["x"], file["y"]
    results = {"keras_on_jax": keras_on_jax(name, x, y)}
    if name.startswith("MLP"):
        results["optax_scan"] = optax_scan([int(size) for size in name.split()[1].split("-")], x, y)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
