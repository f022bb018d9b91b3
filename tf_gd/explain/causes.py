"""The causes of a difference, with the evidence and the fix, as text."""

from dataclasses import dataclass

import numpy as np

from tf_gd.comparison.training import copy_of
from tf_gd.explain.deviation import Recipe, Run
from tf_gd.explain.experiment import Kitchen
from tf_gd.explain.loops import Case, Loop
from tf_gd.explain.modes import in_another_mode, modes, where_keras_differs_as_much
from tf_gd.explain.search import Diagnosis, Search, residual, same_losses, scale_of


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
    """Whether two loops agree, why not, what the causes leave unexplained, and what else there is to say."""

    agrees: bool
    causes: tuple[Cause, ...]
    rests: np.ndarray
    note: str = ""


def causes_of(case: Case, by_hand: Loop, theirs: Loop, identical: bool) -> Findings:
    """Find out why two loops differ."""
    ours, expected = np.stack(by_hand.weights), np.stack(theirs.weights)
    with np.errstate(all="ignore"):
        rests = np.linalg.norm(ours - expected[: len(ours)], axis=1)
    causes = []
    if by_hand.failed is not None:
        name, evidence = by_hand.failed
        if theirs.failed is not None and len(theirs.weights) == len(by_hand.weights):
            name, evidence = f"both diverge: {name}", f"{evidence}; Keras's weights are not finite either"
        causes.append(Cause(name, evidence, _fix_for(by_hand.failed)))
    finite = int(min(np.isfinite(w).all(axis=1).sum() for w in (ours, expected)))
    ours, expected = ours[:finite], expected[:finite]
    if len(ours) < 2:
        return Findings(False, tuple(causes), rests)
    if not np.ptp(ours, axis=0).any() and np.ptp(expected, axis=0).any():
        moved = np.abs(expected[-1] - expected[0]).max()
        evidence = f"no weight moved in {finite - 1} steps; Keras moved them by up to {moved:.3g}"
        return Findings(False, (*causes, Cause("train_step changes nothing", evidence, _NOTHING, 1.0)), rests)

    names = [variable.path for variable in by_hand.model.variables]
    batches, optimizer = case.batches[: finite - 1], copy_of(case.optimizer)
    kitchen = Kitchen(theirs.model, optimizer, batches, case.batch_size, by_hand.initial, names)
    base = kitchen.cook(Recipe())
    assert base is not None
    losses = np.array(by_hand.losses)[: finite - 1]
    apart = float(np.abs(ours[0] - expected[0]).max())
    off = 0.0 if apart else residual(base.weights, expected, scale_of(base.weights, expected))
    search = Search(kitchen, ours, losses, base)
    hidden = _rounding_of(kitchen, ours, expected)
    search.rounding = max(16 * np.finfo(kitchen.precision).eps, 3 * min(off, 1e-4), min(hidden / 8, _HIDDEN))
    if kitchen.half:
        search.rounding = max(search.rounding, _HALF[theirs.model.compute_dtype])
    if apart:
        causes.append(_other_start(apart))
    near = search.start if apart else residual(ours, expected, scale_of(ours, expected))
    found = None
    if near > search.rounding:
        if off > max(1e-3, search.rounding):
            noisy = "" if apart else where_keras_differs_as_much(case, kitchen, ours, expected)
            if noisy:
                causes.append(Cause(_ROUNDING, _AMPLIFIED.format(where=noisy), _NO_MATTER, 1.0))
                return _with_losses(search, Recipe(), base, by_hand, theirs, causes, rests, agrees=True)
            return Findings(False, tuple(causes), rests, _UNKNOWN_KERAS.format(off=off))
        found = search.find()
        explained = found.mistakes and found.reproduces and found.rest < 0.1 * near
        perhaps = near <= max(search.rounding, min(_PERHAPS_ROUNDING * search.rounding, 1e-3))
        if not explained and (perhaps or (found.reproduces and not found.mistakes)):
            found = None  # so near to Keras, or to the same steps made in another mode, that rounding has to be the reason
    if hidden > _HIDDEN and not identical and not (found and found.reproduces):
        causes.append(Cause("steps too small to tell from rounding", _TOO_SMALL.format(share=min(hidden, 1.0)), _LARGER))
        return Findings(False, tuple(causes), rests)
    if found is None:
        if not identical and not causes:
            causes.append(_rounding(case, by_hand, np.abs(ours - expected).max()))
        return _with_losses(search, Recipe(), base, by_hand, theirs, causes, rests, agrees=not apart and not by_hand.failed)
    if not found.reproduces:
        other = None if apart else in_another_mode(case, ours, search.rounding)
        if other is not None:
            return _with_losses(search, Recipe(), base, by_hand, other, [*causes, _OTHER_NUMBERS], rests, agrees=True)
        noisy = "" if apart else where_keras_differs_as_much(case, kitchen, ours, expected)
        if noisy:
            causes.append(Cause(_ROUNDING, _AMPLIFIED.format(where=noisy), _NO_MATTER, 1.0))
            return _with_losses(search, Recipe(), base, by_hand, theirs, causes, rests, agrees=True)
        return Findings(False, tuple(causes), rests, _not_explained(found, search))
    causes += _as_causes(found, ours, base)
    rests[:finite] = np.linalg.norm(found.run.weights - ours, axis=1)
    return _with_losses(search, found.recipe, found.run, by_hand, theirs, causes, rests, agrees=False)


