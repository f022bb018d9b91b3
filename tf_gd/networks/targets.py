"""Do the targets, and the weights of samples, fit the losses and the outputs of a model?"""

import warnings

import tensorflow as tf

from tf_gd import _keras
from tf_gd._keras import keras
from tf_gd.networks.passes import leaves_of

_losses = keras.losses
_ELEMENT_BY_ELEMENT = {  # losses whose targets have the shape of the output
    _losses.mean_squared_error,
    _losses.mean_absolute_error,
    _losses.mean_absolute_percentage_error,
    _losses.mean_squared_logarithmic_error,
    _losses.huber,
    _losses.log_cosh,
    _losses.binary_crossentropy,
    _losses.binary_focal_crossentropy,
    _losses.categorical_crossentropy,
    _losses.categorical_focal_crossentropy,
    _losses.hinge,
    _losses.squared_hinge,
    _losses.categorical_hinge,
    _losses.kl_divergence,
    _losses.poisson,
    _losses.cosine_similarity,
}


class MisfitError(ValueError):
    """Data that do not fit the model."""


def compared(model, y, outputs) -> list[tuple]:
    """Return each loss with the target and the output that it compares, as far as that is known."""
    losses = model.loss
    if isinstance(y, dict) or isinstance(losses, dict):
        names = getattr(model, "output_names", ())
        if not isinstance(outputs, dict):
            flat = tf.nest.flatten(outputs)
            outputs = dict(zip(names, flat, strict=True)) if len(names) == len(flat) else {}
        if not isinstance(y, dict) or not set(y) <= set(outputs):
            return []
        each_loss = losses if isinstance(losses, dict) else dict.fromkeys(y, losses)
        found = [(each_loss.get(name), y[name], outputs[name]) for name in y]
    else:
        targets, outputs = leaves_of(y), tf.nest.flatten(outputs)
        each_loss = tf.nest.flatten(losses)
        each_loss = each_loss * len(outputs) if len(each_loss) == 1 else each_loss
        if not len(targets) == len(outputs) == len(each_loss):
            return []
        found = list(zip(each_loss, targets, outputs, strict=True))
    return [
        (loss, target, output)
        for loss, target, output in found
        if not isinstance(loss, list | tuple | dict) and hasattr(target, "shape")
    ]


def _fit(one: int | None, other: int | None) -> bool:
    """Return whether two sizes are equal, or broadcast, or may do so."""
    return one == other or bool({one, other} & {1, None})


def check_target(loss, target, output: tuple, prefix: str) -> None:
    """Warn where a target broadcasts against the output; raise where a label is out of range."""
    loss = keras.losses.get(loss) if isinstance(loss, str) else loss
    function, shape = getattr(loss, "fn", loss), tuple(target.shape[1:])
    if (
        function in _ELEMENT_BY_ELEMENT
        and shape not in (output, (*output, 1))
        and (*shape, 1) != output
    ):
        got = f"{prefix}y: got shape {tuple(target.shape)}, expected {('samples', *output)} as the "
        if len(shape) != len(output) or not all(map(_fit, shape, output)):
            raise MisfitError(f"{got}model's output.")
        if None in (*shape, *output):
            return
        warnings.warn(
            f"{got}model's output. The two broadcast, so that the loss compares each target with "
            "several outputs. Reshape y.",
            stacklevel=2,
        )
        return
    if function is not keras.losses.sparse_categorical_crossentropy or not output:
        return
    if len(shape) == len(output) and shape[-1:] == output[-1:] and output[-1] != 1:
        raise MisfitError(
            f"{prefix}y: got shape {tuple(target.shape)}, one-hot vectors, expected labels "
            f"{('samples', *output[:-1])}. Use categorical_crossentropy, or pass "
            "np.argmax(y, axis=-1)."
        )
    if not isinstance(target, tf.TensorSpec):
        labels = tf.cast(tf.reshape(target, -1), tf.int64)
        ignored = getattr(loss, "ignore_class", None)
        if ignored is not None:
            labels = labels[labels != ignored]
        low, high = (
            (int(tf.reduce_min(labels)), int(tf.reduce_max(labels))) if len(labels) else (0, 0)
        )
        if low < 0 or high >= output[-1]:
            expected = f"0 to {output[-1] - 1}, for the model has {output[-1]} outputs"
            raise MisfitError(f"{prefix}y: got labels from {low} to {high}, expected {expected}.")


def check_weights(loss, sample_weight, output: tuple, prefix: str) -> None:
    """Raise where the weights are not one for each sample, or for each position of a sequence.

    Only a loss of Keras's own is known to give one number for each.
    """
    leaves = leaves_of(sample_weight)
    if len(leaves) != 1:
        got = f"a {type(sample_weight).__name__} of {len(leaves)}"
        raise MisfitError(f"{prefix}sample_weight: got {got}, expected one array.")
    loss = keras.losses.get(loss) if isinstance(loss, str) else loss
    known = _ELEMENT_BY_ELEMENT | {keras.losses.sparse_categorical_crossentropy}
    if isinstance(leaves[0], tf.TensorSpec) or getattr(loss, "fn", loss) not in known:
        return
    weights = tuple(leaves[0].shape)
    losses = output[:-1]  # one loss for each sample, or for each position of a sequence
    each_one = weights[:-1] if weights[1:] and weights[-1] == 1 else weights
    fits = any(
        all(map(_fit, some[1:], losses[1 : len(some)])) and len(some) <= len(losses)
        for some in (weights, each_one)
    )
    if not fits:
        raise MisfitError(
            f"{prefix}sample_weight: got shape {weights}, expected one for each sample, "
            f"{weights[:1]}."
        )


def suspected(model, sample_weight, prefix: str) -> Exception | None:
    """Return what is wrong if the first batch fails: weights of samples where steps are masked."""
    weights = leaves_of(sample_weight)
    masks = any(
        getattr(layer, "mask_zero", False) or isinstance(layer, keras.layers.Masking)
        for layer in _keras.layers_of(model)
    )
    if not masks or not any(len(one.shape) == 1 for one in weights):
        return None
    shape = tuple(weights[0].shape)
    return MisfitError(
        f"{prefix}sample_weight: got shape {shape}, one for each sample, expected one for each "
        f"time step, {(*shape, 'steps')}, or {(*shape, 1)}: the model masks time steps, and Keras "
        "multiplies mask and weights. Pass sample_weight[:, None]."
    )
