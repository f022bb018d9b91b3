"""Where the batches of an epoch come from: samples in memory, in any order, or a data set."""

import hashlib
import itertools
import math
import sys
import warnings
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tf_gd._keras import keras
from tf_gd.networks import arrays, replicas
from tf_gd.networks.hooks import Pace
from tf_gd.networks.parts import OneBatch, Rows, Stream
from tf_gd.networks.passes import count_samples, leaves_of

_SMALL = 2**26  # bytes: so much, 64 MiB, may be there twice


class InMemory:
    """Samples as tensors. With ``steps_per_epoch`` an epoch goes on where the last one stopped."""

    streamed = shuffled = False
    trouble: Exception | None = None  # that kept the model from being built without running it

    def __init__(
        self,
        given,
        batch_size: int,
        orders: Iterator | None = None,
        steps_per_epoch: int | None = None,
        name: str = "x",
    ):
        self._samples = arrays.tensors_of(given)
        self._batch_size, self._orders, self._name = batch_size, orders, name
        leaves = leaves_of(self._samples)
        self._small = sum(leaf.dtype.size * leaf.shape.num_elements() for leaf in leaves) < _SMALL
        self.samples = count_samples(given)
        self._all = -(-self.samples // batch_size)
        self._steps = steps_per_epoch
        self._next = 0
        self._order: Any = None
        self.first_order: int | None = None  # its checksum
        self.batches = steps_per_epoch or self._all

    def reset(self) -> None:
        """Do nothing: nobody listens."""

    def epoch(self, pace: Pace, done: int = 0) -> Iterator[tuple[int, Rows]]:
        """Yield the batches of an epoch after the first ``done``, many together as the pace says,
        each time with the number of batches before them.
        """
        goes_on = self._steps is not None and self._orders is not None
        if self._next in (0, self._all) or not goes_on:
            self._next = 0
            self._take_order(None if self._orders is None else next(self._orders))
        first, last = self._next, min(self._all, self._next + self.batches)
        self._next = min(first + done, last)
        while self._next < last:
            batch, count = self._next, pace.next(last - self._next)
            gathered = self._small and self._order is not None and count == self._all
            part = Rows(
                self._samples, self._order, self._batch_size, batch, count, gathered=gathered
            )
            yield batch - first, part
            if not part.taken:
                break
            self._next += part.taken
        if last - first < self.batches:
            _warn_short(self._name, last - first, self.batches)

    def _take_order(self, order) -> None:
        if order is not None and self.first_order is None:
            self.first_order = zlib.crc32(order)
        self._order = None if order is None else tf.convert_to_tensor(order)

    def describe(self) -> str:
        """Return the number of samples and batches, and a hash of all samples."""
        leaves = [np.asarray(leaf) for leaf in leaves_of(self._samples)]
        digest = hashlib.blake2b(repr([(leaf.shape, str(leaf.dtype)) for leaf in leaves]).encode())
        for leaf in leaves:
            digest.update(np.ascontiguousarray(leaf).data)
        size = f"{len(leaves[0])} samples, {self.batches} batches of {self._batch_size}"
        return f"{size}, {digest.hexdigest()[:16]}"


class DataSet:
    """A ``tf.data.Dataset`` of batches, or data that Keras turns into one.

    With ``steps_per_epoch`` an epoch goes on where the last one stopped. We make each iterator when
    ``model.fit`` does, which for a data set of known length makes one more than it reads: a data
    set that reshuffles draws a new order for each."""

    streamed = True
    shuffled = False  # by Keras, in an order that its seed decides
    trouble: Exception | None = None
    first_order = samples = None  # not known

    def __init__(
        self,
        adapter,
        steps_per_epoch: int | None = None,
        trains: bool = True,
        name: str = "x",
    ):
        self._adapter, self._dataset, self._steps = (
            adapter,
            adapter.get_tf_dataset(),
            steps_per_epoch,
        )
        self._all, self._goes_on = adapter.num_batches, trains and steps_per_epoch is not None
        self._ever = False
        self._iterator, self._seen, self._name = None, 0, name
        self.batches = steps_per_epoch or self._all

    def reset(self) -> None:
        """End an epoch before the first one, and before each validation, as Keras does."""
        self._adapter.on_epoch_end()

    def describe(self) -> str:
        """Return the number of batches, their shapes and their types."""
        return f"{self._all} batches of {self._dataset.element_spec}"

    def epoch(self, pace: Pace, done: int = 0) -> Iterator[tuple[int, Stream | OneBatch]]:
        """Yield the batches of an epoch after the first ``done``, as :meth:`InMemory.epoch` does.

        The first ones are read again: a data set has no way to start in the middle.
        """
        if self._iterator is None or not self._goes_on:
            self._iterator, self._seen = iter(self._dataset), 0
        wanted = self._steps or math.inf
        if self._all is not None:
            wanted = min(wanted, self._all - self._seen)
        self._adapter.on_epoch_begin()
        skipped = int(min(done, wanted))
        done = sum(1 for _ in itertools.islice(self._iterator or (), skipped))
        ended = done < skipped
        while done < wanted and not ended:
            part = self._part(*pace.of_stream(wanted - done))
            if part is None:
                break
            yield done, part
            done += part.taken
            ended = part.taken == 0 or bool(pace.fixed and part.taken < part.count)
        self._adapter.on_epoch_end()
        if done == 0 and not self._ever:
            raise ValueError(
                f"{self._name}: got a data set without batches, expected at least one."
            )
        self._ever = True
        self._seen += done
        if self._steps is not None and done < self._steps:
            _warn_short(self._name, done, self._steps)
        if ended or self._seen == self._all:
            self._iterator, self._seen = None if ended else iter(self._dataset), 0

    def _part(self, count: int, seconds: float) -> "Stream | OneBatch | None":
        """Return up to ``count`` batches; with replicas one, since they must know its length to
        share it out; None at the end.
        """
        if not replicas.several():
            return Stream(self._iterator, count, seconds, known=self._all is not None)
        batch = next(self._iterator or iter(()), None)
        return None if batch is None else OneBatch(keras.utils.unpack_x_y_sample_weight(batch))


def replay(source: "InMemory | DataSet") -> None:
    """Read an epoch and drop it: orders and iterators move on as in training."""
    for _ in source.epoch(Pace(), done=sys.maxsize):
        pass


def _warn_short(name: str, done: int, wanted: int) -> None:
    steps = "steps_per_epoch" if name == "x" else "validation_steps"
    warnings.warn(
        f"{steps}: the data ended after {done} of {wanted} batches, and so did the epoch. "
        "Ask for fewer steps, or let the data set .repeat().",
        stacklevel=3,
    )
