"""What each tutorial must find: expressions of its variables, the expected value, the tolerance, and where it is from.

None of these numbers comes from running the tutorial. Sources: arithmetic (done here), NumPy and SciPy, a published
number, or Keras itself. ``rows`` of a page are its printed tables: lists of numbers that must stand among its lines.
"""

import math

import numpy as np

SAME = True  # bits


def walk(gradient, start, rate, steps=5):
    """Return the first points of gradient descent in float64, by NumPy."""
    points = [np.asarray(start, "float64")]
    for _ in range(steps):
        points.append(points[-1] - rate * np.asarray(gradient(points[-1])))
    return points


def table(f, gradient, start, rate, rows=5):
    """Return the rows k, x, f(x), f'(x) that a page prints of its walk."""
    points = walk(gradient, start, rate, rows)[:rows]
    return [[k, *np.ravel(x), f(x), *np.ravel(gradient(x))] for k, x in enumerate(points)]


def _quadratic(x):
    return 2 * x[0] ** 2 + x[1] ** 2 + x[0] * x[1] - 6 * x[0] - 5 * x[1]


def _quadratic_gradient(x):
    return [4 * x[0] + x[1] - 6, x[0] + 2 * x[1] - 5]


def _rosenbrock_gradient(x):
    return np.array([-400 * x[0] * (x[1] - x[0] ** 2) - 2 * (1 - x[0]), 200 * (x[1] - x[0] ** 2)])


def _momentum(rate, beta, rows, steps, nesterov=False):
    """Return the rows k, x, v of a walk with momentum on 0.1 x1^2 + 2 x2^2, and its end."""
    x, v, printed = np.array([-5.0, -2.0]), np.zeros(2), []
    for k in range(steps):
        g = np.array([0.2, 4.0]) * x
        v = beta * v - rate * g
        x = x + (beta * v - rate * g if nesterov else v)
        if k < rows:
            printed.append([k, *x, *v])
    return printed, x


def _line():
    """Return the data of page 11 in float64, and a walk on them: rows k, w, b, loss, gradients."""
    generator = np.random.default_rng(0)
    x = generator.uniform(0.0, 4.0, size=100).astype("float32")
    y = (2.0 * x - 1.0 + 0.3 * generator.normal(size=100)).astype("float32")
    x, y = x.astype("float64"), y.astype("float64")
    w = b = 0.0
    rows = []
    for k in range(5):
        error = w * x + b - y
        dw, db = np.mean(2 * error * x), np.mean(2 * error)
        rows.append([k, w, b, np.mean(error**2), dw, db])
        w, b = w - 0.1 * dw, b - 0.1 * db
    return x, y, rows


def _rmsprop(x, g, state):
    state["s"] = 0.9 * state.get("s", 0) + 0.1 * g**2
    return x - 0.1 * g / np.sqrt(state["s"] + 1e-7)


def _adagrad(x, g, state):
    state["s"] = state.get("s", 0.1) + g**2
    return x - 0.5 * g / np.sqrt(state["s"] + 1e-7)


def _adam(x, g, state):
    t = state["t"] = state.get("t", 0) + 1
    state["m"] = 0.9 * state.get("m", 0) + 0.1 * g
    state["v"] = 0.999 * state.get("v", 0) + 0.001 * g**2
    m, v = state["m"] / (1 - 0.9**t), state["v"] / (1 - 0.999**t)
    return x - 0.3 * m / (np.sqrt(v) + 1e-7)


def _adaptive(step):
    """Return where 50 steps end on 0.1 x1^2 + 2 x2^2, after the paper, in float64."""
    x, state = np.array([-5.0, -2.0]), {}
    for _ in range(50):
        x = step(x, np.array([0.2, 4.0]) * x, state)
    return x


_PROFITS = [(x1 / 2, x2 / 2) for x1 in range(16) for x2 in range(16)]
_MOMENTUM = {beta: _momentum(0.6, beta, 5, 20) for beta in (0.5, 0.25)}
_X, _Y, _LINE = _line()
_FIT = np.polynomial.Polynomial.fit(_X, _Y, 1).convert().coef  # bias, weight
_HIMMELBLAU = [[-3.77931025, -3.28318599], [-2.80511809, 3.13131252], [3, 2], [3.58442834, -1.84812653]]
_U = [-3.425618459481728, 0.860333589019380]  # u tan u = 1
_WAVY = sorted(np.roots([1.0, 0.0, -4.0, 0.5]).real)
_LIMITS = [0.0243060, 0.0248293, 0.0149493, 0.0189719]

