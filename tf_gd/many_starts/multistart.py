"""Where will we converge? Many starts at once, and the minimum that each of them reaches."""

import numpy as np

from tf_gd import _checks
from tf_gd.many_starts import descents, minima
from tf_gd.many_starts.ends import BasinMap, MultiStart
from tf_gd.many_starts.places import Places
from tf_gd.toy.checks import check_start
from tf_gd.toy.objectives import Objective, is_from_the_catalogue, resolve
from tf_gd.toy.objectives import box as box_of

# As shares of the diagonal of the domain:
_RADIUS = 1e-3  # the distance at which a minimum is reached: less than a pixel of a picture
_AT_REST = 1e-5  # the length of a step: a hundred more of them stay within the radius


def multi_start(
    objective,
    starts,
    *,
    learning_rate=0.01,
    momentum=0.0,
    nesterov=False,
    steps=1000,
    seed=None,
    domain=None,
    mode="auto",
    dtype="float32",
    device="auto",
) -> MultiStart:
    """Descend from many starts in one compiled program, and find the minimum each of them reaches.

    In the scope of a ``tf.distribute`` strategy its replicas share the starts. Every worker returns
    all results, with the same bits as a single process.

    Args:
        objective: a name of the catalogue, an :class:`~tf_gd.Objective`, or your own function from
            a tensor ``(..., dim)`` to a tensor ``(...)``, which needs starts ``(n, dim)``. Minima
            that it does not list are found from the last points, in up to 50 variables.
        starts: the number of starts to draw evenly from the domain, or the points ``(n, dim)``.
            Points that are not finite are left out and listed in ``invalid``; points outside the
            domain are used.
        learning_rate, momentum, nesterov, steps, dtype, device: as for
            :func:`tf_gd.gradient_descent`.
        seed: of the draw; None draws new starts in each call.
        domain: ``(low, high)``, or a pair for each coordinate; by default the objective's.
        mode: ``"auto"`` (XLA, or a graph if XLA cannot compile it), ``"xla"`` or ``"graph"``.

    Returns:
        The last points and their minima. A start has reached a minimum if it ends within a
        thousandth of the domain's diagonal, and one more step would be shorter than a hundredth of
        that.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: a number is out of range, `starts` and `objective` have different dimensions,
            no start is finite, no domain is known, or the objective cannot be compiled.

    Examples:
        >>> starts = [[-1.5], [-0.1], [0.3]]
        >>> runs = multi_start("double_well", starts, learning_rate=0.05, steps=500)
        >>> runs.minima.ravel().tolist(), runs.label.tolist()
        ([1.0, -1.0], [1, 1, 0])
    """
    dtype = _checks.one_of("dtype", dtype, ("float32", "float64"))
    mode = _checks.one_of("mode", mode, ("auto", "xla", "graph"))
    steps = _checks.whole_number("steps", steps, minimum=0)
    learning_rate = _checks.number("learning_rate", learning_rate, above=0.0, maximum=1e30)
    momentum = _checks.number("momentum", momentum, minimum=0.0, maximum=1.0)
    nesterov = _checks.flag("nesterov", nesterov) and momentum > 0
    places = Places(device)
    chosen, given, box = _problem(objective, starts, domain, seed, dtype, places.workers)
    invalid = ~minima.finite(given)
    chosen, _, first = check_start(chosen, given[np.argmin(invalid)], dtype)
    function = descents.of_many(chosen, first.numpy())
    update = descents.Update(learning_rate, momentum or None, nesterov)
    final, losses, norms, done, mode = descents.run_many(
        chosen, function, given, update, steps, mode, places
    )
    final[invalid] = losses[invalid] = norms[invalid] = np.nan
    if done < len(given):
        given = given.copy()
        given[done:] = np.nan

    diagonal = float(np.linalg.norm(box[:, 1] - box[:, 0]))
    with np.errstate(invalid="ignore"):
        at_rest = minima.finite(final) & (norms * learning_rate <= _AT_REST * diagonal)
    # What another function reads from outside may have changed, so that it is compiled again.
    curved = minima.curved if is_from_the_catalogue(chosen) else minima.Curved
    known = np.array(chosen.minima).reshape(-1, chosen.dim)
    reached, limits, label = minima.label_ends(
        curved(function, chosen.dim), final, at_rest, known, _RADIUS * diagonal
    )
    settings = dict(objective=chosen.name, learning_rate=learning_rate, momentum=momentum)
    settings |= dict(nesterov=nesterov, steps=steps, mode=mode, dtype=dtype, device=str(places))
    settings |= dict(seed=seed, interrupted=done < len(given))
    return MultiStart(chosen, given, final, losses, norms, label, reached, limits, settings)


