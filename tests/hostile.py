"""What a user could pass by mistake, or on purpose; and for every public function one call that is right, to pass it to."""

import functools

import keras
import numpy as np

import tf_gd
from tf_gd import constraints, rates, show
from tf_gd.networks.range_test import LearningRateRange

X = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
Y = X[:, :1]

VALUES = [
    *(None, True, False, 0, 1, 2, 3, -1, 7.5, 0.5, -0.0, 1e-320, 1e39, -1e39, 1e308, np.nan, np.inf, -np.inf),
    *(2**31, 2**63, -(2**63), 10**30, 1j, "", "x", "0.1", "rosenbrock", "himmelblau", "\0", "é" * 50, b"bytes"),
    *([], [[]], [1.0], [1.0, 2.0], [1.0, 2.0, 3.0], [np.nan, 1.0], [np.inf, 0.0], ["a", "b"], [None], [[1.0, 2.0], [3.0]]),
    *((), (1.0,), (2.0, 1.0), {}, {"a": 1}, {1.0, 2.0}, object(), int, len, lambda: 0, lambda x: x, lambda x: 1.0),
    *(lambda x: None, lambda x: "text", lambda x: x[5], lambda x: 1 / 0, lambda x: x * np.nan, range(3)),
    *(np.float16(0.1), np.float64(np.nan), np.int8(3), np.array(0.1), np.array([]), np.zeros((0, 2)), np.zeros((2, 2, 2))),
    *(np.array([object()]), np.array(["a"]), np.array([1 + 1j]), np.full((3, 2), np.nan), np.eye(2), np.eye(3), -np.eye(2)),
    *(X, X[:7], X * np.nan, X.astype(str), X.astype(complex), [X, Y], {"x": X}, (X, Y), X.tolist(), Y.ravel() > 0, 1e30 * X),
    *(np.array([[0.0, 1.0], [2.0, 3.0]]), np.ma.array([1.0, 2.0], mask=[0, 1]), np.datetime64("2020"), slice(3), ...),
]


def model() -> keras.Model:
    made = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    made.compile(keras.optimizers.SGD(0.1), "mse")
    return made


@functools.cache
def run(objective: str = "booth"):
    return tf_gd.gradient_descent(objective, learning_rate=0.01, steps=3, mode="eager")


@functools.cache
def starts():
    return tf_gd.multi_start("booth", 5, learning_rate=0.01, steps=3, seed=0, mode="graph")


@functools.cache
def basins():
    return tf_gd.basin_map("booth", learning_rate=0.01, steps=2, resolution=4)


@functools.cache
def solutions():
    return tf_gd.Problem("lecture_quadratic").solve_all(["scipy"])


@functools.cache
def surface():
    return tf_gd.loss_surface(model(), X, Y, resolution=3)


def explored(**arguments):
    tf_gd.explore(**arguments, open_browser=False).close()


def solve(**arguments):
    how = {name: arguments.pop(name) for name in ("method", "learning_rate", "steps", "tolerance") if name in arguments}
    return tf_gd.Problem(**arguments).solve(**how)


