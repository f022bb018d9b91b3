"""The update broken on purpose, in each of the ways it could be: some test of it has to fail every time."""

import keras
import pytest
import test_updates
from models import X, Y, assert_same, plain_model, trained

import tf_gd
from tf_gd import sgd, updates

MOMENTUM = {"momentum": 0.9}
NESTEROV = {"momentum": 0.9, "nesterov": True}
RIGHT = {name: getattr(updates, name) for name in ("plain", "momentum_step", "nesterov_step", "decay", "moving_average")}


def _momentum_sign(w, v, g, learning_rate, momentum):
    v = -v * momentum - g * learning_rate
    return w + v, v


def _dampened(w, v, g, learning_rate, momentum):
    v = v * momentum - (1 - momentum) * g * learning_rate
    return w + v, v


def _pytorch(w, v, g, learning_rate, momentum):
    v = v * momentum + g
    return w - learning_rate * v, v


def _old_velocity(w, v, g, learning_rate, momentum):
    return w + (v * momentum - g * learning_rate), v * momentum - g * learning_rate


def _forgetful(w, v, g, learning_rate, momentum):
    return RIGHT["momentum_step"](w, v, g, learning_rate, momentum)[0], v


def _wrong_average(average, w, momentum):
    return momentum * w + (1 - momentum) * average


def _coupled(w, learning_rate, weight_decay):
    return w - w * weight_decay


def _decay_after_the_step(monkeypatch):
    def step_all(options, weights, velocities, gradients, learning_rate, decays):
        moved, velocities = sgd.step_all(options, weights, velocities, gradients, learning_rate, decays)
        return sgd.decay(moved, gradients, learning_rate, decays), velocities

    monkeypatch.setitem(sgd.STAGES, "step", step_all)
    monkeypatch.setitem(sgd.STAGES, "decay", _no_decay)


def _no_decay(weights, gradients, learning_rate, decays):
    return list(weights)


def _clip_after_decay(monkeypatch):
    def clip(options, gradients, weights, decays):
        coupled = [g + a * w for g, w, a in zip(gradients, weights, decays, strict=True)]
        return sgd.clip(options, coupled, weights, decays)

    monkeypatch.setitem(sgd.STAGES, "clip", clip)
    monkeypatch.setitem(sgd.STAGES, "decay", _no_decay)


def _clip_nothing(monkeypatch):
    monkeypatch.setitem(sgd.STAGES, "clip", lambda options, gradients, weights, decays: list(gradients))


def _sums_are_kept(monkeypatch):
    def accumulate(options, state, gradients):
        means, sums, due = sgd.accumulate(options, state, gradients)
        return means, [g + total for g, total in zip(gradients, state.sums, strict=True)] if sums else sums, due

    monkeypatch.setitem(sgd.STAGES, "accumulate", accumulate)


def _means_are_sums(monkeypatch):
    def accumulate(options, state, gradients):
        means, sums, due = sgd.accumulate(options, state, gradients)
        return [mean * options.gradient_accumulation_steps for mean in means], sums, due

    monkeypatch.setitem(sgd.STAGES, "accumulate", accumulate)


def _average_from_the_first_step(monkeypatch):
    right = sgd.average
    monkeypatch.setitem(
        sgd.STAGES,
        "average",
        lambda options, state, weights: right(options, state._replace(batches=state.batches + 1), weights),
    )


