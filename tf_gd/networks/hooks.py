"""How many batches one call takes: as many as its callbacks allow, for about a second."""

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tf_gd import _keras
from tf_gd._keras import keras

SECONDS_A_CALL = 1.0  # then Ctrl-C is answered, the bar moves, and a checkpoint may be written
_PRODUCTS_A_CALL = 1e9  # which take some tenths of a second forward and back
_PRODUCTS_A_BATCH = 2e5  # take as long as what a batch costs besides, some 0.1 ms
_GROWTH = 4  # how much longer a call may be than the one before it


class Pace:
    """How many batches to give to the next call: about as many as take a second.

    The first call also compiles, and the second finds out how long a batch takes. A program that
    takes its batches from an iterator looks at the clock itself.

    Args:
        fixed: so many, where a callback asks for it; else by the clock.
        first: how many certainly take less than a second.
    """

    def __init__(self, fixed: int | None = None, first: int = 1):
        self.fixed = fixed
        self._count, self._calls = fixed or first, 0

    def next(self, left: float) -> int:
        """Return how many batches to take, of those that are left."""
        return int(min(self._count, left))

    def of_stream(self, left: float) -> tuple[int, float]:
        """Return how many batches to take from an iterator at most, and for how many seconds."""
        most = min(left, np.iinfo(np.int32).max)
        return (self.next(most), math.inf) if self.fixed else (int(most), SECONDS_A_CALL)

    def took(self, batches: int, seconds: float) -> None:
        """Learn from a call."""
        self._calls += 1
        if self.fixed or self._calls == 1:
            return
        in_time = int(batches * SECONDS_A_CALL / max(seconds, 1e-6))
        most = in_time if self._count == 1 else _GROWTH * self._count
        self._count = int(np.clip(in_time, 1, max(most, 1)))


def pace_of(model, callbacks: list, what: str, source=None, every_batch: bool = False) -> Pace:
    """Return the pace that callbacks allow.

    Args:
        model: a compiled Keras model: a callback with hooks for batches hears of every
            ``steps_per_execution`` of them.
        callbacks: of Keras.
        what: ``"train"`` or ``"test"``.
        source: of the batches, where there is one.
        every_batch: whether something else than a callback asks for every batch.
    """
    hooks = [f"on_{what}_batch_begin", f"on_{what}_batch_end"]
    hooks += ["on_batch_begin", "on_batch_end"] if what == "train" else []
    asks = (has_hook(one, hook, _quiet(one)) for one in callbacks for hook in hooks)
    if every_batch or any(asks):
        return Pace(model.steps_per_execution)
    samples = source.samples if source else None
    quick = samples and _products_of_epoch(model, source) < _PRODUCTS_A_CALL
    return Pace(first=source.batches if quick else 1)


def _products_of_epoch(model, source) -> float:
    return source.samples * products_of(model) + source.batches * _PRODUCTS_A_BATCH


def products_of(model) -> float:
    """Return about how many products the model takes for one sample; infinite where unknown."""
    products = counted = 0.0
    for layer in _keras.layers_of(model):
        weights = layer.count_params() if layer.built else math.inf
        if weights and not getattr(layer, "layers", None):
            products += weights * _places(layer)
            counted += weights
    return products if model.built and counted == model.count_params() else math.inf


def _places(layer) -> float:
    """Return at how many places, of an image or a sequence, a layer takes its weights."""
    if not _keras.is_called(layer):
        return math.inf
    shapes = [t.shape for t in tf.nest.flatten([layer.input, layer.output])]
    sizes = [shape[1:-1] for shape in shapes]
    return max(math.inf if None in size else math.prod(size) for size in sizes)


def ends_at_nan(callbacks: list) -> bool:
    """Return whether training is to end at the first batch whose loss is not finite."""
    return any(type(callback) is keras.callbacks.TerminateOnNaN for callback in callbacks)


def has_hook(callback, hook: str, but: Sequence[type] = ()) -> bool:
    """Return whether a callback does something of its own at a hook, other than these classes."""
    given = getattr(callback, hook, None)
    known = [getattr(base, hook, None) for base in (keras.callbacks.Callback, *but)]
    return given is not None and getattr(given, "__func__", given) not in known


def _quiet(callback) -> list[type]:
    """Return the classes of Keras for which, as they are set, a batch is like many at once.

    ``TerminateOnNaN`` is one because the loop itself ends where the loss is not finite.
    """
    known = keras.callbacks
    quiet = {
        known.ModelCheckpoint: lambda: callback.save_freq == "epoch",
        known.BackupAndRestore: lambda: callback.save_freq == "epoch",
        known.TensorBoard: lambda: not _keras.looks_at_batches(callback),
        known.TerminateOnNaN: lambda: type(callback) is known.TerminateOnNaN,
    }
    return [kind for kind, is_so in quiet.items() if isinstance(callback, kind) and is_so()]
