"""The catalogue, against functions and gradients written again in NumPy, SciPy's minimiser and published minima."""

import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf
from problems import PROBLEMS

import tf_gd
from tf_gd import objectives

BY_NAME = {problem.name: problem for problem in PROBLEMS}


def test_the_table_of_problems_is_the_catalogue():
    assert sorted(BY_NAME) == objectives.names()
    assert len(objectives.names()) >= 16


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.name)
def test_value_and_gradient(problem):
    objective = objectives.get(problem.name)
    low, high = np.array(objective.domain).T
    for x in np.random.default_rng(0).uniform(low, high, (20, objective.dim)):
        point = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(point)
            value = objective(point)
        np.testing.assert_allclose(value, problem.f(x), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(tape.gradient(value, point), problem.gradient(x), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.name)
def test_a_batch_is_evaluated_point_by_point(problem):
    objective = objectives.get(problem.name)
    points = np.random.default_rng(0).uniform(-1, 1, (3, 4, objective.dim))
    values = objective(tf.constant(points))
    assert values.shape == (3, 4)
    assert float(values[1, 2]) == pytest.approx(problem.f(points[1, 2]))


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.name)
def test_minima(problem):
    """Each listed minimum is one: the gradient is zero, and SciPy, started beside it, comes back to it."""
    objective = objectives.get(problem.name)
    if problem.lowest is None:
        assert objective.minima == ()
        return
    for minimum in map(np.array, objective.minima):
        np.testing.assert_allclose(problem.gradient(minimum), 0, atol=1e-7)
        found = scipy.optimize.minimize(problem.f, minimum + 1e-3, jac=problem.gradient, tol=1e-12)
        np.testing.assert_allclose(found.x, minimum, atol=2e-5)
    assert problem.f(np.array(objective.minima[0])) == pytest.approx(problem.lowest, abs=1e-9)
    assert problem.f(np.array(objective.minima[0])) == min(problem.f(np.array(m)) for m in objective.minima)


def test_published_minima():
    him = np.array(objectives.get("himmelblau").minima)
    published = [[3, 2], [-2.80511809, 3.13131252], [-3.77931025, -3.28318599], [3.58442834, -1.84812653]]
    np.testing.assert_allclose(him, published, atol=5e-9)
    np.testing.assert_allclose(objectives.get("mccormick").minima[0], [-0.54719755, -1.54719755], atol=5e-9)
    np.testing.assert_allclose(objectives.get("styblinski_tang").minima[0], [-2.90353403] * 2, atol=5e-9)


def test_families():
    assert objectives.get("rosenbrock", dim=5).dim == 5
    x = np.random.default_rng(0).normal(size=5)
    assert float(objectives.get("rosenbrock", dim=5)(tf.constant(x))) == pytest.approx(scipy.optimize.rosen(x))
    bowl = objectives.get("bowl", dim=3, condition_number=100)
    with tf.GradientTape() as tape:
        x = tf.ones(3, tf.float64)
        tape.watch(x)
        value = bowl(x)
    np.testing.assert_allclose(tape.gradient(value, x), [1, 10, 100])
    assert objectives.get("rastrigin", dim=1).dim == 1


@pytest.mark.parametrize(
    ("name", "parameters", "error", "message"),
    [
        ("rosenbrok", {}, ValueError, "no objective is called 'rosenbrok'.*Did you mean 'rosenbrock'"),
        ("", {}, ValueError, "no objective is called"),
        (3, {}, TypeError, "expected a name"),
        ("beale", {"dim": 3}, ValueError, "got the parameter 'dim', expected none"),
        ("bowl", {"kappa": 3}, ValueError, "expected dim or condition_number"),
        ("bowl", {"dim": 0}, ValueError, "dim: got 0, expected a whole number from 1"),
        ("bowl", {"condition_number": 0.5}, ValueError, "expected a finite number at least 1"),
        ("rosenbrock", {"dim": 1}, ValueError, "dim: got 1"),
        ("bowl", {"dim": [2]}, TypeError, r"dim: got \[2\] \(list\), expected a number"),
    ],
)
def test_bad_look_ups(name, parameters, error, message):
    with pytest.raises(error, match=message):
        objectives.get(name, **parameters)


def test_bad_objectives():
    def f(x):
        return tf.reduce_sum(x**2, axis=-1)

    with pytest.raises(TypeError, match="fn: got 3, expected a callable"):
        tf_gd.Objective("f", 3, start=[1.0])
    with pytest.raises(ValueError, match=r"minima: got \[1.0\], expected 2 coordinates"):
        tf_gd.Objective("f", f, start=[1.0, 2.0], minima=[[1.0]])
    with pytest.raises(ValueError, match="domain: got"):
        tf_gd.Objective("f", f, start=[1.0, 2.0], domain=[[3, 1], [0, 1]])
    with pytest.raises(TypeError, match="domain: got 'x'"):
        tf_gd.Objective("f", f, start=[1.0, 2.0], domain="x")
    with pytest.raises(TypeError, match=r"minima: got 0\.0, expected a list of points"):
        tf_gd.Objective("f", f, start=[1.0], minima=0.0)
    with pytest.raises(ValueError, match="expected finite coordinates"):
        tf_gd.Objective("f", f, start=[np.nan])


def test_a_point_of_another_dimension_and_whole_numbers():
    booth = objectives.get("booth")
    with pytest.raises(ValueError, match=r"x: got shape \(3,\), expected \(..., 2\) for 'booth'"):
        booth([1.0, 2.0, 3.0])
    assert float(booth(tf.constant([1, 3]))) == 0.0  # its minimum
