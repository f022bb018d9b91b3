"""Whole passes through the data as compiled programs."""

from collections.abc import Callable

import tensorflow as tf

from tf_gd._backend import keras
from tf_gd.networks import data

MODES = ("auto", "eager", "graph", "xla")


def pass_through(step, model, tensors, order, batch_size, fresh=True):
    """Go through the samples batch by batch, and return the metrics; the last batch may be smaller.

    Args:
        step: what to do with a batch: :func:`~tf_gd.networks.step.step_of_descent`, or ``evaluation_step``.
        model: a compiled, built Keras model.
        tensors: inputs, targets and sample weights ``(samples, ...)``, in any structure.
        order: the samples in the order in which to visit them, ``(samples,)``, whole numbers; None as they come.
        batch_size: samples in a batch; not a tensor, since XLA compiles one program for each shape.
        fresh: begin to count the metrics anew.
    """
    if fresh:
        model.reset_metrics()
    samples = data.count(tensors) if order is None else order.shape[0]
    if order is not None:
        tensors = each(lambda tensor: tf.gather(tensor, order), tensors)
    if samples >= batch_size:
        for batch in tf.range(samples // batch_size):
            step(model, *_as_keras_sees_it(model, _rows(tensors, batch * batch_size, batch_size)))
    rest = samples % batch_size
    if rest:
        step(model, *_as_keras_sees_it(model, each(lambda tensor: tensor[samples - rest :], tensors)))
    return model.get_metrics_result()


def each(function, tensors):
    """Return ``function`` of every tensor in a structure of them, leaving out what is None."""
    return keras.tree.map_structure(lambda tensor: None if tensor is None else function(tensor), tensors, none_is_leaf=True)


def _as_keras_sees_it(model, tensors):
    """Hide the batch's length from a model of several outputs.

    Keras weighs the loss of each output by the length of the batch where that is known when the step is traced. In
    ``model.fit`` it is not, and the history holds the plain mean over the batches.
    """
    if tf.executing_eagerly() or not getattr(model._compile_loss, "metrics", None):
        return tensors
    return each(lambda tensor: tf.compat.v1.placeholder_with_default(tensor, [None, *tensor.shape[1:]]), tensors)


def _rows(tensors, first, count):
    return each(lambda t: tf.slice(t, [first] + [0] * (t.shape.rank - 1), [count, *t.shape[1:]]), tensors)


class Programs:
    """:func:`pass_through`, compiled for a model, a step and a shape of data: once, and kept with the model."""

    def __init__(self, model, mode: str, batch_size: int):
        self.mode, self._automatic = choose_mode(model, mode), mode == "auto"
        self._model, self._batch_size = model, batch_size
        optimizer = model.optimizer
        settings = sorted((key, repr(value)) for key, value in optimizer.get_config().items() if key != "learning_rate")
        self._parts = (optimizer, model._compile_loss, model._compile_metrics, *model.trainable_variables)
        self._about = (settings, [id(part) for part in self._parts], batch_size)
        self._known = model.__dict__.setdefault("_tf_gd_programs", {})

    def run(self, step: Callable, tensors, order=None, fresh: bool = True) -> dict[str, float]:
        """Go through the data once, and return the metrics; where ``"auto"`` took XLA and XLA cannot, as a graph."""
        try:
            results = self._program(step, tensors, order, fresh)(tensors, order)
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError, ValueError, TypeError):
            if not (self._automatic and self.mode == "xla"):
                raise
            self.mode = "graph"
            results = self._program(step, tensors, order, fresh)(tensors, order)
        return {name: float(value) for name, value in results.items()}

    def _program(self, step, tensors, order, fresh: bool) -> Callable:
        leaves = keras.tree.flatten((tensors, order))
        shapes = [(leaf.shape.as_list(), leaf.dtype) for leaf in leaves if leaf is not None]
        key = repr((step.__name__, self.mode, fresh, self._about, shapes))
        if key not in self._known:

            def run(tensors, order):
                return pass_through(step, self._model, tensors, order, self._batch_size, fresh)

            program = run if self.mode == "eager" else tf.function(run, jit_compile=self.mode == "xla")
            self._known[key] = program, self._parts  # whose ids stand in the key, and so must stay alive
        return self._known[key][0]


def choose_mode(model, mode: str) -> str:
    """Return the mode that ``"auto"`` stands for.

    XLA is the fastest on a CPU, but for random numbers (some 0.7 ms to draw those of one Dropout layer), convolutions (half
    as fast as TensorFlow's own) and embeddings.
    """
    if mode != "auto":
        return mode
    if model.run_eagerly:
        return "eager"
    if model.jit_compile:
        return "xla"
    exact = tf.config.optimizer.get_experimental_options().get("disable_meta_optimizer", False)
    random = any("seed_generator" in variable.path for variable in model.variables)
    slow = any("Conv" in type(layer).__name__ or "Embedding" in type(layer).__name__ for layer in model._flatten_layers())
    return "graph" if exact or random or slow or tf.distribute.has_strategy() else "xla"
