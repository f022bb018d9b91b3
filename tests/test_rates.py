"""Rates of convergence: against published values, matrices written out, and runs; and moving pictures."""

import numpy as np
import pytest
from PIL import Image

import tf_gd
from tf_gd import rates, show

CURVATURES = [1.0, 100.0]


def matrix(lam, rate, momentum, nesterov):
    """The step on lam x^2 / 2 as a matrix on (x, v), from the update written out."""
    if nesterov:  # v = m v - r lam x; x = x + m v - r lam x
        return [[1 - rate * lam * (1 + momentum), momentum**2], [-rate * lam, momentum]]
    return [[1 - rate * lam, momentum], [-rate * lam, momentum]]


@pytest.mark.parametrize("nesterov", [False, True])
def test_the_factor_is_the_spectral_radius(nesterov):
    generator = np.random.default_rng(0)
    for rate, momentum in generator.uniform([0, 0], [0.04, 1], (50, 2)):
        radii = [np.abs(np.linalg.eigvals(matrix(lam, rate, momentum, nesterov))).max() for lam in CURVATURES]
        assert rates.predicted(CURVATURES, rate, momentum, nesterov) == pytest.approx(max(radii), abs=1e-7)


@pytest.mark.parametrize(
    ("kind", "rate", "momentum", "factor"),
    [
        ("plain", 2 / 101, 0.0, 99 / 101),
        ("momentum", 0.0330578512, 0.6694214876, 9 / 11),
        ("nesterov", 0.01, 9 / 11, 0.9),
    ],
)
def test_the_best_settings(kind, rate, momentum, factor):
    """Polyak's optimum and the others for curvatures from 1 to 100; no other settings near do better."""
    best = rates.best(CURVATURES, kind)
    assert (best.learning_rate, best.momentum) == pytest.approx((rate, momentum), abs=1e-9)
    assert best.factor == pytest.approx(factor, abs=1e-6)
    if kind == "momentum":
        around = rates.rate_map(CURVATURES).factors
        assert around.min() == pytest.approx(factor, abs=0.01)
        assert around.min() >= factor - 1e-6


def test_heavy_ball_is_stable_below_2_plus_2_beta():
    for beta in (0.0, 0.3, 0.9):
        border = (2 + 2 * beta) / 100
        assert rates.predicted(CURVATURES, 0.999 * border, beta) < 1
        assert rates.predicted(CURVATURES, 1.001 * border, beta) > 1


@pytest.mark.parametrize(("kind", "skip"), [("plain", 0.5), ("nesterov", 0.7)])
def test_a_run_is_as_fast_as_predicted(kind, skip):
    bowl = tf_gd.objectives.get("bowl", condition_number=100)
    best = rates.best(rates.eigenvalues(bowl), kind)
    settings = dict(learning_rate=best.learning_rate, momentum=best.momentum, nesterov=best.nesterov, dtype="float64")
    path = tf_gd.gradient_descent(bowl, [1.0, 1.0], steps=300, **settings)
    assert rates.measured(path, [0.0, 0.0], skip) == pytest.approx(best.factor, rel=5e-3)


