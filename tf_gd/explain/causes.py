"""The causes of a difference between two loops, as text, with evidence and fix.

``causes_of`` goes through the table ``_CHECKS``: the first check that applies gives the findings.
"""

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tf_gd.explain.deviation import Deviation, Run
from tf_gd.explain.evidence import HIDDEN, Evidence
from tf_gd.explain.search import same_losses

_AS_KERAS = Deviation()
_ROUNDING = "only rounding"

# What to do about a step that fails, by what the error says.
_FIXES = {
    "NaN or infinite": "Lower the rate: tf_gd.learning_rate_limit says how far. Or find log(0).",
    "NoneType|None values|None.*gradient|gradient.*None": "A gradient is None: let the loss depend "
    "on the variable, inside the tape, by TensorFlow operations alone.",
    "positional argument|unexpected keyword": "Write it as train_step(model, x_batch, y_batch).",
    "nknown variable|[Oo]ptimizer": "Use model.optimizer, or make an optimizer for this model: an "
    "optimizer keeps the variables that it was first applied to.",
    "": "Call train_step(model, x, y) by itself on a fresh model, and fix what it raises.",
}


@dataclass(frozen=True)
class Cause:
    """One reason why a loop differs.

    Attributes:
        name: what the loop does.
        evidence: the experiment that says so, in numbers.
        fix: one or two lines of code, or of advice.
        share: how much of the difference of the weights it explains, 0 to 1.
    """

    name: str
    evidence: str
    fix: str
    share: float = 0.0


@dataclass(frozen=True)
class Findings:
    """The fields of :class:`tf_gd.explain.report.Explanation` that a check fills in."""

    agrees: bool
    causes: tuple[Cause, ...]
    rests: np.ndarray
    note: str = ""


def causes_of(seen: Evidence) -> Findings:
    """Return why two loops differ, from the first check that applies."""
    return next(findings for check in _CHECKS if (findings := check(seen)) is not None)


def _findings(seen: Evidence, *causes: Cause, agrees: bool = False, note: str = "") -> Findings:
    """Return findings, whose first causes are a step that failed and a different start."""
    first = []
    if seen.by_hand.failed is not None:
        name, evidence = seen.by_hand.failed
        fix = next(fix for said, fix in _FIXES.items() if re.search(said, f"{name} {evidence}"))
        if seen.theirs.failed is not None and len(seen.theirs.weights) == len(seen.by_hand.weights):
            name, evidence = f"both diverge: {name}", f"{evidence}; Keras's are not finite either"
        first.append(Cause(name, evidence, fix))
    if seen.starts_apart:
        evidence = f"two new models with the same seed are {seen.apart[0].max():.3g} apart"
        fix = "Use Keras's initializers: keras.utils.set_random_seed sets what they draw."
        first.append(Cause("different initial weights", evidence, fix))
    return Findings(agrees, (*first, *causes), seen.distances.copy(), note)


def _no_step(seen: Evidence) -> Findings | None:
    return _findings(seen) if len(seen.ours) < 2 else None


def _nothing_changed(seen: Evidence) -> Findings | None:
    if np.ptp(seen.ours, axis=0).any() or not np.ptp(seen.expected, axis=0).any():
        return None
    moved = np.abs(seen.expected[-1] - seen.expected[0]).max()
    evidence = f"no weight moved in {len(seen.ours) - 1} steps, Keras's by up to {moved:.3g}"
    fix = (
        "w.assign_sub(learning_rate * g) changes a variable, w = w - learning_rate * g only makes "
    )
    fix += "a tensor. And train the model that is passed in, not one from outside."
    return _findings(seen, Cause("train_step changes nothing", evidence, fix, 1.0))


def _keras_unknown(seen: Evidence) -> Findings | None:
    if seen.near <= seen.rounding or seen.keras_off <= max(1e-3, seen.rounding):
        return None
    note = f"No mistake was tried: tf_gd's own Keras step is {seen.keras_off:.1%} off here."
    return _amplified(seen) or _findings(seen, note=note)


def _amplified(seen: Evidence) -> Findings | None:
    variable = seen.unstable_variable()
    if not variable:
        return None
    evidence = f"two modes of Keras are as far apart, most of all in {variable}: amplified rounding"
    fix = "Nothing to fix. A bias before BatchNormalization, for example, has no influence."
    findings = _findings(seen, Cause(_ROUNDING, evidence, fix, 1.0), agrees=True)
    return _with_losses(findings, seen)


def _hidden_by_rounding(seen: Evidence) -> Findings | None:
    if seen.hidden <= HIDDEN or seen.identical or (seen.found and seen.found.reproduces):
        return None
    evidence = f"rounding may come to {min(seen.hidden, 1.0):.0%} of what the weights moved"
    fix = "Compare with a larger learning rate, say 100 times this one, on both sides."
    return _findings(seen, Cause("steps too small to tell from rounding", evidence, fix))


def _only_rounding(seen: Evidence) -> Findings | None:
    if seen.found is not None:
        return None
    findings = _findings(seen, agrees=not seen.starts_apart and not seen.by_hand.failed)
    if not seen.identical and not findings.causes:
        evidence = f"the weights are at most {np.abs(seen.ours - seen.expected).max():.2g} apart"
        same = (name for name, w, _ in seen.other_modes() if np.array_equal(seen.ours, w))
        if mode := next(same, None):
            evidence += f", and the same to the bit as Keras {mode}"
        fix = "Nothing to fix. For the same bits use one mode, under tf_gd.exact_arithmetic()."
        findings = _findings(seen, Cause(_ROUNDING, evidence, fix, 1.0), agrees=True)
    return _with_losses(findings, seen)


