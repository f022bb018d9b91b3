"""keras_descent and compare: the same bits as an unmodified keras.optimizers.SGD, within each mode."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from problems import KINDS, PROBLEMS, descend

import tf_gd


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.name)
@pytest.mark.parametrize("mode", ["graph", "xla"])
def test_every_objective_and_kind_is_identical(problem, kind, mode):
    result = tf_gd.compare(problem.name, learning_rate=problem.rate, steps=60, mode=mode, **KINDS[kind])
    assert result.identical, str(result)
    assert (result.max_ulp, result.max_abs, result.first_difference) == (0, 0, None)
    assert len(result.ulp) == 61
    assert result.manual.settings["mode"] == result.builtin.settings["mode"] == mode


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.name)
def test_every_objective_and_kind_is_identical_eagerly(problem, kind):
    assert tf_gd.compare(problem.name, learning_rate=problem.rate, steps=12, mode="eager", **KINDS[kind]).identical


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("problem", PROBLEMS[::4], ids=lambda p: p.name)
def test_the_built_in_side_is_right_too(problem, kind):
    """Both sides might be wrong alike: here Keras's run alone, against the NumPy loop."""
    optimizer = keras.optimizers.SGD(problem.rate, **KINDS[kind])
    path = tf_gd.keras_descent(problem.name, optimizer=optimizer, steps=30, dtype="float64")
    rate = float(np.float32(problem.rate))
    expected = descend(problem, path.points[0], rate, 30, **KINDS[kind])
    np.testing.assert_allclose(path.points, expected, rtol=1e-5, atol=1e-5)


def test_a_bare_eager_keras_loop_takes_the_same_path():
    """No loop of ours at all: a variable, a tape, and the optimizer."""
    optimizer = keras.optimizers.SGD(1e-3, momentum=0.9, nesterov=True)
    variable = keras.Variable([-1.2, 1.0], dtype="float32")
    points = [variable.numpy()]
    for _ in range(50):
        with tf.GradientTape() as tape:
            loss = tf_gd.objectives.get("rosenbrock")(variable.value)
        optimizer.apply([tape.gradient(loss, variable.value)], [variable])
        points.append(variable.numpy())
    path = tf_gd.gradient_descent("rosenbrock", learning_rate=1e-3, momentum=0.9, nesterov=True, steps=50, mode="eager")
    np.testing.assert_array_equal(path.points, points)


def _bumps(x):
    return tf.reduce_sum(tf.sin(3.0 * x) + 0.1 * x**2) + tf.reduce_prod(tf.tanh(x))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    start=st.lists(st.floats(-5, 5, width=32), min_size=1, max_size=6),
    learning_rate=st.floats(1e-5, 0.5),
    momentum=st.sampled_from([0.0, 0.1, 0.5, 0.9, 0.99]),
    nesterov=st.booleans(),
    mode=st.sampled_from(["eager", "graph", "xla"]),
)
@example(start=[1.0], learning_rate=0.1, momentum=1.0, nesterov=True, mode="graph")
def test_property_manual_equals_built_in(start, learning_rate, momentum, nesterov, mode):
    """Random rate, momentum, Nesterov, dimension and start, on a function of one's own."""
    settings = dict(learning_rate=learning_rate, momentum=momentum, nesterov=nesterov)
    result = tf_gd.compare(_bumps, start, steps=8 if mode == "eager" else 40, mode=mode, **settings)
    assert result.identical, str(result)


@pytest.mark.parametrize("kind", KINDS)
def test_schedules_and_rates_for_each_step(kind):
    schedule = keras.optimizers.schedules.CosineDecay(0.05, 40)
    assert tf_gd.compare("beale", learning_rate=schedule, steps=40, **KINDS[kind]).identical
    assert tf_gd.compare("beale", learning_rate=0.01 / np.arange(1.0, 41.0), steps=40, **KINDS[kind]).identical


def test_float64_differs_and_the_cause_is_named():
    result = tf_gd.compare("rosenbrock", learning_rate=1e-3, momentum=0.9, steps=100, dtype="float64")
    assert not result.identical
    assert result.first_difference == 1
    assert 0 < result.max_abs < 1e-4
    assert "rounds the learning rate and the momentum to float32" in str(result)


def test_float64_is_identical_when_nothing_is_rounded():
    result = tf_gd.compare("booth", learning_rate=2**-7, momentum=0.5, steps=100, dtype="float64")
    assert result.identical
    assert result.cause == ""


