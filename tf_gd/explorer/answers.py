"""What the program answers to the live page: both paths, L at the minima, where starts end."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tf_gd import rates
from tf_gd.comparison.descent import Comparison, compare
from tf_gd.derivatives import Smooth, with_gradient
from tf_gd.explorer import drawing
from tf_gd.explorer.settings import Settings
from tf_gd.many_starts import multistart
from tf_gd.toy.checks import check_start
from tf_gd.toy.objectives import Objective

_RESOLUTION = {1: 400, 2: 81}  # starts along each side of the map
_DRAWN_STARTS = 100
_FAR, _AWAY = 20.0, -2  # frames: farther is run away; the label of such a start
_NEAR = 0.02  # of the frame: how near a minimum a path ends to be at it


class Explored:
    """A function on the page: its drawing, and the answers to what the page asks.

    Args:
        objective: of one or two variables.
    """

    def __init__(self, objective: Objective):
        check_start(objective, None, "float32")
        self.objective = objective
        self._smooth = Smooth(lambda x: tf.reshape(objective(x), ()), objective.dim)
        self.drawing = drawing.drawn(objective, self._gradients)
        self._frame = np.array(self.drawing["frame"])

    def path(self, asked: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return both paths as columns ``(steps + 1,)``, and what there is to say of them."""
        settings = Settings.checked(asked, self.objective.dim)
        result = compare(self.objective, list(settings.start), **settings.of_update())
        hand, built_in = result.manual, result.builtin
        count = min(len(hand.points), len(built_in.points))
        columns = {"loss": hand.losses[:count], "kerasLoss": built_in.losses[:count]}
        gradients = self._gradients(hand.points[:count])
        for number in range(self.objective.dim):
            columns[f"x{number + 1}"] = hand.points[:count, number]
            columns[f"keras{number + 1}"] = built_in.points[:count, number]
            columns[f"gradient{number + 1}"] = gradients[:, number]
        said = {"identical": result.identical, "verdict": _verdict(result)}
        return columns, said | self._curvature(hand.points, settings.decay)

    @functools.cached_property
    def _of_many(self) -> Callable:
        spec = tf.TensorSpec((None, self.objective.dim), tf.float32)
        gradients = tf.function(lambda x: with_gradient(self.objective, x)[1], autograph=False)
        return gradients.get_concrete_function(spec)

    def _gradients(self, points: np.ndarray) -> np.ndarray:
        """Return the gradient at each of many points, ``(n, dim)``."""
        return self._of_many(tf.constant(points, tf.float32)).numpy()

    def about(self) -> dict[str, Any]:
        """Return the function for the page: its drawing, L at its minima, a rate to begin with."""
        largest = [self._at(np.array(minimum))[0] for minimum in self.objective.minima]
        rate = rate_for(self.objective)
        return self.drawing | {"largest": largest, "suggested": {"rate": rate}}

    def _at(self, point: np.ndarray, decay: float = 0.0) -> tuple[float | None, np.ndarray]:
        """Return L at a point that curves upwards in all directions, and Newton's step from there.

        L is None where the point does not, as at a saddle. With weight decay, the step is to where
        decay and gradient balance.
        """
        _, gradient, hessian = map(np.asarray, self._smooth.second(point))
        if not (np.isfinite(hessian).all() and np.isfinite(gradient).all()):
            return None, np.full(len(point), np.inf)
        held = hessian + decay * np.eye(len(point))
        newton = np.linalg.lstsq(held, gradient + decay * point, rcond=None)[0]
        curves_up = np.linalg.eigvalsh(held)[0] > 0
        return (float(np.linalg.eigvalsh(hessian)[-1]) if curves_up else None), newton

    def _curvature(self, points: np.ndarray, decay: float) -> dict[str, Any]:
        """Return where a path comes to rest, and L there; nothing if it does not."""
        last = points[np.isfinite(points).all(axis=1)][-1].astype("float64")
        largest, newton = self._at(last, decay)
        at_rest = (np.abs(newton) <= _NEAR * np.ptp(self._frame, axis=1)).all()
        return (
            {"minimum": (last - newton).tolist(), "largest": largest} if largest and at_rest else {}
        )

    def starts(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return where a hundred random starts end."""
        low, high = self._frame.T
        drawn = np.random.default_rng().random((_DRAWN_STARTS, self.objective.dim))
        return self._ends(low + (high - low) * drawn, asked)

    def basins(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return which minimum is reached from each point of a grid, row by row."""
        dim = self.objective.dim
        middles = (np.arange(_RESOLUTION[dim]) + 0.5) / _RESOLUTION[dim]
        sides = [low + (high - low) * middles for low, high in self._frame]
        grid = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, dim)
        ends = self._ends(grid, asked)
        del ends["starts"], ends["ends"]
        return ends | {"resolution": _RESOLUTION[dim]}

    def _ends(self, starts: np.ndarray, asked: Mapping[str, Any]) -> dict[str, Any]:
        settings = Settings.checked(asked, self.objective.dim)
        update = settings.of_update()
        del update["weight_decay"]  # with it, a descent comes to rest beside the minima of f
        runs = multistart.multi_start(
            self.objective, starts.astype("float32"), domain=self._frame, **update
        )
        return {
            "starts": starts.tolist(),
            "ends": np.where(np.isfinite(runs.final), runs.final, 1e30).tolist(),
            "labels": np.where(self._away(runs.final), _AWAY, runs.label).tolist(),
            "minima": runs.minima.tolist(),
        }

    def _away(self, points: np.ndarray) -> np.ndarray:
        """Return which points are far outside the frame, or not finite, ``(n,)``."""
        size, middle = np.ptp(self._frame, axis=1), self._frame.mean(axis=1)
        with np.errstate(invalid="ignore", over="ignore"):
            return ~(np.abs(points - middle) < _FAR * size).all(axis=1)

    def compile_all(self) -> list[Callable[[], Any]]:
        """Return calls that compile what the sliders and boxes of the page may ask for."""
        start = list(self.objective.start)
        return [
            functools.partial(
                compare,
                self.objective,
                start,
                learning_rate=1e-6,
                momentum=momentum,
                nesterov=nesterov,
                weight_decay=decay,
                steps=1,
            )
            for decay in (None, 0.1)
            for momentum, nesterov in ((0.0, False), (0.9, False), (0.9, True))
        ]


def rate_for(objective: Objective) -> float:
    """Return a rate to begin with: 1/L at the first known minimum, rounded down; or else 0.01."""
    if not objective.minima:
        return 0.01
    largest = rates.eigenvalues(objective, objective.minima[0])[-1]
    if largest <= 0:
        return 0.01
    digit = 10.0 ** np.floor(np.log10(1 / largest))
    return float(f"{np.floor(1 / largest / digit + 1e-9) * digit:.1g}")


def _verdict(result: Comparison) -> str:
    count = len(result.ulp)
    if result.identical:
        return (
            f"By hand and keras.optimizers.SGD: the same bits, 0 ULP apart at all {count} points."
        )
    return (
        f"By hand and keras.optimizers.SGD differ: {result.max_ulp:g} ULP at most, first at step "
        f"{result.first_difference}."
    )
