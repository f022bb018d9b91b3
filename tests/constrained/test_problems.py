"""Problems with constraints: projections against SciPy, solutions against arithmetic and against each other."""

import time

import matplotlib.pyplot as plt
import numpy as np
import pytest
import tensorflow as tf
from scipy import optimize

import tf_gd
from tf_gd import constraints as c

GENERATOR = np.random.default_rng(0)
SETS = {
    "box": c.Box([-1.0, 0.0, -np.inf], [1.0, 0.5, 2.0]),
    "ball": c.Ball([1.0, -1.0, 0.5], 0.7),
    "half-space": c.HalfSpace([1.0, 2.0, -1.0], 0.3),
    "affine": c.Affine([[1.0, 1.0, 1.0], [0.0, 1.0, -1.0]], [1.0, 0.5]),
    "simplex": c.Simplex(2.0),
    "overlap": c.Intersection([c.Box(-1, 1), c.HalfSpace([1.0, 2.0, -1.0], 0.3), c.Ball([0.0, 0.0, 0.0], 1.2)]),
}


@pytest.mark.parametrize("name", SETS)
def test_projections_are_the_nearest_points(name):
    """Against SciPy's SLSQP on the inequalities that describe the set."""
    one = SETS[name]
    for point in GENERATOR.normal(scale=2.0, size=(6, 3)):
        kinds = (("ineq", lambda x: -np.append(one.inequalities(x), -1.0)), ("eq", one.equalities))
        given = [{"type": kind, "fun": function} for kind, function in kinds if len(function(point))]
        nearest = optimize.minimize(
            lambda x, point=point: np.sum((x - point) ** 2), np.zeros(3), constraints=given, options={"ftol": 1e-14}
        )
        np.testing.assert_allclose(one.project(point), nearest.x, atol=2e-5)
        np.testing.assert_allclose(one.project(one.project(point)), one.project(point), atol=1e-8)
        assert one.distance(point) == pytest.approx(np.linalg.norm(point - nearest.x), abs=1e-4)
        inside = one.project(point)
        assert one.inequalities(inside).max(initial=0.0) < 1e-7
        assert np.abs(one.equalities(inside)).max(initial=0.0) < 1e-7
        tensors = one.inequalities(tf.constant(point)).numpy()
        np.testing.assert_allclose(tensors, one.inequalities(point))


def test_projections_from_far_away():
    """Where the squares of the coordinates overflow, and where the total is nothing beside them; by arithmetic."""
    np.testing.assert_allclose(c.Simplex().project([1e20, 0.0, -1e20]), [1.0, 0.0, 0.0])
    np.testing.assert_allclose(c.Ball([0.0, 0.0], 1.0).project([3e200, 4e200]), [0.6, 0.8])
    assert np.isnan(c.HalfSpace([1.0, 1.0], 0.0).project([np.inf, 0.0])).all()
    with pytest.raises(ValueError, match=r"x: got an array of shape \(3,\), expected \(2\)"):
        c.Ball([0.0, 0.0], 1.0).project([1.0, 2.0, 3.0])


def test_one_projection_after_the_other_is_not_the_nearest_point():
    """The reason for Dykstra's corrections: in the overlap of a line and a half-plane beside it."""
    sets = [c.HalfSpace([0.0, 1.0], 0.0), c.HalfSpace([1.0, 1.0], 0.0)]
    point = np.array([1.0, 1.0])
    np.testing.assert_allclose(c.Intersection(sets).project([1.0, 2.0]), [0.0, 0.0], atol=1e-8)
    once = sets[1].project(sets[0].project(point))
    assert np.linalg.norm(once - point) > np.linalg.norm(c.Intersection(sets).project(point) - point) + 0.1


def bowl_on(**constraints):
    return tf_gd.Problem("lecture_bowl", **constraints)


