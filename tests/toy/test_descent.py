"""gradient_descent: the path against a NumPy loop and published numbers, the records, the outcomes, the modes."""

import _thread
import concurrent.futures
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from problems import KINDS, PROBLEMS, descend

import tf_gd
from tf_gd.toy import chunks
from tf_gd.toy.descent import PROGRAMS

MODES = ("eager", "graph", "xla")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.name)
def test_path_is_that_of_a_numpy_loop(problem, kind):
    path = tf_gd.gradient_descent(problem.name, learning_rate=problem.rate, steps=30, dtype="float64", **KINDS[kind])
    expected = descend(problem, path.points[0], problem.rate, 30, **KINDS[kind])
    np.testing.assert_allclose(path.points, expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(path.losses, [problem.f(x) for x in expected], rtol=1e-8, atol=1e-8)
    norms = [np.linalg.norm(problem.gradient(x)) for x in expected]
    np.testing.assert_allclose(path.gradient_norms, norms, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("problem", PROBLEMS[::3], ids=lambda p: p.name)
def test_every_mode_makes_the_same_path(problem, mode):
    path = tf_gd.gradient_descent(
        problem.name, learning_rate=problem.rate, momentum=0.5, steps=20, mode=mode, dtype="float64"
    )
    assert path.settings["mode"] == mode
    np.testing.assert_allclose(path.points, descend(problem, path.points[0], problem.rate, 20, 0.5), rtol=1e-9, atol=1e-9)


PUBLISHED = [  # Dive into Deep Learning, optimization chapters; closed forms beside them where there is one
    ("square", [10.0], dict(learning_rate=0.2, steps=10), [0.060466]),
    ("square", [10.0], dict(learning_rate=0.05, steps=10), [3.486784]),
    ("square", [10.0], dict(learning_rate=1.1, steps=10), [61.917364]),
    ("cosine_wave", [10.0], dict(learning_rate=2.0, steps=10), [-1.528166]),
    ("ellipse", [-5.0, -2.0], dict(learning_rate=0.1, steps=20), [-0.057646, -0.000073]),
    ("flat_ellipse", [-5.0, -2.0], dict(learning_rate=0.4, steps=20), [-0.943467, -0.000073]),
    ("flat_ellipse", [-5.0, -2.0], dict(learning_rate=0.6, steps=20), [-0.387814, -1673.365109]),
    ("flat_ellipse", [-5.0, -2.0], dict(learning_rate=0.6, momentum=0.5, steps=20), [0.007188, 0.002553]),
    ("flat_ellipse", [-5.0, -2.0], dict(learning_rate=0.6, momentum=0.25, steps=20), [-0.126340, -0.186632]),
]


@pytest.mark.parametrize(("name", "start", "settings", "expected"), PUBLISHED)
def test_published_end_points(name, start, settings, expected):
    path = tf_gd.gradient_descent(name, start, dtype="float64", **settings)
    np.testing.assert_allclose(path.final, expected, atol=1.5e-6, rtol=1e-9)


def test_losses_in_the_documentation_of_optax():
    def sum_of_squares(x):
        return tf.reduce_sum(x**2)

    losses = tf_gd.gradient_descent(sum_of_squares, [1.0, 2.0, 3.0], learning_rate=0.003, steps=5).losses
    # optax prints the loss after each update to one decimal, from 14.0 on
    np.testing.assert_allclose(losses, 14 * (1 - 2 * 0.003) ** (2 * np.arange(6)), rtol=1e-6)
    assert [f"{loss:.1f}" for loss in losses] == ["14.0", "13.8", "13.7", "13.5", "13.3", "13.2"]


def test_rate_of_a_badly_conditioned_bowl():
    bowl = tf_gd.objectives.get("bowl", condition_number=100)
    path = tf_gd.gradient_descent(bowl, [1.0, 1.0], learning_rate=2 / 101, steps=100, dtype="float64")
    lengths = np.linalg.norm(path.points, axis=1)
    np.testing.assert_allclose(lengths[1:] / lengths[:-1], 99 / 101, rtol=1e-12)


def test_heavy_ball_at_its_optimum_shrinks_by_nine_elevenths():
    """Polyak's optimal rate and momentum for curvatures 1 and 100; the rate is asymptotic, so fit over many steps."""
    bowl = tf_gd.objectives.get("bowl", condition_number=100)
    rate, momentum = (2 / (1 + 10)) ** 2, ((10 - 1) / (10 + 1)) ** 2
    path = tf_gd.gradient_descent(bowl, [1.0, 1.0], learning_rate=rate, momentum=momentum, steps=150, dtype="float64")
    lengths = np.linalg.norm(path.points, axis=1)
    assert (lengths[150] / lengths[50]) ** (1 / 100) == pytest.approx(9 / 11, abs=0.015)


def test_first_rosenbrock_loss_below_a_millionth():
    path = tf_gd.gradient_descent("rosenbrock", [-1.2, 1.0], learning_rate=1e-3, steps=16_000, dtype="float64")
    assert int(np.argmax(path.losses < 1e-6)) == 15_068


# --- records


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("steps", "every"), [(0, 1), (1, 1), (7, 3), (9, 3), (100, 7), (5, 10), (1000, 1000), (700, 1)])
def test_records_are_aligned(mode, steps, every):
    if mode == "eager" and steps > 100:
        pytest.skip("slow, and the same code")
    path = tf_gd.gradient_descent("booth", learning_rate=0.001, steps=steps, record_every=every, mode=mode, dtype="float64")
    expected = sorted({*range(0, steps + 1, every), steps})
    assert path.iterations.tolist() == expected
    assert path.steps == steps
    objective = tf_gd.objectives.get("booth")
    np.testing.assert_allclose(path.losses, objective(tf.constant(path.points)), rtol=1e-12)
    full = tf_gd.gradient_descent("booth", learning_rate=0.001, steps=steps, mode=mode, dtype="float64")
    np.testing.assert_array_equal(path.points, full.points[expected])


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.name)
def test_a_graph_computes_what_is_written(problem):
    """Graph equals eager to the bit."""
    settings = dict(learning_rate=problem.rate, momentum=0.9, steps=40)
    graph = tf_gd.gradient_descent(problem.name, mode="graph", **settings)
    np.testing.assert_array_equal(graph.points, tf_gd.gradient_descent(problem.name, mode="eager", **settings).points)


