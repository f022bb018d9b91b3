"""Slopes in pictures: tangents in one variable, arrows against the gradient in two."""

import numpy as np
import pytest
import tensorflow as tf

import tf_gd
from tf_gd.show.frame import slopes_of


def labels(ax) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


VALLEY = tf_gd.Objective(
    "valley",
    lambda x: tf.exp(x[..., 0]) - 2.0 * x[..., 0],
    start=[3.0],
    domain=[-2.5, 3.3],
    formula="exp(x) - 2 x",
)


def test_tangents_touch_the_curve_with_its_slope():
    path = tf_gd.gradient_descent(VALLEY, learning_rate=0.05, steps=20)
    top, bottom = path.plot(tangents=4)
    tangents = [line for line in top.lines if line.get_gid() == "tangent"]
    for line, x in zip(tangents, path.points[:4, 0], strict=True):
        (left, below), (right, above) = line.get_xydata()
        assert (above - below) / (right - left) == pytest.approx(np.exp(x) - 2, rel=1e-5)
        middle = [(left + right) / 2, (below + above) / 2]
        assert middle == pytest.approx([x, np.exp(x) - 2 * x], rel=1e-5)
        ends = top.transData.transform(line.get_xydata())
        assert 50 < np.linalg.norm(ends[1] - ends[0]) < 120  # pixels
    assert labels(top).count("tangent: slope $f'(x)$") == 1
    assert not [line for line in bottom.lines if line.get_gid() == "tangent"]
    assert top.get_title() == r"$f(x) = \exp (x) - 2 x$"


def test_no_tangent_where_the_path_has_left_the_picture():
    path = tf_gd.gradient_descent("square", learning_rate=1.1, steps=30)
    tangents = [line for line in path.plot(tangents=20)[0].lines if line.get_gid() == "tangent"]
    assert len(tangents) == 3  # 10, -12, 14.4, and then outside of 15


def gradient_of_the_lecture(x):
    return np.stack([4 * x[:, 0] + x[:, 1] - 6, x[:, 0] + 2 * x[:, 1] - 5], axis=1)


