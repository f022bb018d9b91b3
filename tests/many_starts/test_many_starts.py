"""Where will we converge? Shares against published ones, single runs against gradient_descent, and what is no minimum."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

import tf_gd
from tf_gd._runtime import Progress
from tf_gd.many_starts import descents

HIMMELBLAU = [(3, 2), (-2.80511809, 3.13131252), (-3.77931025, -3.28318599), (3.58442834, -1.84812653)]
LIMITS = [0.0243060, 0.0248293, 0.0149493, 0.0189719]


@pytest.mark.parametrize(
    ("rate", "shares", "unsettled"),
    [
        (0.010, [0.2566, 0.2600, 0.2365, 0.2469], 0.0),
        (0.014, [0.2667, 0.2651, 0.2328, 0.2354], 0.0),
        (0.0155, [0.2706, 0.2672, 0.0, 0.2320], 0.2301),
        (0.020, [0.2872, 0.2551, 0.0, 0.0], 0.4578),
    ],
)
def test_the_learning_rate_chooses_the_minimum(rate, shares, unsettled):
    """Shares of a grid of 201 x 201, computed elsewhere in float64; a grid point or two may round to the other side."""
    found = tf_gd.basin_map("himmelblau", learning_rate=rate, steps=6000, resolution=201)
    np.testing.assert_allclose(found.runs.minima, HIMMELBLAU, atol=1e-8)
    np.testing.assert_allclose(found.runs.limits, LIMITS, rtol=1e-5)
    np.testing.assert_allclose(found.shares, shares, atol=3e-4)
    assert found.unsettled == pytest.approx(unsettled, abs=3e-4)
    assert found.runs.diverged == 0.0
    assert found.label.shape == (201, 201)
    assert found.shares.sum() + found.unsettled == pytest.approx(1.0)


def test_a_map_lies_the_right_way_round():
    found = tf_gd.basin_map("himmelblau", learning_rate=0.01, steps=1000, resolution=41)
    for number, (x1, x2) in enumerate(HIMMELBLAU):
        row, column = np.argmin(np.abs(found.x2 - x2)), np.argmin(np.abs(found.x1 - x1))
        assert found.label[row, column] == number


@pytest.mark.parametrize("mode", ["xla", "graph"])
@pytest.mark.parametrize("method", [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}])
@pytest.mark.parametrize("name", ["himmelblau", "cosine_wave"])
def test_each_of_many_goes_where_it_goes_alone(name, method, mode):
    run = dict(learning_rate=0.003, steps=40, **method)
    many = tf_gd.multi_start(name, 300, seed=1, mode=mode, **run)
    for index in (0, 7, 299):
        alone = tf_gd.gradient_descent(name, many.starts[index], mode=mode, **run)
        np.testing.assert_allclose(many.final[index], alone.final, rtol=2e-5, atol=1e-5)
        np.testing.assert_allclose(many.losses[index], alone.losses[-1], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(many.gradient_norms[index], alone.gradient_norms[-1], rtol=1e-3, atol=1e-3)


def test_more_coordinates_than_are_taken_apart_and_more_points_than_one_call_takes():
    many = tf_gd.multi_start(
        tf_gd.objectives.get("bowl", dim=20), 70_001, learning_rate=0.1, steps=3, seed=0, dtype="float64"
    )
    alone = tf_gd.gradient_descent(tf_gd.objectives.get("bowl", dim=20), many.starts[-1], learning_rate=0.1, steps=3)
    np.testing.assert_allclose(many.final[-1], alone.final, rtol=1e-5)
    assert many.final.dtype == np.float64
    assert np.isfinite(many.final).all()


def test_the_seed_decides():
    first, again, other = (tf_gd.multi_start("booth", 50, steps=5, seed=seed).starts for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    low, high = np.array(tf_gd.objectives.get("booth").domain).T
    assert (first >= low).all()
    assert (first <= high).all()
    assert len(tf_gd.multi_start("booth", 1, steps=1, domain=(0, 1)).starts) == 1


def test_minima_that_nobody_knows_are_found():
    """Rastrigin's sum of x^2 - 10 cos(2 pi x) has one minimum near each whole number, 11 along each side of the domain."""
    many = tf_gd.multi_start("rastrigin", 20_000, learning_rate=0.001, steps=600, seed=0)
    assert len(many.minima) == 121
    slope = 2 * many.minima + 20 * np.pi * np.sin(2 * np.pi * many.minima)
    np.testing.assert_allclose(slope, 0.0, atol=1e-6)
    assert many.unsettled < 1e-3
    losses = np.sum(many.minima**2 + 10 - 10 * np.cos(2 * np.pi * many.minima), axis=1)
    assert (np.diff(losses) > -1e-9).all()
    assert "more" in str(many)


