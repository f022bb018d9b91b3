"""Pictures: what is on the axes; that they are to look at was judged by eye."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import tensorflow as tf

import tf_gd
from tf_gd import show


def _labels(ax):
    return [line.get_label() for line in ax.lines]


def test_one_variable_is_drawn_over_its_slope():
    path = tf_gd.gradient_descent("square", [10.0], learning_rate=0.2, steps=10)
    top, bottom = path.plot()
    drawn = next(line for line in top.lines if line.get_label() == "10 steps")
    np.testing.assert_allclose(drawn.get_xdata(), path.points[:, 0])
    np.testing.assert_allclose(drawn.get_ydata(), path.losses)
    slopes = next(line for line in bottom.lines if line.get_label() == "10 steps")
    np.testing.assert_allclose(slopes.get_ydata(), 2 * path.points[:, 0], rtol=1e-5)


def test_slopes_left_of_the_minimum_are_negative():
    path = tf_gd.gradient_descent("square", [-10.0], learning_rate=0.2, steps=5)
    slopes = next(line for line in path.plot()[1].lines if line.get_label() == "5 steps")
    assert (slopes.get_ydata() < 0).all()


def test_two_variables_are_drawn_on_contours_with_start_end_and_minima():
    path = tf_gd.gradient_descent("himmelblau", learning_rate=0.01, steps=50)
    ax = path.plot()
    assert ax.collections, "level lines"
    levels = ax.collections[0].levels
    np.testing.assert_allclose(levels[1:] / levels[:-1], levels[1] / levels[0])  # evenly spaced in the logarithm
    minima = next(line for line in ax.lines if line.get_label() == "known minimum")
    np.testing.assert_allclose(np.array(minima.get_data()).T, tf_gd.objectives.get("himmelblau").minima)
    markers = [line.get_marker() for line in ax.lines]
    assert "o" in markers  # the start
    assert "*" in markers  # the end


@pytest.mark.parametrize(("name", "start", "rate"), [("square", [10.0], 1.1), ("flat_ellipse", [-5.0, -2.0], 0.6)])
def test_divergence_is_shown_leaving_the_frame(name, start, rate):
    path = tf_gd.gradient_descent(name, start, learning_rate=rate, steps=2000)
    assert path.outcome == "non_finite"
    ax = np.ravel(path.plot())[0]
    box = np.array(path.objective.domain)
    inside = ((path.points >= box[:, 0]) & (path.points <= box[:, 1])).all(axis=1)
    assert f"leaves the frame at step {np.argmin(inside)}" in [text.get_text() for text in ax.texts]


def test_more_variables_are_drawn_as_a_loss():
    path = tf_gd.gradient_descent("rosenbrock", [0.0, 0.0], steps=5, learning_rate=1e-3)
    many = tf_gd.gradient_descent(tf_gd.objectives.get("rosenbrock", dim=5), steps=5, learning_rate=1e-4)
    assert many.plot().get_ylabel() == "loss"
    assert path.plot().get_ylabel() == "$x_2$"


def test_functions_of_ones_own_are_drawn_also_when_written_for_one_point():
    path = tf_gd.gradient_descent(lambda x: x[0] ** 2 + 3 * x[1] ** 2, [1.0, 2.0], learning_rate=0.1, steps=10)
    ax = path.plot()
    assert ax.collections
    np.testing.assert_allclose(path.objective(np.float32([[1, 0], [0, 1]])), [1, 3])


def test_an_objective_that_cannot_take_many_points_is_told():
    wrong = tf_gd.Objective("wrong", lambda x: x[0] ** 2 + x[1] ** 2, start=[1.0, 2.0])
    path = tf_gd.gradient_descent(wrong, learning_rate=0.1, steps=3)
    with pytest.raises(ValueError, match=r"write it for many points at once: x\[\.\.\., 0\]"):
        path.plot()


def test_losses_by_hand_and_built_in_have_their_own_colours():
    path = tf_gd.gradient_descent("booth", steps=20)
    ax = show.plot_losses({"by hand": path, "built in": path})
    hand, built = ax.lines
    assert (hand.get_color(), built.get_color()) == (show.BY_HAND["color"], show.BUILT_IN["color"])
    assert hand.get_linestyle() != built.get_linestyle()
    assert ax.get_yscale() == "log"


def test_the_distance_of_identical_runs_is_a_line_at_zero():
    ax = tf_gd.compare("booth", steps=20).plot()
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), np.zeros(21))
    assert ax.texts[0].get_text() == "0 ULP at all 21 records"


def test_the_distance_of_different_runs():
    result = tf_gd.compare("rosenbrock", learning_rate=1e-3, steps=20, dtype="float64")
    ax = result.plot()
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), result.ulp)


def test_a_sweep_shows_the_limit_where_theory_puts_it():
    ax = show.plot_learning_rates([0.1, 0.5, 1.1], [1.0, 0.1, np.inf], start_loss=2.0, limit=1.0)
    limit = next(line for line in ax.lines if line.get_label().startswith("limit"))
    assert set(limit.get_xdata()) == {1.0}
    measured = next(line for line in ax.lines if line.get_label() == "measured")
    assert np.isfinite(measured.get_ydata()).all()


def test_given_axes_are_used_and_the_users_style_is_left_alone():
    before = plt.rcParams["axes.grid"]
    _figure, ax = plt.subplots()
    assert tf_gd.gradient_descent("booth", steps=2).plot(ax=ax) is ax
    assert plt.rcParams["axes.grid"] == before


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda x: tf.reduce_sum(x) * float("nan"), "undefined everywhere here"),
        (lambda x: 0.0 * tf.reduce_sum(x), "the same everywhere here"),
    ],
)
def test_a_function_without_level_lines(function, said):
    path = tf_gd.gradient_descent(function, [1.0, 2.0], steps=3)
    assert said in [text.get_text() for text in path.plot().texts]
    top, bottom = tf_gd.gradient_descent(function, [1.0], steps=3).plot()
    assert np.isfinite([top.get_ylim(), bottom.get_ylim()]).all()


def test_saving(tmp_path, monkeypatch, capsys):
    ax = tf_gd.gradient_descent("booth", steps=2).plot()
    monkeypatch.setenv("TF_GD_PICTURES", str(tmp_path / "new"))
    path = show.save(ax, "booth.png")
    assert path.read_bytes().startswith(b"\x89PNG")
    assert capsys.readouterr().out == f"saved {path}\n"
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TF_GD_PICTURES", str(tmp_path / "file"))
    with pytest.raises(ValueError, match=r"path: cannot write .*TF_GD_PICTURES"):
        show.save(ax, "booth.png")


def test_a_table_folds_to_its_width():
    text = show.table(["a", "b"], [["word " * 30, 1], ["[x]", 2]])
    assert max(map(len, text.splitlines())) <= 80
    assert "[x]" in text


def test_pictures_do_not_need_tensorflow_objects():
    def f(x):
        return np.sum(np.asarray(x) ** 2, axis=-1)

    path = tf_gd.gradient_descent(lambda x: tf.reduce_sum(x**2), [1.0, 1.0], steps=3)
    assert show.plot_contours(f, {"path": path}).collections