VALUES = {
    "00_the_tape": [
        ("gradient.numpy()", 20 * 0.6**9, 1e-5, "2 a x at the last step"),
        ("end", 0.060466, 5e-7, "Dive into Deep Learning, 12.3: ten steps on x^2, rate 0.2"),
        ("unwatched is None and nones == [None] * 3", SAME, 0, "TensorFlow: nothing leads from x to the loss"),
        ("watched.numpy()", 20.0, 0, "arithmetic"),
        ("same and same_in_keras", SAME, 0, "the same update"),
    ],
    "01_three_components": [
        ("best", [2.0, 6.0], 0, "Hillier and Lieberman: Wyndor Glass"),
        ("profit(best)", 36.0, 0, "Hillier and Lieberman"),
        ("same_x", [2.0, 6.0], 1e-4, "Hillier and Lieberman"),
        ("p.numpy()", 3.0, 1e-5, "derivative 12 - 4 p = 0"),
        ("str(standard).startswith('minimise    -(profit)')", True, 0, "max f = -min -f"),
    ],
    "02_one_variable": [
        ("minima[convex]", [1.0], 1e-4, "2 x - 2 = 0"),
        ("minima[wavy]", [_WAVY[0], _WAVY[2]], 1e-5, "numpy.roots of x^3 - 4 x + 1/2"),
        ("lowest", _WAVY[0], 1e-5, "numpy.roots"),
        ("ends", [_WAVY[0], _WAVY[2]], 1e-4, "numpy.roots"),
    ],
    "03_formula_or_loop": [
        ("solved", [1.0, 2.0], 1e-12, "the lecture: [[4, 1], [1, 2]] x = [6, 5]"),
        ("exact.x", [1.0, 2.0], 1e-9, "the lecture"),
        ("same", SAME, 0, "the same update"),
        ("'not quadratic' in refused", True, 0, "cubic equations"),
        ("found.final", [3.0, 2.0], 1e-5, "Himmelblau, 1972"),
        ("np.abs(2 * X.T @ (X @ w.numpy() - y) / 50).max()", 0.0, 1e-5, "normal equations"),
    ],
    "04_which_way_is_down": [
        ("lowest", math.log(2), 1e-3, "e^x = 2"),
        ("same", SAME, 0, "the same update"),
        ("kept", [(math.exp(3) - 6 - math.exp(3 - r * (math.exp(3) - 2)) + 6 - 2 * r * (math.exp(3) - 2))
                  / (r * (math.exp(3) - 2) ** 2) for r in (0.1, 0.01, 0.001, 0.0001)], 2e-3, "arithmetic"),
        ("stopped.outcome", "converged", 0, "the slope is below the tolerance"),
        ("float(stopped.final[0])", math.log(2), 1e-3, "e^x = 2"),
    ],
    "05_several_variables": [
        ("slopes.min()", -math.hypot(9.5, 2.0), 2e-3, "the length of (-9.5, 2)"),
        ("int((slopes < 0).sum())", 180, 1, "half of the circle"),
        ("against", math.degrees(math.atan2(-2.0, 9.5)) % 360, 1e-3, "arithmetic"),
        ("x.numpy()", [1.0, 2.0], 1e-4, "the lecture"),
        ("same and same_in_keras", SAME, 0, "the same update"),
    ],
    "06_learning_rate": [
        ("ends", [0.8**6, 0.0, 0.8**6, 1.2**6], 1e-5, "six factors 1 - rate L"),
        ("limit", 0.5, 1e-6, "2 / L"),
        ("path[13]", 0.0, 1e-10, "at step 12 the rate is 1 / L"),
        ("path[5]", math.prod(1 - 2.2 / (1 + k / 10) for k in range(5)), 1e-6, "arithmetic"),
        ("same and same_in_keras", SAME, 0, "the same rates"),
    ],
    "07_narrow_valleys": [
        ("walks[0.4][-1]", [-0.943467, -0.000073], 5e-7, "Dive into Deep Learning, 12.6"),
        ("walks[0.6][-1]", [-0.387814, -1673.365109], 5e-3, "Dive into Deep Learning, 12.6"),
        ("eigenvalues", [0.3993608, 1001.600640], 1e-3, "numpy.linalg.eigvalsh([[802, -400], [-400, 200]])"),
        ("condition", 1001.600640 / 0.3993608, 0.05, "their ratio"),
        ("int(np.argmax(slow.losses < 1e-6))", 15_068, 0, "a float64 loop in NumPy"),
        ("same", SAME, 0, "the same update"),
    ],
    "08_momentum": [
        ("end_half", [0.007188, 0.002553], 5e-7, "Dive into Deep Learning, 12.6"),
        ("end_quarter", [-0.126340, -0.186632], 2e-6, "Dive into Deep Learning, 12.6"),
        ("ahead", _momentum(0.3, 0.5, 0, 20, nesterov=True)[1], 1e-6, "float64, by NumPy", -1),
        ("same and same_in_keras", SAME, 0, "the same update"),
    ],
    "09_where_do_we_converge": [
        ("minima", _HIMMELBLAU, 0.006, "Himmelblau's function, minima polished"),
        ("counts.sum()", 500, 0, "every start arrives"),
        ("limits", _LIMITS, 1e-6, "2 / the largest eigenvalue of the Hessian there"),
        ("predicted", np.diff([-10.5, *(u / (0.15 * np.pi) for u in _U), 10.5]) / 21, 1e-9, "u tan u = 1"),
        ("maps[0.01].shares", [0.2566, 0.26, 0.2365, 0.2469], 6e-3, "a grid of 201 by 201, 6,000 steps"),
        ("maps[0.0155].unsettled", 0.2301, 6e-3, "the same"),
        ("maps[0.02].unsettled", 0.4578, 6e-3, "the same"),
        ("trials", 22, 0, "log 0.01 / log(1 - 0.19), rounded up"),
    ],
    "10_inside_keras_sgd": [
        ("plain_same and all(same.values()) and len(same) == 4", SAME, 0, "keras.optimizers.SGD"),
        ("mine.numpy()", walk(_rosenbrock_gradient, [-1.2, 1.0], 0.001, 50)[-1], 1e-5, "float64, by NumPy"),
        ("result.max_ulp", 0, 0, "keras.optimizers.SGD"),
    ],
    "11_linear_regression": [
        ("formula", _FIT[::-1], 1e-9, "numpy.polynomial.Polynomial.fit"),
        ("losses[-1]", np.mean((_FIT[1] * _X + _FIT[0] - _Y) ** 2), 1e-5, "the same"),
        ("in_one_step", np.mean((_FIT[1] * _X + _FIT[0] - _Y) ** 2), 1e-5, "curvature 2: rate 1/2 arrives"),
        ("eigenvalues", np.linalg.eigvalsh(2 / 100 * np.array([[_X @ _X, _X.sum()], [_X.sum(), 100]])), 1e-6,
         "the Hessian, written out"),
        ("fit_losses", [row[3] for row in _LINE], 1e-4, "float64, by NumPy"),
    ],
    "12_a_few_samples": [
        ("last_batch", 1000 % 32, 0, "arithmetic"),
        ("np.abs(parts - whole).max()", 0.0, 1e-5, "a mean of means"),
        ("floors['rate 0.1']", 0.05263, 1e-5, "rate / (2 - rate)"),
        ("floors['rate 1.5']", 3.0, 1e-9, "rate / (2 - rate)"),
        ("after_two[32] < after_two[1000]", True, 0, "32 times as many steps"),
        ("np.abs(best - [1.0, -2.0, 0.5]).max() < 0.15", True, 0, "the weights that made the data, and noise"),
    ],
    "13_network_by_hand": [
        ("data.x_train.shape", (1437, 64), 0, "four fifths of 1,797"),
        ("sum(v.size for v in at_first)", 64 * 64 + 64 + 64 * 10 + 10, 0, "arithmetic"),
        ("losses[-1] < losses[0]", True, 0, "it learns"),
        ("float(nothing[0])", math.log(10), 1e-6, "ten equal probabilities"),
    ],
    "14_keras_model_by_hand": [
        ("max(apart.values())", 0.0, 2e-7, "the same update; one sum is grouped otherwise"),
        ("apart['Keras, line by line']", 0.0, 0, "model.fit, under exact_arithmetic"),
        ("apart['Keras, tf.function']", 0.0, 0, "model.fit, under exact_arithmetic"),
        ("apart['tf_gd.fit']", 0.0, 0, "model.fit, under exact_arithmetic"),
        ("seconds['tf_gd.fit'] < seconds['Keras, line by line']", True, 0, "no Python in between"),
    ],
    "15_eager_graph_xla": [
        ("apart['graph']", 0.0, 0, "a graph computes what is written"),
        ("ends['XLA']", walk(_rosenbrock_gradient, [-1.2, 1.0], 0.001, 200)[-1], 2e-5, "float64, by NumPy"),
        ("(as_numbers, as_tensors)", (3, 1), 0, "TensorFlow: a graph for each Python number"),
        ("float(x)", 0.8 * 0.6 * 0.4 * 0.8 * 0.6 * 0.4, 1e-7, "arithmetic"),
    ],
    "16_cpu_or_gpu": [
        ("x.numpy()", [1.5, 2.0], 0, "x - 0.25 * 2 x"),
        ("'CPU:0' in devices", True, 0, "there is one everywhere"),
        ("inside", False, 0, "exact_arithmetic switches it off"),
        ("enabled() == before", True, 0, "and puts it back"),
        ("tf32([1 + 2**-10, 1 + 2**-12]).tolist()", [1 + 2**-10, 1.0], 0, "NVIDIA: 10 bits of fraction"),
    ],
    "17_why_do_they_differ": [
        ("right.agrees", True, 0, "it is the right loop"),
        ("[one.causes[0].name for one in found.values()]",
         ["regularisation losses left out", "training=True forgotten"], 0, "made on purpose"),
        ("float(by_hand)", 2.5, 0, "(6 * 1 + 4 * 4 + 2 * 9) / 16"),
        ("float(by_keras)", 0.0, 0, "perfect predictions"),
    ],
    "18_adaptive_steps": [
        ("max(apart.values())", 0.0, 2e-6, "keras.optimizers"),
        ("paths['AdaGrad'].final", _adaptive(_adagrad), 1e-4, "Duchi et al., 2011, in float64"),
        ("paths['RMSProp'].final", _adaptive(_rmsprop), 1e-4, "Tieleman and Hinton, 2012, in float64"),
        ("paths['Adam'].final", _adaptive(_adam), 1e-3, "Kingma and Ba, 2015, in float64"),
    ],
    "19_constraints": [
        ("nearest", [1.0, 1.0], 0, "(3, 3) less (6 - 2) / 2"),
        ("answer.x", [1.0, 1.0], 1e-5, "the same"),
        ("price", 4.0, 2e-3, "6 - bound"),
        ("float(one.inequality_multipliers[0])", 4.0, 1e-5, "6 - bound"),
        ("by_scipy.x.sum()", 1.0, 1e-6, "amounts add up to 1"),
    ],
    "20_sharpness": [
        ("late", 10.0, 0.5, "Cohen et al., 2021: 2 / rate"),
        ("sharpness.eigenvalues[0] < 10", True, 0, "it begins below the limit"),
        ("calm.eigenvalues.max() < 40", True, 0, "2 / 0.05 is never reached"),
        ("surface.explained > 0.8", True, 0, "the plane shows most of the movement"),
    ],
    "21_several_workers": [
        ("gradient.numpy().ravel()", [3.0, 4.0], 0, "arithmetic"),
        ("ours", [-0.6, -0.8], 1e-6, "(3, 4) / 5"),
        ("theirs", [-1.0, -1.0], 1e-6, "each part clipped to 1"),
        ("uneven['model.fit']", 1.5, 1e-6, "the mean of two means"),
        ("uneven['tf_gd.fit']", 1.0, 1e-6, "the mean"),
        ("distances['tf_gd.fit, two workers'][-1] / moved", 0.0, 1e-5, "rounding"),
        ("distances['model.fit, two workers'][-1] / moved > 0.05", True, 0, "clipped before the sum"),
    ],
}  # fmt: skip

