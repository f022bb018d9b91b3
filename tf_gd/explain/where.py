"""Where to look, if no known cause fits: what agrees, and what is the first that does not."""

import numpy as np

from tf_gd.explain.deviation import Deviation
from tf_gd.explain.loops import places
from tf_gd.networks.passes import count_samples

_SHOWN = 4  # variables
_SAME = 1e-3  # shares of a step below which it counts as the same


def where_to_look(seen) -> str:
    """Return sentences that narrow a difference down, from the losses and the first steps."""
    differs = _loss_that_differs(seen)
    said = [_of_the_losses(seen, differs)]
    apart = _steps_apart(seen)
    first = next((n for n, share in enumerate(apart) if share > _SAME), None)
    if first is None:
        said.append(
            "Each step agrees with Keras's to a thousandth: look for a small term or factor."
        )
    elif first == 0:
        said.append(f"The first step differs: {_of_the_first_step(seen)}.")
        if differs is None:
            said.append(
                "So the loss is right, and its gradient or the update is not: print both for the "
                "variable named first."
            )
        else:
            experiment = seen.search.experiment
            where = ["the loss", "the labels", "the inputs"]
            where += ["the mask"] * experiment.masks
            where += ["the weights of the samples"] * bool(experiment.weighed_by)
            where += ["model.losses"] * bool(experiment.model.losses)
            said.append(f"So look at {', '.join(where[:-1])} and {where[-1]}.")
    else:
        size = count_samples(seen.search.experiment.batches[first])
        said.append(
            f"Steps 1 to {first} agree, and step {first + 1} does not: look at what is kept from "
            "step to step (velocities, moments, the step counter, the schedule), and at its "
            f"batch, which has {size} samples."
        )
        if not seen.search.experiment.by_hand:
            optimizer = type(seen.search.experiment.optimizer).__name__
            said.append(
                f"The first step of {optimizer} hardly shows how long a gradient is: look for a "
                "factor or a limit on the gradients too."
            )
    return " ".join(said)


def _loss_that_differs(seen) -> tuple[int, float, float] | None:
    """Return the first step at which the loss returned is not Keras's at the loop's weights.

    The step is counted from 1; both losses come with it. Of a model that draws random numbers only
    the first step is compared: we do not know the seeds of the later ones.
    """
    experiment = seen.search.experiment
    rtol = 1e-2 if experiment.half else 1e-5
    for number, returned in enumerate(seen.by_hand.losses[: len(seen.ours) - 1]):
        state = experiment.at(experiment.start(), seen.search.weights[number])
        batch = experiment.batches[number]
        expected = experiment.loss_in(Deviation(), state, batch, training=True)
        if not np.isnan(returned) and not np.isclose(returned, expected, rtol=rtol, atol=1e-7):
            return number + 1, returned, expected
        if seen.random:
            break
    return None


def _of_the_losses(seen, differs: tuple[int, float, float] | None) -> str:
    if np.isnan(seen.by_hand.losses[0]):
        return "The loop returned no loss to compare: return it, and more can be said."
    if differs is None:
        which = "The first loss agrees" if seen.random else "The losses agree, the first is"
        return f"{which} {seen.theirs.losses[0]:.6g}."
    step, returned, expected = differs
    ratio = f", {returned / expected:.4g} times as much" if expected else ""
    which = "The first loss differs" if step == 1 else f"The loss of step {step} differs"
    where = "" if step == 1 else " at the same weights"
    return f"{which}: {returned:.6g} by hand, {expected:.6g} from Keras{where}{ratio}."


def _steps_apart(seen) -> list[float]:
    """Return how far each step of the loop is from Keras's, as a share of the longer one."""
    units = seen.search.experiment.units
    ours, theirs = (np.diff(weights * units, axis=0) for weights in (seen.ours, seen.expected))
    shares = []
    for mine, of_keras in zip(ours, theirs, strict=False):
        length = max(np.linalg.norm(mine), np.linalg.norm(of_keras))
        shares.append(float(np.linalg.norm(mine - of_keras) / length) if length else 0.0)
    return shares


def _of_the_first_step(seen) -> str:
    """Return how the first step of each variable compares with Keras's."""
    names, said = seen.search.experiment.names, []
    mine, of_keras = (np.diff(weights[:2], axis=0)[0] for weights in (seen.ours, seen.expected))
    for i, place in places(seen.search.experiment).items():
        a, b = mine[place], of_keras[place]
        tiny = 1e-6 * max(np.linalg.norm(mine), np.linalg.norm(of_keras))
        length, other = (
            float(size) if size > tiny else 0.0 for size in map(np.linalg.norm, (a, b))
        )
        if not length or not other:
            how = "moves with Keras only" if other else "moves by hand only"
            said.append(f"{names[i]} {how if length or other else 'hardly moves'}")
            continue
        cosine, ratio = float(a @ b / (length * other)), length / other
        if np.linalg.norm(a - b) <= _SAME * max(length, other):
            said.append(f"{names[i]} agrees")
        elif cosine > 0.9999:
            said.append(f"{names[i]} moves {ratio:.4g} times as far, in the same direction")
        elif cosine < -0.9999:
            said.append(f"{names[i]} moves {ratio:.4g} times as far, the other way")
        else:
            angle = f"{np.degrees(np.arccos(np.clip(cosine, -1, 1))):.0f} degrees away"
            said.append(f"{names[i]} moves in another direction, {angle}, {ratio:.3g} times as far")
    rest = f"; {len(said) - _SHOWN} more" if len(said) > _SHOWN else ""
    return "; ".join(said[:_SHOWN]) + rest
