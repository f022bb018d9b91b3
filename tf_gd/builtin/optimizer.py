"""The update of ``updates.py`` as a Keras optimizer."""

import numbers

import numpy as np
import tensorflow as tf

from tf_gd import _checks, _keras, sgd
from tf_gd._keras import keras
from tf_gd.networks.step import assign


@keras.saving.register_keras_serializable(package="tf_gd")
class ManualSGD(keras.optimizers.Optimizer):
    """``keras.optimizers.SGD`` with the update written by hand; a drop-in replacement, to the bit.

    ``v = momentum * v - learning_rate * g``, ``w = w + v``; see :mod:`tf_gd.updates`. Clipping,
    weight decay, moving averages, gradient accumulation and loss scaling are those of Keras's base
    class.

    Args:
        learning_rate: a positive number, or a ``keras.optimizers.schedules.LearningRateSchedule``.
        momentum: between 0 and 1.
        nesterov: look ahead along the velocity; without momentum it changes nothing, as in Keras.
        **options: as for ``keras.optimizers.SGD``: ``weight_decay``, ``clipnorm``, ``clipvalue``,
            ``global_clipnorm``, ``use_ema``, ``ema_momentum``, ``ema_overwrite_frequency``,
            ``loss_scale_factor``, ``gradient_accumulation_steps``, ``name``.

    Raises:
        TypeError, ValueError: an argument has the wrong type or is out of range. Unlike in Keras,
            integers are taken as floats, and a negative or NaN learning rate is refused.

    Examples:
        >>> variable = keras.Variable([1.0, 2.0])
        >>> optimizer = ManualSGD(learning_rate=0.5)
        >>> optimizer.apply([tf.constant([1.0, 6.0])], [variable])
        >>> variable.numpy().tolist()
        [0.5, -1.0]

    References:
        Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013.
    """

    is_sgd_by_hand = True  # so tf_gd.fit does the rest by hand, too

    def __init__(self, learning_rate=0.01, momentum=0.0, nesterov=False, **options):
        if isinstance(learning_rate, numbers.Real | np.ndarray | bool):
            learning_rate = _checks.number("learning_rate", learning_rate, minimum=0.0)
        try:
            momentum = _checks.number("momentum", momentum, minimum=0.0, maximum=1.0)
        except ValueError as error:  # with Keras's message, too
            raise ValueError(f"{error} `momentum` must be a float between [0, 1].") from None
        super().__init__(learning_rate=learning_rate, **options)
        self.momentum = momentum
        self.nesterov = _checks.flag("nesterov", nesterov)

    def build(self, variables):
        """Create a velocity for each variable, if there is momentum."""
        if self.built:
            return
        super().build(variables)
        self.momentums = _keras.add_slots(self, variables, "momentum") if self.momentum else []

    def update_step(self, gradient, variable, learning_rate):
        """Move one variable by one step."""
        velocity = self.momentums[self._get_variable_index(variable)] if self.momentum else None
        w, v = (
            tf.convert_to_tensor(variable),
            None if velocity is None else tf.convert_to_tensor(velocity),
        )
        new, v = sgd.step_one(sgd.Options.of(self), w, v, gradient, learning_rate)
        if velocity is not None:
            velocity.assign(v)
        assign(variable, w, new)

    def get_config(self):
        """Return the arguments that make an equal optimizer."""
        return {**super().get_config(), "momentum": self.momentum, "nesterov": self.nesterov}
