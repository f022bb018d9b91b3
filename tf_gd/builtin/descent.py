"""The same descent with Keras's own optimizer in the loop."""

import json
from typing import Any

import numpy as np
import tensorflow as tf

from tf_gd import _checks
from tf_gd._backend import keras
from tf_gd.toy import _loop
from tf_gd.toy._checked import check_learning_rate
from tf_gd.toy._programs import Method, describe, minimise
from tf_gd.trajectory import Trajectory


class BuiltIn:
    """An unmodified Keras optimizer as the loop wants it."""

    longest_chunk = _loop.LONGEST_CHUNK

    def __init__(self, optimizer: keras.optimizers.Optimizer, dim: int, dtype: str):
        self.optimizer = optimizer
        self.point = keras.Variable(np.zeros(dim), dtype=dtype, name="x")
        optimizer.build([self.point])
        self._initial = [variable.numpy() for variable in optimizer.variables]
        self._rate: float | None = None

    def set(self, rate) -> None:
        """Take another learning rate, unless it is a schedule, which is built in."""
        self._rate = rate if isinstance(rate, float) else None

    def restart(self, x) -> None:
        """Go to ``x``, with the optimizer as new."""
        self.point.assign(x)
        for variable, value in zip(self.optimizer.variables, self._initial, strict=True):
            variable.assign(value)
        if self._rate is not None:
            self.optimizer.learning_rate = self._rate

    def prepare(self, k: int) -> None:
        """Do nothing: Keras counts for itself."""

    def __call__(self, gradient):
        """Let Keras do one step."""
        _apply(self.optimizer, gradient, self.point)


@tf.autograph.experimental.do_not_convert
def _apply(optimizer, gradient, variable):
    optimizer.apply([gradient], [variable])


def keras_descent(
    objective,
    start=None,
    *,
    optimizer,
    steps=1000,
    tolerance=None,
    record_every=1,
    mode="auto",
    dtype="float32",
    device="auto",
) -> Trajectory:
    """Minimise a function with a Keras optimizer, through the loop of :func:`tf_gd.gradient_descent`.

    The optimizer is not changed: a copy made from its configuration does the work, so that it may serve again.

    Args:
        objective, start, steps, tolerance, record_every, mode, dtype, device: as for
            :func:`tf_gd.gradient_descent`.
        optimizer: a ``keras.optimizers.SGD`` with any of its options, or another Keras optimizer.

    Returns:
        The path, recorded as that of :func:`tf_gd.gradient_descent`.

    Raises:
        TypeError, ValueError: an argument is not what it should be; the message says how to mend it.

    Examples:
        >>> import keras
        >>> path = keras_descent("square", [10.0], optimizer=keras.optimizers.SGD(0.2), steps=10)
        >>> round(float(path.final[0]), 6)
        0.060466
    """
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        raise TypeError(
            f"optimizer: got {optimizer!r} ({type(optimizer).__name__}), expected a Keras optimizer, "
            "for example keras.optimizers.SGD(0.01, momentum=0.9)."
        )
    dtype = _checks.one_of("dtype", dtype, ("float32", "float64"))
    config = optimizer.get_config()
    if "learning_rate" not in config:
        raise TypeError(
            f"optimizer: got {type(optimizer).__name__}, expected an optimizer with a learning rate of its own. "
            "Pass the one inside it: there is no loss to scale here."
        )
    rate = config.pop("learning_rate")
    config.pop("name", None)  # Keras numbers the optimizers it makes: it would never be the same
    schedule = None
    if isinstance(rate, dict):
        rate = schedule = optimizer._learning_rate  # the schedule itself: the public attribute is its present value
    else:
        rate = check_learning_rate(rate, 0, "float32")  # which Keras rounds it to
    kind: Any = type(optimizer)
    momentum, nesterov = getattr(optimizer, "momentum", 0.0), getattr(optimizer, "nesterov", False)
    method = Method(
        kind=(kind, json.dumps(config, sort_keys=True)),
        build=lambda dim, dtype: BuiltIn(kind.from_config({**config, "learning_rate": schedule or 1.0}), dim, dtype),
        values=(rate,),
        schedule=schedule,
        described=describe(f"keras.optimizers.{kind.__name__}", rate, momentum, nesterov),
    )
    run = dict(steps=steps, tolerance=tolerance, record_every=record_every, mode=mode, dtype=dtype, device=device)
    return minimise(method, objective, start, **run)
