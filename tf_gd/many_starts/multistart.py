"""Where will we converge? Many starts at once, and which minimum each of them reaches."""

import numpy as np
import tensorflow as tf

from tf_gd import _checks
from tf_gd.many_starts import descents
from tf_gd.many_starts.ends import BasinMap, MultiStart
from tf_gd.many_starts.minima import Curved, curved, found, nearest
from tf_gd.many_starts.places import Places
from tf_gd.toy.checks import check_start
from tf_gd.toy.objectives import Objective, is_from_the_catalogue, resolve

_RADIUS = 1e-3  # of the diagonal of the domain: so near is arrived
_AT_REST = 1e-5  # of the diagonal: a step so short is none


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
    """Descend from many starts at once, in one compiled program, and say which minimum each of them reached.

    Args:
        objective: a name of the catalogue, an :class:`~tf_gd.Objective`, or a function of yours from a tensor ``(..., dim)``
            to a tensor ``(...)``, which then needs starts ``(n, dim)``. Minima it does not name are found from the ends
            (in up to 50 variables).
        starts: how many to draw, evenly over the domain, or the points themselves, ``(n, dim)``. Those that are not finite
            are left out, and told by index; those outside the domain are taken.
        learning_rate, momentum, nesterov, steps, dtype, device: as for :func:`tf_gd.gradient_descent`.
        seed: of the draw; None draws new starts each time.
        domain: ``(low, high)``, or a pair for each coordinate; by default the objective's own.
        mode: ``"auto"`` (XLA where it compiles, else a graph), ``"xla"`` or ``"graph"``.

    Inside the scope of a ``tf.distribute`` strategy the starts are shared out over its replicas, and every worker gets all
    results, with the same bits as from one process.

    Returns:
        The ends, with the minimum that each of them reached, if it is at most a thousandth of the domain's diagonal away,
        and another step would be less than a hundredth of that.

    Raises:
        TypeError, ValueError: an argument is not what it should be; the message says how to mend it.

    Examples:
        >>> runs = multi_start("double_well", [[-1.5], [-0.1], [0.3]], learning_rate=0.05, steps=500)
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
    given = None if _checks.is_one_number(starts) else _points(starts, dtype)
    if given is None and seed is None and places.workers > 1:
        raise ValueError("seed: got None with several workers, expected a number, so that all draw the same starts.")
    one = None if given is None else next((point for point in given if np.isfinite(point).all()), None)
    if given is not None and one is None:
        raise ValueError(f"starts: got {len(given)} points, none of them finite, expected some to start from.")
    if one is None and callable(objective) and not isinstance(objective, Objective):
        raise ValueError("starts: got a number of them, expected points (n, dim): a function of your own has no domain.")
    chosen = resolve(objective, one)
    box = _domain(chosen, domain, given)
    if given is None:
        count = _checks.whole_number("starts", starts, minimum=1, maximum=2**40)
        size = 4.0 * count * len(box) * np.dtype(dtype).itemsize  # starts, ends, and what is between
        _checks.check_fits_in_memory("starts", size, "Take fewer, or several calls with seeds of their own.")
        given = _drawn(
            np.random.default_rng(None if seed is None else _checks.whole_number("seed", seed, minimum=0)), count, box
        )
        given = given.astype(dtype, copy=False)
    if given.shape[1] != chosen.dim:
        raise ValueError(f"starts: got {given.shape[1]} coordinates, expected {chosen.dim} for {chosen.name!r}.")
    chosen, _, first = check_start(chosen, one if one is not None else given[0], dtype)
    function = descents.of_many(chosen, first.numpy())
    update = descents.Update(learning_rate, momentum or None, nesterov)
    final, losses, norms, done, mode = descents.run_many(chosen, function, given, update, steps, mode, places)

    bad = ~np.isfinite(given).all(axis=1)
    final[bad] = losses[bad] = norms[bad] = np.nan
    starts = given
    if done < len(given):
        starts = given.copy()
        starts[done:] = np.nan
    diagonal = float(np.linalg.norm(box[:, 1] - box[:, 0]))
    minima, limits, label = _labelled(function, chosen, final, norms * learning_rate, diagonal)
    settings = dict(objective=chosen.name, learning_rate=learning_rate, momentum=momentum, nesterov=nesterov, steps=steps)
    settings |= dict(mode=mode, dtype=dtype, device=str(places), seed=seed, interrupted=done < len(given))
    return MultiStart(chosen, starts, final, losses, norms, label, minima, limits, settings)


def basin_map(objective, *, learning_rate=0.01, steps=2000, resolution=501, domain=None, **options) -> BasinMap:
    """Descend from every point of a grid over two variables, and map which minimum is reached.

    Args:
        objective: as for :func:`multi_start`, of two variables.
        learning_rate, steps: as for :func:`multi_start`.
        resolution: how many points along each side.
        domain: ``(low, high)``, or a pair for each coordinate; by default the objective's own.
        **options: momentum, nesterov, mode, dtype, device, as for :func:`multi_start`.

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
        raise ValueError(f"basin_map: got {chosen.name!r} of {chosen.dim} variables, expected two. See tf_gd.multi_start.")
    (left, right), (low, high) = _domain(chosen, domain, None)
    x1, x2 = np.linspace(left, right, resolution), np.linspace(low, high, resolution)
    grid = np.stack(np.meshgrid(x1, x2), axis=-1).reshape(-1, 2)
    box = [(left, right), (low, high)]
    runs = multi_start(chosen, grid, learning_rate=learning_rate, steps=steps, domain=box, **options)
    return BasinMap(runs.label.reshape(resolution, resolution), x1, x2, runs)


