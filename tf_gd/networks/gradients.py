"""Is there a gradient for every variable? If not, why not."""

import warnings
from collections.abc import Sequence
from typing import Any

_CAUSES = (
    "The usual causes: the loss does not depend on it; a tensor replaced it (w = w - ..., not "
    "w.assign); NumPy, .numpy(), whole numbers, tf.round, tf.cast to int or tf.argmax on the way "
    "from it to the loss; the loss was computed outside the tape; the tape does not watch it."
)


def check_gradients(gradients: Sequence[Any], variables: Sequence[Any]) -> list[Any]:
    """Return the gradients, if there is one for every variable.

    Args:
        gradients: what ``tape.gradient(loss, variables)`` returned.
        variables: Keras or TensorFlow variables.

    Raises:
        ValueError: a gradient is None; the message names its variable and the usual causes.
        TypeError: an argument is not a flat list.

    Examples:
        >>> import tensorflow as tf
        >>> w, b = tf.Variable(2.0, name="w"), tf.Variable(1.0, name="b")
        >>> with tf.GradientTape() as tape:
        ...     loss = w * w + tf.round(b)
        >>> check_gradients(tape.gradient(loss, [w]), [w])[0].numpy().item()
        4.0
        >>> with tf.GradientTape() as tape:
        ...     loss = w * w
        >>> check_gradients(tape.gradient(loss, [w, b]), [w, b])
        Traceback (most recent call last):
        ...
        ValueError: gradients: got None for b, expected one for every variable. The usual causes:
            ...
    """
    for name, given in (("gradients", gradients), ("variables", variables)):
        nested = isinstance(given, list | tuple) and any(
            isinstance(one, list | tuple | dict) for one in given
        )
        if not isinstance(given, list | tuple) or nested:
            got = "nested lists" if nested else type(given).__name__
            raise TypeError(
                f"{name}: got {got}, expected a flat list: tape.gradient(loss, "
                "model.trainable_variables)."
            )
    gradients, variables = list(gradients), list(variables)
    if len(gradients) != len(variables):
        raise ValueError(
            f"gradients: got {len(gradients)} for {len(variables)} variables, expected as many."
        )
    without = _without(gradients, variables)
    if without:
        raise ValueError(
            f"gradients: got None for {', '.join(without)}, expected one for every variable. "
            f"{_CAUSES}"
        )
    return gradients


def warn_of_missing(gradients: Sequence[Any], variables: Sequence[Any]) -> None:
    """Warn of variables without a gradient, which stay as they are; raise if none has one."""
    without = _without(gradients, variables)
    if len(without) == len(variables):
        raise ValueError(f"model: there is no gradient for any of {', '.join(without)}. {_CAUSES}")
    if without:
        warnings.warn(
            f"There is no gradient for {', '.join(without)}: left as they are. {_CAUSES}",
            stacklevel=2,
        )


def _without(gradients, variables) -> list[str]:
    pairs = zip(gradients, variables, strict=True)
    return [
        getattr(variable, "path", None) or variable.name.split(":")[0]
        for g, variable in pairs
        if g is None
    ]