def train_by_hand(model, x, y):
    """A loop of a user's, without the mean."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(model(x, training=True) - y))
    model.optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)


def trained(callback, **arguments):
    model().fit(X, Y, verbose=0, callbacks=[callback(**arguments)])


def project(kind):
    def call(point, **arguments):
        return kind(**arguments).project(point)

    return call


ABOVE = constraints.HalfSpace([-1.0, 0.0], 0.0)
_descent = {"objective": "rosenbrock", "start": None, "learning_rate": 1e-3, "momentum": 0.0, "nesterov": False, "steps": 3}
_descent |= {"record_every": 1, "mode": "eager", "dtype": "float32", "device": "auto", "weight_decay": None}
_starts = {"learning_rate": 0.01, "momentum": 0.0, "nesterov": False, "steps": 3, "domain": None, "mode": "graph"}
_starts |= {"objective": "booth", "dtype": "float32", "device": "auto"}
_of_a_function = {"objective": lambda x: x[0] ** 2 + x[1] ** 2, "start": [1.0, 2.0], "mode": "eager", "steps": 2}
_fit = {"x": X, "y": Y, "batch_size": 10, "epochs": 1, "shuffle": True, "seed": 0, "validation_data": None}
_fit |= {"validation_split": 0.0, "sample_weight": None, "class_weight": None, "callbacks": None, "verbose": 0}
_fit |= {"initial_epoch": 0, "steps_per_epoch": None, "validation_steps": None, "validation_batch_size": None}
_training = {"build_model": model, "x": X, "y": Y, "optimizer": keras.optimizers.SGD(0.1), "loss": "mse"}
_found = LearningRateRange(np.array([0.01, 0.1, 1.0]), np.array([1.0, 0.5, 2.0]), np.array([1.0, 0.6, 1.5]), 0.01, 0.1, 1.0)

CALLS = {
    "gradient_descent": (tf_gd.gradient_descent, _descent | {"tolerance": None, "checkpoint": None}),
    "gradient_descent of a function": (tf_gd.gradient_descent, _of_a_function),
    "gradient_descent in a graph": (tf_gd.gradient_descent, _of_a_function | {"mode": "graph", "dtype": "float64"}),
    "compare of a function": (tf_gd.compare, _of_a_function),
    "keras_descent of a function": (tf_gd.keras_descent, _of_a_function | {"optimizer": keras.optimizers.SGD(0.01)}),
    "multi_start of a function": (
        tf_gd.multi_start,
        _starts | {"objective": lambda x: x[..., 0] ** 2 + x[..., 1] ** 2, "starts": np.eye(2), "domain": None},
    ),
    "basin_map of a function": (
        tf_gd.basin_map,
        _starts | {"objective": lambda x: x[..., 0] ** 2 + x[..., 1] ** 2, "resolution": 3, "domain": [(-1, 1), (-1, 1)]},
    ),
    "rates.eigenvalues of a function": (rates.eigenvalues, {"objective": lambda x: x[0] ** 2 + x[1] ** 2, "x": [1.0, 2.0]}),
    "learning_rate_limit of a function": (
        tf_gd.learning_rate_limit,
        {"model_or_objective": lambda x: x[0] ** 2 + x[1] ** 2, "x": [1.0, 2.0], "tolerance": 1e-3},
    ),
    "Problem of a function": (
        solve,
        {"objective": lambda x: x[0] ** 2 + x[1] ** 2, "start": [1.0, 2.0], "within": [constraints.Box(0.0, 1.0)]}
        | {"inequality": [lambda x: x[0] - 1.0], "equality": [lambda x: x[0] - x[1]], "steps": 20},
    ),
    "keras_descent": (
        tf_gd.keras_descent,
        {
            "objective": "booth",
            "start": None,
            "optimizer": keras.optimizers.SGD(0.01),
            "steps": 2,
            "tolerance": None,
            "mode": "eager",
        },
    ),
    "compare": (tf_gd.compare, _descent),
    "Objective": (tf_gd.Objective, {"name": "f", "fn": lambda x: x[..., 0], "start": [1.0], "minima": (), "domain": None}),
    "objectives.get": (tf_gd.objectives.get, {"name": "bowl", "dim": 2, "condition_number": 10.0}),
    "objectives.quadratic": (
        tf_gd.objectives.quadratic,
        {"matrix": np.eye(2), "linear": None, "constant": 0.0, "start": None},
    ),
    "multi_start": (tf_gd.multi_start, _starts | {"starts": 5, "seed": 0}),
    "MultiStart.hit_probability": (
        lambda **arguments: starts().hit_probability(**arguments),
        {"trials": 3, "minimum": 0, "confidence": 0.95},
    ),
    "basin_map": (tf_gd.basin_map, _starts | {"resolution": 4}),
    "rates.eigenvalues": (rates.eigenvalues, {"objective": "booth", "x": None}),
    "rates.condition_number": (rates.condition_number, {"objective": "booth", "x": None}),
    "rates.predicted": (
        rates.predicted,
        {"curvatures": [1.0, 10.0], "learning_rate": 0.1, "momentum": 0.0, "nesterov": False},
    ),
    "rates.best": (rates.best, {"curvatures": [1.0, 10.0], "kind": "plain"}),
    "rates.measured": (rates.measured, {"trajectory": run(), "minimum": [1.0, 3.0], "skip": 0.0}),
    "rates.rate_map": (rates.rate_map, {"curvatures": [1.0, 10.0], "nesterov": False, "resolution": 5}),
    "learning_rate_limit": (
        tf_gd.learning_rate_limit,
        {"model_or_objective": "booth", "x": None, "y": None, "tolerance": 1e-3},
    ),
    "learning_rate_limit of a network": (
        lambda **arguments: tf_gd.learning_rate_limit(model(), **arguments),
        {"x": X, "y": Y, "tolerance": 1e-3},
    ),
    "Problem": (
        solve,
        {"objective": "lecture_quadratic", "start": None, "inequality": (), "equality": (), "within": (), "sense": "min"}
        | {"method": "gradient_descent", "learning_rate": None, "steps": 20, "tolerance": 1e-7},
    ),
    "constraints.at_most": (
        lambda **arguments: solve(objective="bowl", inequality=[constraints.at_most(**arguments)], method="scipy"),
        {"function": lambda x: x[0], "bound": 1.0},
    ),
    "constraints.at_least": (
        lambda **arguments: solve(objective="bowl", inequality=[constraints.at_least(**arguments)], method="scipy"),
        {"function": lambda x: x[0], "bound": 1.0},
    ),
    "constraints.equal_to": (
        lambda **arguments: solve(objective="bowl", equality=[constraints.equal_to(**arguments)], method="scipy"),
        {"function": lambda x: x[0], "value": 1.0},
    ),
    "constraints.Box": (project(constraints.Box), {"low": 0.0, "high": 1.0, "point": [2.0, 3.0]}),
    "constraints.Ball": (project(constraints.Ball), {"center": [0.0, 0.0], "radius": 1.0, "point": [2.0, 3.0]}),
    "constraints.HalfSpace": (project(constraints.HalfSpace), {"normal": [1.0, 1.0], "offset": 1.0, "point": [2.0, 3.0]}),
    "constraints.Affine": (project(constraints.Affine), {"matrix": [[1.0, 1.0]], "vector": [1.0], "point": [2.0, 3.0]}),
    "constraints.Simplex": (project(constraints.Simplex), {"total": 1.0, "point": [2.0, 3.0]}),
    "constraints.Intersection": (
        project(constraints.Intersection),
        {"sets": [ABOVE, constraints.Box(-1.0, 1.0)], "tolerance": 1e-6, "sweeps": 20, "point": [2.0, 3.0]},
    ),
    "fit": (
        lambda **arguments: tf_gd.fit(model(), **arguments),
        _fit | {"validation_freq": 1, "mode": "eager", "checkpoint": None},
    ),
    "ManualSGD": (
        lambda **arguments: tf_gd.ManualSGD(**arguments).build([keras.Variable([1.0])]),
        {
            "learning_rate": 0.1,
            "momentum": 0.0,
            "nesterov": False,
            "weight_decay": None,
            "clipnorm": None,
            "ema_momentum": 0.9,
        },
    ),
    "compare_training": (
        tf_gd.compare_training,
        _training | {"batch_size": 10, "epochs": 1, "shuffle": True, "metrics": None, "test_data": None, "seed": 0},
    ),
    "explain_difference": (
        tf_gd.explain_difference,
        _training | {"train_step": train_by_hand, "loss_weights": None, "batch_size": 10, "steps": 1, "seed": 0},
    ),
    "find_learning_rate": (
        lambda **arguments: tf_gd.find_learning_rate(model(), **arguments),
        {"x": X, "y": Y, "low": 1e-3, "high": 1.0, "steps": 10, "batch_size": 10, "sample_weight": None, "seed": 0},
    ),
    "exercises.check": (
        tf_gd.exercises.check,
        {"name": "function", "function": lambda x, a, b: x[0] * a + b, "hints": 1, "seed": 3},
    ),
    "explore": (
        explored,
        {"objective": "booth", "start": [1.0, 2.0], "learning_rate": 0.1, "momentum": 0.5, "nesterov": True}
        | {"weight_decay": 0.1, "steps": 3, "port": None},
    ),
    "exercises.course": (tf_gd.exercises.course, {"folder": None}),
    "check_gradients": (
        tf_gd.check_gradients,
        {"gradients": [np.ones(2, "float32")], "variables": [keras.Variable([1.0, 2.0])]},
    ),
    "loss_surface": (
        lambda **arguments: tf_gd.loss_surface(model(), **arguments),
        {"x": X, "y": Y, "directions": "random", "path": None, "resolution": 3, "extent": 1.0, "seed": 0},
    ),
    "callbacks.WeightPath": (functools.partial(trained, tf_gd.callbacks.WeightPath), {"every": 1}),
    "callbacks.Sharpness": (
        functools.partial(trained, tf_gd.callbacks.Sharpness),
        {"x": X, "y": Y, "every": 1, "tolerance": 1e-2},
    ),
    "datasets.digits": (tf_gd.datasets.digits, {"test_share": 0.2, "seed": 0}),
    "datasets.mlp": (tf_gd.datasets.mlp, {"inputs": 3, "hidden": 4, "classes": 2}),
    "datasets.softmax_regression": (tf_gd.datasets.softmax_regression, {"inputs": 3, "classes": 2}),
    "quiet_tensorflow": (tf_gd.quiet_tensorflow, {"cpus": 2}),
    "devices.choose": (tf_gd.devices.choose, {"device": "auto"}),
    "claim": (tf_gd.claim, {"text": "a number", "measured": 1.0, "expected": 1.0, "within": 1e-6, "at_least": False}),
    "Trajectory.save": (lambda **arguments: run().save(**arguments), {"path": "run.npz"}),
    "Trajectory.load": (tf_gd.Trajectory.load, {"path": "nothing.npz"}),
    "Trajectory.plot": (
        lambda **arguments: run().plot(**arguments),
        {"objective": "booth", "ax": None, "tangents": 0, "arrows": 2},
    ),
    "show.animate": (
        show.animate,
        {"trajectories": run(), "path": "run.gif", "objective": None, "frames": 2, "seconds": 0.1},
    ),
    "show.plot_contours": (
        show.plot_contours,
        {"objective": tf_gd.objectives.get("booth"), "trajectories": {"a": run()}, "ax": None, "levels": 4, "arrows": 2},
    ),
    "show.plot_trajectory": (
        show.plot_trajectory,
        {"trajectory": run(), "objective": None, "ax": None, "tangents": 0, "arrows": 1},
    ),
    "show.plot_steps": (
        show.plot_steps,
        {
            "trajectory": run("double_well"),
            "objective": tf_gd.objectives.get("double_well"),
            "axes": None,
            "tangents": 2,
        },
    ),
    "show.plot_losses": (
        show.plot_losses,
        {"runs": {"a": run()}, "ax": None, "lowest": 0.0, "xlabel": "step"}
        | {"floors": {"a": 1.0}, "title": "", "first": 0},
    ),
    "show.plot_distance": (
        show.plot_distance,
        {"iterations": [0, 1], "ulp": [0, 1], "absolute": [0.0, 1e-7], "title": "", "ax": None}
        | {"losses": {"by hand": [2.0, 1.0]}},
    ),
    "show.plot_learning_rates": (
        show.plot_learning_rates,
        {"rates": [0.1, 1.0], "losses": [0.5, 2.0], "start_loss": 1.0, "limit": 1.0, "best": 0.1, "ax": None},
    ),
    "show.plot_rate_map": (show.plot_rate_map, {"rates": rates.rate_map([1.0, 10.0], resolution=5), "ax": None}),
    "show.plot_basins": (show.plot_basins, {"basins": basins(), "ax": None}),
    "show.plot_starts": (show.plot_starts, {"runs": starts(), "ax": None}),
    "show.plot_solutions": (show.plot_solutions, {"solutions": solutions(), "ax": None}),
    "show.plot_surface": (show.plot_surface, {"surface": surface(), "ax": None, "levels": 4}),
    "show.plot_sharpness": (
        show.plot_sharpness,
        {"epochs": [0, 1], "eigenvalues": [1.0, 2.0], "limits": [3.0, 3.0], "ax": None},
    ),
    "show.plot_range_test": (show.plot_range_test, {"found": _found, "ax": None}),
    "show.table": (show.table, {"headers": ["a", "b"], "rows": [["1", "2"]], "width": 80, "widest": None}),
    "show.save": (show.save, {"axes": show.plot_losses({"a": run()}), "name": "losses"}),
    "show.write": (show.write, {"axes": show.plot_losses({"a": run()}), "path": "losses.png"}),
}
