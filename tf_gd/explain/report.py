"""``explain_difference``: why a hand-written training step differs from Keras's.

How the search works, file by file, in the order of the calls:

- ``case.py`` and ``loops.py`` make the steps, by hand and by Keras, on the same batches from the
  same weights.
- ``evidence.py`` measures how far apart the two are, and asks the search for mistakes.
- ``search.py`` looks for the mistakes with which Keras's steps become those of the loop. It tries
  those of ``mistakes.py`` that are possible with this model and optimizer (``possible.py``), others
  in their place (``variants.py``: ``optimizers.py``, ``other_data.py``), and those that
  ``traces.py``, ``estimates.py`` and ``limits.py`` measure on the loop: rates, limits, orders.
- ``experiment.py`` makes steps with mistakes in them. ``deviation.py`` defines the deviation, whose
  fields a mistake changes; ``losses.py`` computes the loss that the deviation says,
  ``evaluations.py`` its gradients, each once, and ``updating.py`` the update, some of whose
  ``stages.py`` are mistaken.
- ``causes.py`` decides in a table of checks what follows, and writes causes, evidence and fixes;
  ``returned.py`` says what a loop returned for its loss, ``where.py`` where to look.
"""

import dataclasses
import html
import math
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tf_gd._keras import keras
from tf_gd._runtime import Progress
from tf_gd.explain.case import Case
from tf_gd.explain.causes import Cause, causes_of
from tf_gd.explain.evidence import Evidence
from tf_gd.explain.loops import Loop, check_step, places, quietly