_PERHAPS_ROUNDING = 12.5  # times what rounding usually comes to: 200 units in the last place


_HIDDEN = 0.1  # of the movement: where rounding may come to more, a diagnosis is worth nothing


def _rounding_of(kitchen: Kitchen, ours: np.ndarray, expected: np.ndarray) -> float:
    """Return how far rounding alone may take the weights, as a share of the movement of both."""
    scale, steps = scale_of(ours, expected), np.sqrt(np.arange(1, len(ours)))
    eps = np.finfo(kitchen.precision).eps
    moved = scale > 0.1 * scale.max()
    return float(np.mean((8 * eps * steps * np.linalg.norm(expected, axis=1)[1:] / scale)[moved]))


def _as_causes(found: Diagnosis, ours: np.ndarray, base: Run) -> list[Cause]:
    before, after = (np.linalg.norm(run.weights[-1] - ours[-1]) for run in (base, found.run))
    together = "all of these mistakes" if len(found.mistakes) > 1 else "this mistake"
    causes = []
    for mistake, share in zip(found.mistakes, found.shares, strict=True):
        evidence = f"with {together} put in, Keras ends {after:.2g} from your weights, and {before:.2g} without"
        if len(found.mistakes) > 1:
            evidence += f"; this one explains {share:.1%} of the difference"
        if found.alike:
            names = "; ".join(other.name for others in found.alike for other in others)
            evidence += f". Here the same would come of: {names}"
        causes.append(Cause(mistake.name, evidence, mistake.fix, share))
    return causes


def _not_explained(found: Diagnosis, search: Search) -> str:
    half = " Keras scales the loss in float16, lest gradients vanish; see keras.optimizers.LossScaleOptimizer."
    half = half if search.kitchen.model.compute_dtype == "float16" else ""
    if not found.mistakes:
        return "None of the known mistakes brings Keras's weights any nearer to yours." + half
    names = ", and ".join(mistake.name for mistake in found.mistakes)
    explained = 1 - found.rest / search.start
    return f"Nearest comes: {names}. That explains {explained:.0%} of the difference; it is part of the truth at most.{half}"


def _other_start(apart: float) -> Cause:
    return Cause(
        "different initial weights",
        f"before the first step the weights are {apart:.3g} apart, of two models that build_model made under the same seed",
        "Draw initial weights with Keras's initializers, which keras.utils.set_random_seed determines.",
    )


def _rounding(case: Case, by_hand: Loop, apart: float) -> Cause:
    """Say in which mode Keras gives the same bits, if in one."""
    evidence = f"the weights are at most {apart:.2g} apart"
    for name, again in modes(case):
        if all(by_hand.same_as(again, step) for step in range(len(by_hand.weights))):
            evidence += f", and the same to the bit as Keras {name}"
            break
    fix = "Nothing to mend. For the same bits run both in one mode, under tf_gd.exact_arithmetic()."
    return Cause(_ROUNDING, evidence, fix, 1.0)


def _with_losses(search, recipe, run, by_hand: Loop, theirs: Loop, causes, rests, *, agrees: bool) -> Findings:
    """Add what is wrong with the losses that the loop returned."""
    note = ""
    wrong = _wrong_loss(search.kitchen, recipe, run, by_hand, theirs)
    if by_hand.unusable:
        note = f"train_step returned {by_hand.unusable}, so no losses were compared. Let it return the loss, one number."
    elif np.isnan(by_hand.losses).all():
        note = "train_step returned NaN at every step, so no losses were compared, though the weights are finite."
    elif wrong is not None:
        causes, agrees = [*(cause for cause in causes if cause.name != _ROUNDING), wrong], False
    return Findings(agrees, tuple(causes), rests, note)


