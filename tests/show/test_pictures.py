"""Pictures: what is on the axes; that they are to look at was judged by eye."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import tf_gd
from tf_gd import show


def test_one_variable_is_drawn_over_its_slope():
    path = tf_gd.gradient_descent("square", [10.0], learning_rate=0.2, steps=10)
    top, bottom = path.plot()
    drawn = next(line for line in top.lines if line.get_label() == "rate 0.2, 10 steps")
    np.testing.assert_allclose(drawn.get_xdata(), path.points[:, 0])
    np.testing.assert_allclose(drawn.get_ydata(), path.losses)
    slopes = next(line for line in bottom.lines if line.get_label() == "rate 0.2, 10 steps")
    np.testing.assert_allclose(slopes.get_ydata(), 2 * path.points[:, 0], rtol=1e-5)


def test_slopes_left_of_the_minimum_are_negative():
    path = tf_gd.gradient_descent("square", [-10.0], learning_rate=0.2, steps=5)
    slopes = next(line for line in path.plot()[1].lines if "5 steps" in line.get_label())
    assert (slopes.get_ydata() < 0).all()


def test_two_variables_are_drawn_on_contours_with_start_end_and_minima():
    path = tf_gd.gradient_descent("himmelblau", learning_rate=0.01, steps=50)
    ax = path.plot()
    assert ax.collections, "level lines"
    levels = ax.collections[0].levels
    factors = levels[1:] / levels[:-1]
    np.testing.assert_allclose(factors, factors[0])  # evenly spaced in the logarithm
    minima = next(line for line in ax.lines if line.get_label() == "known minimum")
    np.testing.assert_allclose(minima.get_xydata(), tf_gd.objectives.get("himmelblau").minima)
    markers = [line.get_marker() for line in ax.lines]
    assert "o" in markers  # the start
    assert "*" in markers  # the end


@pytest.mark.parametrize(
    ("name", "start", "rate"),
    [("square", [10.0], 1.1), ("flat_ellipse", [-5.0, -2.0], 0.6)],
)
def test_divergence_is_shown_leaving_the_frame(name, start, rate):
    path = tf_gd.gradient_descent(name, start, learning_rate=rate, steps=2000)
    assert path.outcome == "non_finite"
    ax = np.ravel(path.plot())[0]
    box = np.array(path.objective.domain)
    inside = ((path.points >= box[:, 0]) & (path.points <= box[:, 1])).all(axis=1)
    assert f"leaves the frame at step {np.argmin(inside)}" in [text.get_text() for text in ax.texts]


def test_more_variables_are_drawn_as_a_loss():
    path = tf_gd.gradient_descent("rosenbrock", [0.0, 0.0], steps=5, learning_rate=1e-3)
    five = tf_gd.objectives.get("rosenbrock", dim=5)
    many = tf_gd.gradient_descent(five, steps=5, learning_rate=1e-4)
    assert many.plot().get_ylabel() == "loss"
    assert path.plot().get_ylabel() == "$x_2$"


def test_functions_of_ones_own_are_drawn_also_when_written_for_one_point():
    run = dict(learning_rate=0.1, steps=10)
    path = tf_gd.gradient_descent(lambda x: x[0] ** 2 + 3 * x[1] ** 2, [1.0, 2.0], **run)
    ax = path.plot()
    assert ax.collections
    np.testing.assert_allclose(path.objective(np.float32([[1, 0], [0, 1]])), [1, 3])


def test_an_objective_that_cannot_take_many_points_is_told():
    wrong = tf_gd.Objective("wrong", lambda x: x[0] ** 2 + x[1] ** 2, start=[1.0, 2.0])
    path = tf_gd.gradient_descent(wrong, learning_rate=0.1, steps=3)
    with pytest.raises(ValueError, match=r"write it for many points at once: x\[\.\.\., 0\]"):
        path.plot()


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


@pytest.mark.parametrize("losses", [[3.0, 1.0, -4.0], [-1.0, -2.0, -3.0], [0.0, 0.0]])
def test_losses_that_a_logarithm_would_hide_are_drawn_on_a_linear_scale(losses):
    ax = show.plot_losses({"by hand": np.array(losses)})
    assert ax.get_yscale() == "linear"
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), losses)


def test_a_loss_that_reaches_zero_or_rounds_below_the_lowest_stays_on_a_logarithm():
    assert show.plot_losses({"by hand": [1.0, 0.1, 0.0]}).get_yscale() == "log"
    ax = show.plot_losses({"by hand": [2.0, 1.1, 1.0 - 1e-16]}, lowest=1.0)
    assert ax.get_yscale() == "log"


def test_a_slope_lost_in_rounding_is_not_drawn_as_zero():
    path = tf_gd.gradient_descent(
        tf_gd.Objective("raised", lambda x: tf.constant(1e4) + x[..., 0] ** 2, start=[0.02]),
        learning_rate=0.1,
        steps=5,
    )
    bottom = show.plot_steps(path, path.objective)[1]
    drawn = next(line for line in bottom.lines if "5 steps" in line.get_label()).get_ydata()
    assert not (drawn == 0.0).any()


def test_a_legend_of_two_answers_of_one_method_tells_them_apart():
    problem = tf_gd.Problem("lecture_bowl", within=[tf_gd.constraints.HalfSpace([1.0, 1.0], 2.0)])
    answers = [problem.solve(learning_rate=rate) for rate in (0.2, 0.05)]
    ax = show.plot_solutions([*answers, *[problem.solve("scipy")] * 4])
    said = [text.get_text() for text in ax.get_legend().get_texts()]
    assert [text for text in said if text.endswith(": solved")] == [
        *(f"gradient descent {n}: solved" for n in (1, 2)),
        *(f"scipy {n}: solved" for n in (1, 2, 3, 4)),
    ]


@pytest.mark.parametrize(
    ("rate", "momentum", "nesterov", "stay"),
    [(0.016, 0.0, False, 3), (0.016, 0.5, False, 4), (0.016, 0.5, True, 2), (0.2, 0.1, False, 0)],
)
def test_momentum_moves_the_border_up_to_which_descent_can_stay(rate, momentum, nesterov, stay):
    # 2/L at the four minima: 0.0243, 0.0248, 0.0149 and 0.0190; with momentum 1/2 three halves of
    # that, with Nesterov's three quarters.
    how = dict(learning_rate=rate, momentum=momentum, nesterov=nesterov)
    found = tf_gd.basin_map("himmelblau", **how, steps=20, resolution=5)
    assert found.runs.stable.sum() == stay
    shown = [text.get_text() for text in found.plot().get_legend().get_texts()]
    assert any("too large" in text for text in shown) == (stay < 4)


@pytest.mark.parametrize(("frames", "seconds"), [(120, 1.0), (60, 5.0), (3, 2.0)])
def test_a_moving_picture_lasts_as_long_as_asked(frames, seconds, tmp_path):
    path = tf_gd.gradient_descent("square", [10.0], learning_rate=0.01, steps=200)
    with Image.open(show.animate(path, tmp_path / "a.gif", frames=frames, seconds=seconds)) as moving:
        pauses = []
        for number in range(moving.n_frames):
            moving.seek(number)
            pauses.append(moving.info["duration"])
    assert min(pauses) >= 20, "what viewers take as it is"
    assert sum(pauses) == pytest.approx(1000 * seconds, rel=0.3)


def test_paths_without_a_frame_to_draw_them_in():
    with pytest.raises(ValueError, match="trajectories: got no finite point"):
        show.plot_contours(lambda x: x[..., 0] ** 2 + x[..., 1] ** 2, {})


def test_an_infinite_distance_is_drawn_as_far_as_there_is_paper():
    found = type("Found", (), {"distances": np.array([0.0, 1.0, np.inf]), "rests": np.zeros(3), "causes": ()})()
    assert np.isfinite(show.plot_explanation(found).get_ylim()).all()
