"""The loss that a step returned: is it the loss that Keras reports? If not, what is it?"""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from tf_gd._keras import keras
from tf_gd.explain.deviation import Deviation, Run
from tf_gd.explain.possible import outputs_and_targets
from tf_gd.explain.residuals import same_losses

_BEFORE = "Return the loss that the tape saw, from before the update, as Keras reports it."


@dataclasses.dataclass(frozen=True)
class Returned:
    """What a step returned, where that is not the loss that Keras reports.

    Attributes:
        name: of what it is.
        evidence: in numbers.
        fix: one line.
    """

    name: str
    evidence: str
    fix: str


def wrong_loss(
    experiment, returned: np.ndarray, deviation: Deviation, run: Run, of_keras
) -> Returned | None:
    """Return what a step returned instead of its loss; None if it is the loss, or none at all.

    Args:
        experiment: of the loop.
        returned: what the steps returned, ``(steps,)``.
        deviation: the mistakes found.
        run: what they do.
        of_keras: the losses that Keras reported.
    """
    expected, steps = run.losses["loss"], len(returned)
    names = ("loss", "without the factor", "of the last step")
    right = [np.array(of_keras)[:steps], *(run.losses[n] for n in names if n in run.losses)]
    if np.isnan(returned).all() or any(same_losses(returned, losses) for losses in right):
        return None
    shown = f"returned {returned[0]:.6g} at step 1; Keras reports {expected[0]:.6g}"
    for name, loss, fix in _known(experiment, deviation, run):
        if same_losses(returned, loss):
            return Returned(name, f"{shown}, and {loss[0]:.6g} is this", fix)
    with np.errstate(all="ignore"):
        ratios = returned / expected
    if same_losses(ratios, np.full(steps, ratios[0])):
        name = f"the loss reported {ratios[0]:.4g} times too large"
        name = name if ratios[0] > 1 else f"{ratios[0]:.4g} of the loss reported"
        return Returned(name, shown, "Return the mean over the batch, as Keras does.")
    name = "another loss reported than the gradients are of"
    return Returned(
        name, f"{shown}; no known cause fits", "Return the loss of which you took the gradients."
    )


def of_samples(experiment, returned: np.ndarray, deviation: Deviation, run: Run) -> bool:
    """Return whether a loop took gradients of a sum over the samples, and returned its mean.

    ``tape.gradient`` of the losses of the samples, a vector, adds up their gradients.
    """
    batch = experiment.batches[0]
    sums = np.isclose(
        experiment.factor(deviation.reduction, batch),
        experiment.factor("sum over the batch", batch),
    )
    return bool(sums) and same_losses(returned, run.losses["without the factor"])


def penalty_outside(experiment, returned: np.ndarray, deviation: Deviation) -> bool:
    """Return whether a loop left out the gradients of the regularisation losses, not their sum."""
    if deviation.regularised != 0.0:
        return False
    whole = dataclasses.replace(deviation, regularised=1.0)

    def measure(state, batch):
        return experiment.loss_in(whole, state, batch, training=deviation.training)

    losses = list(_before_each_step(experiment, deviation, measure))
    return same_losses(returned, np.array(losses))


def _known(experiment, deviation: Deviation, run: Run) -> Iterator[tuple[str, np.ndarray, str]]:
    """Yield what is often returned: its name, its values ``(steps,)``, and the fix."""
    expected = run.losses["loss"]
    whole = "return loss + sum(model.losses)"
    after, without_training = _losses_after(experiment, deviation)
    yield "the loss reported after the update", after, _BEFORE
    yield "the loss reported after the update, with training=False", without_training, _BEFORE
    yield (
        "the loss reported without the regularisation losses",
        run.losses["of the data"],
        whole,
    )
    so_far = np.cumsum(expected) / np.arange(1, len(expected) + 1)
    yield "the mean of the losses so far reported", so_far, "Return the loss of this batch."
    sums = np.cumsum(expected)
    yield "the sum of the losses so far reported", sums, "Return the loss of this batch."
    yield "the root of the loss reported", np.sqrt(np.abs(expected)), "Return the loss itself."
    for name, metric in _metrics(experiment):

        def measure(state, batch, metric=metric):
            return float(metric(batch.y, experiment.predicted(state, batch)))

        values = np.array(list(_before_each_step(experiment, deviation, measure)))
        yield f"{name} reported instead of the loss", values, "Return the loss."


def _metrics(experiment) -> Iterator[tuple[str, Callable]]:
    """Yield the metrics that fit targets and outputs."""
    outputs, targets = outputs_and_targets(experiment)
    if len(targets) != 1 or len(outputs) != 1:
        return
    shape, target = tuple(outputs[0].shape), tuple(targets[0].shape)
    mean = tf.reduce_mean
    if target[1:] == shape[1:-1] and shape[-1] != 1:
        yield (
            "the accuracy",
            lambda y, p: mean(keras.metrics.sparse_categorical_accuracy(y, p)),
        )
    elif target[1:] == shape[1:] or (*target[1:], 1) == shape[1:]:
        if shape[-1] != 1:
            yield "the accuracy", lambda y, p: mean(keras.metrics.categorical_accuracy(y, p))
        else:
            yield "the accuracy", lambda y, p: mean(_binary_accuracy(y, p, 0.5))
            yield "the accuracy of logits", lambda y, p: mean(_binary_accuracy(y, p, 0.0))
        yield "the mean absolute error", lambda y, p: mean(tf.abs(_like(y, p) - p))
        yield "the mean squared error", lambda y, p: mean((_like(y, p) - p) ** 2)


def _like(y, prediction):
    return tf.cast(tf.reshape(y, tf.shape(prediction)), prediction.dtype)


def _binary_accuracy(y, prediction, threshold: float):
    above = tf.cast(prediction > threshold, prediction.dtype)
    return tf.cast(tf.equal(_like(y, prediction), above), "float32")


def _before_each_step(experiment, deviation: Deviation, measure: Callable) -> Iterator:
    """Yield ``measure(state, batch)`` for the state before each step."""
    state = experiment.start()
    for number in range(len(experiment.batches)):
        batch = experiment.batch(deviation, number)
        yield measure(state, batch)
        state, _ = experiment.step(deviation, state, batch)


def _losses_after(experiment, deviation: Deviation) -> np.ndarray:
    """Return the losses after each step, with and without training=True: ``(2, steps)``."""
    state, after, modes = experiment.start(), [], (True, False)
    for number in range(len(experiment.batches)):
        batch = experiment.batch(deviation, number)
        state, _ = experiment.step(deviation, state, batch)
        after.append([experiment.loss_in(deviation, state, batch, training=m) for m in modes])
    return np.transpose(after)
