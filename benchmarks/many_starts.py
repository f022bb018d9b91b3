"""Rosenbrock's function from many starts: tf_gd.multi_start beside jax.vmap and NumPy.

``python benchmarks/many_starts.py --peers .venv-peers/bin/python [--quick]`` prints nanoseconds a
step of one descent, and what a large map and ten million starts take. ``tf_gd.multi_start`` checks
the starts, finds the minima and labels the ends too. What its steps alone take is the difference
between a call of ten times the steps and a call.
"""

import os

import harness
import numpy as np
from harness import Contestant, Times, size

COUNT, STEPS, RATE = size(131_072, 8_192), size(500, 200), 1e-3
STARTS = np.random.default_rng(0).uniform(-2, 2, (COUNT, 2)).astype("float32")


def middle(ends) -> float:
    """Return what all should agree on; some of the starts diverge."""
    return float(np.nanmedian(np.abs(ends)))


def multi_start(steps: int = STEPS):
    import tf_gd

    settings = dict(learning_rate=RATE, steps=steps)
    return lambda: middle(tf_gd.multi_start("rosenbrock", STARTS, **settings).final)


def jax_vmap():
    """One descent as a fori_loop, vmapped over the starts and jitted."""
    import jax

    def rosenbrock(x):
        return 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2

    def descend(x):
        return jax.lax.fori_loop(0, STEPS, lambda _, x: x - RATE * jax.grad(rosenbrock)(x), x)

    program = jax.jit(jax.vmap(descend))
    return lambda: middle(program(STARTS))


def numpy_arrays():
    """The gradient by hand, on whole arrays."""

    @np.errstate(all="ignore")
    def run():
        (x, y), rate = STARTS.T.copy(), np.float32(RATE)
        for _ in range(STEPS):
            inner = y - x * x
            x, y = x - rate * (-400 * x * inner - 2 * (1 - x)), y - rate * (200 * inner)
        return middle(np.stack([x, y], axis=1))

    return run


def large():
    """What a map of a million points takes, with its compilation, and ten million starts."""
    import tf_gd

    tf_gd.multi_start("booth", 8, steps=1)  # TensorFlow itself is loaded
    side, count = size(1001, 31), size(10_000_000, 1_000)

    def draw_map():
        tf_gd.basin_map("himmelblau", learning_rate=0.01, steps=size(2000, 50), resolution=side)

    def start():
        settings = dict(learning_rate=0.01, steps=size(500, 50), seed=0)
        return tf_gd.multi_start("himmelblau", count, **settings)

    def run():
        mapped, _ = harness.timed(draw_map)
        more, seconds, runs = harness.grown(start)
        arrays = (runs.starts, runs.final, runs.losses, runs.gradient_norms, runs.label)
        held = sum(array.nbytes for array in arrays) / 2**20
        return (
            f"A basin map of {side} x {side}, with its compilation: {mapped:.1f} s.\n"
            f"{count:,} starts: {seconds:.1f} s; the result takes {held:,.0f} MiB, "
            f"memory grew by {more / 2**20:,.0f} MiB."
        )

    return run


OURS, LONGER, LARGE = "tf_gd.multi_start", "ten times the steps", "large"
CONTESTANTS = {
    OURS: Contestant(multi_start, STEPS * COUNT),
    LONGER: Contestant(lambda: multi_start(10 * STEPS), 9 * STEPS * COUNT),
    "jax.vmap of a fori_loop": Contestant(jax_vmap, STEPS * COUNT, where="peers"),
    "NumPy, whole arrays": Contestant(numpy_arrays, STEPS * COUNT),
}
ALONE = {LARGE: Contestant(large, where=size("a process of its own", "here"))}


def report(options) -> None:
    """Run all by turns and print the table."""
    times = harness.race(CONTESTANTS, options)
    ends = {name: f"{measured.value:.5f}" for name, measured in times.items() if name != LONGER}
    assert max(map(float, ends.values())) < 1.01 * min(map(float, ends.values())), ends
    longer = times.pop(LONGER)
    steps = [ten - one / 9 for ten, one in zip(longer.each, times[OURS].each, strict=True)]
    times["its steps alone"] = Times(longer.first, None, steps)
    print(f"Rosenbrock, {COUNT:,} starts, {STEPS} steps, rate {RATE:g}, float32, {os.cpu_count()}")
    print("cores: nanoseconds a step of one descent.\n")
    print(harness.show(times, OURS, "ns", **{"median end": ends}), end="\n\n")
    print(harness.race(ALONE, options, rounds=0)[LARGE].value)


if __name__ == "__main__":
    harness.main(__doc__, CONTESTANTS | ALONE, report=report, rounds=3)
