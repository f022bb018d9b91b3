"""Pictures of constraints and of many starts, moving pictures, and what holds for all pictures."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes

import tf_gd
from tf_gd import constraints, rates, show
from tf_gd.show.feasible import two_part_steps


def labels(ax) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


# --- constraints


HALF_PLANE = constraints.HalfSpace([1.0, 1.0], 2.0)
STEEP, FLAT = [[9.0, 1.0], [1.0, 2.0]], [[0.1, 0.0], [0.0, 0.02]]


class Logged:
    """A set that writes down what it is asked."""

    def __init__(self, inner):
        self._set, self.asked = inner, []

    def __getattr__(self, name):
        return getattr(self._set, name)

    def project(self, x):
        answer = self._set.project(x)
        self.asked.append((np.array(x), np.array(answer)))
        return answer


def _out(ax) -> list:
    return [line.get_xydata() for line in ax.lines if line.get_gid() == "out"]


def test_a_projected_step_goes_against_the_gradient_out_and_straight_back():
    problem = tf_gd.Problem("lecture_bowl", start=[-1.0, 2.0], within=[HALF_PLANE])
    solution = problem.solve(learning_rate=0.2)
    steps, points = two_part_steps(problem, solution.trajectory), solution.trajectory.points
    np.testing.assert_array_equal(steps[:5, 0], points[:5])
    np.testing.assert_allclose(steps[:, 1], steps[:, 0] - 0.2 * 2 * (steps[:, 0] - 3.0))
    over = (steps[:, 1].sum(axis=1) - 2) / 2  # back along (1, 1), the normal
    np.testing.assert_allclose(steps[:, 2], steps[:, 1] - over[:, None])
    np.testing.assert_array_equal(steps[:5, 2], points[1:6])
    ax = solution.plot()
    out = _out(ax)
    back = [line.get_xydata() for line in ax.lines if line.get_gid() == "back"]
    assert len(out) > 3
    np.testing.assert_allclose(out, steps[: len(out), :2])
    np.testing.assert_allclose(back, steps[: len(back), 1:])
    assert {"against the gradient, out", "back: the projection"} <= set(labels(ax))
    assert "gradient descent: rate 0.2, 32 steps" in labels(ax)


@pytest.mark.parametrize(
    ("start", "matrix", "inner"),
    [
        ([-1.0, 2.0], STEEP, HALF_PLANE),
        ([-4.0, 6.0], STEEP, HALF_PLANE),
        ([0.0, 0.0], STEEP, HALF_PLANE),
        ([-40.0, -40.0], FLAT, HALF_PLANE),  # the rate grows
        ([0.0, 0.0], STEEP, constraints.Box(-1.0, 1.0)),  # many rates lead to the same corner
    ],
)
def test_the_rates_that_were_found_are_found_again(start, matrix, inner):
    """At each record rate 1 is tried, to see whether to stop; what was asked before is the step."""
    asked, linear = Logged(inner), -3.0 * np.sum(matrix, axis=0)  # lowest at (3, 3)
    ellipse = tf_gd.objectives.quadratic(matrix, linear, start=start)
    problem = tf_gd.Problem(ellipse, within=[asked])
    trajectory = problem.solve(steps=30).trajectory
    points = trajectory.points
    gradients = points @ np.array(matrix) + linear
    inputs = np.array([x for x, _ in asked.asked])
    away = np.abs(inputs - (points - gradients)[:, None]).max(axis=2)
    tests = away.argmin(axis=1)
    np.testing.assert_allclose(away.min(axis=1), 0, atol=1e-12)
    taken = [asked.asked[number - 1] for number in tests[1:]]
    steps = two_part_steps(problem, trajectory)
    assert len(steps)
    for begin, out, end in steps[np.abs(steps[:, 2] - steps[:, 0]).max(axis=1) > 1e-3]:
        number = int(np.flatnonzero((points[:-1] == begin).all(axis=1))[0])
        np.testing.assert_allclose(out, taken[number][0], atol=1e-9)
        np.testing.assert_allclose(end, taken[number][1], atol=1e-9)


def test_no_such_steps_where_multipliers_keep_the_constraints():
    far = [constraints.at_most(lambda x: x[0], 100.0)]
    run = dict(start=[0.0, 0.5], within=[HALF_PLANE])
    assert len(_out(tf_gd.Problem("lecture_bowl", **run).solve().plot()))
    ax = tf_gd.Problem("lecture_bowl", **run, inequality=far).solve().plot()
    assert not _out(ax)
    assert "not allowed" in labels(ax)


# --- all of them


def test_pictures_of_many_starts_say_what_and_with_which_rate():
    found = tf_gd.basin_map("himmelblau", learning_rate=0.0155, steps=200, resolution=15)
    ax = found.plot()
    formula, setting = ax.get_title().splitlines()
    assert formula == "$f(x) = (x_1^2 + x_2 - 11)^2 + (x_1 + x_2^2 - 7)^2$"
    assert "learning rate 0.0155" in setting
    assert labels(ax) == [
        "minimum, with its share of the grid",
        "minimum that this rate is too large to stay at",
        "settles nowhere",
    ]
    one = tf_gd.multi_start("double_well", 20, learning_rate=0.05, momentum=0.5, seed=0)
    ax = one.plot()
    assert "learning rate 0.05, momentum 0.5" in ax.get_title()
    marked = [line for line in ax.lines if line.get_label().startswith("minimum ")]
    np.testing.assert_allclose([line.get_xydata()[0] for line in marked], [[1, 0], [-1, 0]])


def test_a_moving_picture_says_the_rate(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(Axes, "set_title", lambda ax, label, **_: said.append(label) or ax.title)
    run = tf_gd.gradient_descent("booth", learning_rate=0.05, momentum=0.5, steps=3)
    show.animate({"mine": run}, tmp_path / "a.gif", frames=2, seconds=0.1)
    assert "mine: rate 0.05, momentum 0.5\nstep 3, loss " in said[-1][:44]


def test_every_picture_has_a_title_and_says_what_its_axes_are():
    path = tf_gd.gradient_descent("booth", steps=3)
    bowl = tf_gd.gradient_descent(tf_gd.objectives.get("bowl", dim=3), steps=3)
    drawn = [
        path.plot(),
        bowl.plot(),
        tf_gd.gradient_descent("square", steps=3).plot()[0],
        tf_gd.compare("booth", steps=3).plot(),
        show.plot_losses({"a": [1.0, 0.5]}),
        show.plot_distance([0, 1], [0, 1], [0.0, 1e-7]),
        show.plot_learning_rates([0.1, 1.0], [1.0, 0.1], 2.0),
        show.plot_sharpness([0, 1], [1.0, 2.0], [3.0, 3.0]),
        rates.rate_map([1.0, 10.0], resolution=5).plot(),
        tf_gd.multi_start(tf_gd.objectives.get("bowl", dim=3), 5, seed=0).plot(),
        tf_gd.Problem("lecture_bowl").solve().plot(),
    ]
    for ax in drawn:
        assert ax.get_title()
        assert ax.get_ylabel() or ax.get_yticklabels()
    plt.close("all")
