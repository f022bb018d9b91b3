"""What a search found: the simplest mistakes that do what a loop did, and others that do the same.

Its functions take the :class:`~tf_gd.explain.search.Search`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from tf_gd.explain.deviation import Deviation, Run
from tf_gd.explain.estimates import rates
from tf_gd.explain.mistakes import Mistake, fits, together
from tf_gd.explain.residuals import same_losses

Combination = tuple[Mistake, ...]


@dataclass(frozen=True)
class Diagnosis:
    """The mistakes found, and how much of the difference they explain."""

    mistakes: dict[Mistake, float]  # with the share of the difference that each adds, largest first
    rest: float  # what is left of the difference, as a share of the movement
    run: Run  # what the mistakes together do
    deviation: Deviation  # the mistakes together
    reproduces: bool  # whether that is what the loop did
    alike: dict[Mistake, Combination]  # for each mistake, others that in its place do the same


def diagnosis_of(search, best: Combination, ranked: list[Combination]) -> Diagnosis:
    """Return the diagnosis of the simplest combination that does what the best one does.

    If several do the same steps, one that gives the losses that the loop returned.
    """
    as_near = max(search.rounding, 3 * search.rest_of(best))
    for mistake in best:
        without = tuple(other for other in best if other is not mistake)
        if search.residual_of(together(without)) <= as_near:
            best = without
    all_alike = sorted((c for c in ranked if search.rest_of(c) <= as_near), key=len)
    all_alike += _named_instead(search, best, as_near)
    alike = [c for c in all_alike if len(c) == len(best)]
    alike = _told_by_the_losses(search, alike or [best], best, as_near, all_alike) or alike
    best = alike[0] if alike else best
    return Diagnosis(
        mistakes=_shares(search, best),
        rest=search.rest_of(best),
        run=search.run_of(best),
        deviation=together(best),
        reproduces=search.reproduces(best),
        alike={mistake: _in_place_of(search, mistake, best, alike) for mistake in best},
    )


def _told_by_the_losses(search, alike, best, as_near: float, all_alike) -> list[Combination]:
    """Return which of the combinations that make the same steps gives the losses returned."""
    unlikely: list[Combination] = []
    for made in (
        lambda: alike,
        lambda: _at_another_rate(search, best, as_near),
        lambda: all_alike,
    ):
        combinations = made()  # the rates are measured only where they are needed
        found = _likeliest([c for c in combinations if search.gives_the_losses(c)])
        if found and not _unlikely(found[0]):
            return found
        unlikely = _likeliest([*unlikely, *found])
    return [c for c in all_alike if _sums_up_samples(search, c)] or unlikely


def _named_instead(search, best: Combination, as_near: float) -> list[Combination]:
    """Return combinations with a known mistake in place of a measured rate, or of several."""
    found = []
    for measured in (m for m in best if m.unlikely == 2 or "scale" in m.changes):
        rest = tuple(other for other in best if other is not measured)
        for mistake in search.named:
            if (
                fits(mistake, rest)
                and search.residual_of(together((*rest, mistake)), as_near) <= as_near
            ):
                found.append(tuple(sorted((*rest, mistake), key=search.order.__getitem__)))
    return found


def _at_another_rate(search, best: Combination, as_near: float) -> Iterator[Combination]:
    """Yield what makes the same steps, with a factor on the rate instead of the loss."""
    rest = tuple(m for m in best if not set(m.changes) & {"scale", "reduction"})
    for factor in rates(search, together(rest)):
        if search.residual_of(together((*rest, factor))) <= as_near:
            yield *rest, factor


def _shares(search, mistakes: Iterable[Mistake]) -> dict[Mistake, float]:
    """Return what each mistake explains, added to those that explain more; largest first."""
    shares: dict[Mistake, float] = {}
    left, before = list(mistakes), search.start
    while left:
        rests = {mistake: search.residual_of(together((*shares, mistake))) for mistake in left}
        following = min(rests, key=rests.__getitem__)
        shares[following] = float(np.clip((before - rests[following]) / search.start, 0.0, 1.0))
        before = rests[following]
        left.remove(following)
    # A rate is the rate of an optimizer: which one comes first.
    return dict(
        sorted(shares.items(), key=lambda pair: ("optimizer" not in pair[0].changes, -pair[1]))
    )


def _sums_up_samples(search, combination: Combination) -> bool:
    """Return whether a combination sums over the samples, and the loop returned their mean."""
    sums = together(combination).reduction in ("sum", "sum over the batch")
    plain = search.run_of(combination).losses["without the factor"]
    return sums and same_losses(search.losses, plain)


def _unlikely(combination: Combination) -> int:
    return max((mistake.unlikely for mistake in combination), default=0)


def _likeliest(combinations: list[Combination]) -> list[Combination]:
    least = min(map(_unlikely, combinations), default=0)
    return [c for c in combinations if _unlikely(c) == least]


def _in_place_of(
    search, mistake: Mistake, best: Combination, alike: list[Combination]
) -> Combination:
    """Return the mistakes, as likely as one of the best, that in its place do the same."""
    rest, known = set(best) - {mistake}, set(search.named)
    others = (set(c) - rest for c in alike if len(c) == len(best) and rest < set(c) and c != best)
    as_likely = (m for (m,) in others if m.unlikely == mistake.unlikely)
    return tuple(m for m in as_likely if mistake not in known or m in known)
