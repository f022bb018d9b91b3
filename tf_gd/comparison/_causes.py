"""The causes of a difference, with the evidence and the fix, as text."""

from dataclasses import dataclass

import numpy as np

from tf_gd.comparison._diagnosis import Diagnosis, Search
from tf_gd.comparison._kitchen import Kitchen
from tf_gd.comparison._loops import Case, Loop
from tf_gd.comparison._recipe import Recipe, Run
from tf_gd.comparison.training import copy_of


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
    rests = np.linalg.norm(ours - expected[: len(ours)], axis=1)
    causes = []
    if by_hand.failed is not None:
        causes.append(Cause(*by_hand.failed, fix=_fix_for(by_hand.failed)))
    finite = int(min(np.isfinite(w).all(axis=1).sum() for w in (ours, expected)))
    ours, expected = ours[:finite], expected[:finite]
    if len(ours) < 2:
        return Findings(False, tuple(causes), rests)
    if not np.ptp(ours, axis=0).any() and np.ptp(expected, axis=0).any():
        moved = np.abs(expected[-1] - expected[0]).max()
        evidence = f"no weight moved in {finite - 1} steps; Keras moved them by up to {moved:.3g}"
        return Findings(False, (*causes, Cause("train_step changes nothing", evidence, _NOTHING, 1.0)), rests)

    kitchen = Kitchen(theirs.model, copy_of(case.optimizer), case.batches[: finite - 1], case.batch_size, by_hand.initial)
    base = kitchen.cook(Recipe())
    assert base is not None
    apart = float(np.abs(ours[0] - expected[0]).max())
    search = Search(kitchen, ours, base, rounding=0.0)
    off = 0.0 if apart else search.residual_of(base.weights, expected)
    if off > 1e-3:
        return Findings(False, tuple(causes), rests, _UNKNOWN_KERAS.format(off=off))
    search.rounding = max(200 * np.finfo(kitchen.precision).eps, 10 * off, search.rounding_of_the_weights())
    if apart:
        causes.append(_other_start(apart))
    if search.residual(base.weights) <= search.rounding:
        if not identical and not causes:
            causes.append(_rounding(case, by_hand, np.abs(ours - expected).max()))
        return _with_losses(kitchen, Recipe(), base, by_hand, theirs, causes, rests, agrees=not apart and not by_hand.failed)

    found = search.find()
    if not found.reproduces:
        return Findings(False, tuple(causes), rests, _not_explained(found, search, base))
    causes += _as_causes(found, ours, base)
    rests[:finite] = np.linalg.norm(found.run.weights - ours, axis=1)
    return _with_losses(kitchen, found.recipe, found.run, by_hand, theirs, causes, rests, agrees=False)


def _as_causes(found: Diagnosis, ours: np.ndarray, base: Run) -> list[Cause]:
    before, after = (np.linalg.norm(run.weights[-1] - ours[-1]) for run in (base, found.run))
    together = "all of these together" if len(found.mistakes) > 1 else "this"
    causes = []
    for mistake, share in zip(found.mistakes, found.shares, strict=True):
        evidence = f"Keras with {together} ends {after:.2g} from your weights, and {before:.2g} without"
        if len(found.mistakes) > 1:
            evidence += f"; this explains {share:.1%} of the difference"
        if found.alike:
            evidence += f". Here the same would come of: {'; '.join(other.name for other in found.alike)}"
        causes.append(Cause(mistake.name, evidence, mistake.fix, share))
    return causes


def _not_explained(found: Diagnosis, search: Search, base: Run) -> str:
    if not found.mistakes:
        return "None of the known mistakes brings Keras's weights any nearer to yours."
    names = ", and ".join(mistake.name for mistake in found.mistakes)
    return f"Nearest comes: {names}. It leaves {found.rests[-1] / search.residual(base.weights):.0%} of the difference."


def _other_start(apart: float) -> Cause:
    return Cause(
        "different initial weights",
        f"before the first step the weights are {apart:.3g} apart, of two models that build_model made under the same seed",
        "Draw initial weights with Keras's initializers, which keras.utils.set_random_seed determines.",
    )


def _rounding(case: Case, by_hand: Loop, apart: float) -> Cause:
    """Say in which mode Keras gives the same bits, if in one."""
    evidence = f"the weights are at most {apart:.2g} apart"
    modes = {"eager (run_eagerly=True)": {"run_eagerly": True}, "compiled by XLA (jit_compile=True)": {"jit_compile": True}}
    for name, compiled in modes.items():
        try:
            again = case.by_keras(**compiled)
        except ValueError:  # XLA does not know everything
            continue
        if all(by_hand.same_as(again, step) for step in range(len(by_hand.weights))):
            evidence += f", and the same to the bit as Keras {name}"
            break
    fix = "Nothing to mend. For the same bits run both in one mode, under tf_gd.exact_arithmetic()."
    return Cause(_ROUNDING, evidence, fix, 1.0)


def _with_losses(kitchen, recipe, run, by_hand: Loop, theirs: Loop, causes, rests, *, agrees: bool) -> Findings:
    """Add what is wrong with the losses that the loop returned."""
    note = ""
    wrong = _wrong_loss(kitchen, recipe, run, by_hand, theirs)
    if by_hand.returned_none:
        note = "train_step returned None, so no losses were compared. Let it return the loss."
    elif wrong is not None:
        causes, agrees = [*(cause for cause in causes if cause.name != _ROUNDING), wrong], False
    return Findings(agrees, tuple(causes), rests, note)


def _wrong_loss(kitchen: Kitchen, recipe: Recipe, run: Run, by_hand: Loop, theirs: Loop) -> Cause | None:
    """Return what is wrong with the losses returned, given what was found wrong with the weights."""
    steps = len(run.weights) - 1
    returned, of_keras = np.array(by_hand.losses)[:steps], np.array(theirs.losses)[:steps]
    expected = run.losses["loss"]
    if _same(returned, of_keras) or _same(returned, expected) or np.isnan(returned).all():
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
        if _same(returned, loss):
            evidence = f"returned {returned[0]:.6g} at step 1; Keras reports {expected[0]:.6g}, and {loss[0]:.6g} is this"
            return Cause(name, evidence, fix)
    with np.errstate(all="ignore"):
        ratio = returned / expected
    if _same(ratio, np.full(steps, ratio[0])):
        return Cause(
            f"the loss reported {ratio[0]:.4g} times too large" if ratio[0] > 1 else f"{ratio[0]:.4g} of the loss reported",
            f"returned {returned[0]:.6g} at step 1; Keras reports {expected[0]:.6g}. The gradients are right",
            "Return the mean over the batch, as Keras does.",
        )
    evidence = f"returned {returned[0]:.6g} at step 1; Keras reports {expected[0]:.6g}; no known cause fits"
    return Cause(
        "another loss reported than the gradients are of", evidence, "Return the loss of which you took the gradients."
    )


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    comparable = np.isfinite(a) & np.isfinite(b)
    return bool(comparable.any() and np.allclose(a[comparable], b[comparable], rtol=1e-4, atol=1e-6))


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


_ROUNDING = "only rounding (another execution mode)"
_NOTHING = "w.assign_sub(learning_rate * g) changes a variable; w = w - learning_rate * g only makes a tensor."
_ALL_OF_IT = "return loss + sum(model.losses)"
_PRE = "return the loss that the tape saw, from before the update, as Keras reports it."
_UNKNOWN_KERAS = "What is known of Keras's step does not lead where Keras went here ({off:.1%} off): nothing could be tried."