ROWS = {
    "00_the_tape": table(lambda x: x**2, lambda x: 2 * x, 10.0, 0.2),
    "01_three_components": [
        [k, p, p * (12 - 2 * p)] for k, p in enumerate(walk(lambda p: -(12 - 4 * p), 1.0, 0.1, 4))
    ],
    "03_formula_or_loop": table(_quadratic, _quadratic_gradient, [-2.0, 4.5], 0.2),
    "04_which_way_is_down": [
        row
        for start in (3.0, -2.0)
        for row in table(lambda x: np.exp(x) - 2 * x, lambda x: np.exp(x) - 2, start, 0.05)
    ],
    "05_several_variables": table(_quadratic, _quadratic_gradient, [-2.0, 4.5], 0.1),
    "06_learning_rate": [[k, 0.8**k, float(k == 0), (-0.8) ** k, (-1.2) ** k] for k in range(7)],
    "08_momentum": [*_MOMENTUM[0.5][0], *_MOMENTUM[0.25][0]],
    "10_inside_keras_sgd": [
        [k, *x, *x] for k, x in enumerate(walk(_rosenbrock_gradient, [-1.2, 1.0], 0.001, 5)[1:])
    ],
    "11_linear_regression": _LINE,
    "19_constraints": [
        *([k, *x, *y, *(y - max(y.sum() - 2, 0) / 2)] for k, x, y in (
            (0, np.array([-1.0, 2.0]), np.array([0.6, 2.4])),
            (1, np.array([0.1, 1.9]), np.array([1.26, 2.34])),
        )),
        *([k, 3 - 2 * (1 - 0.5**k), 3 - 2 * (1 - 0.5**k), 4 * 0.5**k, 4 * (1 - 0.5 ** (k + 1))] for k in range(5)),
    ],
}  # fmt: skip
