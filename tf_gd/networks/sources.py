"""Where the batches of an epoch come from: samples in memory, visited in an order, or a data set, as it comes."""

import math
import warnings
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from tf_gd.networks import data
from tf_gd.networks.programs import Rows, Stream

_BATCHES_A_CALL = 4096  # so that a very long epoch answers Ctrl-C, and gathers only so many rows at once


class InMemory:
    """Samples as tensors. With ``steps_per_epoch`` an epoch goes on where the last one stopped."""

    streamed = False

    def __init__(self, tensors, batch_size: int, orders: Iterator | None = None, steps_per_epoch: int | None = None):
        self._tensors, self._batch_size, self._orders = tensors, batch_size, orders
        self._all = -(-data.count(tensors) // batch_size)
        self._steps = steps_per_epoch
        self._next = 0
        self._order: Any = None
        self.batches = steps_per_epoch or self._all

    def epoch(self, at_once: int = _BATCHES_A_CALL) -> Iterator[tuple[int, Rows]]:
        """Yield the batches of an epoch, some at once, each time with how many there were before."""
        if self._orders is None:
            yield 0, Rows(self._tensors, None, self._batch_size)
            return
        if self._next in (0, self._all) or self._steps is None:
            self._next, self._order = 0, tf.convert_to_tensor(next(self._orders))
        first, last = self._next, min(self._all, self._next + self.batches)
        for batch in range(first, last, at_once):
            rows = slice(batch * self._batch_size, min(batch + at_once, last) * self._batch_size)
            self._next = min(batch + at_once, last)
            yield batch - first, Rows(self._tensors, self._order[rows], self._batch_size)
        if last - first < self.batches:
            _warn_short(last - first, self.batches)


class DataSet:
    """A ``tf.data.Dataset`` of batches. With ``steps_per_epoch`` an epoch goes on where the last one stopped.

    Iterators are made when ``model.fit`` makes them, one more than it reads where it knows the length: a data set that
    reshuffles counts them.
    """

    streamed = True

    def __init__(self, dataset, steps_per_epoch: int | None = None):
        self._dataset, self._steps = dataset, steps_per_epoch
        length = int(dataset.cardinality())
        self._all = length if length >= 0 else None
        self._iterator, self._seen = None, 0
        self.batches = steps_per_epoch or self._all

    def epoch(self, at_once: int = _BATCHES_A_CALL) -> Iterator[tuple[int, Stream]]:
        """Yield the batches of an epoch, some at once, each time with how many there were before."""
        if self._iterator is None or self._steps is None:
            self._iterator, self._seen = iter(self._dataset), 0
        wanted = self._steps or math.inf
        if self._all is not None:
            wanted = min(wanted, self._all - self._seen)
        done, ended = 0, False
        while done < wanted and not ended:
            part = Stream(self._iterator, int(min(at_once, wanted - done)))
            yield done, part
            done += part.taken
            ended = part.taken < part.count
        if done == 0:
            raise ValueError("x: got a data set without batches, expected at least one.")
        self._seen += done
        if self._steps is not None and done < self._steps:
            _warn_short(done, self._steps)
        if ended or self._seen == self._all:
            self._iterator, self._seen = None if ended else iter(self._dataset), 0


def _warn_short(done: int, wanted: int) -> None:
    warnings.warn(
        f"steps_per_epoch: the data ended after {done} of {wanted} batches, and so did the epoch. "
        "Ask for fewer steps, or let the data set .repeat().",
        stacklevel=3,
    )
