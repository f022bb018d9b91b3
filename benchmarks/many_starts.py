"""Rosenbrock from 131,072 starts, 500 steps each, by everybody; and what ten million starts and a large map take.

``python benchmarks/many_starts.py --peers .venv-peers/bin/python``. Every contestant runs in a process of its own in each
round. With a name it runs that one contestant and prints one JSON line.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
COUNT, STEPS, RATE = 131_072, 500, 1e-3
STARTS = np.random.default_rng(0).uniform(-2, 2, (COUNT, 2)).astype("float32")


def tf_gd_multi_start():
    """Time the whole call: with the starts checked, the ends labelled, and the minima looked for."""
    import tf_gd

    return lambda: tf_gd.multi_start("rosenbrock", STARTS, learning_rate=RATE, steps=STEPS).final


def tf_gd_descents_alone():
    """Time the compiled program alone, which is what the peers do."""
    import tf_gd
    from tf_gd.toy import _many

    objective, update = tf_gd.objectives.get("rosenbrock"), _many.Update(RATE, None, nesterov=False)
    return lambda: _many.run_many(objective, objective.fn, STARTS, update, STEPS, "xla", "CPU:0")[0]


def jax_vmap():
    """One descent as a fori_loop, vmapped over the starts and jitted."""
    import jax

    def rosenbrock(x):
        return 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2

    def descend(x):
        return jax.lax.fori_loop(0, STEPS, lambda _, x: x - RATE * jax.grad(rosenbrock)(x), x)

    program = jax.jit(jax.vmap(descend))
    return lambda: np.asarray(program(STARTS))


def numpy_vectorised():
    """The gradient by hand, on whole arrays."""

    def run():
        x, y = STARTS.T.copy()
        for _ in range(STEPS):
            inner = y - x * x
            x, y = x - np.float32(RATE) * (-400 * x * inner - 2 * (1 - x)), y - np.float32(RATE) * (200 * inner)
        return np.stack([x, y], axis=1)

    return run


CONTESTANTS = {  # what it is, and whether it lives with the peers
    "tf_gd_descents_alone": ("tf_gd, the descents alone", False),
    "tf_gd_multi_start": ("tf_gd.multi_start, with labels", False),
    "jax_vmap": ("jax.vmap of a fori_loop", True),
    "numpy_vectorised": ("NumPy, vectorised", True),
}


def one(name: str) -> None:
    """Run one contestant and print its seconds and its mean end."""
    run, seconds = globals()[name](), []
    for _ in range(6):
        start = time.perf_counter()
        ends = run()
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"first": seconds[0], "seconds": statistics.median(seconds[1:]), "end": float(np.abs(ends).mean())}))


def large() -> None:
    """Print what a map of a million points takes, compiled and all, and the memory of ten million starts."""
    import resource

    import tf_gd

    tf_gd.multi_start("booth", 8, steps=1)  # imports TensorFlow
    start = time.perf_counter()
    tf_gd.basin_map("himmelblau", learning_rate=0.01, steps=2000, resolution=1001)
    print(f"basin map of 1001 x 1001, 2,000 steps each, compilation included: {time.perf_counter() - start:.1f} s")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    runs = tf_gd.multi_start("himmelblau", 10_000_000, learning_rate=0.01, steps=500, seed=0)
    held = sum(array.nbytes for array in (runs.starts, runs.final, runs.losses, runs.gradient_norms, runs.label)) / 2**20
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**10
    seconds = time.perf_counter() - start
    print(f"10^7 starts, 500 steps: {seconds:.1f} s; result {held:,.0f} MiB, memory grew by {more:,.0f} MiB")


def main() -> None:
    """Run all rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="?", choices=[*CONTESTANTS, "large"])
    parser.add_argument("--peers", help="the Python that has jax; without it the peers are left out")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.name == "large":
        large()
        return
    if options.name:
        one(options.name)
        return

    from tf_gd.show import table

    found: dict[str, list[dict]] = {name: [] for name in CONTESTANTS}
    for _ in range(options.rounds):
        for name, (_, is_peer) in CONTESTANTS.items():
            python = options.peers if is_peer else sys.executable
            if python:
                done = subprocess.run([python, __file__, name], check=True, capture_output=True, text=True)
                found[name].append(json.loads(done.stdout.splitlines()[-1]))
    rows, ours = [], None
    for name, (what, _) in CONTESTANTS.items():
        if found[name]:
            each = [result["seconds"] / COUNT / STEPS * 1e9 for result in found[name]]
            median = statistics.median(each)
            ours = ours or median
            first = statistics.median(result["first"] for result in found[name])
            spread = f"{min(each):.2f}-{max(each):.2f}"
            rows.append(
                [what, f"{median:.2f}", spread, f"{median / ours:.1f}", f"{first:.2f}", f"{found[name][0]['end']:.5f}"]
            )
    print(f"Rosenbrock, {COUNT:,} starts, {STEPS} steps, rate {RATE:g}, float32, {os.cpu_count()} cores.\n")
    print(table(["", "ns a step", "rounds", "ratio", "first, s", "mean end"], rows))
    subprocess.run([sys.executable, __file__, "large"], check=True)


if __name__ == "__main__":
    main()