def _points(starts, dtype: str) -> np.ndarray:
    numbers = starts if isinstance(starts, np.ndarray) and starts.dtype == dtype else _checks.array("starts", starts)
    if numbers.ndim != 2 or not numbers.size:
        raise ValueError(f"starts: got shape {numbers.shape}, expected points (n, dim), or a whole number of them to draw.")
    with np.errstate(over="ignore"):
        return numbers.astype(dtype, copy=False)


def _domain(objective: Objective, domain, starts: np.ndarray | None) -> np.ndarray:
    """Return the box to draw from and to measure by, ``(dim, 2)``."""
    if domain is not None:
        return np.array(Objective(objective.name, objective.fn, start=objective.start, domain=domain).domain)
    if objective.domain is not None:
        return np.array(objective.domain)
    if starts is None:
        raise ValueError(f"domain: {objective.name!r} has none, expected (low, high) to draw from, or the starts.")
    finite = starts[np.isfinite(starts).all(axis=1)]
    low, high = finite.min(axis=0), finite.max(axis=0)
    return np.stack([low, np.where(high > low, high, low + 1.0)], axis=1).astype("float64")


def _drawn(generator, count: int, box: np.ndarray) -> np.ndarray:
    """Return points drawn evenly over a box, in float32, which needs no second copy in float64."""
    points = generator.random((count, len(box)), dtype=np.float32)
    points *= (box[:, 1] - box[:, 0]).astype("float32")
    points += box[:, 0].astype("float32")
    return points


def _labelled(
    function, objective: Objective, ends, last_steps, diagonal: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the minima, known and found, 2 / L at each, and which of them each end is at."""
    known, radius = np.array(objective.minima).reshape(-1, objective.dim), _RADIUS * diagonal
    with np.errstate(invalid="ignore"):
        at_rest = np.isfinite(ends).all(axis=1) & (last_steps <= _AT_REST * diagonal)
    label = np.where(at_rest, nearest(ends, known, radius), np.int32(-1))
    elsewhere = at_rest & (label < 0)
    once = is_from_the_catalogue(objective)  # what another function reads from outside may have changed since
    derivatives = curved(function, objective.dim) if once else Curved(function, objective.dim)
    try:
        more = found(derivatives, ends[elsewhere], known, radius)
        reached = nearest(ends[elsewhere], more, radius)
        minima = np.concatenate([known, more[np.isin(np.arange(len(more)), reached)]])
        limits = _limits(derivatives, minima)
    except (AttributeError, LookupError, TypeError, ValueError, tf.errors.OpError):  # there is no second derivative
        return known, np.full(len(known), np.nan), label
    label[elsewhere] = nearest(ends[elsewhere], minima, radius)
    return minima, limits, label


def _limits(derivatives: Curved, minima: np.ndarray) -> np.ndarray:
    if not len(minima) or minima.shape[1] > 50:
        return np.full(len(minima), np.nan)
    curvature = np.linalg.eigvalsh(derivatives(minima)[2])[:, -1]
    with np.errstate(all="ignore"):
        return np.where(curvature > 0, 2.0 / curvature, np.inf)