@pytest.mark.parametrize(
    "fn", [lambda x: (x[0] ** 2 - 1) ** 2 + x[1] ** 2, lambda x: (x[..., 0] ** 2 - 1) ** 2 + x[..., 1] ** 2]
)
def test_functions_of_ones_own(fn):
    starts = np.random.default_rng(0).uniform(-1.5, 1.5, (64, 2))
    many = tf_gd.multi_start(fn, starts, learning_rate=0.05, steps=600)
    np.testing.assert_allclose(sorted(many.minima.tolist()), [[-1, 0], [1, 0]], atol=1e-8)
    np.testing.assert_array_equal(many.minima[many.label][:, 0] > 0, starts[:, 0] > 0)
    np.testing.assert_allclose(many.limits, 2 / 8, rtol=1e-6)


def test_what_a_function_reads_from_outside_may_change():
    centre = [1.0]
    ends = []
    for value in (1.0, 3.0):
        centre[0] = value
        many = tf_gd.multi_start(lambda x: tf.reduce_sum((x - centre[0]) ** 2, axis=-1), [[0.0], [5.0]], learning_rate=0.5)
        ends.append((many.final.ravel().tolist(), many.minima.ravel().tolist()))
    assert ends == [([1.0, 1.0], [1.0]), ([3.0, 3.0], [3.0])]


def test_a_saddle_is_no_minimum():
    many = tf_gd.multi_start("saddle", [[1.0, 0.0], [-0.5, 0.0]], learning_rate=0.1, steps=500, domain=(-1, 1))
    assert len(many.minima) == 0
    assert many.label.tolist() == [-1, -1]
    assert many.unsettled == 1.0


def test_a_point_of_inflection_is_no_minimum():
    """x^3 + x^4 / 10 is flat at 0, and lower to the left of it."""

    def inflected(x):
        return x[..., 0] ** 3 + x[..., 1] ** 2 + 0.1 * x[..., 0] ** 4

    many = tf_gd.multi_start(inflected, [[0.5, 0.5], [0.9, -0.2]], learning_rate=0.1, steps=20_000, domain=(-1, 1))
    assert many.label.tolist() == [-1, -1]


def test_minima_that_no_start_reaches_are_not_listed():
    starts = [[3.0, 2.0], [2.9, 2.1]]
    many = tf_gd.multi_start(lambda x: tf_gd.objectives.get("himmelblau").fn(x), starts, learning_rate=1e-9, domain=(-5, 5))
    assert (many.shares > 0).all()


def test_starts_that_are_not_finite_and_starts_that_diverge():
    starts = [[1.0], [np.nan], [0.5], [np.inf], [100.0]]
    many = tf_gd.multi_start("double_well", starts, learning_rate=0.05, steps=500)
    assert many.invalid.tolist() == [1, 3]
    assert many.label.tolist() == [0, -1, 0, -1, -1]
    assert many.shares.tolist() == [2 / 3, 0]
    assert many.diverged == pytest.approx(1 / 3)
    assert many.unsettled == 0
    assert np.isnan(many.final[[1, 3]]).all()
    assert "2 starts are not finite and were left out: 1, 3" in str(many)
    assert "33.33%" in str(many)


@pytest.mark.parametrize(("hits", "n"), [(30, 100), (0, 40), (40, 40)])
def test_the_probability_of_a_hit(hits, n):
    starts = np.where(np.arange(n) < hits, 1.0, -1.0)[:, None]
    many = tf_gd.multi_start("double_well", starts, steps=1)
    estimate, low, high = many.hit_probability(5, confidence=0.9)
    interval = stats.binomtest(hits, n).proportion_ci(0.9, method="exact")
    assert estimate == pytest.approx(1 - (1 - hits / n) ** 5)
    assert (low, high) == pytest.approx((1 - (1 - interval.low) ** 5, 1 - (1 - interval.high) ** 5))
    assert many.hit_probability(0) == (0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="minimum: got 2"):
        many.hit_probability(1, minimum=2)


def test_ctrl_c_keeps_what_is_done(monkeypatch):
    def press(self, step, description=None):
        raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "at", press)
    many = tf_gd.multi_start("booth", 200_000, learning_rate=0.05, steps=5, seed=0)
    assert many.settings["interrupted"]
    done = 200_000 - len(many.invalid)
    assert 0 < done < 200_000
    assert np.isfinite(many.final[:done]).all()
    assert "Ctrl-C" in str(many)


