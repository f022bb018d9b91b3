"""Pictures of numbers: legends, losses, distances, learning rates, sharpness."""

import numpy as np
import pytest

import tf_gd
from tf_gd import rates, show

# --- what the legend says


def labels(ax) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_the_legend_says_the_settings():
    run = dict(learning_rate=0.01, steps=10)
    nesterov = tf_gd.gradient_descent("booth", momentum=0.9, nesterov=True, **run)
    assert labels(nesterov.plot())[0] == "rate 0.01, momentum 0.9, Nesterov, 10 steps"
    falling = tf_gd.gradient_descent("booth", learning_rate=[0.1, 0.01], steps=2)
    assert labels(falling.plot())[0] == "2 rates from 0.1 to 0.01, 2 steps"


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("mine", "mine: rate 0.2, 10 steps"),
        ("rate 0.2", "rate 0.2: 10 steps"),
        ("$\\eta$ = 0.2", "$\\eta$ = 0.2: 10 steps"),
        ("rate 0.25", "rate 0.25: 0.2, 10 steps"),
        ("a good rate", "a good rate: 0.2, 10 steps"),
        ("rate 0.2, 10 steps", "rate 0.2, 10 steps"),
    ],
)
def test_a_label_keeps_its_words_and_gets_what_is_missing(label, said):
    path = tf_gd.gradient_descent("square", learning_rate=0.2, steps=10)
    assert labels(show.plot_losses({label: path})) == [said]


def test_what_all_have_in_common_is_said_once():
    run = dict(learning_rate=1e-3, steps=30)
    plain = tf_gd.gradient_descent("rosenbrock", **run)
    heavy = tf_gd.gradient_descent("rosenbrock", momentum=0.9, **run)
    for ax in (
        show.plot_contours(plain.objective, {"plain": plain, "heavy": heavy}),
        show.plot_losses({"plain": plain, "heavy": heavy}),
    ):
        assert labels(ax)[:2] == ["plain", "heavy: momentum 0.9"]
        assert ax.get_legend().get_title().get_text() == "rate 0.001, 30 steps"


# --- losses and distances


def test_losses_by_hand_and_built_in_have_their_own_colours():
    path = tf_gd.gradient_descent("booth", steps=20)
    ax = show.plot_losses({"by hand": path, "built in": path})
    hand, built = ax.lines
    assert (hand.get_color(), built.get_color()) == (show.BY_HAND["color"], show.BUILT_IN["color"])
    assert hand.get_linestyle() != built.get_linestyle()
    assert ax.get_yscale() == "log"


def test_floors_are_drawn_where_they_are_predicted_in_the_colour_of_the_run():
    runs = {"fast": [4.0, 1.0, 0.5], "slow": [4.0, 2.0, 1.5]}
    ax = show.plot_losses(runs, lowest=0.25, floors={"slow": 1.0, "fast": 0.25}, title="two rates")
    (floor,) = [line for line in ax.lines if line.get_gid() == "floor"]
    assert set(floor.get_ydata()) == {0.75}
    slow = next(line for line in ax.lines if line.get_label() == "slow")
    assert floor.get_color() == slow.get_color()
    assert floor.get_linestyle() == "--"
    assert labels(ax) == ["fast", "slow", "predicted floor"]
    assert ax.get_title() == "two rates"
    low, high = ax.get_ylim()
    assert low < 0.75 < high


def test_losses_are_counted_from_the_first_record():
    path = tf_gd.gradient_descent("booth", steps=2)
    ax = show.plot_losses({"array": [3.0, 2.0, 1.0], "path": path}, first=1)
    assert ax.lines[0].get_xdata().tolist() == [1, 2, 3]
    assert ax.lines[1].get_xdata().tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (
            {"floors": {"b": 1.0}},
            ValueError,
            "floors: got one for 'b', expected the label of a run: 'a'",
        ),
        ({"floors": [1.0]}, TypeError, r"floors: got \[1.0\], expected a dict"),
        ({"floors": {"a": "low"}}, TypeError, "floors: got 'low'"),
        ({"first": -1}, ValueError, "first: got -1"),
        ({"first": 0.5}, TypeError, "first: got 0.5"),
        ({"title": 3}, TypeError, "title: got 3"),
    ],
)
def test_bad_input_to_plot_losses(given, error, message):
    with pytest.raises(error, match=message):
        show.plot_losses({"a": [1.0, 0.5]}, **given)


def test_identical_runs_are_drawn_one_over_the_other():
    result = tf_gd.compare("booth", steps=20)
    ax = result.plot()
    hand, built = ax.lines
    assert [line.get_label() for line in ax.lines] == ["by hand", "built in"]
    np.testing.assert_array_equal(hand.get_ydata(), result.manual.losses)
    np.testing.assert_array_equal(built.get_ydata(), result.builtin.losses)
    np.testing.assert_array_equal(built.get_xdata(), np.arange(21))
    assert hand.get_linewidth() > 2 * built.get_linewidth()  # both can be seen
    assert (hand.get_linestyle(), built.get_linestyle()) == ("-", "--")
    said = ax.get_legend().get_title().get_text()
    assert said == "0 ULP at all 21 records: the same bits"