@pytest.mark.parametrize("mode", ["graph", "xla"])
def test_chunks_join_without_a_seam(mode, monkeypatch):
    """The same path whatever the chunks: one step at a time, seven at a time, or all at once."""
    whole = tf_gd.gradient_descent("beale", learning_rate=0.001, momentum=0.9, steps=200, record_every=3, mode=mode)
    for pace in (1, 7, 50):
        monkeypatch.setitem(chunks._FIRST_CHUNK, mode, pace)
        monkeypatch.setattr(chunks, "_LONGEST_CHUNK", pace)
        PROGRAMS.kept.clear()
        parts = tf_gd.gradient_descent("beale", learning_rate=0.001, momentum=0.9, steps=200, record_every=3, mode=mode)
        np.testing.assert_array_equal(parts.points, whole.points)
        np.testing.assert_array_equal(parts.losses, whole.losses)
        np.testing.assert_array_equal(parts.iterations, whole.iterations)
    PROGRAMS.kept.clear()


def test_room_for_records_bounds_the_memory_of_a_chunk(monkeypatch):
    monkeypatch.setattr(chunks, "_RECORDED_NUMBERS", 40)  # ten records of a two-dimensional path
    PROGRAMS.kept.clear()
    path = tf_gd.gradient_descent("booth", learning_rate=0.001, steps=95, record_every=2, dtype="float64")
    PROGRAMS.kept.clear()
    assert path.iterations.tolist() == [*range(0, 95, 2), 95]
    full = tf_gd.gradient_descent("booth", learning_rate=0.001, steps=95, dtype="float64")
    np.testing.assert_array_equal(path.points, full.points[path.iterations])