@pytest.mark.slow
def test_pictures():
    found = tf_gd.basin_map("himmelblau", learning_rate=0.0155, steps=500, resolution=21)
    ax = found.plot()
    np.testing.assert_array_equal(ax.images[0].get_array(), found.label + 1)
    assert "settle nowhere" in ax.get_title()
    assert [line.get_marker() for line in ax.lines] == ["X", "X", "o", "X"]  # a ring where one cannot stay
    one = tf_gd.multi_start("double_well", 20, learning_rate=0.05, seed=0).plot()
    assert len(one.collections[0].get_offsets()) == 20
    two = tf_gd.multi_start("himmelblau", 20, seed=0).plot()
    assert len(two.collections[0].get_offsets()) == 20
    many = tf_gd.multi_start(tf_gd.objectives.get("bowl", dim=3), 20, seed=0)
    assert [bar.get_width() for bar in many.plot().patches] == [*many.shares, many.unsettled, many.diverged]
    plt.close("all")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("booth", 0), ValueError, "starts: got 0"),
        (("booth", 2.5), TypeError, "starts: got 2.5"),
        (("booth", "many"), (TypeError, ValueError), "starts: got"),
        (("booth", [1.0, 2.0]), ValueError, r"starts: got shape \(2,\), expected points \(n, dim\)"),
        (("booth", [[1.0, 2.0, 3.0]]), ValueError, "starts: got 3 coordinates, expected 2 for 'booth'"),
        (("booth", [[np.nan, 1.0]]), ValueError, "starts: got 1 points, none of them finite"),
        ((lambda x: x[0] ** 2, 5), ValueError, "starts: got a number of them"),
        (("no such", 5), ValueError, "no objective is called 'no such'"),
    ],
)
def test_bad_starts(arguments, error, message):
    with pytest.raises(error, match=message):
        tf_gd.multi_start(*arguments)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"learning_rate": -1}, ValueError, "learning_rate: got -1"),
        ({"momentum": 2}, ValueError, "momentum: got 2"),
        ({"steps": -1}, ValueError, "steps: got -1"),
        ({"mode": "eager"}, ValueError, "mode: got 'eager'"),
        ({"domain": (1, 0)}, ValueError, r"domain: got \(1, 0\)"),
        ({"seed": "x"}, TypeError, "seed: got 'x'"),
    ],
)
def test_bad_options(options, error, message):
    with pytest.raises(error, match=message):
        tf_gd.multi_start("booth", 5, **options)


def test_maps_of_what_cannot_be_mapped():
    with pytest.raises(ValueError, match="basin_map: got 'square' of 1 variables, expected two"):
        tf_gd.basin_map("square")
    with pytest.raises(TypeError, match="expected neither: it starts from a grid"):
        tf_gd.basin_map("booth", seed=3)
    with pytest.raises(ValueError, match="has none, expected"):
        tf_gd.basin_map(lambda x: x[..., 0] ** 2 + x[..., 1] ** 2)


def test_inside_a_strategy_its_replicas_share_the_work():
    settings = dict(starts=9000, learning_rate=0.01, steps=50, seed=1)
    alone = tf_gd.multi_start("himmelblau", **settings)
    with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"], tf.distribute.ReductionToOneDevice()).scope():
        shared = tf_gd.multi_start("himmelblau", **settings)
        placed = tf_gd.multi_start("himmelblau", **settings, device="CPU:1")
    assert [run.settings["device"] for run in (alone, shared, placed)] == ["CPU:0", "CPU:0, CPU:1", "CPU:1"]
    for name in ("final", "losses", "gradient_norms", "label", "minima", "limits"):
        for other in (shared, placed):
            np.testing.assert_array_equal(getattr(other, name), getattr(alone, name))


def test_each_device_computes_its_part(monkeypatch):
    used = []
    own = descents._program
    monkeypatch.setattr(descents, "_program", lambda key, *rest: spied(own(key, *rest), key[-1]))

    def spied(made, device):
        program, mode = made
        return lambda *arguments: (used.append(device), program(*arguments))[1], mode

    with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"], tf.distribute.ReductionToOneDevice()).scope():
        tf_gd.multi_start("himmelblau", 100_000, learning_rate=0.01, steps=2, seed=1)
    assert [used.count(f"CPU:{n}") for n in (0, 1)] == [2, 2]  # of 32,768 each
