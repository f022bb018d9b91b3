"""Run the benchmarks side by side, in rounds, and print a table of medians with ratios.

``python benchmarks/run.py --peers .venv-peers/bin/python``, or ``make bench``. Every contestant runs in a process of its own
in each round, so that what else the machine does falls on all alike.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

from tf_gd.show import table

HERE = Path(__file__).parent
CONTESTANTS = [  # name, what it is, whether it lives with the peers, steps, repetitions in a round
    ("tf_gd_xla", "tf_gd, by hand", False, 100_000, 20),
    ("tf_gd_keras", "tf_gd, keras SGD inside", False, 100_000, 20),
    ("optax_scan", "optax.sgd, lax.scan", True, 100_000, 20),
    ("optax_while", "the same, norm and stop too", True, 100_000, 20),
    ("torch_eager", "torch.optim.SGD", True, 2_000, 3),
    ("eager_tape", "GradientTape, eager loop", False, 500, 3),
    ("eager_keras", "keras SGD, eager loop", False, 500, 3),
]


def main() -> None:
    """Run all rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", help="the Python that has jax, optax and torch; without it they are left out")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()

    results: dict[str, list[dict]] = {name: [] for name, *_ in CONTESTANTS}
    for number in range(options.rounds):
        for name, _, is_peer, steps, repetitions in CONTESTANTS:
            python = options.peers if is_peer else sys.executable
            if python is None:
                continue
            print(f"round {number + 1} of {options.rounds}: {name}", file=sys.stderr)
            command = [python, str(HERE / "descent.py"), name, str(steps), str(repetitions)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            results[name].append(json.loads(done.stdout.splitlines()[-1]))

    rows, ours = [], None
    for name, what, _, steps, _ in CONTESTANTS:
        if not results[name]:
            continue
        medians = [statistics.median(result["seconds"]) / (steps + 1) * 1e9 for result in results[name]]
        median = statistics.median(medians)
        ours = ours or median
        first = statistics.median(result["first"] for result in results[name])
        spread = f"{min(medians):.3g}-{max(medians):.3g}" if median < 1e3 else f"{min(medians):.2e}-{max(medians):.2e}"
        rows.append([what, f"{steps:,}", f"{median:,.0f}", spread, f"{median / ours:,.2f}", f"{first:.2f}"])
    print("Rosenbrock from (-1.2, 1), rate 0.001, float32: every point and loss recorded.\n")
    print(table(["", "steps", "ns a step", "rounds", "ratio", "first, s"], rows))


if __name__ == "__main__":
    main()
