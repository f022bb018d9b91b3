"""Where to look, if no known cause fits: what agrees, and what is the first that does not."""

import numpy as np

from tf_gd.explain.loops import places
from tf_gd.networks.passes import count_samples

_SHOWN = 4  # variables
_SAME = 1e-3  # shares of a step below which it counts as the same


def where_to_look(seen) -> str:
    """Return sentences that narrow a difference down, from the losses and the first steps."""
    said = [_of_the_first_loss(seen)]
    apart = _steps_apart(seen)
    first = next((n for n, share in enumerate(apart) if share > _SAME), None)
    if first is None:
        said.append(
            "Each step agrees with Keras's to a thousandth: look for a small term or factor."
        )
    elif first == 0:
        said.append(f"The first step differs: {_of_the_first_step(seen)}.")
        if _first_loss_agrees(seen):
            said.append(
                "So the loss is right, and its gradient or the update is not: print both for the "
                "variable named first."
            )
        else:
            said.append("So look at the loss, the labels, the inputs, a mask or the weights.")
    else:
        size = count_samples(seen.search.experiment.batches[first])
        said.append(
            f"Steps 1 to {first} agree, and step {first + 1} does not: look at what is kept from "
            "step to step (velocities, moments, the step counter, the schedule), and at its "
            f"batch, which has {size} samples."
        )
    return " ".join(said)


def _first_loss_agrees(seen) -> bool:
    if not len(seen.by_hand.losses) or np.isnan(seen.by_hand.losses[0]):
        return False
    return bool(np.isclose(seen.by_hand.losses[0], seen.theirs.losses[0], rtol=1e-4))


def _of_the_first_loss(seen) -> str:
    returned, expected = seen.by_hand.losses[0], seen.theirs.losses[0]
    if np.isnan(returned):
        return "The loop returned no loss to compare: return it, and more can be said."
    if _first_loss_agrees(seen):
        return f"The first loss agrees ({expected:.6g})."
    ratio = f", {returned / expected:.4g} times as much" if expected else ""
    return f"The first loss differs: {returned:.6g} by hand, {expected:.6g} from Keras{ratio}."


def _steps_apart(seen) -> list[float]:
    """Return how far each step of the loop is from Keras's, as a share of the longer one."""
    ours, theirs = np.diff(seen.ours, axis=0), np.diff(seen.expected, axis=0)
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
        length, other = np.linalg.norm(a), np.linalg.norm(b)
        if not length and not other:
            continue
        if not length or not other:
            said.append(f"{names[i]} moves {'with Keras' if other else 'by hand'} only")
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
