"""The whole step of ``keras.optimizers.SGD``, by hand, in stages. Read ``updates.py`` first.

After each batch, in the order of Keras: unscale the gradients, accumulate them, clip, decay the
weights, step, average, constrain, count. Each stage is a function of tensors; :func:`step` calls
them one after another and returns a new state. Whoever calls it assigns what it returns:
:func:`tf_gd.fit` to the variables of the model and of its optimizer. Arrays of NumPy do as well.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tf_gd import updates


@dataclasses.dataclass(frozen=True)
class Options:
    """The options of ``keras.optimizers.SGD``, by the same names."""

    momentum: Any = 0.0
    nesterov: bool = False
    clipnorm: float | None = None
    global_clipnorm: float | None = None
    clipvalue: float | None = None
    use_ema: bool = False
    ema_momentum: float = 0.99
    ema_overwrite_frequency: int | None = None
    loss_scale_factor: float | None = None
    gradient_accumulation_steps: int | None = None

    @classmethod
    def of(cls, optimizer) -> "Options":
        """Return the options of an optimizer of Keras."""
        return cls(
            **{field.name: getattr(optimizer, field.name) for field in dataclasses.fields(cls)}
        )


class State(NamedTuple):
    """What a step changes. The lists have one tensor for each variable, or are empty.

    Attributes:
        weights: the variables.
        velocities: with momentum; zeros at first.
        averages: moving averages of the weights, with ``use_ema``.
        sums: of the gradients since the last move, with ``gradient_accumulation_steps``.
        batches: how many steps were made, a scalar.
    """

    weights: Sequence
    velocities: Sequence
    averages: Sequence
    sums: Sequence
    batches: Any


def step(
    options: Options,
    state: State,
    gradients: Sequence,
    learning_rate,
    decays: Sequence,
    constraints: Sequence,
    stages: Mapping[str, Callable] | None = None,
) -> State:
    """Return the state after one batch.

    Args:
        options: of the optimizer.
        state: before.
        gradients: one for each variable; None for one that the loss does not reach.
        learning_rate: scalar.
        decays: the weight decay of each variable; 0 for none.
        constraints: a function of each variable, or None.
        stages: functions to take in place of some of :data:`STAGES`, by name.

    Examples:
        >>> w, g = tf.constant([1.0, 2.0]), tf.constant([3.0, 4.0])
        >>> state = State([w], [], [], [], tf.constant(0))
        >>> options = Options(global_clipnorm=2.5)
        >>> step(options, state, [g], 0.5, decays=[0.0], constraints=[None]).weights[0].numpy()
        array([0.25, 1.  ], dtype=float32)
    """
    do = {**STAGES, **(stages or {})}
    gradients = do["unscale"](options, gradients)
    gradients, sums, due = do["accumulate"](options, state, gradients)

    def move():
        parts = do["clip"](options, gradients, state.weights, decays)
        pulled = do["decay"](state.weights, parts, learning_rate, decays)
        moved = do["step"](options, pulled, state.velocities, parts, learning_rate, decays)
        read_again = [options.use_ema or a or c for a, c in zip(decays, constraints, strict=True)]
        weights = zip(moved[0], pulled, read_again, strict=True)
        return [_whole(new, old) if again else new for new, old, again in weights], moved[1]

    weights, velocities = _if(due, move, lambda: (list(state.weights), list(state.velocities)))
    weights, averages = do["average"](options, state, weights)
    weights = do["constrain"](weights, gradients, constraints)
    return State(weights, velocities, averages, sums, state.batches + 1)


def unscale(options: Options, gradients: Sequence) -> list:
    """Divide by the factor that the loss was multiplied by."""
    scale = options.loss_scale_factor
    return [g if g is None or scale is None else g / scale for g in gradients]


def accumulate(options: Options, state: State, gradients: Sequence) -> tuple[list, list, Any]:
    """Add the gradients to their sums; return their means, the new sums, and whether to move."""
    count = options.gradient_accumulation_steps
    if not count:
        return list(gradients), list(state.sums), True
    due = (state.batches + 1) % count == 0
    pairs = list(zip(gradients, state.sums, strict=True))
    totals = [None if g is None else g + total for g, total in pairs]
    means = [None if total is None else total / count for total in totals]
    sums = [
        before if total is None else tf.where(due, tf.zeros_like(total), total)
        for (_, before), total in zip(pairs, totals, strict=True)
    ]
    return means, sums, due


def clip(options: Options, gradients: Sequence, weights: Sequence, decays: Sequence) -> list:
    """Clip the gradients, in at most one of the three ways.

    Of a sparse gradient (``tf.IndexedSlices``: the rows of an embedding that were looked up) Keras
    clips the rows, or sums their squares, before it adds up those of the same index. The norm of a
    gradient with such rows is thus another one than that of the dense gradient; so it is here.
    """
    given = [g for g in gradients if g is not None]
    rows = [_rows_of(g) for g in given]
    if options.global_clipnorm:
        squares = [
            tf.convert_to_tensor(_of_rows(g, tf.square(r)))
            for g, r in zip(given, rows, strict=True)
        ]
        dense = [tf.convert_to_tensor(g) for g in given]
        clipped = updates.clip_by_global_norm(dense, options.global_clipnorm, squares)
    elif options.clipnorm:
        clipped = map(_of_rows, given, updates.clip_by_norm(rows, options.clipnorm))
    elif options.clipvalue:
        clipped = map(_of_rows, given, updates.clip_by_value(rows, options.clipvalue))
    else:
        return list(gradients)
    each = iter(clipped)
    return [None if g is None else next(each) for g in gradients]


def _rows_of(gradient):
    return gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient


def _of_rows(gradient, rows):
    if not isinstance(gradient, tf.IndexedSlices):
        return rows
    return tf.IndexedSlices(rows, gradient.indices, gradient.dense_shape)


def decay(weights: Sequence, gradients: Sequence, learning_rate, decays: Sequence) -> list:
    """Pull the weights towards zero; those without a gradient stay."""
    return [
        w
        if g is None or not amount
        else updates.decay(w, _number(learning_rate, w), _number(amount, w))
        for w, g, amount in zip(weights, gradients, decays, strict=True)
    ]


def step_all(
    options: Options,
    weights: Sequence,
    velocities: Sequence,
    gradients: Sequence,
    learning_rate,
    decays,
) -> tuple[list, list]:
    """Move each variable, and its velocity, by one step of ``updates.py``."""
    held = velocities or [None] * len(weights)
    moved = [
        (w, v) if g is None else step_one(options, w, v, g, learning_rate)
        for w, v, g in zip(weights, held, gradients, strict=True)
    ]
    return [w for w, _ in moved], [v for _, v in moved] if velocities else []


def step_one(options: Options, w, v, g, learning_rate) -> tuple[Any, Any]:
    """Return one variable and its velocity after a step.

    A sparse gradient (``tf.IndexedSlices``: the rows of an embedding that were looked up, some of
    them more than once) is scaled before its rows are added up, as in Keras. Without a velocity
    the rows to subtract are returned, not the whole variable.
    """
    learning_rate = _number(learning_rate, w)
    if isinstance(g, tf.IndexedSlices):
        g = tf.IndexedSlices(tf.cast(g.values, w.dtype) * learning_rate, g.indices, g.dense_shape)
        if v is None:
            return g, v
        learning_rate = tf.ones_like(learning_rate)
    g = _number(g, w)
    momentum = None if v is None else _number(options.momentum, w)
    return updates.step(w, v, g, learning_rate, momentum, options.nesterov)


def average(options: Options, state: State, weights: Sequence) -> tuple[list, list]:
    """Follow the weights with their moving average, which takes their place every so many moves."""
    new = list(weights)
    if not options.use_ema:
        return new, []
    moves = state.batches // (options.gradient_accumulation_steps or 1)
    averages = [
        updates.moving_average(a, w, tf.cast(moves != 0, w.dtype) * options.ema_momentum)
        for a, w in zip(state.averages, new, strict=True)
    ]
    if options.ema_overwrite_frequency:
        due = (moves + 1) % options.ema_overwrite_frequency == 0
        new = [tf.where(due, a, w) for a, w in zip(averages, new, strict=True)]
    return new, averages


def constrain(weights: Sequence, gradients: Sequence, constraints: Sequence) -> list:
    """Apply the constraint of each variable that has one, and a gradient."""
    return [
        w if constraint is None or g is None else constraint(w)
        for w, g, constraint in zip(weights, gradients, constraints, strict=True)
    ]


STAGES: Mapping[str, Callable] = {
    "unscale": unscale,
    "accumulate": accumulate,
    "clip": clip,
    "decay": decay,
    "step": step_all,
    "average": average,
    "constrain": constrain,
}


def _number(value, like):
    """Return a number, or numbers, in the dtype of a tensor, or of an array of NumPy.

    A Python float goes by way of float32, as in Keras.
    """
    if not isinstance(like, np.ndarray):
        return tf.cast(value, like.dtype)
    value = np.float32(value) if type(value) is float else value
    return np.asarray(value, like.dtype)


def _if(condition, then: Callable, otherwise: Callable):
    """Return what one of two functions returns; in a graph, decided when it runs."""
    if tf.is_tensor(condition) and not tf.executing_eagerly():
        return tf.cond(condition, then, otherwise)
    return then() if condition else otherwise()


def _whole(new, old):
    """Return a variable after a step that returned only the rows to subtract."""
    if not isinstance(new, tf.IndexedSlices):
        return new
    return tf.tensor_scatter_nd_sub(old, new.indices[:, None], new.values)