LINE = dict(within=[c.Affine([[1.0, 1.0]], [2.0])])
CASES = {
    "no constraint: [[4, 1], [1, 2]] x = [6, 5]": (tf_gd.Problem("lecture_quadratic"), [1.0, 2.0], -8.0),
    "x1 + x2 <= 2, from (3, 3)": (bowl_on(within=[c.HalfSpace([1.0, 1.0], 2.0)]), [1.0, 1.0], 8.0),
    "x1 + x2 <= 2 as a function": (bowl_on(inequality=[lambda x: x[0] + x[1] - 2.0]), [1.0, 1.0], 8.0),
    "the unit circle": (bowl_on(equality=[c.equal_to(lambda x: x[0] ** 2 + x[1] ** 2, 1.0)]), [0.5**0.5] * 2, None),
    "in the box [0, 1] x [0, 2]": (bowl_on(within=[c.Box([0, 0], [1, 2])]), [1.0, 2.0], 5.0),
    "a constraint that does not matter": (bowl_on(within=[c.Box(0, 10)]), [3.0, 3.0], 0.0),
    "on the line x1 + x2 = 2": (tf_gd.Problem("lecture_quadratic", **LINE), [0.75, 1.25], -7.125),
    "the top of a disc": (
        tf_gd.Problem(lambda x: x[0] + 2 * x[1], start=[0.0, 0.0], within=[c.Ball([0.0, 0.0], 1.0)], sense="max"),
        [0.2**0.5, 2 * 0.2**0.5],
        5**0.5,
    ),
    "at least 1 in each": (bowl_on(inequality=[c.at_least(lambda x: x, 4.0)]), [4.0, 4.0], 2.0),
    "probabilities": (
        tf_gd.Problem(lambda x: tf.reduce_sum((x - [0.9, 0.8, -0.3]) ** 2), start=[0.1, 0.2, 0.7], within=c.Simplex()),
        [0.55, 0.45, 0.0],
        0.335,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_all_methods_find_the_solution_worked_out_by_hand(name):
    problem, x, value = CASES[name]
    answers = problem.solve_all()
    assert len(answers) >= 2
    for answer in answers:
        assert answer.outcome == "solved", str(answers)
        np.testing.assert_allclose(answer.x, x, atol=2e-5)
        assert value is None or answer.value == pytest.approx(value, abs=1e-5)
        assert answer.residual < 1e-5
        assert problem.violation(answer.x) < 1e-6
    assert max(map(len, str(answers).splitlines()[: len(answers) + 2])) <= 80


@pytest.mark.parametrize("name", CASES)
def test_the_standard_form_has_the_same_solution(name):
    problem, x, value = CASES[name]
    standard = problem.standard_form()
    assert (standard.sense, standard.equality, standard.within) == ("min", (), ())
    answer = standard.solve("scipy")
    np.testing.assert_allclose(answer.x, x, atol=2e-5)
    sign = -1.0 if problem.sense == "max" else 1.0
    assert value is None or sign * answer.value == pytest.approx(value, abs=1e-5)
    assert standard.violation(problem.start + 0.1) == pytest.approx(problem.violation(problem.start + 0.1), abs=1e-9)


def test_multipliers_are_the_price_of_a_constraint():
    """min |x - (3, 3)|^2 with x1 + x2 <= b has the value (6 - b)^2 / 2: its slope in b is -(6 - b), and mu = 6 - b."""
    for bound in (2.0, 4.0):
        answer = bowl_on(inequality=[c.at_most(lambda x: x[0] + x[1], bound)]).solve()
        assert answer.inequality_multipliers == pytest.approx([6 - bound], abs=1e-4)
        assert answer.value == pytest.approx((6 - bound) ** 2 / 2, abs=1e-4)


def test_a_point_that_is_not_optimal_has_a_residual():
    from tf_gd.constrained.solution import conditions

    problem = bowl_on(within=[c.HalfSpace([1.0, 1.0], 2.0)])
    at = conditions(problem, np.array([2.0, 0.0]))  # on the border, gradient (-2, -6), normal (1, 1)
    assert at["stationarity"] == pytest.approx(np.hypot(2, 2) / (1 + np.hypot(2, 6)))
    assert conditions(problem, np.array([2.0, 2.0]))["violation"] == pytest.approx(2.0)


@pytest.mark.parametrize(
    "problem",
    [
        bowl_on(within=[c.Box(0, 1), c.HalfSpace([1.0, 1.0], -1.0)]),
        bowl_on(inequality=[lambda x: x[0] ** 2 + x[1] ** 2 + 1.0]),
        bowl_on(inequality=[lambda x: x[0] + 1.0, lambda x: 1.0 - x[0]]),
        bowl_on(equality=[lambda x: x[0] - 1.0, lambda x: x[0] - 2.0]),
    ],
    ids=["sets", "a square below zero", "two bounds", "two equations"],
)
def test_constraints_that_contradict_each_other(problem):
    answers = problem.solve_all()
    assert {answer.outcome for answer in answers} == {"infeasible"}, str(answers)


@pytest.mark.parametrize(
    "problem",
    [
        tf_gd.Problem(lambda x: x[0] + 2 * x[1], start=[0.0, 0.0]),
        tf_gd.Problem("lecture_bowl", sense="max", start=[1.0, 2.0]),
        tf_gd.Problem("saddle", start=[1.0, 0.1]),
        tf_gd.Problem(lambda x: x[0], start=[0.0, 0.0], within=[c.HalfSpace([1.0, 1.0], 1.0)]),
    ],
    ids=["linear", "a bowl upwards", "saddle", "half-plane"],
)
def test_problems_without_a_lowest_value(problem):
    answers = problem.solve_all()
    assert {answer.outcome for answer in answers} == {"unbounded"}, str(answers)


@pytest.mark.parametrize(
    ("problem", "x"),
    [
        (tf_gd.Problem(lambda x: -(x[0] ** 4), start=[0.5], inequality=[lambda x: x[0] - 1, lambda x: -1 - x[0]]), 1.0),
        (tf_gd.Problem(lambda x: 1e-8 * (x[0] - 3.0) ** 2, start=[0.0]), 3.0),
        (tf_gd.Problem(lambda x: tf.abs(x[0] - 3.0) ** 1.5, start=[0.0]), 3.0),
    ],
    ids=["a penalty that is too weak at first", "small units", "no second derivative"],
)
def test_what_is_bounded_is_not_called_unbounded(problem, x):
    answers = problem.solve_all()
    assert answers[0].outcome == "solved", str(answers)
    np.testing.assert_allclose(np.abs(answers[0].x), x, atol=1e-3)
    assert "unbounded" not in {answer.outcome for answer in answers}


def linear(*weights, start=None, **given):
    """Return the problem with the objective ``weights @ x``, from 0 by default."""
    weights = tf.constant(weights, tf.float64)
    start = np.zeros(len(weights)) if start is None else start
    return tf_gd.Problem(lambda x: tf.reduce_sum(weights * x), start=start, **given)


def curved(objective, *start, **given):
    return tf_gd.Problem(objective, start=start, **given)


UP, SLIM = dict(within=c.Box(0, np.inf)), dict(inequality=lambda x: x[0] - 4.0)
FACTORY = dict(sense="max", **UP, **SLIM)

# By hand: f at these points, which the constraints allow, gets better without end as t grows.
UNBOUNDED = {
    "the factory with machine A": (linear(3, 5, **FACTORY), lambda t: [4, t]),
    "from where it may not start": (linear(3, 5, start=[10.0, -3.0], **FACTORY), lambda t: [4, t]),
    "from far away": (linear(3, 5, start=[1e6, 1e6], **FACTORY), lambda t: [4, t]),
    "a slope of 1e-12": (linear(-1e-12, -1e-12, **UP, **SLIM), lambda t: [4, t]),
    "in large units": (
        linear(-3e6, -5e6, **UP, inequality=lambda x: 1e6 * x[0] - 4e6),
        lambda t: [4, t],
    ),
    "a half-space": (
        linear(1, 1, inequality=lambda x: 1 - 100 * x[0] - x[1]),
        lambda t: [t, 1 - 100 * t],
    ),
    "a wedge": (
        linear(1, 0, inequality=[lambda x: x[1] - 3 * x[0] - 1, lambda x: x[1] + 0.1 * x[0] - 1]),
        lambda t: [-t, -1 - 3 * t],
    ),
    "a round cone": (
        linear(-1, 0, 0, start=[0.1, 0.2, 1.0], inequality=lambda x: tf.norm(x[:2]) - x[2]),
        lambda t: [t, 0, t],
    ),
    "a parabola": (
        linear(-1, 0, start=[0.5, 1.0], inequality=lambda x: x[0] ** 2 - x[1]),
        lambda t: [t, t * t],
    ),
    "a plane": (
        linear(1, -1, 0, equality=lambda x: x[0] - x[1] + x[2] - 1, **UP),
        lambda t: [0, t, 1 + t],
    ),
    "a saddle on a line": (
        curved("saddle", 2.0, 0.3, equality=lambda x: x[0] - 0.5 * x[1] - 1),
        lambda t: [1 + 0.5 * t, t],
    ),
    "a bowl upwards in a strip": (
        curved("ellipse", 1.0, -2.0, sense="max", inequality=lambda x: x[0] ** 2 - 9.0),
        lambda t: [3, -t],
    ),
    "an exponential upwards": (
        curved(lambda x: tf.exp(x[0]) + x[1] ** 2, 0.0, 0.5, sense="max"),
        lambda t: [0, t],
    ),
    "-log": (curved(lambda x: -tf.math.log(x[0]), 1.0), lambda t: [t]),
    "-log and a bound": (
        curved(lambda x: -tf.reduce_sum(tf.math.log(x)), 1.0, 1.0, **SLIM),
        lambda t: [4, t],
    ),
    "-sqrt": (curved(lambda x: -tf.sqrt(x[0] + x[1]), 1.0, 1.0, **UP, **SLIM), lambda t: [4, t]),
    "a gentle valley": (curved(lambda x: x[0] ** 2 - 1e-3 * x[1], 1.0, 0.0), lambda t: [0, t]),
    "a steep valley and a bound": (
        curved(
            lambda x: 100 * (x[0] - x[1]) ** 2 - tf.reduce_sum(x),
            *(0.0, 1.0, 0.0),
            inequality=lambda x: x[0] + x[2] - 4.0,
        ),
        lambda t: [t, t, 4 - t],
    ),
}


@pytest.mark.parametrize("name", UNBOUNDED)
def test_unbounded_is_said_soon_by_every_method(name):
    """In seconds of the processor, the compiling of the problem's functions included."""
    problem, path = UNBOUNDED[name]
    points = [np.array(path(t), "float64") for t in (1e2, 1e4, 1e6)]
    assert max(map(problem.violation, points)) <= 1e-6
    better = np.diff([float(problem.f(point)) for point in points])
    assert (better < 0).all()
    begun = time.process_time()
    answers = problem.solve_all()
    assert len(answers) >= 2
    assert {answer.outcome for answer in answers} == {"unbounded"}, str(answers)
    assert answers[0].steps < 200
    assert time.process_time() - begun < 3 * len(answers)


@pytest.mark.parametrize("name", ["the factory with machine A", "a plane", "-sqrt"])
def test_the_standard_form_is_unbounded_as_well(name):
    standard = UNBOUNDED[name][0].standard_form()
    assert {answer.outcome for answer in standard.solve_all()} == {"unbounded"}


@pytest.mark.parametrize("rate", [0.01, 1.0])
def test_unbounded_with_a_fixed_learning_rate(rate):
    """The larger is too large for the penalty, and the walk diverges."""
    problem = UNBOUNDED["the factory with machine A"][0]
    assert problem.solve(learning_rate=rate).outcome == "unbounded"


# By hand: where the constraints hold, f is nowhere lower than this.
BOUNDED = {
    "exp(-x)": (curved(lambda x: tf.exp(-x[0]), 0.0), 0.0),
    "exp(-x) and a bound": (
        curved(lambda x: tf.reduce_sum(tf.exp(-x)), 0.0, 0.0, **SLIM),
        np.exp(-4.0),
    ),
    "1/x": (curved(lambda x: 1 / x[0], 1.0, within=c.Box(0.1, np.inf)), 0.0),
    "x^-0.01": (curved(lambda x: x[0] ** -0.01, 1.0, within=c.Box(0.1, np.inf)), 0.0),
    "arctan": (curved(lambda x: -tf.atan(x[0]), 0.0), -np.pi / 2),
    "a barrier": (curved(lambda x: 1e-6 * x[0] - tf.math.log(x[0]), 1.0), 1 - np.log(1e6)),
    "a minimum 1e6 away": (
        curved(
            lambda x: 0.5e-6 * (x[0] - 1e6) ** 2 + x[1] ** 2,
            *(0.0, 1.0),
            inequality=lambda x: x[1] - 4.0,
        ),
        0.0,
    ),
    "a kink 1e3 away": (curved(lambda x: tf.abs(x[0] - 1e3), 0.0), 0.0),
    "a hyperbola 1e7 away": (curved(lambda x: tf.sqrt(1 + (x[0] - 1e7) ** 2), 0.0), 1.0),
    "1, rounded": (curved(lambda x: (x[0] + 1) ** 2 - x[0] ** 2 - 2 * x[0], 3.0), 1.0),
    "a level diagonal": (
        curved(lambda x: tf.reduce_sum((x[1:] - x[:-1]) ** 2), 0.3, 70.1, -5.7),
        0.0,
    ),
    "rosenbrock": (tf_gd.Problem("rosenbrock", inequality=lambda x: x[0] - 0.5), 0.25),
    "the whole factory": (
        linear(
            *(-3, -5),
            inequality=[lambda x: x - [4.0, 6.0], lambda x: 3 * x[0] + 2 * x[1] - 18],
            **UP,
        ),
        -36.0,
    ),
    "a bound 1e6 away": (linear(-1, -1, inequality=lambda x: x - [1e6, 1.0]), -1e6 - 1),
    "in small units": (linear(-1, 0, inequality=lambda x: 1e-7 * x[0] - 1.0), -1e7),
    "a bound that slants": (
        linear(0, -1, **UP, inequality=lambda x: x[0] + 1e-4 * x[1] - 1),
        -1e4,
    ),
    "a reciprocal": (linear(-1, start=[1.0], inequality=lambda x: 1e-5 - 1 / x[0]), -1e5),
    "a disc": (linear(-1, -2, inequality=lambda x: tf.reduce_sum(x * x) - 1), -(5**0.5)),
    "nothing to gain": (curved(lambda x: 0 * x[0], 3.0, 2.0, inequality=lambda x: x[0] - 1), 0.0),
}


@pytest.mark.parametrize("name", BOUNDED)
def test_what_tempts_is_not_called_unbounded(name):
    problem, lowest = BOUNDED[name]
    answers = problem.solve_all(steps=600)
    assert answers[1].outcome == "solved"
    assert not {answer.outcome for answer in answers} & {"unbounded", "infeasible"}, str(answers)
    for answer in answers:
        if answer.outcome == "solved":
            assert answer.value >= lowest - 1e-6 * (1 + abs(lowest))
    assert problem.solve(learning_rate=0.1, tolerance=1e-20, steps=300).outcome != "unbounded"


def test_falling_by_rounding_alone_is_not_falling():
    """Along a level diagonal f stays, but for a way 1e-16 off; far away all contradictions are small."""
    from tf_gd.constrained.unbounded import endless

    level = BOUNDED["a level diagonal"][0]
    for x in GENERATOR.normal(scale=3e3, size=(40, 3)):
        assert not endless(level, x, x - 0.3)
    gap = linear(-1, 1, inequality=[lambda x: x[0] + x[1] - 1, lambda x: 1.001 - x[0] - x[1]])
    assert not endless(gap, np.array([1e12, -1e12]), gap.start)


CONTRADICTIONS = {
    "two bounds": dict(inequality=[lambda x: tf.stack([x[0] - 1, 2 - x[0]])]),
    "two planes": dict(equality=[lambda x: tf.stack([x[0] - x[1], x[0] - x[1] - 1])]),
    "a box and a bound": dict(inequality=[lambda x: x[0] + 1], **UP),
    "a parabola above a bound": dict(inequality=[lambda x: tf.stack([x[0] ** 2 - x[1], x[1] + 1])]),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_contradictions_are_found_soon_where_f_falls_for_ever(name):
    problem = linear(-1, -1, **CONTRADICTIONS[name])
    begun = time.process_time()
    answers = problem.solve_all()
    assert {answer.outcome for answer in answers} == {"infeasible"}, str(answers)
    assert time.process_time() - begun < 3 * len(answers)


@pytest.mark.slow
def test_sets_that_touch_in_a_point_are_not_infeasible():
    touching = [c.Ball([0.0, 0.0], 1.0), c.HalfSpace([-1.0, 0.0], -1.0)]
    answers = bowl_on(start=[2.0, 1.0], within=touching).solve_all()
    assert "infeasible" not in {answer.outcome for answer in answers}, str(answers)
    np.testing.assert_allclose(answers[0].x, [1.0, 0.0], atol=0.1)  # where projections hardly converge


def test_a_kink_is_no_quadratic():
    for kinked in (lambda x: tf.abs(x[0] - 3.0), lambda x: tf.reduce_sum(tf.where(x < 30.0, 30.0 - x, x - 30.0))):
        problem = tf_gd.Problem(kinked, start=[0.0])
        for method in ("analytic", "cvxpy"):
            with pytest.raises(ValueError, match="not quadratic"):
                problem.solve(method)


def test_a_start_at_which_nothing_pulls_ends():
    outside = [lambda x: 1 - x[0] ** 2 - x[1] ** 2]
    problem = tf_gd.Problem(lambda x: x[0] ** 2 + 2 * x[1] ** 2, start=[0.0, 0.0], inequality=outside)
    assert problem.solve().outcome in ("max_steps", "stopped")
    diverging = tf_gd.Problem("himmelblau", inequality=[lambda x: x[0] - 1])
    assert diverging.solve(learning_rate=0.1).outcome == "stopped"


def test_a_fixed_learning_rate_and_few_steps():
    problem = tf_gd.Problem("lecture_quadratic")
    answer = problem.solve(learning_rate=0.2, steps=5)
    alone = tf_gd.gradient_descent("lecture_quadratic", learning_rate=0.2, steps=5, dtype="float64")
    np.testing.assert_allclose(answer.x, alone.final, rtol=1e-12)
    assert answer.outcome == "max_steps"
    assert answer.trajectory.steps == 5
    assert problem.solve(learning_rate=0.9, steps=2000).outcome in ("unbounded", "stopped")


def test_what_a_method_is_not_for_is_said():
    problem = tf_gd.Problem("rosenbrock", inequality=[c.at_most(lambda x: x[0] ** 2 + x[1] ** 2, 1.0)])
    answers = problem.solve_all()
    assert [answer.method for answer in answers] == ["gradient_descent", "scipy"]
    np.testing.assert_allclose(answers[0].x, answers[1].x, atol=1e-5)
    assert "not quadratic" in str(answers)
    with pytest.raises(ValueError, match="the objective is not quadratic"):
        problem.solve("analytic")
    with pytest.raises(ValueError, match="not convex"):
        tf_gd.Problem("saddle").solve("cvxpy")


def test_quadratics_by_their_matrix():
    a, b = np.array([[4.0, 1.0], [1.0, 2.0]]), np.array([-6.0, -5.0])
    one = tf_gd.objectives.quadratic(a, b, 3.0)
    points = GENERATOR.normal(size=(5, 2))
    expected = np.einsum("ni,ij,nj->n", points, a, points) / 2 + points @ b + 3.0
    np.testing.assert_allclose(one(tf.constant(points)), expected, rtol=1e-12)
    np.testing.assert_allclose(tf_gd.gradient_descent(one, learning_rate=0.2, steps=200).final, [1, 2], atol=1e-5)
    assert tf_gd.objectives.quadratic([[1.0, 0.0], [0.0, -1.0]]).minima == ()
    for wrong, message in (
        ([[1.0, 2.0]], "expected finite numbers"),
        ([[np.nan]], "finite"),
        ([[1, 2], [0, 1]], "symmetric"),
    ):
        with pytest.raises(ValueError, match=message):
            tf_gd.objectives.quadratic(wrong)


def test_pictures_and_text():
    problem = bowl_on(within=[c.HalfSpace([1.0, 1.0], 2.0)], equality=[lambda x: x[0] - x[1]])
    assert "subject to" in str(problem)
    assert "HalfSpace" in str(problem)
    ax = problem.solve_all().plot()
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert "scipy: solved" in labels
    assert "gradient descent: solved" in labels
    three = tf_gd.Problem(tf_gd.objectives.get("bowl", dim=3))
    assert three.solve().plot().get_xlabel()
    with pytest.raises(ValueError, match="expected two variables, or gradient descent"):
        three.solve("scipy").plot()
    plt.close("all")


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: tf_gd.Problem("square", sense="least"), ValueError, "sense: got 'least'"),
        (lambda: tf_gd.Problem(lambda x: x[0] ** 2), ValueError, "start: got None"),
        (lambda: tf_gd.Problem("square", start=[1.0, 2.0]), ValueError, "start: got 2 coordinates, expected 1"),
        (lambda: tf_gd.Problem("square", inequality=[3]), TypeError, r"inequality: got \[3\], expected functions"),
        (lambda: tf_gd.Problem("square", inequality=3), TypeError, "inequality: got 3, expected functions"),
        (lambda: tf_gd.Problem("square", within=[3]), TypeError, r"within: got \[3\], expected sets"),
        (lambda: tf_gd.Problem("square", within=[c.Ball([0.0, 0.0], 1.0)]), ValueError, "does not fit 1 variables"),
        (
            lambda: tf_gd.Problem("square", inequality=[lambda x: 1.0]),
            ValueError,
            "inequality 1: got 1.0, expected a",
        ),
        (
            lambda: tf_gd.Problem("square", equality=[lambda x: tf.math.log(-x)]),
            ValueError,
            "equality 1: got .*nan",
        ),
        (lambda: tf_gd.Problem("square", equality=[lambda x: x[7]]), ValueError, "equality 1: calling it at .* raised"),
        (
            lambda: tf_gd.Problem("square", equality=[lambda x: tf.constant(1.0)]),
            ValueError,
            "equality 1: it has no",
        ),
        (lambda: tf_gd.Problem("square").solve("newton"), ValueError, "method: got 'newton'"),
        (lambda: tf_gd.Problem("square").solve(learning_rate=0), ValueError, "learning_rate: got 0"),
        (lambda: tf_gd.Problem("square", within=c.Box), TypeError, "within: got <class"),
        (
            lambda: tf_gd.Problem(lambda x: x[0] if x[0] > 0 else -x[0], start=[1.0]),
            ValueError,
            "objective: it runs, but cannot",
        ),
        (lambda: c.Box([0, 0], [1, 1, 1]), ValueError, "expected numbers, or as many of each"),
        (lambda: c.at_most(lambda x: x[0], "a"), TypeError, "bound: got 'a'"),
        (lambda: c.Box(1, 0), ValueError, "expected low <= high"),
        (lambda: c.Box(np.nan, 0), ValueError, "expected low <= high"),
        (lambda: c.Ball([0.0], -1), ValueError, "radius: got -1"),
        (lambda: c.HalfSpace([0.0, 0.0], 1.0), ValueError, "a normal of zeros"),
        (lambda: c.Affine([[1.0, 1.0], [1.0, 1.0]], [1.0, 2.0]), ValueError, "contradict each other"),
        (lambda: c.Affine([[1.0, 1.0]], [1.0, 2.0]), ValueError, r"matrix \(1, 2\) and vector \(2,\)"),
        (lambda: c.Simplex(0), ValueError, "total: got 0"),
    ],
)
def test_bad_problems(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_scipy_says_solved_where_it_is():
    """On convex quadratics on a ball, gentle and steep: against the multiplier found by bisection."""
    generator = np.random.default_rng(0)
    for scale in (1.0, 1e3):
        for dim in (2, 3, 4):
            basis = np.linalg.qr(generator.normal(size=(dim, dim)))[0]
            h = basis @ np.diag(scale * generator.uniform(0.1, 10, dim)) @ basis.T
            q = scale * generator.normal(size=dim) * 10
            low, high = 0.0, 1e9  # of the multiplier of |x|^2 <= 1
            for _ in range(200):
                middle = (low + high) / 2
                x = np.linalg.solve(h + middle * np.eye(dim), -q)
                low, high = (middle, high) if x @ x > 1 else (low, middle)
            objective = tf_gd.objectives.quadratic(h, q, start=np.full(dim, 2.0))
            found = tf_gd.Problem(objective, inequality=[lambda x: tf.reduce_sum(x * x) - 1.0]).solve("scipy")
            assert found.outcome == "solved"
            np.testing.assert_allclose(found.x, x, atol=1e-4)


@pytest.mark.parametrize("method", ["scipy", "gradient_descent"])
def test_a_constraint_without_a_gradient_at_the_start(method):
    """The norm has none at 0."""
    problem = tf_gd.Problem(lambda x: x[0] + x[1], start=[0.0, 0.0], equality=[lambda x: tf.norm(x) - 1.0])
    assert problem.solve(method).outcome in ("solved", "stopped", "infeasible", "diverged", "max_steps")
