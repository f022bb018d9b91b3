"""Which mode ``"auto"`` stands for."""

import math

import tensorflow as tf

from tf_gd import _keras

WORTH_COMPILING = 2000  # steps; fewer do not make up for the second that XLA takes to compile
_MOST_PRODUCTS = 20_000  # in all convolutions, for one sample; beyond it TensorFlow's are faster


def choose_mode(model, mode: str, streamed: bool, steps: int, own: bool = False) -> str:
    """Return the mode that ``"auto"`` stands for: XLA where it pays, else a graph.

    XLA takes about a second to compile, which some thousand steps make up for. It is the fastest
    on a CPU, but not for random numbers (some 0.7 ms to draw those of one Dropout layer), large
    convolutions, embeddings, and data that come in batch by batch. A step of the model's own may
    do what XLA cannot, so that it is compiled on demand only.
    """
    if tf.config.functions_run_eagerly():
        return "eager"
    if mode != "auto":
        return mode
    if model.run_eagerly:
        return "eager"
    if model.jit_compile:
        return "xla"
    exact = tf.config.optimizer.get_experimental_options().get("disable_meta_optimizer", False)
    if own or streamed or exact or steps < WORTH_COMPILING or tf.distribute.has_strategy():
        return "graph"
    random = any("seed_generator" in variable.path for variable in model.variables)
    embeds = any(type(layer).__name__ == "Embedding" for layer in _keras.layers_of(model))
    slow = embeds or _products_of_convolutions(model) > _MOST_PRODUCTS
    return "graph" if random or slow else "xla"


def _products_of_convolutions(model) -> float:
    """Return how many products all convolutions take for one sample; infinite where unknown."""
    products = 0.0
    for layer in _keras.layers_of(model):
        if "Conv" not in type(layer).__name__:
            continue
        output = getattr(layer, "output", None) if _keras.is_called(layer) else None
        shape = getattr(output, "shape", None)
        if shape is None or None in shape[1:]:
            return math.inf
        channels = layer.kernel.shape[-1]
        products += math.prod(layer.kernel.shape) * math.prod(shape[1:]) / channels
    return products
