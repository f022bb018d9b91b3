"""What does the loss of a network look like? A plane through its weights, and the training path."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tf_gd import _checks, _keras
from tf_gd.networks import arrays
from tf_gd.networks.checks import build, check_compiled
from tf_gd.networks.step import forward


@dataclass(frozen=True, eq=False)
class LossSurface:
    """The loss on a plane of weights, ``center + a * directions[0] + b * directions[1]``.

    Attributes:
        a, b: ``(resolution,)``, the coordinates along the two directions.
        losses: ``(resolution, resolution)``; ``losses[i, j]`` is at ``b[i]``, ``a[j]``.
        center: ``(parameters,)``, the weights of the model, at a = b = 0.
        directions: ``(2, parameters)``.
        path: ``(records, 2)``, the training path projected onto the plane, as coordinates a and b;
            empty without one.
        path_losses: ``(records,)``, the loss of the plane at those points: the path is drawn on the
            surface.
        off_plane: ``(records,)``, how far the weights of the path were from the plane.
        explained: the share of the path's movement that lies in the plane, 0 to 1; NaN without a
            path.
    """

    a: np.ndarray
    b: np.ndarray
    losses: np.ndarray
    center: np.ndarray
    directions: np.ndarray
    path: np.ndarray
    path_losses: np.ndarray
    off_plane: np.ndarray
    explained: float

    def plot(self, ax=None):
        """Draw level lines and the path; return the axes."""
        from tf_gd.show.surface import plot_surface

        return plot_surface(self, ax=ax)


def loss_surface(
    model,
    x,
    y=None,
    *,
    directions="random",
    path=None,
    resolution: int = 41,
    extent: float | None = None,
    seed: int = 0,
) -> LossSurface:
    """Measure the loss of a model on a plane through its weights; the model is left as it was.

    Args:
        model: a compiled Keras model; the loss is that of ``compile``, with regularisation, without
            Dropout.
        x, y: data, ``(samples, ...)``: a few hundred samples will do.
        directions: ``"random"`` draws two, normalised filter by filter (Li et al.), so that you can
            compare networks; ``"pca"`` takes the two in which the path moved most; or an array
            ``(2, parameters)``.
        path: the weights during training, ``(records, parameters)``, for example
            ``callbacks.WeightPath().points``.
        resolution: points along each side.
        extent: how far to go to each side, in lengths of the directions; by default 1, or as far as
            the path went.
        seed: of the random directions.

    Raises:
        TypeError, ValueError: an argument of the wrong type, shape or value; directions that span
            no plane, or a path that moves in fewer than two.

    References:
        Li, Xu, Taylor, Studer and Goldstein, "Visualizing the loss landscape of neural nets", 2018.

    Examples:
        On one weight w and one bias b with x = 1, y = 0 the loss is (w + b)^2.

        >>> import keras
        >>> dense = keras.layers.Dense(1, kernel_initializer="zeros")
        >>> model = keras.Sequential([keras.layers.Input((1,)), dense])
        >>> model.compile(loss="mse")
        >>> one, zero = np.ones((1, 1), "float32"), np.zeros((1, 1), "float32")
        >>> surface = loss_surface(model, one, zero, directions=np.eye(2), resolution=3)
        >>> surface.losses.tolist()
        [[4.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 4.0]]
    """
    check_compiled(model)
    if x is None:
        raise ValueError(
            "x: got None, expected the data on which to measure the loss of the model."
        )
    resolution = _checks.whole_number("resolution", resolution, minimum=2, maximum=2001)
    seed = _checks.whole_number("seed", seed, minimum=0)
    if extent is not None:
        extent = _checks.number("extent", extent, above=0.0)
    tensors = arrays.as_tensors(x, y)
    build(model, *tensors[:2], None)
    center = np.concatenate(
        [np.ravel(w.numpy()).astype("float64") for w in model.trainable_variables]
    )
    records = None if path is None else _path(path, len(center))
    plane = _directions(directions, model, center, records, seed)

    moved = np.zeros((0, len(center))) if records is None else records - center
    coordinates = np.linalg.lstsq(plane.T, moved.T, rcond=None)[0].T
    off = moved - coordinates @ plane
    if records is None:
        middle, half = np.zeros(2), extent or 1.0
    else:
        low, high = np.minimum(coordinates.min(axis=0), 0), np.maximum(coordinates.max(axis=0), 0)
        # 0.5 would just hold the path; the rest is a margin.
        middle, half = (low + high) / 2, extent or 0.65 * float((high - low).max())
    a, b = (middle[axis] + np.linspace(-half, half, resolution) for axis in (0, 1))
    grid = np.stack(np.meshgrid(a, b), axis=-1).reshape(-1, 2)
    losses = _losses(model, tensors, center, plane, np.concatenate([grid, coordinates]))
    whole = float(np.sum((moved - moved[:1]) ** 2)) if len(moved) else 0.0
    inside = float(np.sum(((coordinates - coordinates[:1]) @ plane) ** 2)) if whole else np.nan
    return LossSurface(
        a=a,
        b=b,
        losses=losses[: len(grid)].reshape(resolution, resolution),
        center=center,
        directions=plane,
        path=coordinates,
        path_losses=losses[len(grid) :],
        off_plane=np.linalg.norm(off, axis=1),
        explained=inside / whole if whole else np.nan,
    )


def _path(path, size: int) -> np.ndarray:
    records = _checks.array("path", getattr(path, "points", path))
    if (
        records.ndim != 2
        or records.shape[1] != size
        or len(records) < 2
        or not np.isfinite(records).all()
    ):
        raise ValueError(
            f"path: got shape {records.shape}, expected two or more finite records of {size} "
            f"weights, (records, {size}), as tf_gd.callbacks.WeightPath keeps them."
        )
    return records


def _directions(
    given, model, center: np.ndarray, records: np.ndarray | None, seed: int
) -> np.ndarray:
    """Return two directions that span a plane, ``(2, parameters)``."""
    if isinstance(given, str):
        given = _checks.one_of("directions", given, ("random", "pca"))
        if given == "random":
            generator = np.random.default_rng(seed)
            plane = np.stack([_filter_normalised(model, generator) for _ in range(2)])
        elif records is None:
            raise ValueError(
                "path: got None, expected the weights during training: directions='pca' needs them."
            )
        else:
            plane = _principal(records - center)
    else:
        plane = _checks.array("directions", given)
        if plane.shape != (2, len(center)) or not np.isfinite(plane).all():
            raise ValueError(
                f"directions: got shape {plane.shape}, expected two of {len(center)} finite "
                "numbers."
            )
    lengths = np.linalg.norm(plane, axis=1)
    # 1e-6: a few rounding errors of float32.
    if not lengths.all() or np.linalg.matrix_rank(plane / lengths[:, None], tol=1e-6) < 2:
        what = (
            "a path that does not move in two directions"
            if str(given) == "pca"
            else "two that span no plane"
        )
        raise ValueError(
            f"directions: got {what}, expected two that are not parallel, neither zero."
        )
    return plane


def _principal(moved: np.ndarray) -> np.ndarray:
    """Return the two directions, of length one, in which the records move most from the center."""
    _, lengths, rows = np.linalg.svd(moved, full_matrices=False)
    turns = len(lengths) > 1 and lengths[1] > 1e-6 * lengths[0]
    return rows[:2] if turns else np.zeros((2, moved.shape[1]))


def _filter_normalised(model, generator) -> np.ndarray:
    """Return a random direction: each filter as long as that of the weights, biases zero."""
    parts = []
    for variable in model.trainable_variables:
        weights = variable.numpy().astype("float64")
        direction = generator.normal(size=weights.shape)
        if weights.ndim < 2:
            parts.append(np.zeros(weights.size))
            continue
        axes = tuple(range(weights.ndim - 1))  # a filter: the weights of one output
        lengths = np.sqrt((direction**2).sum(axis=axes, keepdims=True))
        parts.append(
            np.ravel(direction * np.sqrt((weights**2).sum(axis=axes, keepdims=True)) / lengths)
        )
    return np.concatenate(parts)


def _losses(
    model, tensors, center: np.ndarray, plane: np.ndarray, coordinates: np.ndarray
) -> np.ndarray:
    """Return the loss at points of the plane, ``(n,)``; put the weights back afterwards."""
    variables = [variable.value for variable in model.trainable_variables]
    sizes = [int(np.prod(variable.shape)) for variable in variables]
    x, y, _ = tensors
    start, ways = tf.constant(center), tf.constant(plane)

    def measure(points):
        losses = tf.TensorArray(tf.float64, size=tf.shape(points)[0])
        for number in tf.range(tf.shape(points)[0]):
            weights = start + tf.linalg.matvec(ways, points[number], transpose_a=True)
            for variable, part in zip(variables, tf.split(weights, sizes), strict=True):
                variable.assign(tf.cast(tf.reshape(part, variable.shape), variable.dtype))
            prediction = forward(model, x, training=False)
            loss = _keras.loss_of(model, x, y, prediction, None, training=False)
            losses = losses.write(number, tf.cast(loss, tf.float64))
        return losses.stack()

    before = [tf.identity(variable) for variable in variables]
    try:
        points = tf.constant(coordinates, tf.float64)
        return (
            tf.function(measure)
            .get_concrete_function(tf.TensorSpec.from_tensor(points))(points)
            .numpy()
        )
    finally:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
        model.reset_metrics()