# --- outcomes


def test_converged_stops_at_the_tolerance():
    path = tf_gd.gradient_descent("square", [1.0], learning_rate=0.25, steps=1000, tolerance=1e-3, dtype="float64")
    # x_k = 2^-k, gradient 2^(1-k) <= 1e-3 first at k = 11
    assert (path.outcome, path.steps) == ("converged", 11)
    assert path.gradient_norms[-1] <= 1e-3 < path.gradient_norms[-2]


def test_converged_at_the_start():
    path = tf_gd.gradient_descent("square", [0.0], tolerance=1e-6)
    assert (path.outcome, path.steps, len(path.points)) == ("converged", 0, 1)


def test_max_steps_when_the_tolerance_is_not_met():
    assert tf_gd.gradient_descent("square", [1.0], learning_rate=0.01, steps=5, tolerance=1e-3).outcome == "max_steps"


@pytest.mark.parametrize("mode", MODES)
def test_a_growing_loss_is_diverged_never_converged(mode):
    path = tf_gd.gradient_descent("square", [1.0], learning_rate=1.05, steps=20, mode=mode, tolerance=1e-9)
    assert path.outcome == "diverged"
    assert path.losses[-1] > path.losses[0]


def test_climbing_to_a_flat_place_is_not_converged():
    """A first step so large that it lands high on a plateau, where the gradient is below the tolerance."""

    def plateau(x):
        return 1.0 - tf.exp(-tf.reduce_sum(x**2))

    path = tf_gd.gradient_descent(plateau, [0.5], learning_rate=100.0, steps=100, tolerance=1e-3)
    assert path.gradient_norms[-1] <= 1e-3
    assert path.outcome == "diverged"


@pytest.mark.parametrize("mode", MODES)
def test_overflow_is_non_finite_and_stops(mode):
    path = tf_gd.gradient_descent("quartic", [0.5], learning_rate=10.0, steps=1000, mode=mode)
    assert path.outcome == "non_finite"
    assert path.steps < 20
    assert np.isfinite(path.losses[:-1]).all()


def test_ctrl_c_returns_what_is_done():
    done = []

    def interrupted_after_40(x):
        done.append(1)
        if len(done) == 40:
            _thread.interrupt_main()
        return tf.reduce_sum(x**2)

    path = tf_gd.gradient_descent(interrupted_after_40, [1.0], learning_rate=0.01, steps=10_000, mode="eager")
    assert path.outcome == "interrupted"
    assert 0 < path.steps < 10_000
    assert len(path.points) == path.steps + 1
    np.testing.assert_allclose(path.points[:, 0], 0.98 ** np.arange(path.steps + 1), rtol=1e-4)


# --- learning rates


@pytest.mark.parametrize("mode", MODES)
def test_a_rate_for_each_step(mode):
    rates = 0.1 / np.arange(1.0, 41.0)
    path = tf_gd.gradient_descent("square", [1.0], learning_rate=rates, steps=40, mode=mode, dtype="float64")
    np.testing.assert_allclose(path.final, np.prod(1 - 2 * rates), rtol=1e-12)


def test_more_rates_than_a_chunk_carries():
    rates = np.linspace(0.0001, 0.0003, 150_000)
    path = tf_gd.gradient_descent("square", [1.0], learning_rate=rates, steps=150_000, dtype="float64")
    np.testing.assert_allclose(path.points[1:, 0], np.cumprod(1 - 2 * rates), rtol=1e-9, atol=1e-300)


