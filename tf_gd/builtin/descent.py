"""The same descent with Keras's own optimizer in the loop."""

import json
from typing import Any

import numpy as np
import tensorflow as tf

from tf_gd import _checks
from tf_gd._keras import keras, learning_rate_of
from tf_gd.learning_rates import LearningRate
from tf_gd.toy.chunks import Update
from tf_gd.toy.descent import describe, minimise
from tf_gd.trajectory import Trajectory


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
    """Minimise a function with a Keras optimizer, in the loop of :func:`tf_gd.gradient_descent`.

    The optimizer is not changed: a copy made from its configuration does the work.

    Args:
        objective, start, steps, tolerance, record_every, mode, dtype, device: as for
            :func:`tf_gd.gradient_descent`.
        optimizer: a ``keras.optimizers.SGD`` with any of its options, or another Keras optimizer.

    Returns:
        The path, recorded as by :func:`tf_gd.gradient_descent`.

    Raises:
        TypeError, ValueError: no Keras optimizer with a learning rate of its own, or as for
            :func:`tf_gd.gradient_descent`.

    Examples:
        >>> import keras
        >>> path = keras_descent("square", [10.0], optimizer=keras.optimizers.SGD(0.2), steps=10)
        >>> round(float(path.final[0]), 6)
        0.060466
    """
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        raise TypeError(
            f"optimizer: got {optimizer!r} ({type(optimizer).__name__}), expected a Keras "
            "optimizer, for example keras.optimizers.SGD(0.01, momentum=0.9)."
        )
    dtype = _checks.one_of("dtype", dtype, ("float32", "float64"))
    config = optimizer.get_config()
    if "learning_rate" not in config:
        raise TypeError(
            f"optimizer: got {type(optimizer).__name__}, expected an optimizer with a learning "
            "rate of its own. Pass the one inside it: there is no loss to scale here."
        )
    given = config.pop("learning_rate")
    config.pop("name", None)  # Keras numbers the names: no two are equal
    if isinstance(given, dict):
        given = learning_rate_of(optimizer)  # the schedule, not its current value
    rate = LearningRate.of(given, 0, "float32")  # as Keras rounds it
    kind: Any = type(optimizer)
    momentum, nesterov = getattr(optimizer, "momentum", 0.0), getattr(optimizer, "nesterov", False)
    weight_decay = getattr(optimizer, "weight_decay", None)
    read = {}
    if kind is keras.optimizers.SGD:  # of which we know that it computes with these, and no more
        read = {key: config[key] for key in ("momentum", "weight_decay") if config[key]}
        config |= dict.fromkeys(read, 0.5)
    return minimise(
        objective,
        start,
        lambda dim, dtype: _built_in(
            kind.from_config({**config, "learning_rate": rate.schedule or 1.0}), read, dim, dtype
        ),
        kind=(kind, json.dumps(config, sort_keys=True), *read),
        schedule=rate.schedule,
        values=[*([] if rate.schedule else [rate.values]), *read.values()],
        settings=describe(
            f"keras.optimizers.{kind.__name__}", rate, momentum, nesterov, weight_decay
        ),
        run=dict(steps=steps, tolerance=tolerance, record_every=record_every, checkpoint=None),
        mode=mode,
        dtype=dtype,
        device=device,
    )


class _Number:
    """A number of an optimizer, read from a variable: another value compiles nothing anew."""

    def __init__(self, value: float):
        self.variable = tf.Variable(value, dtype=tf.float32)  # as Keras rounds it

    def __eq__(self, other):  # Keras asks whether it is 0, while it traces: such a one is not read
        return False

    __hash__ = None  # type: ignore[assignment]

    def __tf_tensor__(self, dtype=None, name=None):
        return tf.convert_to_tensor(self.variable, dtype, name=name)


def _built_in(optimizer, read, dim: int, dtype: str) -> Update:
    """Return the update of an unmodified Keras optimizer; ``read`` names what variables hold."""
    x = keras.Variable(np.zeros(dim), dtype=dtype, name="x")
    optimizer.build([x])
    numbers = {name: _Number(getattr(optimizer, name)) for name in read}
    for name, number in numbers.items():
        setattr(optimizer, name, number)
    rate = learning_rate_of(optimizer)
    settings = [variable.value for variable in optimizer.variables if variable is rate]
    settings += [number.variable for number in numbers.values()]
    state = [variable.value for variable in optimizer.variables if variable is not rate]
    return Update(x.value, state, settings, lambda gradient: optimizer.apply([gradient], [x]))
