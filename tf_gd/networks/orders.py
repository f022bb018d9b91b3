"""In which order the epochs visit the samples."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tf_gd import _checks
from tf_gd._keras import keras


@dataclass(frozen=True)
class Orders:
    """In which order each epoch visits the samples.

    Attributes:
        shuffle: True draws a new order for each epoch, from the seed; False takes the samples as
            they come; ``"keras"`` takes the order of ``model.fit(shuffle=True)``.
        seed: a whole number.
        first_epoch: that the first order is for.
    """

    shuffle: bool | str
    seed: int | None
    first_epoch: int = 0

    def __post_init__(self):
        if isinstance(self.shuffle, str):
            if self.shuffle != "keras":
                raise ValueError(
                    f"shuffle: got {self.shuffle!r}, expected True, False or 'keras'. For another "
                    "order pass a data set."
                )
        elif _checks.flag("shuffle", self.shuffle):
            _checks.whole_number("seed", self.seed, minimum=0)

    def of(self, samples: int) -> Iterator[np.ndarray | None]:
        """Return the orders of the epochs, one after another; each ``(samples,)``, or None."""
        if isinstance(self.shuffle, str):
            return _orders_of_keras(samples)
        if not self.shuffle:
            return itertools.repeat(None)
        return self._drawn(samples)

    def _drawn(self, samples: int) -> Iterator[np.ndarray]:
        assert self.seed is not None
        for epoch in itertools.count(self.first_epoch):
            yield np.random.default_rng([self.seed, epoch]).permutation(samples)


def seed_of_session(optimizer) -> int:
    """Return the seed of a call without one: the same after ``keras.utils.set_random_seed``.

    Python's generator, which that function seeds, is read and not moved on, so that what the
    program draws afterwards is what it would be after ``model.fit``.

    Args:
        optimizer: the number of updates it has made gives a second call another order.
    """
    updates = int(keras.ops.convert_to_numpy(optimizer.iterations)) if optimizer else 0
    copy = random.Random()
    copy.setstate(random.getstate())
    return copy.getrandbits(31) ^ updates


def _orders_of_keras(samples: int) -> Iterator[np.ndarray]:
    """Yield the orders of ``model.fit(shuffle=True)``: seeded, Keras repeats one order."""
    dataset = tf.data.Dataset.range(1).map(
        lambda _: tf.random.shuffle(tf.range(samples, dtype=tf.int64))
    )
    while True:
        yield from dataset.as_numpy_iterator()