def _another_mode(seen: Evidence) -> Findings | None:
    if seen.found is None or seen.found.reproduces or (mode := seen.same_mode()) is None:
        return None
    name = "other random numbers, of another execution mode"
    evidence = "Keras in another mode reaches your weights (XLA draws other numbers for Dropout)"
    fix = "Nothing to fix. To compare, run both in one mode: model.compile(..., jit_compile=True)."
    findings = _findings(seen, Cause(name, evidence, fix, 1.0), agrees=True)
    return _with_losses(findings, seen, of_keras=mode.losses)


def _not_explained(seen: Evidence) -> Findings | None:
    found = seen.found
    if found is None or found.reproduces:
        return None
    note = "None of the known mistakes brings Keras's weights any nearer to yours."
    if found.mistakes:
        names = ", and ".join(mistake.name for mistake in found.mistakes)
        share = 1 - found.rest / seen.search.start
        note = f"Nearest comes: {names}. That explains {share:.0%} of the difference, not all."
    if seen.theirs.model.compute_dtype == "float16":
        note += " In float16 Keras scales the loss: see keras.optimizers.LossScaleOptimizer."
    return _amplified(seen) or _findings(seen, note=note)


def _mistakes(seen: Evidence) -> Findings:
    found, ours = seen.found, seen.ours
    assert found is not None
    base, run = seen.search.base, found.run
    before, after = (np.linalg.norm(r.weights[-1] - ours[-1]) for r in (base, run))
    several = len(found.mistakes) > 1
    together = "all of these mistakes" if several else "this mistake"
    causes = []
    for mistake, share in found.mistakes.items():
        evidence = f"Keras with {together} ends {after:.2g} from your weights, without {before:.2g}"
        evidence += f"; this one explains {share:.1%} of the difference" if several else ""
        if found.alike:
            names = "; ".join(other.name for other in found.alike)
            evidence += f". Here the same would come of: {names}"
        causes.append(Cause(mistake.name, evidence, mistake.fix, share))
    findings = _findings(seen, *causes)
    findings.rests[: len(ours)] = np.linalg.norm(run.weights - ours, axis=1)
    return _with_losses(findings, seen, found.deviation, run)


_CHECKS: tuple[Callable[[Evidence], Findings | None], ...] = (
    _no_step,
    _nothing_changed,
    _keras_unknown,
    _hidden_by_rounding,
    _only_rounding,
    _another_mode,
    _not_explained,
    _mistakes,
)


def _with_losses(
    findings: Findings, seen: Evidence, deviation=_AS_KERAS, run: Run | None = None, of_keras=None
) -> Findings:
    """Add what is wrong with the losses that train_step returned; ``run`` has the right ones."""
    note = ""
    if seen.by_hand.unusable:
        note = (
            f"train_step returned {seen.by_hand.unusable}, not a loss, so no losses were compared."
        )
    elif np.isnan(seen.by_hand.losses).all():
        note = "train_step returned NaN at every step, so no losses were compared."
    right = seen.theirs.losses if of_keras is None else of_keras
    wrong = None if note else _wrong_loss(seen, deviation, run or seen.search.base, right)
    if wrong is None:
        return dataclasses.replace(findings, note=note)
    others = (cause for cause in findings.causes if cause.name != _ROUNDING)
    return dataclasses.replace(findings, agrees=False, causes=(*others, wrong))


def _wrong_loss(
    seen: Evidence, deviation: Deviation, run: Run, of_keras: list[float]
) -> Cause | None:
    expected, returned = run.losses["loss"], seen.search.losses
    steps = len(returned)
    right = (np.array(of_keras)[:steps], expected)
    if np.isnan(returned).all() or any(same_losses(returned, losses) for losses in right):
        return None
    after, without_training = _losses_after(seen.search.experiment, deviation)
    so_far = np.cumsum(expected) / np.arange(1, steps + 1)
    of_the_data = run.losses["of the data"]
    before = "Return the loss that the tape saw, from before the update, as Keras reports it."
    whole = "return loss + sum(model.losses)"
    known = (
        ("the loss reported after the update", after, before),
        ("the loss reported after the update, with training=False", without_training, before),
        ("the loss reported without the regularisation losses", of_the_data, whole),
        ("the mean of the losses so far reported", so_far, "Return the loss of this batch."),
    )
    shown = f"returned {returned[0]:.6g} at step 1; Keras reports {expected[0]:.6g}"
    for name, loss, fix in known:
        if same_losses(returned, loss):
            return Cause(name, f"{shown}, and {loss[0]:.6g} is this", fix)
    with np.errstate(all="ignore"):
        ratios = returned / expected
    if not same_losses(ratios, np.full(steps, ratios[0])):
        name = "another loss reported than the gradients are of"
        fix = "Return the loss of which you took the gradients."
        return Cause(name, f"{shown}; no known cause fits", fix)
    name = f"the loss reported {ratios[0]:.4g} times too large"
    name = name if ratios[0] > 1 else f"{ratios[0]:.4g} of the loss reported"
    return Cause(name, shown, "Return the mean over the batch, as Keras does.")


def _losses_after(experiment, deviation: Deviation) -> np.ndarray:
    """Return the losses after each step, with and without training=True: ``(2, steps)``."""
    state, after, modes = experiment.start(), [], (True, False)
    for number in range(len(experiment.batches)):
        batch = experiment.batch(deviation, number)
        state, _ = experiment.step(deviation, state, batch)
        after.append([experiment.losses_after(deviation, state, batch, training=m) for m in modes])
    return np.transpose(after)