@pytest.mark.parametrize("mode", MODES)
def test_a_keras_schedule_counts_from_zero(mode):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)
    path = tf_gd.gradient_descent("square", [1.0], learning_rate=schedule, steps=30, mode=mode, dtype="float64")
    rates = 0.1 * 0.5 ** (np.arange(30) / 10)
    np.testing.assert_allclose(path.final, np.prod(1 - 2 * rates), rtol=1e-5)


# --- compilation


@pytest.mark.parametrize("mode", ["graph", "xla"])
def test_nothing_is_traced_again(mode):
    traced = []

    def counted(x):
        traced.append(tf.executing_eagerly())
        return tf.reduce_sum(x**2)

    starts, rates, momenta, lengths = ([1.0, 2.0], [3.0, -1.0]), (0.1, 0.02), (0.9, 0.5), (10, 700)
    for start, rate, momentum, steps in itertools.product(starts, rates, momenta, lengths):
        tf_gd.gradient_descent(counted, start, learning_rate=rate, momentum=momentum, steps=steps, mode=mode)
    runs = 16  # each looks once at what the function computes now
    assert traced.count(False) == runs + 1


def test_auto_takes_xla_and_falls_back_when_it_cannot(tmp_path):
    assert tf_gd.gradient_descent("square", steps=1).settings["mode"] == "xla"

    def not_for_xla(x):
        tf.print("here", output_stream=f"file://{tmp_path}/printed")
        return tf.reduce_sum(x**2)

    path = tf_gd.gradient_descent(not_for_xla, [1.0], learning_rate=0.25, steps=3)
    assert path.settings["mode"] == "graph"
    np.testing.assert_allclose(path.final, 0.125)

    def eager_only(x):
        return tf.reduce_sum(x * x[0].numpy())  # d/dx (c x) with c = x at the time

    path = tf_gd.gradient_descent(eager_only, [1.0], learning_rate=0.5, steps=3)
    assert path.settings["mode"] == "eager"
    np.testing.assert_allclose(path.final, 0.125)


def test_branches_and_loops_inside_an_objective():
    def halved_until_small(x):
        while tf.reduce_sum(x * x) > 1.0:
            x = 0.5 * x
        return tf.reduce_sum(x * x)

    for mode in ("auto", "graph", "eager"):  # from 3: halved twice, gradient 2 x / 16
        path = tf_gd.gradient_descent(halved_until_small, [3.0], learning_rate=1.0, steps=1, mode=mode)
        np.testing.assert_allclose(path.final, 3.0 - 6.0 / 16)


def test_many_steps_with_few_records():
    path = tf_gd.gradient_descent("rosenbrock", learning_rate=1e-3, steps=3_000_000, record_every=1_000_000)
    assert path.iterations.tolist() == [0, 1_000_000, 2_000_000, 3_000_000]
    np.testing.assert_allclose(path.final, [1, 1], atol=1e-3)


def test_threads_do_not_disturb_each_other():
    rates = [0.01, 0.02, 0.03, 0.04] * 3
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda rate: tf_gd.gradient_descent("square", [1.0], learning_rate=rate, steps=50), rates))
    for rate, path in zip(rates, paths, strict=True):
        np.testing.assert_allclose(path.final, (1 - 2 * rate) ** 50, rtol=1e-4)


# --- devices


@pytest.mark.parametrize("mode", MODES)
def test_it_computes_on_the_device_asked_for(mode):
    seen = []

    def where(x):
        seen.append(x.device)
        return tf.reduce_sum(x**2)

    path = tf_gd.gradient_descent(where, [1.0], learning_rate=0.25, steps=2, device="CPU:1", mode=mode)
    assert path.settings["device"] == "CPU:1"
    assert seen[0].endswith("CPU:1")
    np.testing.assert_allclose(path.final, 0.25)


