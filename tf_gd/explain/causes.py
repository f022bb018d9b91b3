"""The causes of a difference between two loops, as text, with evidence and fix.

``causes_of`` goes through the table ``_CHECKS``: the first check that applies gives the findings.
"""

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tf_gd._keras import has_own
from tf_gd.explain.deviation import Deviation, Run
from tf_gd.explain.evidence import HIDDEN, Evidence
from tf_gd.explain.returned import of_samples, penalty_outside, wrong_loss
from tf_gd.explain.where import where_to_look

_AS_KERAS = Deviation()
_NAMED = 1  # other mistakes that do the same, in the name of a cause; more stand in its evidence
_ROUNDING = "only rounding"

# What to do about a step that fails, by what the error says.
_FIXES = {
    "NaN or infinite": "Lower the rate: tf_gd.learning_rate_limit says how far. Or find log(0).",
    "_unique_id|EagerTensor.* has no attribute": "Pairs are of gradient and variable, in this "
    "order: apply_gradients(zip(gradients, model.trainable_variables)).",
    "NoneType|None values|None.*gradient|gradient.*None|No gradients": "A gradient is None: "
    "let the loss depend on the variable, inside the tape, by TensorFlow operations alone.",
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
    note = f"No mistake was tried: tf_gd's own Keras step is {seen.keras_off:.1%} off here. "
    if has_own(seen.theirs.model, "train_step"):
        note = "The loop was compared with the model's own train_step; mistakes are tried on "
        note += "Keras's step only. "
    note += where_to_look(seen)
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
        modes = seen.other_modes(xla=False)  # XLA takes seconds to compile
        same = (name for name, w, _ in modes if np.array_equal(seen.ours, w))
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
    again, first = seen.by_hand.first_losses_again(), seen.by_hand.losses[0]
    if not np.allclose(again, first, rtol=1e-5, equal_nan=True):
        name = "random numbers in train_step, or something kept from step to step before the loss"
        evidence = f"on the first batch, at the same weights, it returns {first:.6g}, and called "
        evidence += f"again {' and '.join(f'{loss:.6g}' for loss in again)}"
        fix = "Take out noise, shuffling and augmentation to compare; move weights after the loss."
        return _findings(seen, Cause(name, evidence, fix))
    note = where_to_look(seen)
    share = 1 - found.rest / seen.search.start
    if found.mistakes and share >= 0.5:  # less would point the wrong way
        names = ", and ".join(mistake.name for mistake in found.mistakes)
        share = min(share, 0.99)  # all is not explained
        note += f" A guess: {names}. That would explain {share:.0%} of the difference."
    if seen.theirs.model.compute_dtype == "float16":
        note += " In float16 Keras scales the loss: see keras.optimizers.LossScaleOptimizer."
    return _amplified(seen) or _findings(seen, note=note)


def _mistakes(seen: Evidence) -> Findings:
    found, ours = seen.found, seen.ours
    assert found is not None
    base, run = seen.search.base, found.run
    units = seen.search.experiment.units
    reached = run.weights / units
    before, after = (np.linalg.norm(w[-1] - ours[-1]) for w in (base.weights / units, reached))
    several = len(found.mistakes) > 1
    together = "all of these mistakes" if several else "this mistake"
    causes = []
    for mistake, share in found.mistakes.items():
        evidence = f"Keras with {together} ends {after:.2g} from your weights, without {before:.2g}"
        evidence += f"; this one explains {share:.1%} of the difference" if several else ""
        name = mistake.name
        if alike := found.alike[mistake]:  # nothing here tells them apart
            others = [one for one in dict.fromkeys(o.name for o in alike) if one != name]
            name = ", or ".join([name, *others[:_NAMED]])
            rest = "; ".join(others[_NAMED:])
            evidence += f". Here the same would come of: {rest}" if rest else ""
        causes.append(Cause(name, evidence, mistake.fix, share))
    findings = _findings(seen, *causes)
    findings.rests[: len(ours)] = np.linalg.norm(reached - ours, axis=1)
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
    search = seen.search
    if note:
        return dataclasses.replace(findings, note=note)
    given = (search.experiment, search.losses, deviation, run or search.base)
    if search.experiment.model.losses and penalty_outside(*given[:3]):
        renamed = {"regularisation losses left out": _OUTSIDE}
        return dataclasses.replace(findings, causes=_renamed(findings.causes, renamed))
    wrong = wrong_loss(*given, right)
    if wrong is None:
        renamed = dict.fromkeys(_SUMS, _OF_SAMPLES) if of_samples(*given) else {}
        return dataclasses.replace(findings, causes=_renamed(findings.causes, renamed))
    others = (cause for cause in findings.causes if cause.name != _ROUNDING)
    cause = Cause(wrong.name, wrong.evidence, wrong.fix)
    return dataclasses.replace(findings, agrees=False, causes=(*others, cause))


_SUMS = ("the loss summed over the batch, not averaged", "the loss summed instead of averaged")
_OF_SAMPLES = (
    "the losses of the samples differentiated, which adds them up, while their mean is returned",
    "loss = tf.reduce_mean(loss)  # inside the tape",
)
_OUTSIDE = (
    "the regularisation losses read outside the tape, so that they have no gradient",
    "loss = loss_fn(y, model(x, training=True)) + sum(model.losses)  # inside the tape",
)


def _renamed(causes: tuple[Cause, ...], names: dict[str, tuple[str, str]]) -> tuple[Cause, ...]:
    """Return causes with names and fixes that say more, now that the losses are known."""
    new = []
    for cause in causes:
        name, fix = names.get(cause.name, (cause.name, cause.fix))
        new.append(dataclasses.replace(cause, name=name, fix=fix))
    return tuple(new)
