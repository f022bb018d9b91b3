"""Compiled programs are kept, but never longer than the function computes the same."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_gd
from tf_gd import compiled
from tf_gd.toy.descent import PROGRAMS

CURVATURE = 1.0


def valley(x):
    return CURVATURE * tf.reduce_sum(x**2)


class Valley:
    """Equal to every other, unhashable, and free to change."""

    def __init__(self):
        self.curvature = 1.0

    def __eq__(self, other):
        return True

    def __call__(self, x):
        return self.curvature * tf.reduce_sum(x**2)


@pytest.fixture(autouse=True)
def _forget():
    PROGRAMS.kept.clear()


def test_a_global_that_a_function_reads_may_change(monkeypatch):
    """x - 2 * 0.1 * c * x: by a fifth with c = 1, by two fifths with c = 2."""
    first = tf_gd.gradient_descent(valley, [1.0], learning_rate=0.1, steps=1)
    monkeypatch.setitem(globals(), "CURVATURE", 2.0)
    second = tf_gd.compare(valley, [1.0], learning_rate=0.1, steps=1)
    assert second.identical
    np.testing.assert_allclose([first.final[0], second.manual.final[0]], [0.8, 0.6], rtol=1e-6)


def test_an_attribute_may_change_and_functions_need_not_be_hashable():
    function = Valley()
    first = tf_gd.gradient_descent(function, [1.0], learning_rate=0.1, steps=1)
    function.curvature = 3.0
    second = tf_gd.gradient_descent(function, [1.0], learning_rate=0.1, steps=1)
    np.testing.assert_allclose([first.final[0], second.final[0]], [0.8, 0.4], rtol=1e-6)


def test_a_schedule_may_change():
    schedule = keras.optimizers.schedules.PolynomialDecay(0.1, 10, end_learning_rate=0.1)
    first = tf_gd.compare("square", [1.0], learning_rate=schedule, steps=1)
    schedule.initial_learning_rate = 0.2
    second = tf_gd.compare("square", [1.0], learning_rate=schedule, steps=1)
    assert first.identical
    assert second.identical
    np.testing.assert_allclose([first.manual.final[0], second.manual.final[0]], [0.8, 0.6], rtol=1e-6)


@pytest.mark.parametrize("objective", ["square", valley, tf_gd.Objective("v", valley, start=[1.0])])
def test_a_new_rate_start_or_number_of_steps_needs_no_new_program(objective):
    tf_gd.compare(objective, [1.0], learning_rate=0.1, momentum=0.5, steps=3)
    known = set(PROGRAMS.kept)
    tf_gd.gradient_descent(objective, [2.0], learning_rate=0.2, momentum=0.9, steps=30)
    tf_gd.keras_descent(objective, [2.0], optimizer=keras.optimizers.SGD(0.2, momentum=0.5), steps=30)
    assert set(PROGRAMS.kept) == known
    assert len(known) == 2


def test_variables_and_long_constants_are_read_anew():
    scale, long = tf.Variable(1.0), tf.random.stateless_normal((300,), [1, 2])
    scaled = lambda x: scale * tf.reduce_sum(x**2) + 0.0 * tf.reduce_sum(long)  # noqa: E731
    first = tf_gd.gradient_descent(scaled, [1.0], learning_rate=0.1, steps=1)
    scale.assign(2.0)
    second = tf_gd.gradient_descent(scaled, [1.0], learning_rate=0.1, steps=1)
    np.testing.assert_allclose([first.final[0], second.final[0]], [0.8, 0.6], rtol=1e-6)


def test_not_more_are_kept_than_there_is_room_for(monkeypatch):
    monkeypatch.setattr(PROGRAMS, "most", 2)
    for steps, name in enumerate(["square", "booth", "beale", "square"]):
        tf_gd.gradient_descent(name, steps=steps)
    assert len(PROGRAMS.kept) == 2


def test_a_function_of_the_step_is_a_rate():
    rate = lambda k: 0.1 / (1.0 + tf.cast(k, tf.float32))  # noqa: E731
    result = tf_gd.compare("square", [1.0], learning_rate=rate, steps=2)
    assert result.identical
    np.testing.assert_allclose(result.manual.points[:, 0], [1.0, 0.8, 0.72], rtol=1e-6)


@pytest.mark.parametrize(
    ("rate", "message"),
    [
        (lambda: 0.1, "learning_rate: calling .* for step 0 raised TypeError"),
        (lambda k: float("nan"), "expected one rate, at least 0"),
        (lambda k: [0.1, 0.2], "expected one rate"),
        (1e39, r"got 1e\+39, expected a number that float32 can hold"),
        (1e-46, "got 1e-46, expected a number that float32 can hold"),
        ([0.1, 1e39], r"got 1e\+39"),
    ],
)
def test_rates_that_are_none(rate, message):
    for run in (tf_gd.gradient_descent, tf_gd.compare):
        with pytest.raises(ValueError, match=message):
            run("square", learning_rate=rate, steps=2)


def test_an_optimizer_around_another_is_told():
    around = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1))
    with pytest.raises(TypeError, match=r"got LossScaleOptimizer, expected .* Pass the one inside it"):
        tf_gd.keras_descent("square", optimizer=around)


def test_a_mode_that_cannot_compile_is_tried_once_and_the_last_one_raises():
    programs, built = compiled.Programs(4), []

    def build(mode):
        built.append(mode)
        if mode == "xla":
            raise ValueError("not for XLA")
        return lambda: mode

    for _ in range(3):
        assert programs.call("key", ("xla", "graph"), build, ())[1:] == ("graph", "graph")
    assert built == ["xla", "graph"]
    with pytest.raises(ValueError, match="not for XLA"):
        programs.call("key", ("xla",), build, ())


@pytest.mark.parametrize("nesterov", [False, True])
def test_numbers_of_keras_sgd_are_not_compiled_in(nesterov):
    """Another rate, momentum or weight decay compiles nothing, and counts all the same."""

    def run(momentum, weight_decay):
        return tf_gd.compare(
            "booth", learning_rate=0.01, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay, steps=50
        )

    run(0.9, 0.3)
    known = set(PROGRAMS.kept)
    results = [run(momentum, decay) for momentum in (0.1, 0.5) for decay in (0.01, 0.2)]
    assert set(PROGRAMS.kept) == known
    assert all(one.identical for one in results)
    for one, (momentum, decay) in zip(results, itertools.product((0.1, 0.5), (0.01, 0.2)), strict=True):
        x, v = np.array([-8.0, 8.0]), np.zeros(2)
        for _ in range(50):  # in float64, by the formulas of Keras's documentation
            g = np.array([[10.0, 8.0], [8.0, 10.0]]) @ x - [34.0, 38.0]
            x = x - x * decay * 0.01
            v = momentum * v - 0.01 * g
            x = x + (momentum * v - 0.01 * g if nesterov else v)
        np.testing.assert_allclose(one.builtin.final, x, rtol=1e-5)


@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.9, False), (0.9, True)])
@pytest.mark.parametrize("weight_decay", [0.0, 0.05])
def test_weight_decay_by_hand_is_that_of_keras(mode, momentum, nesterov, weight_decay):
    settings = dict(momentum=momentum, nesterov=nesterov, weight_decay=weight_decay, steps=40, mode=mode)
    result = tf_gd.compare("rosenbrock", learning_rate=1e-3, **settings)
    assert result.identical
    plain = tf_gd.gradient_descent("rosenbrock", learning_rate=1e-3, **(settings | {"weight_decay": None}))
    assert bool((plain.points == result.manual.points).all()) == (weight_decay == 0)
