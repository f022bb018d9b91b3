"""Paths of torch.optim.SGD and of optax on Rosenbrock's function in float64; run by the Python that has them.

``python peers.py '[["torch", {"lr": 0.001, "momentum": 0.9}]]'`` prints the points as JSON, ``(cases, steps + 1, 2)``.
What stands in the settings is passed on to the library; ``rates`` (one for each step), ``clip`` (of the global norm) and
``coupled`` (weight decay) are about the loop.
"""

import json
import sys

START, STEPS = [-1.2, 1.0], 200


def torch_path(steps=STEPS, rates=None, clip=None, **settings):
    """Return the path of ``torch.optim.SGD``, whose keyword arguments the settings are."""
    import torch

    x = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([x], **settings)
    points = [x.tolist()]
    for step in range(steps):
        if rates is not None:
            optimizer.param_groups[0]["lr"] = rates[step]
        optimizer.zero_grad()
        (100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2).backward()
        if clip is not None:
            torch.nn.utils.clip_grad_norm_([x], clip)
        optimizer.step()
        points.append(x.tolist())
    return points


def optax_path(steps=STEPS, rates=None, clip=None, coupled=0.0, **settings):
    """Return the path of ``optax.sgd``, whose keyword arguments the settings are."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp
    import optax

    if rates is not None:
        table = jnp.array(rates)
        settings["learning_rate"] = lambda count: table[count]
    parts = [optax.clip_by_global_norm(clip)] if clip is not None else []
    parts += [optax.add_decayed_weights(coupled)] if coupled else []
    parts += [optax.sgd(**settings)]
    optimizer = optax.chain(*parts)
    x = jnp.array(START)
    state = optimizer.init(x)
    gradient = jax.jit(jax.grad(lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2))
    points = [x.tolist()]
    for _ in range(steps):
        updates, state = optimizer.update(gradient(x), state, x)
        x = optax.apply_updates(x, updates)
        points.append(x.tolist())
    return points


if __name__ == "__main__":
    cases = json.loads(sys.argv[1])
    known = {"torch": torch_path, "optax": optax_path}
    print(json.dumps([known[library](**settings) for library, settings in cases]))
