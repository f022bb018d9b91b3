"""Losses and gradients of the model of an experiment, each computed once."""

import collections
import functools
import hashlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tf_gd._keras import keras
from tf_gd.explain.calls import Calls
from tf_gd.explain.losses import gradients_of
from tf_gd.networks.passes import each

# Most mistakes are given up after a step or two, sooner than they would compile. Of a slow model
# the call is compiled already, and the rest takes many calls to gain what its compilation costs.
_CALLS_BEFORE_COMPILING, _OF_A_SLOW_MODEL = 10, 40
_KEPT = 2**26  # bytes of gradients and weights, 64 MiB

# The fields of a deviation that change the losses or the gradients at given weights.
FIELDS = (
    "data",
    "training",
    "calls",
    "loss",
    "weights",
    "masked",
    "penalised",
    "penalties",
    "frozen_too",
)


class Evaluated(NamedTuple):
    """What a batch gives at some weights.

    Attributes:
        losses: ``"loss"``, that ``"of the data"``, and the loss ``"without the factor"``.
        gradients: one for each variable chosen, or None.
        weights: of all variables after the call, which moves statistics and seeds.
    """

    losses: dict[str, float]
    gradients: list
    weights: list[np.ndarray]


class Evaluations:
    """Losses and gradients, by deviation, batch and weights.

    Most mistakes do not change them: from the same weights, the gradients of one serve for all.

    Args:
        model: compiled.
        variables: of the model.
        dense: whether to add up the rows of sparse gradients.
        classes: how many there are, for labels.
    """

    def __init__(self, model, variables: list, dense: bool, classes: int | None):
        self._classes = classes
        self._model, self._variables, self._dense = model, variables, dense
        self._call = Calls(model)
        self._weighed: dict[tuple, Any] = {}
        self._functions: dict[tuple, Callable] = {}
        self._compiled: set[tuple] = set()
        self._calls: collections.Counter = collections.Counter()
        self._kept: collections.OrderedDict[tuple, Evaluated] = collections.OrderedDict()
        size = sum(2 * np.prod(v.shape) * 4 for v in variables)
        self._most = max(int(_KEPT // (size + 1)), 2)

    def place(self, weights: Sequence[np.ndarray]) -> None:
        """Put weights into the model."""
        for variable, value in zip(self._variables, weights, strict=True):
            variable.assign(value)

    def at(
        self, deviation, weights: Sequence[np.ndarray], batch, factor: float, chosen: list[int]
    ) -> Evaluated:
        """Return losses and gradients on a batch.

        Args:
            deviation: from Keras's step.
            weights: of all variables.
            batch: inputs, targets and weights.
            factor: on the loss of the data.
            chosen: the variables to take gradients for.
        """
        how = tuple(getattr(deviation, field) for field in FIELDS)
        digest = hashlib.blake2b(digest_size=16)
        for weight in weights:
            digest.update(np.ascontiguousarray(weight).data)
        key = (how, id(batch), factor, deviation.regularised, len(chosen), digest.digest())
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        self.place(weights)
        numbers = (
            tf.constant(number, keras.config.floatx()) for number in (factor, deviation.regularised)
        )
        function = self._function(deviation, (how, len(chosen)), chosen, batch)
        loss, data, plain, *gradients = function(*batch, *numbers)
        losses = {"loss": loss, "of the data": data, "without the factor": plain}
        after = list(weights)
        for i in set(range(len(weights))) - set(chosen):
            after[i] = self._variables[i].numpy()
        arrays = [g.numpy() if isinstance(g, tf.Tensor) else g for g in gradients]
        found = Evaluated({k: float(v) for k, v in losses.items()}, arrays, after)
        self._kept[key] = found
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return found

    def _function(self, deviation, key: tuple, chosen: list[int], batch) -> Callable:
        """Return the function of :func:`gradients_of`; compiled from a number of calls on."""
        if key not in self._functions:
            variables = [self._variables[i] for i in chosen]
            given = (self._model, self._call, variables, self._weighed, self._dense, self._classes)
            self._functions[key] = functools.partial(gradients_of, deviation, *given)
        self._calls[key] += 1
        enough = _OF_A_SLOW_MODEL if self._call.compiled else _CALLS_BEFORE_COMPILING
        if self._calls[key] >= enough and key not in self._compiled:
            self._compiled.add(key)
            specs = each(lambda leaf: tf.TensorSpec([None, *leaf.shape[1:]], leaf.dtype), batch)
            number = tf.TensorSpec((), keras.config.floatx())
            traced = tf.function(self._functions[key], autograph=False)
            self._functions[key] = traced.get_concrete_function(*specs, number, number)
        return self._functions[key]
