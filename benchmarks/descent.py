"""A recorded path on Rosenbrock's function, as each contestant of ``run.py`` computes it.

Each function prepares so many steps and returns what makes them and hands back all points and
losses as NumPy arrays. It imports only what it needs.
"""

import numpy as np

START, RATE = (-1.2, 1.0), 1e-3


def rosenbrock(x):
    return 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2


def tf_gd_by_hand(steps):
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
        sgd = keras.optimizers.SGD(RATE)
        path = tf_gd.keras_descent("rosenbrock", START, optimizer=sgd, steps=steps)
        return path.points, path.losses

    return run


def optax_scan(steps):
    import jax
    import jax.numpy as jnp
    import optax

    optimizer = optax.sgd(RATE)

    def step(carry, _):
        x, state = carry
        loss, gradient = jax.value_and_grad(rosenbrock)(x)
        change, state = optimizer.update(gradient, state, x)
        return (optax.apply_updates(x, change), state), (x, loss)

    @jax.jit
    def descend(x):
        return jax.lax.scan(step, (x, optimizer.init(x)), None, length=steps + 1)[1]

    return lambda: tuple(map(np.asarray, jax.block_until_ready(descend(jnp.array(START)))))


def optax_while(steps):
    """Record the gradient norm too, and stop at a small or infinite one: all that tf_gd does."""
    import jax
    import jax.numpy as jnp
    import optax

    optimizer = optax.sgd(RATE)

    def step(carry):
        k, x, state, points, losses, squares, _ = carry
        loss, gradient = jax.value_and_grad(rosenbrock)(x)
        square = jnp.sum(gradient * gradient)
        points, losses = points.at[k].set(x), losses.at[k].set(loss)
        change, state = optimizer.update(gradient, state, x)
        stop = (square <= -1.0) | ~jnp.isfinite(square) | ~jnp.isfinite(loss)
        x = optax.apply_updates(x, change)
        return k + 1, x, state, points, losses, squares.at[k].set(square), stop

    @jax.jit
    def descend(x):
        points, room = jnp.zeros((steps + 1, 2)), jnp.zeros(steps + 1)
        first = (0, x, optimizer.init(x), points, room, room, False)
        end = jax.lax.while_loop(lambda carry: (carry[0] <= steps) & ~carry[-1], step, first)
        return end[3], end[4], jnp.sqrt(end[5])

    return lambda: tuple(map(np.asarray, jax.block_until_ready(descend(jnp.array(START)))))[:2]


def eager_tape(steps):
    import tensorflow as tf

    def run():
        x, points, losses = tf.constant(START), [], []
        for _ in range(steps + 1):
            with tf.GradientTape() as tape:
                tape.watch(x)
                loss = rosenbrock(x)
            points.append(x.numpy())
            losses.append(float(loss))
            x = x - RATE * tape.gradient(loss, x)
        return np.array(points), np.array(losses)

    return run


def eager_keras(steps):
    import keras
    import tensorflow as tf

    def run():
        x, optimizer, points, losses = tf.Variable(START), keras.optimizers.SGD(RATE), [], []
        for _ in range(steps + 1):
            with tf.GradientTape() as tape:
                loss = rosenbrock(x)
            points.append(x.numpy())
            losses.append(float(loss))
            optimizer.apply_gradients([(tf.convert_to_tensor(tape.gradient(loss, x)), x)])
        return np.array(points), np.array(losses)

    return run


def torch_eager(steps):
    import torch

    def run():
        x, points, losses = torch.tensor(START, requires_grad=True), [], []
        optimizer = torch.optim.SGD([x], RATE)
        for _ in range(steps + 1):
            optimizer.zero_grad()
            loss = rosenbrock(x)
            points.append(x.detach().numpy().copy())
            losses.append(float(loss))
            loss.backward()
            optimizer.step()
        return np.array(points), np.array(losses)

    return run
