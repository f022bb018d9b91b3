"""Mistakes measured on single variables: rates of their own, weights kept within a limit."""

import numpy as np

from tf_gd.explain.estimates import TOLERANCE, nice
from tf_gd.explain.loops import places
from tf_gd.explain.mistakes import Mistake


def of_variables(search) -> list[Mistake]:
    """Return rates of single variables, and a limit of all weights, that the first steps show."""
    return [*_shares(search), *_limit(search)]


def _shares(search) -> list[Mistake]:
    """Return the factors on the steps of the variables, if each goes in Keras's direction."""
    experiment, spans = search.experiment, places(search.experiment)
    moved, of_keras = (w[1] - w[0] for w in (search.weights, search.base.weights))
    shares: list[float] = []
    for i in experiment.trained:
        ours, theirs = moved[spans[i]], of_keras[spans[i]]
        length = float(theirs @ theirs)
        share = float(ours @ theirs) / length if length else 1.0
        eps = 8 * np.finfo(experiment.precision).eps * np.linalg.norm(search.weights[1][spans[i]])
        apart = np.linalg.norm(ours - share * theirs)
        if not apart <= max(TOLERANCE * np.linalg.norm(ours), eps):
            return []
        shares.append(nice(share, max(1e-4, eps / length**0.5 if length else 0.0)))
    if not 0.0 < min(shares) < max(shares):  # 0 is said of variables that are never updated
        return []
    shown = [
        f"{experiment.names[i]} {share:.4g}"
        for i, share in zip(experiment.trained, shares, strict=True)
        if abs(share - 1) > TOLERANCE
    ]
    name = f"a rate of its own for some variables, times Keras's: {', '.join(shown[:4])}"
    fix = "One learning rate for all variables: w.assign_sub(learning_rate * g)."
    return [Mistake(name, {"shares": tuple(shares)}, fix)]


def _limit(search) -> list[Mistake]:
    """Return the limit within which the loop keeps its weights, if some lie at it."""
    experiment, spans = search.experiment, places(search.experiment)
    trained = np.concatenate(
        [np.arange(search.weights.shape[1])[spans[i]] for i in experiment.trained]
    )
    sizes = np.abs(search.weights[1][trained])
    limit = float(sizes.max())
    beyond = np.abs(search.base.weights[1][trained]) > limit
    if not limit or np.sum(sizes == limit) < 2 or not beyond.any():
        return []
    limit = nice(limit, 1e-6 * limit)
    name = f"the weights kept within {limit:g} of 0, as for a Wasserstein GAN"
    fix = "Leave the weights as the step makes them, or give the layers of Keras a constraint."
    return [Mistake(name, {"limit": limit}, fix)]
