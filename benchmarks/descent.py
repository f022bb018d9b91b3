"""A recorded path on Rosenbrock's function, by everybody: points and losses of every step, from one warm program.

Run as ``python descent.py NAME``: prints one JSON line with the seconds of each repetition, the number of steps in one,
and the last point, so that the runner can see that all went the same way. It imports only what NAME needs.
"""

import json
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
START, RATE = (-1.2, 1.0), 1e-3


def tf_gd_xla(steps):
    import tf_gd

    tf_gd.gradient_descent("booth", steps=10)  # TensorFlow itself is loaded

    def run():
        path = tf_gd.gradient_descent("rosenbrock", START, learning_rate=RATE, steps=steps)
        return path.points, path.losses

    return run


def tf_gd_keras(steps):
    import keras

    import tf_gd

    tf_gd.gradient_descent("booth", steps=10)

    def run():
        path = tf_gd.keras_descent("rosenbrock", START, optimizer=keras.optimizers.SGD(RATE), steps=steps)
        return path.points, path.losses

    return run


def optax_while(steps):
    """Record the gradient norm too, and stop at a small or infinite one: all that tf_gd does."""
    import jax
    import jax.numpy as jnp
    import numpy as np
    import optax

    optimizer = optax.sgd(RATE)

    def rosenbrock(x):
        return 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2

    def step(carry):
        k, x, state, points, losses, squares, _ = carry
        loss, gradient = jax.value_and_grad(rosenbrock)(x)
        square = jnp.sum(gradient * gradient)
        points, losses, squares = points.at[k].set(x), losses.at[k].set(loss), squares.at[k].set(square)
        change, state = optimizer.update(gradient, state, x)
        stop = (square <= -1.0) | ~jnp.isfinite(square) | ~jnp.isfinite(loss)
        return k + 1, optax.apply_updates(x, change), state, points, losses, squares, stop

    @jax.jit
    def descend(x, small):
        room = jnp.zeros(steps + 1)
        first = (0, x, optimizer.init(x), jnp.zeros((steps + 1, 2)), room, room, False)
        *_, points, losses, squares, _ = jax.lax.while_loop(lambda c: (c[0] <= steps) & ~c[-1], step, first)
        return points, losses, jnp.sqrt(squares)

    def run():
        return tuple(map(np.asarray, jax.block_until_ready(descend(jnp.array(START), -1.0))))[:2]

    return run


def optax_scan(steps):
    import jax
    import jax.numpy as jnp
    import numpy as np
    import optax

    optimizer = optax.sgd(RATE)

    def rosenbrock(x):
        return 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2

    def step(carry, _):
        x, state = carry
        loss, gradient = jax.value_and_grad(rosenbrock)(x)
        change, state = optimizer.update(gradient, state, x)
        return (optax.apply_updates(x, change), state), (x, loss)

    @jax.jit
    def descend(x):
        return jax.lax.scan(step, (x, optimizer.init(x)), None, length=steps + 1)[1]

    def run():
        return tuple(map(np.asarray, jax.block_until_ready(descend(jnp.array(START)))))

    return run


def eager_tape(steps):
    import numpy as np
    import tensorflow as tf

    def run():
        x, points, losses = tf.constant(START), [], []
        for _ in range(steps + 1):
            with tf.GradientTape() as tape:
                tape.watch(x)
                loss = 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2
            points.append(x.numpy())
            losses.append(float(loss))
            x = x - RATE * tape.gradient(loss, x)
        return np.array(points), np.array(losses)

    return run


def eager_keras(steps):
    import keras
    import numpy as np
    import tensorflow as tf

    def run():
        x, optimizer, points, losses = tf.Variable(START), keras.optimizers.SGD(RATE), [], []
        for _ in range(steps + 1):
            with tf.GradientTape() as tape:
                loss = 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2
            points.append(x.numpy())
            losses.append(float(loss))
            optimizer.apply_gradients([(tf.convert_to_tensor(tape.gradient(loss, x)), x)])
        return np.array(points), np.array(losses)

    return run


def torch_eager(steps):
    import numpy as np
    import torch

    def run():
        x, points, losses = torch.tensor(START, requires_grad=True), [], []
        optimizer = torch.optim.SGD([x], RATE)
        for _ in range(steps + 1):
            optimizer.zero_grad()
            loss = 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2
            points.append(x.detach().numpy().copy())
            losses.append(float(loss))
            loss.backward()
            optimizer.step()
        return np.array(points), np.array(losses)

    return run


def main(name: str, steps: int, repetitions: int) -> None:
    """Time ``name``; the first run, which compiles, apart."""
    run = globals()[name](steps)
    begin = time.perf_counter()
    run()
    first, seconds = time.perf_counter() - begin, []
    for _ in range(repetitions):
        begin = time.perf_counter()
        points, losses = run()
        seconds.append(time.perf_counter() - begin)
    assert points.shape == (steps + 1, 2)
    assert losses.shape == (steps + 1,)
    print(json.dumps({"first": first, "seconds": seconds, "steps": steps, "final": points[-1].tolist()}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
