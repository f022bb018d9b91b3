"""Peers of the training benchmark, in the environment that has JAX: Keras on JAX, optax."""

import itertools
import os

import numpy as np
from harness import size, timed

BATCH = 32


def data():
    """Return the digits, which ``training.py`` has written: here is no scikit-learn."""
    with np.load(os.environ["DIGITS"]) as file:
        return file["x"], file["y"]


def keras_on_jax(network: str):
    """``model.fit`` at the fastest of three ``steps_per_execution``."""
    import jax  # noqa: F401  without it there is no such backend
    from networks import NETWORKS, for_digits, model_of

    x, y = data()

    def fitting(steps_per_execution):
        model = for_digits(model_of(NETWORKS[network]), steps_per_execution=steps_per_execution)
        settings = dict(batch_size=BATCH, epochs=PEERS["Keras on JAX"][1], verbose=0)
        return lambda: model.fit(x, y, **settings) and None

    runs = [fitting(steps) for steps in size((1, 9, 45), (1,))]
    for run in runs:
        run()
    return min(runs, key=lambda run: timed(run)[0])


def optax_scan(network: str):
    """``optax.sgd`` under ``lax.scan`` over the batches of an epoch, of an MLP."""
    import jax
    import jax.numpy as jnp
    import optax

    optimizer, generator = optax.sgd(0.05, momentum=0.9), np.random.default_rng(0)
    (x, y), layers = data(), []
    full = len(x) // BATCH * BATCH
    for inputs, outputs in itertools.pairwise(map(int, network.split()[1].split("-"))):
        weights = generator.normal(size=(inputs, outputs)) / np.sqrt(inputs)
        layers.append((jnp.array(weights, "float32"), jnp.zeros(outputs)))

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
            measured, gradients = jax.value_and_grad(loss_of, has_aux=True)(layers, *rows)
            updates, state = optimizer.update(gradients, state)
            return (optax.apply_updates(layers, updates), state), measured

        inputs, targets = jnp.asarray(x)[order], jnp.asarray(y)[order]
        batches = inputs[:full].reshape(-1, BATCH, x.shape[1]), targets[:full].reshape(-1, BATCH)
        carry, measured = jax.lax.scan(step, (layers, state), batches)
        if full < len(x):
            carry, _ = step(carry, (inputs[full:], targets[full:]))
        return *carry, measured

    def run():
        nonlocal layers, state
        for _ in range(PEERS["optax scan"][1]):
            layers, state, measured = epoch(layers, state, generator.permutation(len(x)))
        jax.block_until_ready(measured)

    state = optimizer.init(layers)
    return run


PEERS = {  # name: what prepares it, epochs of one measurement
    "Keras on JAX": (keras_on_jax, size(6, 1)),
    "optax scan": (optax_scan, size(12, 1)),
}
