"""Keras in its other modes: what a loop is like if not Keras as it runs by default."""

import contextlib
from collections.abc import Iterator

import numpy as np

from tf_gd.explain.experiment import Kitchen
from tf_gd.explain.loops import Case, Loop
from tf_gd.explain.search import residual, scale_of


def modes(case: Case) -> Iterator[tuple[str, Loop]]:
    """Run Keras in its other modes, where it can be."""
    modes = {"eager (run_eagerly=True)": {"run_eagerly": True}, "compiled by XLA (jit_compile=True)": {"jit_compile": True}}
    for name, compiled in modes.items():
        with contextlib.suppress(ValueError):  # XLA does not know everything
            yield name, case.by_keras(**compiled)


def in_another_mode(case: Case, ours: np.ndarray, rounding: float) -> Loop | None:
    """Return Keras's run in a mode in which it goes where the loop went: under XLA Dropout draws other numbers."""
    for _, other in modes(case):
        weights = np.stack(other.weights)[: len(ours)]
        if weights.shape == ours.shape and residual(ours, weights, scale_of(ours, weights)) <= 4 * rounding:
            return other
    return None


def where_keras_differs_as_much(case: Case, kitchen: Kitchen, ours: np.ndarray, expected: np.ndarray) -> str:
    """Return the variable that is farthest apart, if Keras in another mode is as far from itself in every variable.

    A bias before BatchNormalization has no gradient but rounding, which Adam makes a whole step of.
    """
    sizes = [kitchen.initial[i].size for i in kitchen.compared]
    eps = 64 * np.finfo(kitchen.precision).eps * (1 + np.abs(expected).max())

    def parts(weights: np.ndarray) -> np.ndarray:
        away = np.abs(weights - expected).max(axis=0)
        return np.array([part.max(initial=0.0) for part in np.split(away, np.cumsum(sizes)[:-1])])

    for _, other in modes(case):
        weights = np.stack(other.weights)[: len(ours)]
        if weights.shape == ours.shape and (parts(ours) <= np.maximum(3 * parts(weights), eps)).all():
            return kitchen.names[kitchen.compared[int(np.argmax(parts(ours)))]]
    return ""
