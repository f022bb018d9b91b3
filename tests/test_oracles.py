"""The update against torch.optim.SGD and optax, in float64: where they do the same, and where they do not.

They live in an environment of their own, ``make .venv-peers/.installed``; without it these tests are skipped.
"""

import functools
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

import tf_gd
from tf_gd import updates

PYTHON = Path(os.environ.get("TF_GD_PEERS", Path(__file__).parents[1] / ".venv-peers" / "bin" / "python"))
pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="torch and optax are not here: make .venv-peers/.installed")

RATE, DECAY, CLIP, STEPS = 1e-3, 0.1, 5.0, 200
DROP = [RATE] * 100 + [RATE / 10] * 100
NAMES = {"plain": {}, "momentum": {"momentum": 0.9}, "Nesterov": {"momentum": 0.9, "nesterov": True}}


def of_peers(settings: dict, **about) -> list:
    """Return the cases (library, settings) of one combination."""
    return [("torch", {"lr": RATE, **settings, **about}), ("optax", {"learning_rate": RATE, **settings, **about})]


CASES = [
    *(case for settings in NAMES.values() for case in of_peers(settings)),
    ("torch", {"lr": RATE, "weight_decay": DECAY}),
    ("optax", {"learning_rate": RATE, "coupled": DECAY}),
    ("torch", {"lr": RATE, "weight_decay": DECAY, "momentum": 0.9}),
    ("optax", {"learning_rate": RATE, "coupled": DECAY, "momentum": 0.9}),
    *of_peers({"momentum": 0.9}, rates=DROP),
    ("optax", {"learning_rate": RATE, "momentum": 0.9, "clip": CLIP}),
    ("torch", {"lr": RATE, "momentum": 0.9, "clip": CLIP}),
    ("torch", {"lr": RATE, "momentum": 0.9, "dampening": 0.9}),
]


@functools.cache
def _paths() -> list:
    command = [str(PYTHON), str(Path(__file__).with_name("peers.py")), json.dumps(CASES)]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout)


def path_of(library: str, **settings) -> np.ndarray:
    """Return the path of a peer, ``(steps + 1, 2)``."""
    return np.array(_paths()[CASES.index((library, settings))])


def by_hand(*, rates=None, decay=None, coupled=0.0, clip=None, momentum=None, nesterov=False, rescale=False) -> np.ndarray:
    """Return the path by the functions of ``updates.py``; ``rescale`` follows a change of the rate with the velocity."""
    w, v, points, before = np.array([-1.2, 1.0]), np.zeros(2), [[-1.2, 1.0]], None
    for rate in rates or [RATE] * STEPS:
        g = np.array([-400 * w[0] * (w[1] - w[0] ** 2) - 2 * (1 - w[0]), 200 * (w[1] - w[0] ** 2)]) + coupled * w
        if clip is not None:
            g = updates.clip_by_global_norm([g], clip)[0].numpy()
        if decay is not None:
            w = updates.decay(w, rate, decay)
        if rescale and before is not None:
            v = v * rate / before
        before = rate
        w, v = updates.step(w, v, g, rate, momentum, nesterov)
        points.append(w.tolist())
    return np.array(points)


def distance(a, b) -> float:
    return float(np.abs(a - b).max())


@pytest.mark.parametrize("name", NAMES)
def test_at_a_constant_rate_all_three_take_the_same_path(name):
    settings = NAMES[name]
    run = dict(learning_rate=RATE, **settings, steps=STEPS, dtype="float64", mode="graph")
    ours = tf_gd.gradient_descent("rosenbrock", **run).points
    assert distance(ours, path_of("torch", lr=RATE, **settings)) < 1e-12
    assert distance(ours, path_of("optax", learning_rate=RATE, **settings)) < 1e-12
    if settings:
        assert distance(ours, path_of("torch", lr=RATE)) > 0.01


def test_weight_decay_is_the_same_without_momentum_only():
    coupled = path_of("torch", lr=RATE, weight_decay=DECAY)
    assert distance(by_hand(decay=DECAY), coupled) < 1e-12
    assert distance(path_of("optax", learning_rate=RATE, coupled=DECAY), coupled) < 1e-12
    with_momentum = path_of("torch", lr=RATE, weight_decay=DECAY, momentum=0.9)
    assert distance(by_hand(decay=DECAY, momentum=0.9), with_momentum) > 1e-3
    assert distance(by_hand(coupled=DECAY, momentum=0.9), with_momentum) < 1e-12
    assert distance(path_of("optax", learning_rate=RATE, coupled=DECAY, momentum=0.9), with_momentum) < 1e-12


def test_when_the_rate_changes_momentum_parts_unless_the_velocity_is_rescaled():
    theirs = path_of("torch", lr=RATE, momentum=0.9, rates=DROP)
    assert distance(path_of("optax", learning_rate=RATE, momentum=0.9, rates=DROP), theirs) < 1e-12
    ours = by_hand(rates=DROP, momentum=0.9)
    assert distance(ours[:101], theirs[:101]) < 1e-12
    assert distance(ours, theirs) > 1e-3
    assert distance(by_hand(rates=DROP, momentum=0.9, rescale=True), theirs) < 1e-12


def test_clipping_by_the_global_norm():
    """PyTorch adds 1e-6 to the norm before it divides."""
    ours = by_hand(clip=CLIP, momentum=0.9)
    assert distance(ours, path_of("optax", learning_rate=RATE, momentum=0.9, clip=CLIP)) < 1e-12
    assert 1e-12 < distance(ours, path_of("torch", lr=RATE, momentum=0.9, clip=CLIP)) < 1e-6


def test_dampening_is_a_smaller_rate():
    """But for the first step, at which PyTorch leaves the gradient undamped."""
    damped = path_of("torch", lr=RATE, momentum=0.9, dampening=0.9)
    assert distance(by_hand(momentum=0.9, rates=[RATE / 10] * STEPS)[:2], damped[:2]) > 0.1
    assert distance(by_hand(momentum=0.9, rates=[RATE] * STEPS), damped) > 0.01