@pytest.mark.parametrize("own", [False, True], ids=["catalogue", "a function in float32"])
def test_arrows_go_against_the_gradient_at_right_angles_to_the_level_line(own):
    known = tf_gd.objectives.get("lecture_quadratic")
    mine = tf_gd.Objective("mine", known.fn, start=[-2.0, 4.5], domain=known.domain)
    run = dict(learning_rate=0.1, momentum=0.9, steps=20)  # a step is not along the gradient
    path = tf_gd.gradient_descent(mine if own else known, **run)
    ax = path.plot(arrows=6)
    ax.figure.canvas.draw()
    (quiver,) = [drawn for drawn in ax.collections if hasattr(drawn, "U")]
    at, arrows = quiver.get_offsets(), np.stack([quiver.U, quiver.V], axis=1)
    np.testing.assert_allclose(at, path.points[:6])
    wanted = -gradient_of_the_lecture(path.points[:6].astype("float64"))
    cosine = (arrows * wanted).sum(axis=1)
    cosine /= np.linalg.norm(arrows, axis=1) * np.linalg.norm(wanted, axis=1)
    np.testing.assert_allclose(cosine, 1, atol=1e-6 if own else 1e-12)
    np.testing.assert_allclose(np.linalg.norm(arrows, axis=1), 0.08 * 8)  # the frame is 8 wide
    pixels = ax.transData.transform
    shown = pixels(at + arrows) - pixels(at)
    along = pixels(at + wanted[:, ::-1] * [1, -1]) - pixels(at)  # the level line
    sizes = np.linalg.norm(shown, axis=1) * np.linalg.norm(along, axis=1)
    np.testing.assert_allclose((shown * along).sum(axis=1) / sizes, 0, atol=1e-3)
    heights = ax.collections[1].levels
    np.testing.assert_allclose(heights, np.sort(path.losses[:6]), rtol=1e-5)
    assert labels(ax).count("against the gradient") == 1


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", tf_gd.objectives.names())
def test_slopes_against_the_tape(name, dtype):
    f = tf_gd.objectives.get(name)
    frame = np.array(f.domain)
    points = tf.constant(np.random.default_rng(0).uniform(*frame.T, (50, f.dim)), tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(points)
        total = tf.reduce_sum(f(points))
    exact = tape.gradient(total, points).numpy()
    rough = tf_gd.Objective("rough", f.fn, start=f.start)  # computes in float32
    slopes = slopes_of(f if dtype == "float64" else rough, points.numpy(), frame)
    sizes = np.linalg.norm(exact, axis=1, keepdims=True)
    known = np.isfinite(slopes).all(axis=1)  # and not lost in rounding
    assert known.mean() >= (1 if dtype == "float64" else 0.96)
    within = 1e-9 if dtype == "float64" else 2e-2
    np.testing.assert_allclose((slopes / sizes)[known], (exact / sizes)[known], atol=within)


def test_arrows_where_there_are_none_to_draw():
    still = tf_gd.gradient_descent("booth", [1.0, 3.0], steps=2)  # at the minimum
    ax = still.plot(arrows=2)
    assert "against the gradient" not in labels(ax)
    flat = tf_gd.gradient_descent(lambda x: 0.0 * x[0] + x[1] * 0.0, [1.0, 2.0], steps=2)
    flat.plot(arrows=2).figure.canvas.draw()


def test_a_long_thin_path_is_drawn_to_scale():
    run = dict(learning_rate=0.1, steps=9)
    along = tf_gd.gradient_descent(lambda x: x[0] ** 2 + x[1] ** 2, [5.0, 0.0], **run)
    ax = along.plot(arrows=1)
    assert np.ptp(ax.get_xlim()) == pytest.approx(3 * np.ptp(ax.get_ylim()))
    assert ax.get_aspect() == 1


@pytest.mark.parametrize(
    ("name", "asked", "error", "message"),
    [
        ("booth", {"tangents": 3}, ValueError, r"tangents: got 3 .* 2 variables.*Use arrows=3"),
        ("square", {"arrows": 3}, ValueError, r"arrows: got 3 .* 1 variables.*Use tangents=3"),
        ("booth", {"arrows": -1}, ValueError, "arrows: got -1"),
        ("booth", {"arrows": 1.5}, TypeError, "arrows: got 1.5"),
        ("square", {"tangents": "2"}, TypeError, "tangents: got '2'"),
    ],
)
def test_what_cannot_be_drawn_is_said(name, asked, error, message):
    path = tf_gd.gradient_descent(name, learning_rate=0.01, steps=3)
    with pytest.raises(error, match=message):
        path.plot(**asked)


def test_neither_in_three_variables_nor_without_a_function():
    bowl = tf_gd.gradient_descent(tf_gd.objectives.get("bowl", dim=3), learning_rate=0.01, steps=3)
    with pytest.raises(ValueError, match="arrows: got 2 for a path in 3 variables"):
        bowl.plot(arrows=2)
    unknown = tf_gd.Trajectory(np.eye(2), np.ones(2), np.ones(2), np.arange(2))
    with pytest.raises(ValueError, match="arrows: got 2, and no objective"):
        unknown.plot(arrows=2)


def test_a_gradient_lost_in_rounding_has_no_direction():
    def f(x):
        return 1000 + 1e-4 * np.sum(np.asarray(x, "float32") ** 2, axis=-1, dtype="float32")

    points, frame = np.array([[0.1, 0.05], [500.0, -300.0]]), np.array([[-1e3, 1e3]] * 2)
    slopes = slopes_of(f, points, frame)
    assert np.isnan(slopes[0]).all()
    np.testing.assert_allclose(slopes[1], 2e-4 * points[1], rtol=0.05)