@pytest.mark.skipif(not tf.config.list_physical_devices("GPU"), reason="TensorFlow sees no GPU")
@pytest.mark.parametrize("mode", MODES)
def test_on_a_gpu(mode):
    on_cpu = tf_gd.gradient_descent("rosenbrock", learning_rate=1e-3, steps=50, mode=mode, dtype="float64")
    on_gpu = tf_gd.gradient_descent("rosenbrock", learning_rate=1e-3, steps=50, mode=mode, dtype="float64", device="GPU:0")
    np.testing.assert_allclose(on_gpu.points, on_cpu.points, rtol=1e-10)
    assert tf_gd.compare("rosenbrock", learning_rate=1e-3, steps=50, mode=mode, device="GPU:0").identical


# --- bad input


def _sum(x):
    return tf.reduce_sum(x**2)


BAD = [
    (("rosenbrok",), {}, ValueError, "Did you mean 'rosenbrock'"),
    ((None,), {}, TypeError, "objective: got None .*expected a name"),
    ((_sum,), {}, ValueError, "start: got None, expected a point"),
    (("rosenbrock", [1.0, 2.0, 3.0]), {}, ValueError, "start: got 3 coordinates, expected 2 for 'rosenbrock'"),
    (("rosenbrock", [[1.0, 2.0]]), {}, ValueError, r"start: got shape \(1, 2\), expected one point"),
    (("rosenbrock", [1.0, np.nan]), {}, ValueError, "start: .*expected finite coordinates"),
    (("rosenbrock", [1.0, np.inf]), {}, ValueError, "start: .*expected finite coordinates"),
    (("rosenbrock", [1.0, 1e300]), {}, ValueError, "expected finite coordinates in float32"),
    (("rosenbrock", []), {}, ValueError, "start: got an empty array"),
    (("rosenbrock", "ab"), {}, TypeError, "start: got 'ab'.*expected numbers"),
    (("rosenbrock", [[1.0], [2.0, 3.0]]), {}, TypeError, "start: got .*expected numbers"),
    (("square",), {"learning_rate": -0.1}, ValueError, "learning_rate: got -0.1, expected a finite number above 0"),
    (("square",), {"learning_rate": 0}, ValueError, "learning_rate: got 0.0, expected a finite number above 0"),
    (("square",), {"learning_rate": np.nan}, ValueError, "learning_rate: got nan"),
    (("square",), {"learning_rate": np.inf}, ValueError, "learning_rate: got inf"),
    (("square",), {"learning_rate": True}, TypeError, r"learning_rate: got True \(bool\), expected a number"),
    (("square",), {"learning_rate": "fast"}, TypeError, "learning_rate: got 'fast'"),
    (
        ("square",),
        {"learning_rate": [0.1, 0.1], "steps": 3},
        ValueError,
        "got 2 rates, expected one for each of the 3 steps",
    ),
    (("square",), {"learning_rate": [0.1, -0.1], "steps": 2}, ValueError, "got a rate of -0.1"),
    (("square",), {"momentum": 1.5}, ValueError, "momentum: got 1.5, expected a finite number at least 0 and at most 1"),
    (("square",), {"momentum": -0.1}, ValueError, "momentum: got -0.1"),
    (("square",), {"momentum": False}, TypeError, "momentum: got False"),
    (("square",), {"nesterov": 1}, TypeError, "nesterov: got 1 .*expected True or False"),
    (("square",), {"steps": -1}, ValueError, "steps: got -1, expected a whole number from 0"),
    (("square",), {"steps": 2.5}, TypeError, "steps: got 2.5"),
    (("square",), {"steps": True}, TypeError, "steps: got True"),
    (("square",), {"steps": np.nan}, TypeError, "steps: got nan"),
    (("square",), {"steps": 10**400}, ValueError, "steps: got"),
    (("square",), {"record_every": 0}, ValueError, "record_every: got 0"),
    (("square",), {"tolerance": -1e-3}, ValueError, "tolerance: got -0.001"),
    (("square",), {"mode": "fast"}, ValueError, "mode: got 'fast', expected one of 'auto', 'eager', 'graph', 'xla'"),
    (("square",), {"mode": "XLA"}, ValueError, "Did you mean 'xla'"),
    (("square",), {"dtype": "float16"}, ValueError, "dtype: got 'float16', expected one of 'float32', 'float64'"),
    (("square",), {"device": "GPU:7"}, ValueError, "device: got 'GPU:7', expected 'auto', 'CPU:0'"),
    (("square",), {"device": 0}, TypeError, "device: got 0 .*expected a name"),
]