@pytest.mark.parametrize(
    ("mutant", "first"),
    [
        (lambda w, v, g, rate, mu, nesterov: (w - g * rate * (1 + 2e-4), v), 1),  # the rate off by 2e-4
        (lambda w, v, g, rate, mu, nesterov: (w + (v * mu - g * rate), v * mu - g * rate), 1),  # Nesterov ignored
        (lambda w, v, g, rate, mu, nesterov: (w + (-v * mu - g * rate), -v * mu - g * rate), 1),  # the sign of momentum
    ],
)
def test_a_wrong_update_is_caught(mutant, first, monkeypatch):
    from tf_gd import updates
    from tf_gd.toy.descent import PROGRAMS

    monkeypatch.setattr(updates, "step", mutant)
    PROGRAMS.kept.clear()
    result = tf_gd.compare("rosenbrock", learning_rate=1e-3, momentum=0.9, nesterov=True, steps=30)
    PROGRAMS.kept.clear()
    assert not result.identical
    assert result.first_difference == first
    assert "identical: no" in str(result)


def test_the_table_fits_a_terminal_and_says_it_all():
    text = str(tf_gd.compare("himmelblau", learning_rate=0.01, steps=100))
    assert max(map(len, text.splitlines())) <= 80
    for word in ("by hand", "keras.optimizers.SGD", "steps", "outcome", "final loss", "time", "0 ULP on all 101 records"):
        assert word in text


def test_divergence_is_compared_too():
    result = tf_gd.compare("quartic", learning_rate=10.0, steps=100)
    assert result.manual.outcome == result.builtin.outcome == "non_finite"
    assert result.identical


def test_runs_of_different_length_are_not_identical():
    result = tf_gd.compare("square", learning_rate=0.1, steps=10)
    cut = dataclasses.replace(result, complete=False)
    assert not cut.identical
    assert cut.first_difference == 10


# --- keras_descent

OPTIONS = [
    {"weight_decay": 0.01},
    {"clipnorm": 0.5},
    {"clipvalue": 0.1},
    {"global_clipnorm": 0.5},
    {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 5},
    {"gradient_accumulation_steps": 2},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_any_option_of_sgd_in_the_loop(options):
    """Against a bare eager Keras loop."""
    path = tf_gd.keras_descent(
        "booth", optimizer=keras.optimizers.SGD(0.01, momentum=0.5, **options), steps=20, mode="eager"
    )
    optimizer = keras.optimizers.SGD(0.01, momentum=0.5, **options)
    variable = keras.Variable([-8.0, 8.0], dtype="float32")
    for _ in range(20):
        with tf.GradientTape() as tape:
            loss = tf_gd.objectives.get("booth")(variable.value)
        optimizer.apply([tape.gradient(loss, variable.value)], [variable])
    np.testing.assert_array_equal(path.final, variable.numpy())
    compiled = tf_gd.keras_descent("booth", optimizer=keras.optimizers.SGD(0.01, momentum=0.5, **options), steps=20)
    np.testing.assert_allclose(compiled.final, path.final, rtol=1e-4, atol=1e-4)


def test_other_optimizers_run_in_the_same_loop():
    path = tf_gd.keras_descent("booth", optimizer=keras.optimizers.Adam(0.5), steps=500)
    np.testing.assert_allclose(path.final, [1, 3], atol=0.05)
    assert path.settings["optimizer"] == "keras.optimizers.Adam"


def test_the_optimizer_is_not_touched_and_each_run_starts_afresh():
    optimizer = keras.optimizers.SGD(0.01, momentum=0.9)
    first = tf_gd.keras_descent("booth", optimizer=optimizer, steps=30)
    second = tf_gd.keras_descent("booth", optimizer=optimizer, steps=30)
    np.testing.assert_array_equal(first.points, second.points)
    assert not optimizer.built
    assert int(optimizer.iterations) == 0


def test_the_rate_of_the_optimizer_is_used():
    slow = tf_gd.keras_descent("square", [1.0], optimizer=keras.optimizers.SGD(0.1), steps=1)
    fast = tf_gd.keras_descent("square", [1.0], optimizer=keras.optimizers.SGD(0.25), steps=1)
    assert slow.final[0] == pytest.approx(0.8)
    assert fast.final[0] == pytest.approx(0.5)
    changed = keras.optimizers.SGD(0.1)
    changed.learning_rate = 0.5
    assert tf_gd.keras_descent("square", [1.0], optimizer=changed, steps=1).final[0] == 0


@pytest.mark.parametrize("bad", [0.1, None, "sgd", keras.optimizers.SGD])
def test_what_is_not_an_optimizer_is_refused(bad):
    with pytest.raises(TypeError, match=r"expected a Keras optimizer, for example keras.optimizers.SGD\(0.01"):
        tf_gd.keras_descent("square", optimizer=bad)


def test_a_negative_rate_in_the_optimizer_is_refused():
    with pytest.raises(ValueError, match=r"learning_rate: got -0\.1"):
        tf_gd.keras_descent("square", optimizer=keras.optimizers.SGD(-0.1))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rate": -1.0}, "learning_rate: got -1.0"),
        ({"momentum": 2.0}, "momentum: got 2.0"),
        ({"steps": -1}, "steps: got -1"),
        ({"mode": "fast"}, "mode: got 'fast'"),
    ],
)
def test_compare_checks_its_arguments(settings, message):
    with pytest.raises(ValueError, match=message):
        tf_gd.compare("square", **settings)