def _wrong_loss(kitchen: Kitchen, recipe: Recipe, run: Run, by_hand: Loop, theirs: Loop) -> Cause | None:
    """Return what is wrong with the losses returned, given what was found wrong with the weights."""
    steps = len(run.weights) - 1
    returned, of_keras = np.array(by_hand.losses)[:steps], np.array(theirs.losses)[:steps]
    expected = run.losses["loss"]
    if same_losses(returned, of_keras) or same_losses(returned, expected) or np.isnan(returned).all():
        return None
    after = _losses_after(kitchen, recipe)
    so_far = np.cumsum(expected) / np.arange(1, steps + 1)
    known = (
        ("the loss reported after the update", after[True], _PRE),
        ("the loss reported after the update, with training=False", after[False], _PRE),
        ("the loss reported without the regularisation losses", run.losses["of the data"], _ALL_OF_IT),
        ("the mean of the losses so far reported", so_far, "Return the loss of this batch."),
    )
    for name, loss, fix in known:
        if same_losses(returned, loss):
            evidence = f"returned {returned[0]:.6g} at step 1; Keras reports {expected[0]:.6g}, and {loss[0]:.6g} is this"
            return Cause(name, evidence, fix)
    with np.errstate(all="ignore"):
        ratio = returned / expected
    if same_losses(ratio, np.full(steps, ratio[0])):
        return Cause(
            f"the loss reported {ratio[0]:.4g} times too large" if ratio[0] > 1 else f"{ratio[0]:.4g} of the loss reported",
            f"returned {returned[0]:.6g} at step 1; Keras reports {expected[0]:.6g}. The weights go where Keras's go",
            "Return the mean over the batch, as Keras does.",
        )
    evidence = f"returned {returned[0]:.6g} at step 1; Keras reports {expected[0]:.6g}; no known cause fits"
    return Cause(
        "another loss reported than the gradients are of", evidence, "Return the loss of which you took the gradients."
    )


def _losses_after(kitchen: Kitchen, recipe: Recipe) -> dict[bool, np.ndarray]:
    state, after = kitchen.start(), {True: [], False: []}  # type: ignore[var-annotated]
    for number in range(len(kitchen.batches)):
        batch = kitchen.batch(recipe, number)
        state, _ = kitchen.step(recipe, state, batch)
        for training, losses in after.items():
            losses.append(kitchen.losses_after(recipe, state, batch, training=training))
    return {training: np.array(losses) for training, losses in after.items()}


def _fix_for(failed: tuple[str, str]) -> str:
    text = " ".join(failed)
    if "NaN or infinite" in text:
        return "Look at the rate first: tf_gd.learning_rate_limit says how large it may be. Then for log or division by 0."
    if "None" in text and ("NoneType" in text or "None values" in text or "gradient" in text):
        return "A gradient is None: let the loss depend on the variable, inside the tape, by TensorFlow operations alone."
    if "positional argument" in text or "unexpected keyword" in text:
        return "Write it as train_step(model, x_batch, y_batch), returning the loss."
    if "nknown variable" in text or "optimizer" in text.lower():
        return "An optimizer belongs to the variables it met first: use model.optimizer, or make one for this model."
    return "Call train_step(model, x, y) by itself on a fresh model, and mend what it raises."


_TOO_SMALL = "rounding may come to {share:.0%} of what the weights moved: neither agreement nor a mistake would show"
_LARGER = "Compare with a larger learning rate, say 100 times this one, on both sides."
_OTHER_NUMBERS = Cause(
    "other random numbers, of another execution mode",
    "Keras in that mode (XLA draws other numbers for Dropout) goes where your loop went",
    "Nothing to mend. To compare, run both in one mode: model.compile(..., jit_compile=True) beside a step under XLA.",
    1.0,
)
_AMPLIFIED = (
    "Keras itself differs as much between two of its modes, most of all in {where}: rounding, made larger by the steps"
)
_NO_MATTER = (
    "Nothing to mend. A weight that does not matter for the loss (a bias before BatchNormalization) may be left out."
)
_ROUNDING = "only rounding"
_HALF = {"float16": 2e-3, "bfloat16": 2e-2}  # of the movement: what layers that compute in 16 bits may differ by
_NOTHING = (
    "w.assign_sub(learning_rate * g) changes a variable; w = w - learning_rate * g only makes a tensor. "
    "And train the model that is passed in, not one from outside."
)
_ALL_OF_IT = "return loss + sum(model.losses)"
_PRE = "return the loss that the tape saw, from before the update, as Keras reports it."
_UNKNOWN_KERAS = "What is known of Keras's step does not lead where Keras went here ({off:.1%} off): nothing could be tried."