@pytest.mark.parametrize(("arguments", "settings", "error", "message"), BAD)
def test_bad_arguments(arguments, settings, error, message):
    with pytest.raises(error, match=message):
        tf_gd.gradient_descent(*arguments, **settings)


def _raises(x):
    raise KeyError("oops")


BAD_FUNCTIONS = [
    (lambda x: x**2, [1.0, 2.0], r"got a loss of shape \(2,\) for a point of shape \(2,\), expected one number"),
    (lambda x: x[0] * x[1] * np.pi + np.sin(x), [1.0, 2.0], r"got a loss of shape"),
    (lambda x: np.sum(np.sin(x)), [1.0, 2.0], "expected a tensor. Use TensorFlow inside it"),
    (lambda x: None, [1.0], "got None: does it return its value"),
    (lambda x: 3.0, [1.0], "got a float, expected a tensor"),
    (lambda x: tf.constant(3.0), [1.0], "it has no gradient"),
    (lambda x: tf.reduce_sum(tf.constant(x.numpy()) ** 2), [1.0], "it has no gradient.*goes through NumPy"),
    (lambda x: tf.argmax(x), [1.0, 2.0], "got a loss of dtype int64"),
    (
        lambda x: tf.reduce_sum(tf.cast(x, tf.float64) ** 2),
        [1.0],
        "got a loss of dtype float64 for a point of dtype float32",
    ),
    (lambda x, y: x, [1.0], "evaluating it at a point of shape .* raised TypeError"),
    (_raises, [1.0], "raised KeyError"),
    (lambda x: x[0] + x[5], [1.0, 2.0], "raised InvalidArgumentError"),
]


@pytest.mark.parametrize(("function", "start", "message"), BAD_FUNCTIONS)
def test_bad_functions(function, start, message):
    with pytest.raises(ValueError, match=message):
        tf_gd.gradient_descent(function, start)


@pytest.mark.parametrize("mode", ["xla"])
def test_what_xla_cannot_compile_is_said(mode):
    def not_for_xla(x):
        return tf.reduce_sum(tf.py_function(lambda v: v**2, [x], x.dtype))

    with pytest.raises(ValueError, match=r"runs eagerly, but cannot be compiled with mode='xla'.*Use mode=\"auto\""):
        tf_gd.gradient_descent(not_for_xla, [1.0], mode=mode)


def test_whole_numbers_and_a_lone_number_are_taken():
    assert tf_gd.gradient_descent("rosenbrock", [2, 3], steps=0).final.tolist() == [2.0, 3.0]
    assert tf_gd.gradient_descent("square", 3, steps=0).final.tolist() == [3.0]
    assert tf_gd.gradient_descent("square", np.int64(3), steps=np.int64(2), learning_rate=np.float32(0.25)).steps == 2
    assert tf_gd.gradient_descent("square", 4, learning_rate=1, steps=1).final.tolist() == [-4.0]


def test_no_steps_return_the_start():
    path = tf_gd.gradient_descent("rosenbrock", steps=0)
    assert path.points.tolist() == [np.float32([-1.2, 1.0]).tolist()]
    assert (path.steps, path.outcome) == (0, "max_steps")


def test_a_function_of_one_variable_that_returns_shape_one():
    path = tf_gd.gradient_descent(lambda x: x**2, [10.0], learning_rate=0.2, steps=10)
    assert path.final[0] == pytest.approx(10 * 0.6**10, rel=1e-5)
