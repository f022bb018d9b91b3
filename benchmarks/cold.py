"""The first tf_gd.fit of all in its process beside the first model.fit: an MLP on the digits.

``python benchmarks/cold.py [--quick]`` prints the seconds of five epochs on
``tf_gd.datasets.digits()``, each in a process that has just started and imported both packages.
"""

from functools import partial

import harness
from harness import Contestant

OURS, KERAS = "tf_gd.fit", "model.fit"


def first_fit(who: str):
    from networks import for_digits

    import tf_gd

    (x, y), model = tf_gd.datasets.digits()[:2], for_digits(tf_gd.datasets.mlp())
    settings = dict(batch_size=32, epochs=5, verbose=0)

    def run():
        fit = partial(tf_gd.fit, model) if who == OURS else model.fit
        fit(x, y, **settings)

    return run


CONTESTANTS = {who: Contestant(partial(first_fit, who), where=who) for who in (OURS, KERAS)}


def report(options) -> None:
    """Start both in each round and print the table."""
    times = harness.first_calls(CONTESTANTS, options)
    print("Five epochs in a fresh process: seconds.\n")
    print(harness.show(times, OURS, "s"))


if __name__ == "__main__":
    harness.main(__doc__, CONTESTANTS, report=report)