def test_eigenvalues_and_condition_numbers():
    np.testing.assert_allclose(rates.eigenvalues("rosenbrock"), [0.3993608, 1001.600640], rtol=1e-6)
    assert rates.condition_number("lecture_bowl") == pytest.approx(1.0)
    assert rates.condition_number("square") == pytest.approx(1.0)
    assert rates.condition_number(tf_gd.objectives.get("bowl", condition_number=50.0)) == pytest.approx(50.0)
    np.testing.assert_allclose(rates.eigenvalues(lambda x: x[0] ** 2 - x[1] ** 2, [1.0, 2.0]), [-2, 2])
    with pytest.raises(ValueError, match="the Hessian has the eigenvalue -1 there"):
        rates.condition_number("saddle")
    with pytest.raises(ValueError, match="got 3 coordinates, expected 2"):
        rates.eigenvalues("booth", [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="expected all above 0"):
        rates.best([0.0, 1.0])
    with pytest.raises(ValueError, match="minimum: got 3 coordinates, expected 1"):
        rates.measured(tf_gd.gradient_descent("square", steps=9), [0.0, 0.0, 0.0])
    with pytest.raises(TypeError, match="trajectory: got int"):
        rates.measured(3, [0.0])
    with pytest.raises(ValueError, match="not finite"):
        rates.predicted([1.0], float("nan"))
    with pytest.raises(ValueError, match="fewer than two records"):
        rates.measured(tf_gd.gradient_descent("square", steps=1), [0.0], skip=0.9)


def test_the_map_of_rates():
    found = rates.rate_map(CURVATURES, nesterov=True, resolution=31)
    assert found.factors.shape == (31, 31)
    assert found.factors[3, 5] == pytest.approx(
        rates.predicted(CURVATURES, found.learning_rates[5], found.momenta[3], nesterov=True)
    )
    ax = rates.rate_map(CURVATURES, resolution=31).plot()
    assert ax.lines[-1].get_xydata().ravel() == pytest.approx([3.30578512, 0.6694214876])


# --- moving pictures


@pytest.mark.parametrize("name", ["square", "booth", "bowl of 3", "diverging"])
def test_a_moving_picture(name, tmp_path):
    objective = tf_gd.objectives.get("bowl", dim=3) if name == "bowl of 3" else "square" if name == "diverging" else name
    rate = 3.0 if name == "diverging" else 0.05
    run = tf_gd.gradient_descent(objective, learning_rate=rate, steps=200)
    path = show.animate({"one": run, "two": run}, tmp_path / "new" / "a.gif", frames=9, seconds=1)
    with Image.open(path) as image:
        assert image.n_frames == 9
        assert image.size == (704, 352)
        first = np.asarray(image.convert("RGB"))
        image.seek(8)
        assert (first != np.asarray(image.convert("RGB"))).any()
    assert [file.name for file in path.parent.iterdir()] == ["a.gif"]


def test_what_cannot_be_animated(tmp_path, monkeypatch):
    run = tf_gd.gradient_descent("square", steps=2)
    with pytest.raises(ValueError, match=r"expected a name that ends in .gif or .mp4"):
        show.animate(run, tmp_path / "a.png")
    with pytest.raises(ValueError, match="frames: got 121"):
        show.animate(run, tmp_path / "a.gif", frames=121)
    for frames, seconds in (("5", 1), (5.5, 1), (5, float("inf")), (5, 1e9)):
        with pytest.raises((TypeError, ValueError), match=r"(frames|seconds): got"):
            show.animate(run, tmp_path / "a.gif", frames=frames, seconds=seconds)
    for wrong in ([run], {"a": 3}):
        with pytest.raises(TypeError, match="trajectories: got"):
            show.animate(wrong, tmp_path / "a.gif")
    with pytest.raises(TypeError, match="objective: got 'booth'"):
        show.animate(run, tmp_path / "a.gif", objective="booth")
    for nowhere in (tmp_path, None):
        with pytest.raises((TypeError, ValueError), match=r"path: got .* expected"):
            show.animate(run, nowhere)
    with pytest.raises(ValueError, match="trajectories: got 5"):
        show.animate(dict.fromkeys("abcde", run), tmp_path / "a.gif")
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(ValueError, match="there is no ffmpeg"):
        show.animate(run, tmp_path / "a.mp4")
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="cannot write"):
        show.animate(run, tmp_path / "file" / "a.gif")


def test_what_overflows_diverges():
    assert rates.predicted([1.0, 1e10], 1e300) == np.inf
    assert rates.predicted([1.0], [1e308, 1.0], 0.5).tolist() == [np.inf, np.sqrt(0.5)]
    with pytest.raises(ValueError, match="curvatures: got"):
        rates.best([1e-200, 1e200])
