"""Compare the hand-written training loop with ``model.fit``, epoch by epoch."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tf_gd import _checks, _keras
from tf_gd._keras import keras
from tf_gd.comparison.descent import Comparison, distances
from tf_gd.networks import arrays
from tf_gd.networks.checks import build
from tf_gd.networks.fit import fit
from tf_gd.networks.passes import count_samples


@dataclass(frozen=True, eq=False)
class TrainingRun:
    """One training of one model.

    Attributes:
        states: at the start and after each epoch, a dict from name to array: the weights of the
            model, and the velocities and counters of the optimizer.
        history: what Keras recorded after each epoch: a list for the loss and for each metric.
        evaluation: the same on the test data after the last epoch; empty without test data.
        model: the trained model.
        seconds: wall-clock time of the training, compilation included.
    """

    states: list[dict[str, np.ndarray]]
    history: dict[str, list[float]]
    evaluation: dict[str, float]
    model: keras.Model
    seconds: float

    @property
    def losses(self) -> np.ndarray:
        """The loss that Keras recorded in each epoch, ``(epochs,)``."""
        return np.array(self.history.get("loss", []))

    def summary(self) -> dict[str, str]:
        """Return its column of the table."""
        shown = {"epochs": str(len(self.states) - 1), "parameters": str(self.model.count_params())}
        shown |= {
            f"training {name}": f"{values[-1]:.6f}"
            for name, values in self.history.items()
            if values
        }
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
    """Train the same model with :func:`tf_gd.fit` and with ``model.fit``, and compare all weights
    after every epoch.

    Args:
        build_model: returns a fresh model, not compiled; called twice under the same seed.
        x, y: the training data, arrays ``(samples, ...)``.
        optimizer: a ``keras.optimizers.SGD``; each run gets a copy of it.
        loss: as ``model.compile`` takes it.
        batch_size, epochs: as for :func:`tf_gd.fit`.
        shuffle: whether to shuffle each epoch; both runs visit the samples in the same order.
        jit_compile: compile both with XLA.
        metrics: as ``model.compile`` takes them.
        test_data: a pair ``(x, y)`` to evaluate both models on after the last epoch.
        seed: for the initial weights, the shuffling and Dropout.

    Returns:
        The comparison. ``.iterations`` counts updates; a record is taken at the start and after
        each epoch.

    Raises:
        TypeError, ValueError: no model or no loss, or data that do not fit them.
    """
    check_model_and_loss(build_model, loss)
    if type(optimizer) is not keras.optimizers.SGD:
        raise TypeError(
            f"optimizer: got {type(optimizer).__name__}, expected a keras.optimizers.SGD."
        )
    shuffle = _checks.flag("shuffle", shuffle)
    jit_compile = _checks.flag("jit_compile", jit_compile)
    seed = _checks.whole_number("seed", seed, minimum=0)
    if test_data is not None and (not isinstance(test_data, (tuple, list)) or len(test_data) != 2):
        raise TypeError(f"test_data: got {type(test_data).__name__}, expected a pair (x, y).")
    if test_data is not None:
        test_data = arrays.as_arrays(test_data[0], test_data[1], prefix="test_data: ")[:2]
    given = arrays.as_arrays(x, y)
    epochs = _checks.whole_number("epochs", epochs, minimum=1)
    batch_size = _checks.whole_number("batch_size", batch_size, minimum=1)

    runs: list[TrainingRun] = []
    for by_hand in (True, False):
        model = build_afresh(build_model, seed, other=runs[0].model if runs else None)
        copy = copy_of(optimizer)
        compiled(model, optimizer=copy, loss=loss, metrics=metrics, jit_compile=jit_compile)
        build(model, *given)
        states = _StateOfEachEpoch(model)
        settings = dict(batch_size=batch_size, epochs=epochs, verbose=0, callbacks=[states])
        start = time.perf_counter()
        if by_hand:
            mode = "xla" if jit_compile else "graph"
            history = fit(model, x, y, shuffle="keras" if shuffle else False, mode=mode, **settings)
        else:
            history = model.fit(x, y, shuffle=shuffle, **settings)
        seconds = time.perf_counter() - start
        evaluation = (
            model.evaluate(*test_data, verbose=0, return_dict=True) if test_data is not None else {}
        )
        runs.append(TrainingRun(states.rows, history.history, evaluation, model, seconds))

    manual, builtin = runs
    ulp, absolute = _distances(manual, builtin)
    updates_an_epoch = -(-count_samples(given) // batch_size)
    iterations = np.arange(epochs + 1) * updates_an_epoch
    xla = "with XLA" if jit_compile else "without XLA"
    title = f"{model.name}: {epochs} epochs of {updates_an_epoch} batches, {xla}"
    cause = ""
    if ulp[0].any():
        cause = (
            "the two models began with different weights: "
            "build_model does not draw them from Keras's seed.\n"
            "Use Keras initializers in it, not another random generator."
        )
    elif ulp.any() and not jit_compile:
        cause = (
            "TensorFlow's graph optimizer rounds the two programs differently;\n"
            "under tf_gd.exact_arithmetic() it computes what is written."
        )
    tensors = {
        name: (
            float(ulp[:, i].max()),
            float(absolute[:, i].max()),
            int(np.argmax(ulp[:, i] > 0)) if ulp[:, i].any() else None,
        )
        for i, name in enumerate(manual.states[0])
    }
    return Comparison(
        manual,
        builtin,
        iterations,
        ulp.max(axis=1),
        absolute.max(axis=1),
        True,
        title,
        cause,
        tensors,
    )


def check_model_and_loss(build_model, loss) -> None:
    """Raise unless ``build_model`` is a function and ``loss`` may be a loss."""
    if isinstance(build_model, keras.Model):
        raise TypeError(
            "build_model: got a model, expected a function that returns a new one at each call."
        )
    if not callable(build_model):
        raise TypeError(
            f"build_model: got {build_model!r}, "
            "expected a function without arguments that returns a new model."
        )
    if loss is not None and not isinstance(loss, str | list | tuple | dict) and not callable(loss):
        raise TypeError(
            f"loss: got {type(loss).__name__}, "
            "expected one that model.compile takes, for example 'mse'."
        )
    if loss is None:
        raise ValueError(
            'loss: got None, expected one that model.compile takes, for example "mse".'
        )
    for name in (one for one in keras.tree.flatten(loss) if isinstance(one, str)):
        try:
            keras.losses.get(name)
        except ValueError:
            close = _checks.did_you_mean(name, dir(keras.losses))
            raise ValueError(
                f"loss: got {name!r}, expected the name of a Keras loss, for example 'mse'.{close}"
            ) from None


def build_afresh(build_model: Callable, seed: int, other=None):
    """Set the seed and return a new model; raise if ``build_model`` returned ``other`` again."""
    keras.utils.set_random_seed(seed)
    try:
        model = build_model()
    except TypeError as error:
        raise TypeError(
            f"build_model: calling it without arguments raised TypeError: {error}"
        ) from error
    if not isinstance(model, keras.Model):
        raise TypeError(f"build_model: it returned {type(model).__name__}, expected a keras.Model.")
    if model is other:
        raise ValueError(
            "build_model: it returned the same model twice, expected a new one at each call."
        )
    return model


def compiled(model, **settings) -> None:
    """Compile a model; if Keras refuses, raise with the loss and metrics it got."""
    try:
        model.compile(**settings)
    except Exception as error:
        asked = ", ".join(
            f"{name} {settings[name]!r}"
            for name in ("loss", "loss_weights", "metrics")
            if settings.get(name) is not None
        )
        raise ValueError(
            f"model.compile raised {type(error).__name__}: {error} "
            f"It got {asked}, expected what Keras takes."
        ) from error


def copy_of(optimizer):
    """Return a copy of the optimizer, with the names that it excludes from weight decay."""
    copy = type(optimizer).from_config(optimizer.get_config())
    if excluded := _keras.excluded_from_decay(optimizer):
        copy.exclude_from_weight_decay(var_names=[excluded])
    return copy


def _distances(manual: TrainingRun, builtin: TrainingRun) -> tuple[np.ndarray, np.ndarray]:
    """Return each tensor's largest ULP and absolute distance, ``(epochs + 1, tensors)`` each."""
    ulp, absolute = [], []
    for left, right in zip(manual.states, builtin.states, strict=True):
        pairs = [
            distances(a.reshape(1, -1), b.reshape(1, -1))
            for a, b in zip(left.values(), right.values(), strict=True)
        ]
        ulp.append([float(u[0]) for u, _ in pairs])
        absolute.append([float(a[0]) for _, a in pairs])
    return np.array(ulp), np.array(absolute)


class _StateOfEachEpoch(keras.callbacks.Callback):
    """Keep all weights and the optimizer's state, at the start and after each epoch."""

    def __init__(self, model):
        super().__init__()
        self.rows = [_state(model)]

    def on_epoch_end(self, epoch, logs=None):
        self.rows.append(_state(self.model))


def _state(model) -> dict[str, np.ndarray]:
    """Return copies by name; integers and half precision as floats that hold them exactly."""
    state = {}
    for number, variable in enumerate([*model.weights, *model.optimizer.variables]):
        value = np.asarray(keras.ops.convert_to_numpy(variable))
        if value.dtype not in (np.float32, np.float64):
            value = value.astype("float64" if value.dtype.kind in "iu" else "float32")
        state[variable.path if variable.path not in state else f"{variable.path} {number}"] = value
    return state
