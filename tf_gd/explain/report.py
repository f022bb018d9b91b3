"""Why does my loop differ from model.fit? The cause by name, found by experiment."""

import dataclasses
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tf_gd._keras import keras
from tf_gd.explain.causes import Cause, causes_of
from tf_gd.explain.loops import Case, Loop, quietly


@dataclass(frozen=True, eq=False)
class Explanation:
    """A hand-written step beside Keras's, and why they differ.

    Attributes:
        agrees: whether they are the same up to rounding, weights and losses.
        causes: why not, the one that explains most first; empty where no known cause fits.
        steps: how many steps were made.
        identical: whether the weights are the same to the bit.
        max_abs: the largest absolute distance of the weights.
        first_difference: after how many steps the weights first differed; None where they never did.
        distances: ``(steps + 1,)``, the Euclidean distance of the weights to Keras's.
        rests: ``(steps + 1,)``, the distance to what the causes together predict; the same as ``distances`` without causes.
        losses: what the step returned, ``(steps,)``, NaN where it returned none.
        keras_losses: what Keras reported, ``(steps,)``.
        title: what was run.
        farthest: the variable in which they are farthest apart.
        note: what else there is to say.
    """

    agrees: bool
    causes: tuple[Cause, ...]
    steps: int
    identical: bool
    max_abs: float
    first_difference: int | None
    distances: np.ndarray
    rests: np.ndarray
    losses: np.ndarray
    keras_losses: np.ndarray
    title: str
    farthest: str = ""
    note: str = ""

    def __str__(self) -> str:
        lines = [self.title, ""]
        if self.identical:
            lines.append(f"Weights: the same to the bit after all {self.steps} steps.")
        elif self.first_difference is not None:
            where = f", in {self.farthest}" if self.farthest else ""
            lines.append(f"Weights: {self.max_abs:.3g} apart at most{where}; first after step {self.first_difference}.")
        if self.steps:
            lines.append(f"Losses: {_shown(self.losses)} by hand, {_shown(self.keras_losses)} from Keras.")
        if self.agrees or not self.causes:
            lines.append("They agree." if self.agrees else "No known cause fits.")
        for number, cause in enumerate(self.causes, start=1):
            if self.agrees:
                lines += ["", textwrap.fill(f"{cause.name}: {cause.evidence}. {cause.fix}", 80)]
                continue
            lines += ["", f"{number}. {cause.name}", _wrapped("evidence", cause.evidence), _wrapped("fix", cause.fix)]
        return "\n".join([*lines, *(["", textwrap.fill(self.note, 80)] if self.note else [])])

    def plot(self, ax=None):
        """Draw the distance to Keras's weights at each step, and to Keras's with the causes in it; return the axes."""
        from tf_gd.show.curves import plot_explanation

        return plot_explanation(self, ax=ax)


def _wrapped(label: str, text: str) -> str:
    return textwrap.fill(f"{label}: {text}", 80, initial_indent="   ", subsequent_indent="      ", break_long_words=False)


def _shown(losses: np.ndarray) -> str:
    shown = [f"{loss:.6g}" for loss in losses[:3]]
    return ", ".join(shown) + (", ..." if len(losses) > 3 else "")


def explain_difference(
    build_model: Callable[[], keras.Model],
    x,
    y,
    train_step: Callable,
    *,
    optimizer: keras.optimizers.Optimizer,
    loss,
    loss_weights=None,
    batch_size: int = 32,
    steps: int = 10,
    seed: int = 0,
) -> Explanation:
    """Run your own training step beside Keras on the same batches, and name the cause where they part.

    Each known mistake is tried: Keras's step is made with that mistake in it, from the same weights on the same batches.
    The one, or the few together, that lead where your loop went are the causes. That they do is the evidence.

    Args:
        build_model: returns a fresh model, not compiled; called several times under the same seed.
        x, y: training data ``(samples, ...)``. So many batches are made of it, in order and the last one smaller if the
            samples do not divide evenly, that an epoch ends within the steps.
        train_step: ``train_step(model, x_batch, y_batch) -> loss``, your own step, which changes the model's weights. The
            model is compiled, so that ``model.optimizer`` is there for it; it may also have its own.
        optimizer: what Keras trains with; each run gets a copy. For ``keras.optimizers.SGD`` all mistakes are tried, for
            others those that are not about the update.
        loss, loss_weights: as ``model.compile`` takes them.
        batch_size: samples in a batch.
        steps: how many to make.
        seed: of the initial weights and Dropout.

    Returns:
        The explanation; print it for a report.

    Raises:
        TypeError, ValueError: an argument is not what it should be. What goes wrong inside ``train_step`` is no error, but
            a cause.

    Examples:
        >>> import keras, numpy as np, tensorflow as tf
        >>> def build_model():
        ...     return keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
        >>> def train_step(model, x, y):
        ...     with tf.GradientTape() as tape:
        ...         loss = tf.reduce_mean(0.5 * (model(x) - y) ** 2)
        ...     for w, g in zip(model.trainable_variables, tape.gradient(loss, model.trainable_variables)):
        ...         w.assign_sub(0.1 * g)
        ...     return loss
        >>> x, y = np.eye(2, dtype="float32"), np.ones((2, 1), "float32")
        >>> explained = explain_difference(
        ...     build_model, x, y, train_step, optimizer=keras.optimizers.SGD(0.1), loss="mse", steps=3
        ... )
        >>> explained.agrees, explained.causes[0].name
        (False, 'half the loss, as in 1/2 (prediction - y)^2')
    """
    options = dict(loss=loss, loss_weights=loss_weights, batch_size=batch_size, steps=steps, seed=seed)
    case = Case.of(build_model, x, y, optimizer=optimizer, **options)
    if not callable(train_step):
        raise TypeError(f"train_step: got {train_step!r}, expected a function train_step(model, x_batch, y_batch) -> loss.")
    with quietly():
        model = case.fresh()
        case = case.in_the_precision_of(model)
        by_hand = Loop(model)
        by_hand.run(train_step, case.batches)
        theirs = case.by_keras(other=model)
        name = getattr(train_step, "__name__", type(train_step).__name__)
        title = (
            f"{name} beside Keras: {case.steps} steps of {case.batch_size} samples, "
            f"{type(optimizer).__name__}, {model.count_params()} parameters"
        )
        return _explain(case, by_hand, theirs, title)


def _explain(case: Case, by_hand: Loop, theirs: Loop, title: str) -> Explanation:
    done = len(by_hand.losses)
    ours, expected = np.stack(by_hand.weights), np.stack(theirs.weights)[: done + 1]
    with np.errstate(all="ignore"):
        distances = np.linalg.norm(ours - expected, axis=1)
    same = [by_hand.same_as(theirs, step) for step in range(done + 1)]
    found = Explanation(
        agrees=False,
        causes=(),
        steps=done,
        identical=all(same) and by_hand.failed is None,
        max_abs=float(np.abs(ours - expected).max(initial=0.0)) if np.isfinite(ours).all() else np.inf,
        first_difference=None if all(same) else same.index(False),
        distances=distances,
        rests=distances,
        losses=np.array(by_hand.losses),
        keras_losses=np.array(theirs.losses),
        title=title,
        farthest="" if all(same) else by_hand.farthest_from(theirs),
    )
    return dataclasses.replace(found, **vars(causes_of(case, by_hand, theirs, found.identical)))
