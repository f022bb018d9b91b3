"""A recorded path on Rosenbrock's function: tf_gd beside optax, PyTorch and loops by hand.

``python benchmarks/run.py --peers .venv-peers/bin/python [--quick]`` prints nanoseconds a step of
a warm program that records every point and every loss, and the ratio to ``tf_gd``.
"""

import descent
import harness
import numpy as np
from harness import Contestant, size

MANY, FEW = size(100_000, 2_000), size(500, 20)


def recorded(build, steps: int, calls: int, where: str = "here") -> Contestant:
    """Return a contestant whose value is the point after 20 steps, where all should be."""

    def prepare():
        run = build(steps)

        def call():
            points, losses = run()
            assert points.shape == (steps + 1, 2)
            assert losses.shape == (steps + 1,)
            return points[20].tolist()

        return call

    return Contestant(prepare, steps + 1, size(calls, 1), where)


OURS = "tf_gd, by hand"
CONTESTANTS = {
    OURS: recorded(descent.tf_gd_by_hand, MANY, 20),
    "tf_gd, keras SGD inside": recorded(descent.tf_gd_keras, MANY, 20),
    "optax.sgd, lax.scan": recorded(descent.optax_scan, MANY, 20, "peers"),
    "the same, norm and stop too": recorded(descent.optax_while, MANY, 20, "peers"),
    "torch.optim.SGD": recorded(descent.torch_eager, 4 * FEW, 3, "peers"),
    "GradientTape, eager loop": recorded(descent.eager_tape, FEW, 3),
    "keras SGD, eager loop": recorded(descent.eager_keras, FEW, 3),
}


def check(times) -> None:
    for name, measured in times.items():
        assert np.allclose(measured.value, times[OURS].value, rtol=1e-4), name


TITLE = "Rosenbrock from (-1.2, 1), rate 0.001, float32: nanoseconds a step."

if __name__ == "__main__":
    harness.main(__doc__, CONTESTANTS, TITLE, "ns", check=check)