@dataclass(frozen=True, eq=False)
class Explanation:
    """A hand-written step beside Keras's, and why they differ.

    Attributes:
        agrees: whether they are the same up to rounding, weights and losses.
        causes: why not, the one that explains most first; empty if no known cause fits.
        steps: how many steps were made.
        identical: whether the weights are the same to the bit.
        max_abs: the largest absolute distance of a weight.
        first_difference: after how many steps the weights first differed; None if never.
        distances: ``(steps + 1,)``, the Euclidean distance of the weights from Keras's.
        rests: ``(steps + 1,)``, their distance from Keras's with the causes put in.
        losses: what the step returned, ``(steps,)``, NaN where it returned none.
        keras_losses: what Keras reported, ``(steps,)``.
        title: what was run.
        farthest: the variable in which the weights are farthest apart.
        note: what could not be compared or explained.
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
        lines = [_hanging(self.title), ""]
        if self.identical:
            lines.append(f"Weights: the same to the bit after all {self.steps} steps.")
        elif self.first_difference is not None:
            apart = f"{self.max_abs:.3g} apart at most, in {self.farthest}"
            lines.append(_hanging(f"Weights: {apart}; first after step {self.first_difference}."))
        if self.steps:
            losses = f"{_shown(self.losses)} by hand, {_shown(self.keras_losses)} from Keras"
            lines.append(_hanging(f"Losses: {losses}."))
        if self.agrees or not self.causes:
            lines.append("They agree." if self.agrees else "No known cause fits.")
        for number, cause in enumerate(self.causes, start=1):
            if self.agrees:
                lines += ["", textwrap.fill(f"{cause.name}: {cause.evidence}. {cause.fix}", 80)]
            else:
                lines += ["", _hanging(f"{number}. {cause.name}")]
                lines += [_indented("evidence", cause.evidence), _indented("fix", cause.fix)]
        return "\n".join([*lines, *(["", textwrap.fill(self.note, 80)] if self.note else [])])

    def report(self) -> dict[str, Any]:
        """Return the report as numbers, texts and lists, for JSON; NaN is None."""
        return {
            "title": self.title,
            "agrees": self.agrees,
            "causes": [dataclasses.asdict(cause) for cause in self.causes],
            "note": self.note,
            "steps": self.steps,
            "identical": self.identical,
            "max_abs": _finite(self.max_abs),
            "first_difference": self.first_difference,
            "farthest": self.farthest,
            "distances": list(map(_finite, self.distances.tolist())),
            "losses": list(map(_finite, self.losses.tolist())),
            "keras_losses": list(map(_finite, self.keras_losses.tolist())),
        }

    def to_html(self) -> str:
        """Return the report as a piece of HTML."""
        said = html.escape
        lines = str(self).split("\n\n")[1].splitlines()
        parts = [f"<p><strong>{said(self.title)}</strong></p>"]
        parts += [f"<p>{'<br>'.join(said(line) for line in lines)}</p>"]
        items = (
            f"<li><p><strong>{said(cause.name)}</strong></p>"
            f"<p>Evidence: {said(cause.evidence)}.</p>"
            f"<p>Fix: <code>{said(cause.fix)}</code></p></li>"
            for cause in self.causes
        )
        parts += [f"<ol>{''.join(items)}</ol>"] if self.causes else []
        parts += [f"<p>{said(self.note)}</p>"] if self.note else []
        return f'<div class="tf-gd-explanation">{"".join(parts)}</div>'

    def _repr_html_(self) -> str:
        return self.to_html()

    def plot(self, ax=None):
        """Draw ``distances`` and ``rests`` against the steps; return the axes."""
        from tf_gd.show.curves import plot_explanation

        return plot_explanation(self, ax=ax)


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _hanging(text: str) -> str:
    return textwrap.fill(text, 80, subsequent_indent="   ", break_long_words=False)


def _indented(label: str, text: str) -> str:
    wrapper = textwrap.TextWrapper(80, "   ", "      ", break_long_words=False)
    return wrapper.fill(f"{label}: {text}")


def _shown(losses: np.ndarray) -> str:
    shown = ", ".join(f"{loss:.6g}" for loss in losses[:3])
    return shown + (", ..." if len(losses) > 3 else "")


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
    sample_weight=None,
    class_weight=None,
    seed: int = 0,
) -> Explanation:
    """Run your own training step beside Keras on the same batches, and name why they differ.

    Each known mistake is put into Keras's step, which then runs from the same weights on the same
    batches. The mistake, or the few together, that lead to your weights are the causes.

    Args:
        build_model: returns a fresh model, not compiled; called several times at the same seed.
        x, y: training data ``(samples, ...)``; or a ``tf.data.Dataset``, a generator or a
            ``PyDataset`` of batches as x, and None as y. Batches are taken in order, at most so
            many that an epoch, with its smaller last batch, ends within the steps.
        train_step: ``train_step(model, x_batch, y_batch) -> loss``, or the same with
            ``sample_weight`` as a fourth argument: your own step, which changes
            the model's weights. The model is compiled: ``model.optimizer`` may be used.
        optimizer: what Keras trains with; each run gets a copy. Mistakes in the update are tried
            for SGD, Adam and AdamW; for others, other settings of theirs, and common clippings.
        loss, loss_weights: as ``model.compile`` takes them.
        batch_size: samples in a batch.
        steps: how many to make.
        sample_weight, class_weight: as ``model.fit`` takes them: a weight for each sample, or a
            dict from class to weight. Keras gets them; so does a step that takes a fourth argument,
            as a tensor ``(batch,)``.
        seed: of the initial weights and Dropout.

    Returns:
        The explanation; print it for a report.

    Raises:
        TypeError: an argument has the wrong type, or ``build_model`` does not return a model.
        ValueError: a number is out of range, x and y have different numbers of samples, or Keras
            cannot train the model. An error in ``train_step`` is reported as a cause instead.

    Examples:
        >>> import keras, numpy as np, tensorflow as tf
        >>> def build_model():
        ...     return keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
        >>> def train_step(model, x, y):
        ...     with tf.GradientTape() as tape:
        ...         loss = tf.reduce_mean(0.5 * (model(x) - y) ** 2)
        ...     variables = model.trainable_variables
        ...     for w, g in zip(variables, tape.gradient(loss, variables)):
        ...         w.assign_sub(0.1 * g)
        ...     return loss
        >>> x, y = np.eye(2, dtype="float32"), np.ones((2, 1), "float32")
        >>> sgd = keras.optimizers.SGD(0.1)
        >>> found = explain_difference(build_model, x, y, train_step, optimizer=sgd, loss="mse")
        >>> found.agrees, found.causes[0].name
        (False, 'half the loss, as in 1/2 (prediction - y)^2')
    """
    options = dict(loss=loss, loss_weights=loss_weights, batch_size=batch_size)
    options |= dict(sample_weight=sample_weight, class_weight=class_weight)
    case = Case.of(build_model, x, y, optimizer=optimizer, steps=steps, seed=seed, **options)
    check_step(train_step)
    with quietly(), Progress(None, "trying mistakes", patience=2.0) as progress:
        model = case.fresh()
        case = case.in_the_precision_of(model)
        by_hand = Loop(model)
        by_hand.run(train_step, case.batches)
        seen = Evidence(case, by_hand, case.by_keras(other=model), progress.at)
        findings = causes_of(seen)
    name = getattr(train_step, "__name__", type(train_step).__name__)
    title = f"{name} beside Keras: {case.steps} steps of {case.batch_size} samples, "
    title += f"{type(optimizer).__name__}, {model.count_params()} parameters"
    apart = np.nan_to_num(seen.apart, nan=np.inf, posinf=np.inf)
    farthest = next(i for i, part in places(by_hand).items() if part.stop > apart[-1].argmax())
    return Explanation(
        **vars(findings),
        steps=len(by_hand.losses),
        identical=seen.identical,
        max_abs=float(apart.max()) if np.isfinite(seen.apart).all() else np.inf,
        first_difference=None if all(seen.same) else seen.same.index(False),
        distances=seen.distances,
        losses=np.array(by_hand.losses),
        keras_losses=np.array(seen.theirs.losses),
        title=title,
        farthest="" if all(seen.same) else model.variables[farthest].path,
    )