def test_the_losses_of_epochs_are_those_of_the_last_records():
    ax = show.plot_distance([0, 7, 14], [0, 0, 0], [0, 0, 0], losses={"by hand": [2.0, 1.0]})
    assert ax.lines[0].get_xdata().tolist() == [7, 14]
    bare = show.plot_distance([0, 7, 14], [0, 0, 0], [0, 0, 0])
    assert not bare.lines, "no flat line at zero"
    with pytest.raises(ValueError, match="losses: got 4, expected at most 3"):
        show.plot_distance([0, 7, 14], [0, 0, 0], [0, 0, 0], losses={"by hand": [1.0] * 4})
    with pytest.raises(TypeError, match=r"losses: got \[1.0\], expected"):
        show.plot_distance([0, 7, 14], [0, 0, 0], [0, 0, 0], losses=[1.0])


def test_the_distance_of_different_runs():
    result = tf_gd.compare("rosenbrock", learning_rate=1e-3, steps=20, dtype="float64")
    ax = result.plot()
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), result.ulp)
    assert len(labels(ax.figure.axes[1])) == 2


def test_sharpness_is_drawn_below_the_value_of_its_limit():
    ax = show.plot_sharpness([0, 1, 2], [5.0, 15.0, 20.5], [20.0, 20.0, 20.0])
    assert "2 / learning rate = 20" in labels(ax)
    assert ax.get_ylim()[1] > 20.5
    falling = show.plot_sharpness([0, 1], [5.0, 15.0], [20.0, 40.0])
    assert "2 / learning rate = 20 to 40" in labels(falling)


# --- learning rates


def test_a_sweep_shows_the_limit_where_theory_puts_it():
    ax = show.plot_learning_rates([0.1, 0.5, 1.1], [1.0, 0.1, np.inf], start_loss=2.0, limit=1.0)
    limit = next(line for line in ax.lines if line.get_label().startswith("limit"))
    assert set(limit.get_xdata()) == {1.0}
    measured = next(line for line in ax.lines if line.get_label() == "measured")
    assert np.isfinite(measured.get_ydata()).all()


def test_a_limit_near_the_fastest_rate_can_be_told_from_it():
    m, largest = 1.0, 100.0
    many = np.geomspace(1e-4, 0.04, 40)
    ends = [curvature * (1 - many * curvature) ** 20 / 2 for curvature in (m, largest)]
    best, limit = 2 / (m + largest), 2 / largest
    ax = show.plot_learning_rates(many, sum(ends), 50.5, limit=limit, best=best)
    assert {"limit 2/L = 0.02000", "fastest 2/(m+L) = 0.01980"} <= set(labels(ax))
    (inset,) = ax.child_axes
    ax.figure.canvas.draw()
    shown = [line for line in inset.lines if line.get_label().startswith(("limit", "fastest"))]
    columns = [inset.transData.transform((line.get_xdata()[0], 1.0))[0] for line in shown]
    assert abs(columns[0] - columns[1]) > 40  # pixels
    measured = ax.transAxes.inverted().transform(ax.transData.transform(ax.lines[0].get_xydata()))
    low, high = inset.get_position().p0, inset.get_position().p1
    low, high = (ax.figure.transFigure.transform(corner) for corner in (low, high))
    low, high = (ax.transAxes.inverted().transform(corner) for corner in (low, high))
    assert not ((measured > low) & (measured < high)).all(axis=1).any(), "it covers no point"


def test_a_limit_far_from_the_fastest_rate_needs_no_inset():
    ax = show.plot_learning_rates([0.1, 0.5, 1.1], [1.0, 0.1, 9.0], 2.0, limit=1.0, best=0.5)
    assert {"limit 2/L = 1.000", "fastest 1/L = 0.5000"} <= set(labels(ax))
    assert not ax.child_axes


def test_more_digits_where_four_are_the_same():
    ax = show.plot_learning_rates([0.1, 1.0], [1.0, 0.1], 2.0, limit=0.020000, best=0.0199999)
    assert {"limit 2/L = 0.0200000", "fastest 2/(m+L) = 0.0199999"} <= set(labels(ax))


@pytest.mark.parametrize("nesterov", [False, True])
def test_the_colours_of_the_map_go_from_the_best_factor_to_one(nesterov):
    found = rates.rate_map([1.0, 100.0], nesterov=nesterov, resolution=41)
    ax = found.plot()
    filled = ax.collections[0]
    assert filled.levels[[0, -1]].tolist() == pytest.approx([found.best.factor, 1.0])
    assert filled.extend == "neither"
    bar = ax.figure.axes[1]
    assert bar.get_ylabel() == "factor on the distance to the minimum, each step"
    assert bar.get_ylim() == pytest.approx((found.best.factor, 1.0))
    best = found.best
    (said,) = labels(ax)
    for number in (best.learning_rate, best.momentum, best.factor):
        assert f"{number:.3g}" in said
    assert ("Nesterov" in ax.get_title()) == nesterov
