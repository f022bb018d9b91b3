"""Are they the same on a network? The hand-written training loop beside ``model.fit``, epoch by epoch."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tf_gd import _checks
from tf_gd._backend import keras
from tf_gd.comparison.descent import Comparison, distances
from tf_gd.networks.training import fit


@dataclass(frozen=True, eq=False)
class TrainingRun:
    """One training of one model.

    Attributes:
        weights: ``(epochs + 1, parameters)``, all weights of the model in a row: at the start and after each epoch.
        history: what Keras recorded after each epoch, a list for each of loss, accuracy and so on.
        evaluation: the same on the test data after the last epoch; empty without test data.
        model: the trained model.
        seconds: wall-clock time of the training, compilation included.
    """

    weights: np.ndarray
    history: dict[str, list[float]]
    evaluation: dict[str, float]
    model: keras.Model
    seconds: float

    def summary(self) -> dict[str, str]:
        """Return what a table shows of it."""
        shown = {"epochs": str(len(self.weights) - 1), "parameters": str(self.weights.shape[1])}
        shown |= {f"training {name}": f"{values[-1]:.6f}" for name, values in self.history.items() if values}
        shown |= {f"test {name}": f"{value:.6f}" for name, value in self.evaluation.items()}
        return {**shown, "time, with compilation": f"{self.seconds:.2f} s"}


def compare_training(
    build_model: Callable[[], keras.Model],
    x,
    y,
    *,
    optimizer: keras.optimizers.Optimizer,
    loss,
    batch_size: int = 32,
    epochs: int = 1,
    shuffle: bool = True,
    jit_compile: bool = False,
    metrics=None,
    test_data=None,
    seed: int = 0,
) -> Comparison:
    """Train the same model twice, with :func:`tf_gd.fit` and with ``model.fit``, and compare all weights every epoch.

    Args:
        build_model: returns a fresh model, not compiled; called twice under the same seed.
        x, y: the training data, arrays ``(samples, ...)``.
        optimizer: a ``keras.optimizers.SGD``; each run gets a copy.
        loss: as ``model.compile`` takes it.
        batch_size, epochs: as for :func:`tf_gd.fit`.
        shuffle: both runs visit the batches in the order of ``model.fit``: shuffled, or as given.
        jit_compile: compile both with XLA.
        metrics: as ``model.compile`` takes them.
        test_data: a pair ``(x, y)`` to evaluate both models on after the last epoch.
        seed: of the initial weights, the order and Dropout.

    Returns:
        The comparison. ``.iterations`` counts updates; a record is taken at the start and after each epoch.

    Raises:
        TypeError, ValueError: an argument is not what it should be; the message says how to mend it.
    """
    if not callable(build_model):
        raise TypeError(f"build_model: got {build_model!r}, expected a function without arguments that returns a new model.")
    if type(optimizer) is not keras.optimizers.SGD:
        raise TypeError(f"optimizer: got {type(optimizer).__name__}, expected a keras.optimizers.SGD.")
    shuffle = _checks.flag("shuffle", shuffle)
    epochs = _checks.whole_number("epochs", epochs, minimum=1)
    batch_size = _checks.whole_number("batch_size", batch_size, minimum=1)

    runs = []
    for by_hand in (True, False):
        keras.utils.set_random_seed(seed)
        model = build_model()
        copy = optimizer.from_config(optimizer.get_config())
        model.compile(optimizer=copy, loss=loss, metrics=metrics, jit_compile=jit_compile)
        if not model.built:
            model.build(np.shape(x))
        weights = _WeightsOfEachEpoch(model)
        settings = dict(batch_size=batch_size, epochs=epochs, verbose=0, callbacks=[weights])
        start = time.perf_counter()
        if by_hand:
            mode = "xla" if jit_compile else "graph"
            history = fit(model, x, y, shuffle="keras" if shuffle else False, mode=mode, **settings)
        else:
            history = model.fit(x, y, shuffle=shuffle, **settings)
        seconds = time.perf_counter() - start
        evaluation = model.evaluate(*test_data, verbose=0, return_dict=True) if test_data is not None else {}
        runs.append(TrainingRun(np.stack(weights.rows), history.history, evaluation, model, seconds))

    manual, builtin = runs
    ulp, absolute = distances(manual.weights, builtin.weights)
    updates_an_epoch = -(-len(x) // batch_size)
    iterations = np.arange(epochs + 1) * updates_an_epoch
    title = f"{model.name}: {epochs} epochs of {updates_an_epoch} batches, {'with' if jit_compile else 'without'} XLA"
    cause = ""
    if ulp.any() and not jit_compile:
        cause = (
            "TensorFlow's graph optimizer rounds the two programs differently;\n"
            "under tf_gd.exact_arithmetic() it computes what is written."
        )
    return Comparison(manual, builtin, iterations, ulp, absolute, True, title, cause)


class _WeightsOfEachEpoch(keras.callbacks.Callback):
    """Keep all weights, at the start and after each epoch."""

    def __init__(self, model):
        super().__init__()
        self.rows = [_flat(model)]

    def on_epoch_end(self, epoch, logs=None):
        self.rows.append(_flat(self.model))


def _flat(model) -> np.ndarray:
    return np.concatenate([weight.numpy().ravel() for weight in model.weights])
