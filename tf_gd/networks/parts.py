"""Some batches, in the form in which a program takes them: rows of tensors, or an iterator."""

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tf_gd.networks.passes import (
    batch_of,
    count_samples,
    each,
    pass_along,
    pass_through,
    without_optionals,
)


class Rows:
    """Some batches of samples in memory, to be visited in an order, or as they come.

    Attributes:
        left: how many batches a call of the program is to take.
        taken: how many batches there were.
    """

    streamed = False

    def __init__(
        self,
        tensors,
        order,
        batch_size: int,
        first: int = 0,
        count: int = 1,
        *,
        gathered: bool = False,
    ):
        self._tensors, self._order, self._batch_size = tensors, order, batch_size
        self._gathered = gathered  # put all samples in their order first, which is faster
        self._first, self.left, self.taken = first, count, 0

    def arguments(self) -> tuple:
        """Return what the program takes."""
        return self._tensors, self._order, tf.constant(self._first), tf.constant(self.left)

    def shapes(self) -> Any:
        """Return what a program is traced for."""
        # In their structure: a program takes its arguments apart by it.
        kinds = each(lambda t: (t.shape.as_list(), t.dtype.name), (self._tensors, self._order))
        return self._batch_size, self._order is None, self._gathered, kinds

    def first_batch(self):
        """Return the first batch, as the step takes it."""
        samples = count_samples((self._order, self._tensors))
        start = self._first * self._batch_size
        size = min(self._batch_size, samples - start)
        self._first, self.left, self.taken = self._first + 1, self.left - 1, 1
        return batch_of(self._tensors, self._order, start, size)

    def pass_of(self, step, model, ends_at_nan: bool) -> Callable:
        """Return the pass as a function of the arguments and of whether metrics begin anew."""
        about = dict(batch_size=self._batch_size, gathered=self._gathered, ends_at_nan=ends_at_nan)
        return functools.partial(pass_through, step, model, **about)


class OneBatch(Rows):
    """A batch of a data set."""

    def __init__(self, tensors):
        super().__init__(tensors, None, count_samples(tensors))
        self.count = self.left


class Stream:
    """The next batches of an iterator.

    Attributes:
        iterator: of a data set.
        count: how many batches are asked for; it may have fewer.
        seconds: after which no batch is begun.
        known: whether it certainly has as many.
        left, taken: as of :class:`Rows`.
    """

    streamed = True

    def __init__(self, iterator, count: int, seconds: float, known: bool):
        self.iterator, self.count, self._known = iterator, count, known
        self._seconds = seconds
        self.left, self.taken = count, 0

    def arguments(self) -> tuple:
        """Return what the program takes."""
        return self.iterator, tf.constant(self.left), tf.constant(self._seconds, tf.float64)

    def shapes(self) -> Any:
        """Return what a program is traced for."""
        return "streamed", self._known, self.iterator.element_spec

    def first_batch(self):
        """Return the next batch, as the step takes it; None at the end."""
        batch = next(self.iterator, None)
        if batch is None:
            self.left = 0
            return None
        self.left, self.taken = self.left - 1, 1
        return without_optionals(batch)

    def pass_of(self, step, model, ends_at_nan: bool) -> Callable:
        """Return the pass as a function of the arguments and of whether metrics begin anew."""
        about = dict(length_known=self._known, ends_at_nan=ends_at_nan)
        return functools.partial(pass_along, step, model, **about)