def basin_map(
    objective, *, learning_rate=0.01, steps=2000, resolution=501, domain=None, **options
) -> BasinMap:
    """Descend from every point of a grid in two variables, and map which minimum is reached.

    Args:
        objective: as for :func:`multi_start`, of two variables.
        learning_rate, steps: as for :func:`multi_start`.
        resolution: the number of points along each side.
        domain: ``(low, high)``, or a pair for each coordinate; by default the objective's.
        **options: momentum, nesterov, mode, dtype, device, as for :func:`multi_start`.

    Raises:
        TypeError, ValueError: as :func:`multi_start`; and if the objective is not of two variables,
            or `options` contains starts or a seed.

    Examples:
        >>> found = basin_map("himmelblau", learning_rate=0.01, steps=1000, resolution=101)
        >>> found.label.shape, found.shares.sum().round(3).item()
        ((101, 101), 1.0)
    """
    resolution = _checks.whole_number("resolution", resolution, minimum=2, maximum=20_000)
    if "seed" in options or "starts" in options:
        raise TypeError("basin_map: got seed or starts, expected neither: it starts from a grid.")
    chosen = resolve(objective, [0.0, 0.0])
    if chosen.dim != 2:
        got = f"{chosen.name!r} of {chosen.dim} variables"
        raise ValueError(f"basin_map: got {got}, expected two. See tf_gd.multi_start.")
    box = _domain(chosen, domain, None)
    x1, x2 = (np.linspace(low, high, resolution) for low, high in box)
    grid = np.stack(np.meshgrid(x1, x2), axis=-1).reshape(-1, 2)
    options |= dict(learning_rate=learning_rate, steps=steps, domain=box)
    runs = multi_start(chosen, grid, **options)
    return BasinMap(runs.label.reshape(resolution, resolution), x1, x2, runs)


def _problem(
    objective, starts, domain, seed, dtype: str, workers: int
) -> tuple[Objective, np.ndarray, np.ndarray]:
    """Return the objective, the starts ``(n, dim)`` and the domain ``(dim, 2)``."""
    if not _checks.is_one_number(starts):
        given = _points(starts, dtype)
        finite = given[minima.finite(given)]
        if not len(finite):
            raise ValueError(f"starts: got {len(given)} points, none of them finite.")
        chosen = resolve(objective, finite[0])
        box = _domain(chosen, domain, finite)
    else:
        if seed is None and workers > 1:
            expected = "a number, so that all draw the same starts"
            raise ValueError(f"seed: got None with several workers, expected {expected}.")
        if callable(objective) and not isinstance(objective, Objective):
            expected = "points (n, dim): a function of your own has no domain"
            raise ValueError(f"starts: got a number of them, expected {expected}.")
        chosen = resolve(objective)
        box = _domain(chosen, domain, None)
        given = _drawn(starts, seed, box, dtype)
    if given.shape[1] != chosen.dim:
        got = f"starts: got {given.shape[1]} coordinates"
        raise ValueError(f"{got}, expected {chosen.dim} for {chosen.name!r}.")
    return chosen, given, box


def _points(starts, dtype: str) -> np.ndarray:
    is_ready = isinstance(starts, np.ndarray) and starts.dtype == dtype
    numbers = starts if is_ready else _checks.array("starts", starts)
    if numbers.ndim != 2 or not numbers.size:
        expected = "points (n, dim), or a whole number of them to draw"
        raise ValueError(f"starts: got shape {numbers.shape}, expected {expected}.")
    with np.errstate(over="ignore"):
        return numbers.astype(dtype, copy=False)


def _domain(objective: Objective, domain, finite: np.ndarray | None) -> np.ndarray:
    """Return the domain ``(dim, 2)``; without one, the smallest box around the finite starts."""
    if domain is not None:
        return box_of(domain, objective.dim)
    if objective.domain is not None:
        return np.array(objective.domain)
    if finite is None:
        lacks = f"{objective.name!r} has none"
        raise ValueError(f"domain: {lacks}, expected (low, high) to draw from, or the starts.")
    low, high = finite.min(axis=0), finite.max(axis=0)
    return np.stack([low, np.where(high > low, high, low + 1.0)], axis=1).astype("float64")


def _drawn(count, seed, box: np.ndarray, dtype: str) -> np.ndarray:
    """Return points drawn evenly from a box, in float32, without a copy in float64."""
    count = _checks.whole_number("starts", count, minimum=1, maximum=2**40)
    size = 4.0 * count * len(box) * np.dtype(dtype).itemsize  # starts, ends, and two between
    _checks.check_fits_in_memory("starts", size, "Take fewer, or several calls with other seeds.")
    if seed is not None:
        seed = _checks.whole_number("seed", seed, minimum=0)
    points = np.random.default_rng(seed).random((count, len(box)), dtype=np.float32)
    points *= (box[:, 1] - box[:, 0]).astype("float32")
    points += box[:, 0].astype("float32")
    return points.astype(dtype, copy=False)
