"""Whole passes through the data as compiled programs."""

import functools
import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tf_gd import compiled
from tf_gd._keras import compiled_parts, is_called, keras, layers_of, learning_rate_of
from tf_gd.networks import arrays
from tf_gd.networks.step import innermost

WORTH_COMPILING = 2000  # steps, which win back the second that XLA takes to compile
_MOST_PRODUCTS = 20_000  # of convolutions, for one sample: beyond it TensorFlow is faster than XLA
_KEPT = 16  # compiled programs in the cache of one model; the oldest goes first


def pass_through(step, model, tensors, order, *, batch_size, fresh=True):
    """Go through samples in memory batch by batch; the last batch may be smaller.

    Args:
        step: what to do with a batch: :func:`~tf_gd.networks.step.step_of_descent`, or
            ``evaluation_step``.
        model: a compiled, built Keras model.
        tensors: inputs, targets and sample weights ``(samples, ...)``, in any structure.
        order: the numbers of the samples in the order in which to visit them, ``(samples,)``; None
            visits them as they come.
        batch_size: samples in a batch; not a tensor, since XLA compiles one program for each shape.
        fresh: whether to reset the metrics first.

    Returns:
        The metrics, and how many batches there were.
    """
    if fresh:
        model.reset_metrics()
    samples = arrays.count(tensors) if order is None else order.shape[0]
    if order is not None:
        tensors = each(lambda tensor: tf.gather(tensor, order), tensors)
    if samples >= batch_size:
        for batch in tf.range(samples // batch_size):
            step(model, *_as_keras_sees_it(model, _rows(tensors, batch * batch_size, batch_size)))
    rest = samples % batch_size
    if rest:
        step(
            model, *_as_keras_sees_it(model, each(lambda tensor: tensor[samples - rest :], tensors))
        )
    return model.get_metrics_result(), -(-samples // batch_size)


def pass_along(step, model, batches, count, *, known=False, fresh=True):
    """Take ``count`` batches from an iterator, or fewer where it ends, which ``known`` rules out.

    Returns:
        The metrics, and how many batches there were.
    """
    if fresh:
        model.reset_metrics()
    if known:
        for _ in tf.range(count):
            step(model, *arrays.parts_of(next(batches)))
        return model.get_metrics_result(), count
    taken = tf.constant(0)
    for batch in batches:
        step(model, *arrays.parts_of(batch))
        taken += 1
        if taken >= count:
            break
    return model.get_metrics_result(), taken


def each(function, tensors):
    """Return ``function`` of every tensor in a structure, and None for None."""
    return keras.tree.map_structure(
        lambda tensor: None if tensor is None else function(tensor), tensors, none_is_leaf=True
    )


def _as_keras_sees_it(model, tensors):
    """Hide the batch's length from a model of several outputs, behind a placeholder.

    Keras weighs the loss of each output by the length of the batch where the trace knows it. In
    ``model.fit`` it does not, and the history holds the plain mean over the batches."""
    if (
        tf.executing_eagerly()
        or tf.distribute.has_strategy()
        or not getattr(compiled_parts(model)[0], "metrics", None)
    ):
        return tensors
    return each(
        lambda tensor: tf.compat.v1.placeholder_with_default(tensor, [None, *tensor.shape[1:]]),
        tensors,
    )


def _rows(tensors, first, count):
    return each(
        lambda t: tf.slice(t, [first] + [0] * (t.shape.rank - 1), [count, *t.shape[1:]]), tensors
    )


class Passes:
    """The passes of a call of ``fit``, compiled for a model, a step and a shape of data.

    The model caches the programs, so that the next call need not compile them again.
    """

    def __init__(self, model, mode: str, streamed: bool = False, steps: int = 0):
        mode_of_all = choose_mode(model, mode, streamed, steps)
        self._modes = (
            ("xla", "graph") if mode == "auto" and mode_of_all == "xla" else (mode_of_all,)
        )
        self._mode_of: dict[str, str] = {}
        self._model, optimizer = model, model.optimizer
        settings = sorted(
            (key, repr(value))
            for key, value in optimizer.get_config().items()
            if key != "learning_rate"
        )
        rate = learning_rate_of(innermost(optimizer))  # a schedule is part of the program
        compiled_with = compiled.Identity(optimizer, *compiled_parts(model))
        self._about = compiled.Identity(rate, *model.trainable_variables), repr(settings)
        known, programs = model.__dict__.get("_tf_gd_programs", (None, None))
        if programs is None or known != compiled_with:  # another optimizer or loss
            programs = compiled.Programs(_KEPT)
        model.__dict__["_tf_gd_programs"] = compiled_with, programs
        self._programs = programs

    def run(self, step: Callable, part, fresh: bool = True) -> dict[str, float]:
        """Go through a part of the data, and return the metrics.

        Where ``"auto"`` chose XLA and XLA cannot compile the step, a graph runs it.
        """
        key = (step.__name__, fresh, self._about, repr(part.shapes()))
        try:
            _, mode, (results, taken) = self._programs.call(
                key,
                self._modes,
                functools.partial(self._build, step, part, fresh),
                part.arguments(),
                cannot=(tf.errors.InvalidArgumentError, tf.errors.UnimplementedError),
            )
        except tf.errors.ResourceExhaustedError as error:
            what = str(error).strip().splitlines()[0]
            raise MemoryError(
                f"batch_size: there is too little memory for a batch ({what}). Take a smaller "
                "batch_size, with the optimizer's gradient_accumulation_steps for the same step, "
                "or a smaller model."
            ) from error
        self._mode_of[step.__name__] = mode
        part.taken = int(taken)
        return {name: float(value) for name, value in results.items()}

    def _build(self, step: Callable, part, fresh: bool, mode: str) -> Callable:
        if part.streamed and mode == "xla":  # XLA takes no iterator: compile one batch
            batch = compiled.compiled(functools.partial(step, self._model), "xla")
            run = part.pass_of(lambda _, *parts: batch(*parts), self._model, fresh)
            return compiled.compiled(run, "graph")
        return compiled.compiled(part.pass_of(step, self._model, fresh), mode)

    def mode_of(self, step: Callable) -> str:
        """Return the mode in which a step runs."""
        return self._mode_of.get(step.__name__, self._modes[0])


def choose_mode(model, mode: str, streamed: bool, steps: int) -> str:
    """Return the mode that ``"auto"`` stands for: XLA where it pays, else a graph.

    XLA takes about a second to compile, which pays after some thousand steps. It is the fastest on
    a CPU, except for random numbers (some 0.7 ms to draw those of one Dropout layer), large
    convolutions, embeddings, and data that come in batch by batch."""
    if mode != "auto":
        return mode
    if model.run_eagerly:
        return "eager"
    if model.jit_compile:
        return "xla"
    exact = tf.config.optimizer.get_experimental_options().get("disable_meta_optimizer", False)
    random = any("seed_generator" in variable.path for variable in model.variables)
    embeds = any(type(layer).__name__ == "Embedding" for layer in layers_of(model))
    slow = embeds or _products_of_convolutions(model) > _MOST_PRODUCTS
    few = steps < WORTH_COMPILING
    return (
        "graph"
        if few or streamed or exact or random or slow or tf.distribute.has_strategy()
        else "xla"
    )


def _products_of_convolutions(model) -> float:
    """Return how many products all convolutions take for one sample; infinite if not known."""
    products = 0.0
    for layer in layers_of(model):
        if "Conv" not in type(layer).__name__:
            continue
        output = getattr(layer, "output", None) if is_called(layer) else None
        shape = getattr(output, "shape", None)
        if shape is None or None in shape[1:]:
            return math.inf
        channels = layer.kernel.shape[-1]
        products += math.prod(layer.kernel.shape) * math.prod(shape[1:]) / channels
    return products


class Rows:
    """Some samples in memory, and the order in which to visit them, or None."""

    streamed = False

    def __init__(self, tensors, order, batch_size: int):
        self._tensors, self._order, self._batch_size = tensors, order, batch_size
        self.taken = 0

    def arguments(self) -> tuple:
        """Return what the program takes."""
        return self._tensors, self._order

    def shapes(self) -> Any:
        """Return what a program is compiled for."""
        leaves = [
            leaf for leaf in keras.tree.flatten((self._tensors, self._order)) if leaf is not None
        ]
        return (
            self._batch_size,
            self._order is None,
            [(leaf.shape.as_list(), leaf.dtype) for leaf in leaves],
        )

    def pass_of(self, step, model, fresh: bool) -> Callable:
        """Return the pass as a function of the arguments."""
        return functools.partial(
            pass_through, step, model, batch_size=self._batch_size, fresh=fresh
        )


class OneBatch(Rows):
    """A batch of a data set."""

    count = 1

    def __init__(self, tensors):
        super().__init__(tensors, None, arrays.count(tensors))


class Stream:
    """The next batches of an iterator, up to ``count``; ``taken`` says how many there were."""

    streamed = True

    def __init__(self, iterator, count: int, known: bool):
        self._iterator, self.count, self._known = iterator, count, known
        self.taken = 0

    def arguments(self) -> tuple:
        """Return what the program takes."""
        return self._iterator, tf.constant(self.count)

    def shapes(self) -> Any:
        """Return what a program is compiled for."""
        return "streamed", self._known, self._iterator.element_spec

    def pass_of(self, step, model, fresh: bool) -> Callable:
        """Return the pass as a function of the arguments."""
        return functools.partial(pass_along, step, model, known=self._known, fresh=fresh)
