"""tf_gd.fit with a checkpoint after every epoch beside the same without: an MLP on the digits.

``python benchmarks/checkpoints.py [--quick]`` prints milliseconds of a training in epochs of 1,000
steps, and the ratio to the one without.
"""

import tempfile

import harness
import numpy as np
from harness import Contestant, size

EPOCHS, STEPS = size(20, 2), size(1_000, 20)


def training(keeps: bool):
    from networks import compiled

    import tf_gd

    x, y = (np.resize(a, (32 * STEPS, *a.shape[1:])) for a in tf_gd.datasets.digits()[:2])
    model = compiled(tf_gd.datasets.mlp(), 0.01, 0.9)
    settings = dict(batch_size=32, epochs=EPOCHS, verbose=0, seed=0, mode="xla")

    def run():
        with tempfile.TemporaryDirectory() as folder:
            tf_gd.fit(model, x, y, checkpoint=folder if keeps else None, **settings)

    return run


CONTESTANTS = {
    "without": Contestant(lambda: training(keeps=False)),
    "with checkpoints": Contestant(lambda: training(keeps=True)),
}
TITLE = f"{EPOCHS} epochs of {STEPS:,} steps: milliseconds."

if __name__ == "__main__":
    harness.main(__doc__, CONTESTANTS, TITLE, "ms", rounds=9)