MUTANTS = {
    "rate off by 2e-4": ("plain", lambda w, g, rate: w - g * (rate * 1.0002), {}),
    "uphill": ("plain", lambda w, g, rate: w + g * rate, {}),
    "rate off by 2e-4 with momentum": (
        "momentum_step",
        lambda w, v, g, rate, mu: RIGHT["momentum_step"](w, v, g, rate * 1.0002, mu),
        MOMENTUM,
    ),
    "sign of the momentum": ("momentum_step", _momentum_sign, MOMENTUM),
    "dampening": ("momentum_step", _dampened, MOMENTUM),
    "the rate outside the velocity": ("momentum_step", _pytorch, {**MOMENTUM, "learning_rate": "schedule"}),
    "the velocity not kept": (
        "momentum_step",
        lambda w, v, g, rate, mu: (RIGHT["momentum_step"](w, v, g, rate, mu)[0], v),
        MOMENTUM,
    ),
    "Nesterov ignored": ("nesterov_step", RIGHT["momentum_step"], NESTEROV),
    "Nesterov with the old velocity": ("nesterov_step", _old_velocity, NESTEROV),
    "decay without the rate": ("decay", _coupled, {"weight_decay": 0.1}),
    "decay not at all": ("decay", lambda w, rate, decay: w, {"weight_decay": 0.1}),
    "the average the other way": (
        "moving_average",
        lambda a, w, m: m * w + (1 - m) * a,
        {"use_ema": True, "ema_momentum": 0.9},
    ),
}
DEEPER = {
    "decay after the step": (_decay_after_the_step, {**MOMENTUM, "weight_decay": 0.1}),
    "clip after decay": (_clip_after_decay, {"global_clipnorm": 0.1, "weight_decay": 0.1}),
    "no clipping": (_clip_nothing, {"clipnorm": 0.1}),
    "sums kept after a move": (_sums_are_kept, {"gradient_accumulation_steps": 2}),
    "sums instead of means": (_means_are_sums, {"gradient_accumulation_steps": 2}),
    "an average that counts from 1": (_average_from_the_first_step, {"use_ema": True, "ema_overwrite_frequency": 2}),
}


def train_and_compare(options) -> None:
    """Train by hand and with Keras, step by step in Python, and require the same bits."""
    options = dict(options)
    if options.get("learning_rate") == "schedule":
        options["learning_rate"] = keras.optimizers.schedules.ExponentialDecay(0.05, 1, 0.5)
    optimizers = [keras.optimizers.SGD(**{"learning_rate": 0.05, **options}) for _ in range(2)]
    eager = {"loss": "mse", "run_eagerly": True}
    ours = trained(tf_gd.fit, plain_model, (X, Y), eager, optimizers[0], batch_size=35, epochs=2)
    theirs = trained(keras.Model.fit, plain_model, (X, Y), eager, optimizers[1], batch_size=35, epochs=2)
    assert_same(ours, theirs)


@pytest.mark.parametrize(
    "options", [options for _, _, options in MUTANTS.values()] + [options for _, options in DEEPER.values()], ids=str
)
def test_the_right_update_survives(options):
    train_and_compare(options)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_update_is_killed(name, monkeypatch):
    function, mutant, options = MUTANTS[name]
    monkeypatch.setattr(updates, function, mutant)
    with pytest.raises(AssertionError):
        train_and_compare(options)


@pytest.mark.parametrize("name", DEEPER)
def test_a_wrong_order_is_killed(name, monkeypatch):
    mutate, options = DEEPER[name]
    mutate(monkeypatch)
    with pytest.raises(AssertionError):
        train_and_compare(options)


BY_ARITHMETIC = {
    "sign of the momentum": test_updates.test_two_steps_of_momentum_worked_by_hand,
    "dampening": test_updates.test_two_steps_of_momentum_worked_by_hand,
    "the velocity not kept": test_updates.test_two_steps_of_momentum_worked_by_hand,
    "Nesterov ignored": test_updates.test_two_steps_of_nesterov_worked_by_hand,
    "Nesterov with the old velocity": test_updates.test_two_steps_of_nesterov_worked_by_hand,
    "decay without the rate": test_updates.test_weight_decay_is_scaled_by_the_rate,
    "rate off by 2e-4": test_updates.test_plain_is_the_example_of_keras,
}


@pytest.mark.parametrize("name", BY_ARITHMETIC)
def test_arithmetic_by_hand_kills_it_too(name, monkeypatch):
    function, mutant, _ = MUTANTS[name]
    monkeypatch.setattr(updates, function, mutant)
    with pytest.raises(AssertionError):
        BY_ARITHMETIC[name]()
