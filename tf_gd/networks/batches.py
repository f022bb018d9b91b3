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
from tf_gd.networks.checks import build
from tf_gd.networks.programs import OneBatch, Rows, Stream, each

_LARGE = 2**26  # bytes, 64 MiB: beyond it a second copy in memory may hurt
# At most so many: Ctrl-C then stops a very long epoch soon, and a call gathers few rows at once.
BATCHES_A_CALL = 4096


class InMemory:
    """Samples as arrays. With ``steps_per_epoch`` an epoch goes on where the last one stopped.

    Small data become a tensor once, which for a moment holds two copies in memory. Of large data
    only the batches of one call become a tensor."""

    streamed = False

    def __init__(
        self,
        given,
        batch_size: int,
        orders: Iterator | None = None,
        steps_per_epoch: int | None = None,
    ):
        leaves = [leaf for leaf in keras.tree.flatten(given) if leaf is not None]
        self._large = sum(leaf.nbytes for leaf in leaves) > _LARGE
        self._samples = given if self._large else tuple(map(arrays.tensors_of, given))
        self._batch_size, self._orders = batch_size, orders
        self._all = -(-arrays.count(given) // batch_size)
        self._steps = steps_per_epoch
        self._next = 0
        self._order: Any = None
        self.first_order: int | None = None  # its checksum
        self.batches = steps_per_epoch or self._all

    def epoch(self, at_once: int = BATCHES_A_CALL, done: int = 0) -> Iterator[tuple[int, Rows]]:
        """Yield the batches of an epoch after the first ``done``, up to ``at_once`` together, each
        time with the number of batches before them.
        """
        goes_on = self._steps is not None and self._orders is not None
        if self._next in (0, self._all) or not goes_on:
            self._next = 0
            self._order = None if self._orders is None else next(self._orders)
            if self._order is not None and self.first_order is None:
                self.first_order = zlib.crc32(self._order)
        first, last = self._next, min(self._all, self._next + self.batches)
        self._next = min(first + done, last)
        for batch in range(self._next, last, at_once):
            self._next = min(batch + at_once, last)
            yield batch - first, self._rows(batch, self._next)
        if last - first < self.batches:
            _warn_short(last - first, self.batches)

    def describe(self) -> str:
        """Return the number of samples and batches, and a hash; of large data it takes a few
        thousand rows, evenly spread.
        """
        leaves = [
            np.asarray(leaf) for leaf in keras.tree.flatten(self._samples) if leaf is not None
        ]
        digest = hashlib.sha256(repr([(leaf.shape, str(leaf.dtype)) for leaf in leaves]).encode())
        for leaf in leaves:
            rows = leaf[:: max(1, len(leaf) // 4096)] if self._large else leaf
            digest.update(np.ascontiguousarray(rows).tobytes())
        size = f"{len(leaves[0])} samples, {self.batches} batches of {self._batch_size}"
        return f"{size}, {digest.hexdigest()[:16]}"

    def _rows(self, first: int, last: int) -> Rows:
        """Return the batches from ``first`` up to, not including, ``last``."""
        rows = slice(first * self._batch_size, last * self._batch_size)
        if self._order is None and last - first == self._all and not self._large:
            return Rows(self._samples, None, self._batch_size)
        order = (
            np.arange(arrays.count(self._samples))[rows]
            if self._order is None
            else self._order[rows]
        )
        if self._large:
            return Rows(
                each(lambda array: tf.convert_to_tensor(array[order]), self._samples),
                None,
                self._batch_size,
            )
        return Rows(self._samples, tf.convert_to_tensor(order), self._batch_size)


class DataSet:
    """A ``tf.data.Dataset`` of batches, or data that Keras turns into one.

    With ``steps_per_epoch`` an epoch goes on where the last one stopped. We make each iterator when
    ``model.fit`` does, which for a data set of known length makes one more than it reads: a data
    set that reshuffles draws a new order for each."""

    streamed = True
    first_order = None

    def __init__(self, adapter, steps_per_epoch: int | None = None, trains: bool = True):
        self._adapter, self._dataset, self._steps = (
            adapter,
            adapter.get_tf_dataset(),
            steps_per_epoch,
        )
        self._all, self._goes_on = adapter.num_batches, trains and steps_per_epoch is not None
        self._trains, self._begun = trains, False
        self._iterator, self._seen = None, 0
        self.batches = steps_per_epoch or self._all

    def describe(self) -> str:
        """Return the number of batches, their shapes and their types."""
        return f"{self._all} batches of {self._dataset.element_spec}"

    def epoch(
        self, at_once: int = BATCHES_A_CALL, done: int = 0
    ) -> Iterator[tuple[int, Stream | OneBatch]]:
        """Yield the batches of an epoch after the first ``done``, as :meth:`InMemory.epoch` does.

        The first ones are read again: a data set has no way to start in the middle.
        """
        if self._iterator is None or not self._goes_on:
            self._iterator, self._seen = iter(self._dataset), 0
        wanted = self._steps or math.inf
        if self._all is not None:
            wanted = min(wanted, self._all - self._seen)
        # Keras ends an epoch before the first one, and before each validation.
        if not (self._trains and self._begun):
            self._adapter.on_epoch_end()
        self._begun = True
        self._adapter.on_epoch_begin()
        skipped = int(min(done, wanted))
        done = sum(1 for _ in itertools.islice(self._iterator or (), skipped))
        ended = done < skipped
        while done < wanted and not ended:
            part = self._part(int(min(at_once, wanted - done)))
            if part is None:
                break
            yield done, part
            done += part.taken
            ended = part.taken < part.count
        self._adapter.on_epoch_end()
        if done == 0:
            raise ValueError("x: got a data set without batches, expected at least one.")
        self._seen += done
        if self._steps is not None and done < self._steps:
            _warn_short(done, self._steps)
        if ended or self._seen == self._all:
            self._iterator, self._seen = None if ended else iter(self._dataset), 0

    def _part(self, count: int) -> "Stream | OneBatch | None":
        """Return up to ``count`` batches; with replicas one, since they must know its length to
        share it out; None at the end.
        """
        if not replicas.several():
            return Stream(self._iterator, count, known=self._all is not None)
        batch = next(self._iterator or iter(()), None)
        return None if batch is None else OneBatch(arrays.parts_of(batch))


def replay(source: "InMemory | DataSet") -> None:
    """Read an epoch and drop it: orders and iterators move on as in training."""
    for _ in source.epoch(done=sys.maxsize):
        pass


def _warn_short(done: int, wanted: int) -> None:
    warnings.warn(
        f"steps_per_epoch: the data ended after {done} of {wanted} batches, and so did the epoch. "
        "Ask for fewer steps, or call .repeat() on the data set.",
        stacklevel=3,
    )


def source_for_training(
    model,
    x,
    y,
    sample_weight,
    class_weight,
    batch_size,
    steps,
    shuffle,
    seed,
    epoch: int,
    share: float,
):
    """Build the model for the data; return their source, and the arrays held out to validate on."""
    if arrays.is_streamed(x):
        for name, value in (
            ("y", y),
            ("sample_weight", sample_weight),
            ("validation_split", share or None),
        ):
            if value is not None:
                raise ValueError(
                    f"{name}: got one beside a data set, expected none: it holds x, y and weights."
                )
        return _streamed(model, x, "x", steps, class_weight, bool(shuffle)), None
    samples, held_out = arrays.as_arrays(x, y, sample_weight, class_weight), None
    if share:
        samples, held_out = arrays.split(*samples, share)
    orders = arrays.orders(shuffle, seed, arrays.count(samples), epoch)
    build(model, *samples)
    batch_size = _batch_size(batch_size, arrays.count(samples), steps)
    return InMemory(samples, batch_size, orders, steps), held_out


def source_for_validation(
    model, given, batch_size: int | None, steps: int | None
) -> "InMemory | DataSet":
    """Return the source of the validation batches: a pair, a triple with weights, or a data set."""
    if arrays.is_streamed(given):
        return _streamed(model, given, "validation_data", steps)
    if not isinstance(given, (tuple, list)) or len(given) not in (2, 3):
        raise TypeError(
            f"validation_data: got {type(given).__name__}, expected (x, y), (x, y, sample_weight) "
            "or a tf.data.Dataset."
        )
    x, y, sample_weight = (*given, None)[:3]
    if arrays.is_streamed(x):
        raise TypeError("validation_data: got a data set in a tuple, expected the data set itself.")
    samples = arrays.as_arrays(x, y, sample_weight, prefix="validation ")
    build(model, *samples, prefix="validation ")
    return in_order(samples, batch_size, steps)


def in_order(samples: tuple, batch_size: int | None, steps: int | None) -> InMemory:
    """Return the batches of some samples, in the order given."""
    return InMemory(samples, _batch_size(batch_size, arrays.count(samples), steps), None, steps)


def _batch_size(given: int | None, samples: int, steps: int | None) -> int:
    """Return how many samples make a batch: as given, or enough for ``steps`` batches, or 32."""
    return given or (-(-samples // steps) if steps else 32)


def _streamed(
    model, given, name: str, steps: int | None, class_weight=None, shuffle: bool = False
) -> DataSet:
    adapter = arrays.adapter_of(given, name, class_weight, shuffle)
    dataset = adapter.get_tf_dataset()
    if (
        steps is None
        and int(dataset.cardinality()) == tf.data.INFINITE_CARDINALITY
        and adapter.num_batches is None
    ):
        argument = "steps_per_epoch" if name == "x" else "validation_steps"
        raise ValueError(
            f"{name}: got a data set that never ends, expected {argument}, or no .repeat()."
        )
    build(model, *arrays.spec_of(dataset, name), prefix="" if name == "x" else "validation ")
    return DataSet(adapter, steps, trains=name == "x")
