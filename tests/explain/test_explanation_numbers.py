"""explain_difference: numbers that are read off a loop, returned losses that decide, and what is no mistake at all."""

import keras
import loops
import models
import pytest
import tensorflow as tf
from loops import LOGITS, ONE, SETTINGS, WARM_UP, Loop, M, N, X, Y, clip_all, clip_each, dense, model_of, mse, plain, sgd
from loops import decaying as decay
from loops import squared_error as se

import tf_gd

SMALL = model_of(dense(5, "tanh", kernel_regularizer=keras.regularizers.L2(0.1)), dense(2))
CHANGING = Loop(lambda step: 0.05 / (1 + step))
STEEP = Y * 30


def explained(build, y, loop, optimizer, loss="mse", **options):
    return tf_gd.explain_difference(build, X, y, loop, optimizer=optimizer, loss=loss, **{**SETTINGS, **options})


def regularised_by(factor, regularisation=1.0):
    return lambda s, m, x, y, p: factor * se(y, p) + regularisation * sum(m.losses)


def clip_values(limit):
    return lambda gradients, variables: [tf.clip_by_value(g, -limit, limit) for g in gradients]


def kernels_decayed(loop, w, g, rate):
    w.assign_sub(rate * (0.1 * w if len(w.shape) > 1 else 0.0) + rate * g)


class Summed(Loop):
    """Add up the gradients of two batches, and move by their sum."""

    def update(self, w, g, rate):
        total = self.velocity(w)
        total.assign_add(g)
        if self.step % 2:
            w.assign_sub(rate * total)
            total.assign(tf.zeros_like(total))


RATE = "a learning rate of {} instead of {}"
CASES = {
    "rate doubled, small": (plain, Y, Loop(2e-4), sgd(1e-4), {RATE.format("0.0002", "0.0001")}),
    "rate a hundredth off, small": (plain, Y, Loop(1.01e-4), sgd(1e-4), {RATE.format("0.000101", "0.0001")}),
    "rate off by a ten-thousandth": (plain, Y, Loop(0.050005), sgd(), {RATE.format("0.050005", "0.05")}),
    "small L2 at a small rate": (
        model_of(dense(5, "tanh", kernel_regularizer=keras.regularizers.L2(1e-3)), dense(2)),
        Y,
        Loop(1e-4, loss=lambda s, m, x, y, p: se(y, p), report=lambda *_: None),
        sgd(1e-4),
        {"regularisation losses left out"},
    ),
    "three times L2": (SMALL, Y, Loop(loss=regularised_by(1, 3)), sgd(), {"3 times the regularisation losses"}),
    "accumulated, not divided": (
        plain,
        Y,
        Summed(),
        sgd(gradient_accumulation_steps=2),
        {"gradients added up, and not divided by the number of batches"},
    ),
    "rate halved, small": (plain, Y, Loop(5e-5), sgd(1e-4), {RATE.format("5e-05", "0.0001")}),
    "constraint and rate": (
        loops.constrained,
        Y,
        Loop(0.1),
        sgd(),
        {"constraints not applied", RATE.format(0.1, 0.05)},
    ),
    "training, regularisation and rate": (
        model_of(dense(9, "tanh", kernel_regularizer="l2"), lambda: keras.layers.Dropout(0.5, seed=1), dense(2)),
        Y,
        Loop(0.1, training=False, loss=lambda s, m, x, y, p: se(y, p)),
        sgd(),
        {"training=True forgotten", "regularisation losses left out", RATE.format(0.1, 0.05)},
    ),
    "half L2 and rate": (
        SMALL,
        Y,
        Loop(0.1, loss=regularised_by(1, 0.5)),
        sgd(),
        {"half the regularisation losses, as by tf.nn.l2_loss", RATE.format(0.1, 0.05)},
    ),
    "half L2 and 32 times the loss of the data": (
        SMALL,
        Y,
        Loop(0.001, loss=regularised_by(32, 0.5)),
        sgd(0.001),
        {"half the regularisation losses, as by tf.nn.l2_loss", "32 times the loss, or times its gradients"},
    ),
    "clipping that Keras lacks": (
        plain,
        STEEP,
        Loop(0.01, gradients=clip_all(5.0)),
        sgd(0.01),
        {"gradients clipped all together at 5 instead of not at all"},
    ),
    "clipping each": (
        plain,
        STEEP,
        Loop(0.01, gradients=clip_each(5.0), **M),
        sgd(0.01, **M),
        {"gradients clipped tensor by tensor at 5 instead of not at all"},
    ),
    "clipping values": (
        plain,
        STEEP,
        Loop(0.01, gradients=clip_values(2.5), **N),
        sgd(0.01, **N),
        {"gradients clipped value by value at 2.5 instead of not at all"},
    ),
    "another limit": (
        plain,
        STEEP,
        Loop(0.01, gradients=clip_all(20.0)),
        sgd(0.01, global_clipnorm=10.0),
        {
            "gradients clipped all together at 20 instead of all together at 10, or " + RATE.format(0.02, 0.01)
        },  # all are clipped
    ),
    "momentum and rate": (plain, Y, Loop(0.1, **M), sgd(), {"a momentum of 0.9 instead of 0", RATE.format(0.1, 0.05)}),
    "Nesterov added": (plain, Y, Loop(**N), sgd(), {"Nesterov's momentum of 0.9 instead of 0"}),
    "Nesterov, another momentum": (
        plain,
        Y,
        Loop(momentum=0.8, nesterov=True),
        sgd(**N),
        {"Nesterov's momentum of 0.8 instead of 0.9"},
    ),
    "nearly the momentum": (plain, Y, Loop(momentum=0.899), sgd(**M), {"a momentum of 0.899 instead of 0.9"}),
    "no warm-up": (
        plain,
        Y,
        Loop(0.1),
        sgd(WARM_UP),
        {"a constant learning rate of 0.1, where there is a schedule"},
    ),
    "no warm-up, with momentum": (
        plain,
        Y,
        Loop(0.1, **N),
        sgd(WARM_UP, **N),
        {"a constant learning rate of 0.1, where there is a schedule"},
    ),
    "a rate that changes": (
        plain,
        Y,
        CHANGING,
        sgd(),
        {"other learning rates: 0.05, 0.025, 0.0167, 0.0125, ... instead of 0.05, 0.05, 0.05, 0.05, ..."},
    ),
    "another decay": (
        plain,
        Y,
        Loop(update=decay("before", 0.2), **M),
        sgd(weight_decay=0.1, **M),
        {"a weight decay of 0.2 instead of 0.1"},
    ),
    "decay added": (plain, Y, Loop(update=decay("before", 0.1)), sgd(), {"a weight decay of 0.1 instead of 0"}),
    "decay added to the gradient": (
        plain,
        Y,
        Loop(update=decay("coupled", 0.1), **M),
        sgd(**M),
        {"a weight decay of 0.1 instead of 0, coupled, in the gradient"},
    ),
    "decay of kernels": (
        model_of(dense(6, "tanh", bias_initializer="ones"), dense(2)),
        Y,
        Loop(update=kernels_decayed),
        sgd(),
        {"a weight decay of 0.1 instead of 0, of the kernels alone"},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_numbers_are_named(name):
    build, y, loop, optimizer, expected = CASES[name]
    found = explained(build, y, loop, optimizer)
    assert {cause.name for cause in found.causes} == expected, str(found)
    assert found.rests[-1] < 0.01 * found.distances[-1]
    assert sum(cause.share for cause in found.causes) == pytest.approx(1.0, abs=0.01)
    assert all(type(cause.share) is float for cause in found.causes)


@pytest.mark.slow
def test_a_loop_that_hardly_moves_does_not_agree():
    """As with a LossScaleOptimizer whose scaled loss was forgotten: steps of a 32768th."""
    found = explained(plain, Y, Loop(0.05 / 2**15), sgd())
    assert not found.agrees
    assert found.causes[0].name.startswith("a learning rate of 1.5"), str(found)


@pytest.mark.slow
def test_steps_that_rounding_hides_are_not_judged():
    found = explained(plain, Y, Loop(3e-9), sgd(1e-8))
    assert not found.agrees
    assert [cause.name for cause in found.causes] == ["steps too small to tell from rounding"], str(found)
    assert "larger learning rate" in found.causes[0].fix


@pytest.mark.slow
def test_other_random_numbers_under_xla_are_no_mistake():
    @tf.function(jit_compile=True)
    def train_step(model, x, y):
        with tf.GradientTape() as tape:
            loss = se(y, model(x, training=True))
        for w, g in zip(model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True):
            w.assign_sub(0.05 * g)
        return loss

    found = explained(model_of(dense(9), lambda: keras.layers.Dropout(0.5), dense(2)), Y, train_step, sgd())
    assert found.agrees, str(found)
    assert [cause.name for cause in found.causes] == ["other random numbers, of another execution mode"]


@pytest.mark.slow
def test_float64_layers_and_a_loss_that_keras_casts():
    def build():
        options = {"dtype": "float64"}
        return keras.Sequential([keras.layers.Input((6,), **options), keras.layers.Dense(2, **options)])

    class Rounded(Loop):
        def update(self, w, g, rate):
            w.assign_sub(tf.cast(tf.constant(rate), tf.float64) * g)

    y = Y.astype("float64")
    found = explained(build, y, Rounded(), sgd())
    assert [cause.name for cause in found.causes] == ["the loss computed in float64, where Keras casts to float32"], str(
        found
    )
    found = explained(build, y, Rounded(0.1), sgd())
    assert RATE.format(0.1, 0.05) in [cause.name for cause in found.causes], str(found)
    assert not any(cause.name.startswith("another loss") for cause in found.causes), str(found)


@pytest.mark.slow
def test_what_comes_near_is_not_named_as_the_cause():
    def nearly_huber(s, m, x, y, p):
        e = y - p
        return tf.reduce_mean(tf.sqrt(1 + e**2) - 1)

    found = explained(plain, Y, Loop(loss=nearly_huber), sgd())
    assert not found.agrees
    assert found.causes == (), str(found)


@pytest.mark.slow
def test_log_cosh_is_not_taken_for_huber():
    found = explained(plain, Y, Loop(loss=lambda s, m, x, y, p: tf.reduce_mean(keras.losses.log_cosh(y, p))), sgd())
    assert [cause.name for cause in found.causes] == ["another loss: the logarithm of the hyperbolic cosine"], str(found)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("weights", "name"), [((1.0, 0.0), "the loss of q left out"), ((0.0, 1.0), "the loss of p left out")]
)
def test_one_loss_of_two(weights, name):
    def train_step(model, x, y):
        with tf.GradientTape() as tape:
            p, q = model(x, training=True)
            loss = weights[0] * se(y[0], p) + weights[1] * LOGITS(y[1], q)
        gradients = tape.gradient(loss, model.trainable_variables)
        for w, g in zip(model.trainable_variables, gradients, strict=True):
            w.assign_sub(0.05 * tf.convert_to_tensor(g) if g is not None else tf.zeros_like(w))
        return loss

    build, (x, y), compiled = models.KINDS[1]
    found = tf_gd.explain_difference(build, x, y, train_step, optimizer=sgd(), loss=compiled["loss"])
    assert [cause.name for cause in found.causes if "never updated" not in cause.name] == [name], str(found)


@pytest.mark.slow
def test_loss_weights_may_be_given_and_forgotten():
    def train_step(model, x, y):
        with tf.GradientTape() as tape:
            p, q = model(x, training=True)
            loss = se(y[0], p) + LOGITS(y[1], q)
        for w, g in zip(model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True):
            w.assign_sub(0.05 * tf.convert_to_tensor(g))
        return loss

    build, (x, y), compiled = models.KINDS[1]
    options = dict(optimizer=sgd(), loss=compiled["loss"], loss_weights=[1.0, 0.25])
    found = tf_gd.explain_difference(build, x, y, train_step, **options)
    assert [cause.name for cause in found.causes] == ["loss_weights not applied"], str(found)


def test_a_loss_that_is_always_nan_is_said():
    found = explained(plain, Y, Loop(report=lambda *_: float("nan")), sgd())
    assert found.agrees
    assert "NaN at every step" in found.note


@pytest.mark.slow
def test_half_the_loss_of_two_losses_is_told_by_what_is_returned():
    """The same steps: half the loss, or half the rate. What the loop returns says which."""
    half = Loop(loss=mse(lambda e, x: tf.reduce_mean(e / 2)))
    assert explained(plain, Y, half, sgd()).causes[0].name.startswith("half the loss")
    assert explained(plain, Y, Loop(0.025), sgd()).causes[0].name == RATE.format(0.025, 0.05)


def test_predictions_in_one_column():
    found = explained(loops.one_out, ONE[:, None], Loop(), sgd())
    assert found.agrees


@pytest.mark.slow
def test_a_regularisation_left_out_of_loss_and_gradient_is_not_only_a_report():
    build = model_of(dense(64, "tanh", kernel_regularizer=keras.regularizers.L2(1e-4)), dense(2))
    found = explained(build, Y, Loop(1e-3, loss=lambda s, m, x, y, p: se(y, p)), sgd(1e-3))
    assert [cause.name for cause in found.causes] == ["regularisation losses left out"], str(found)


@pytest.mark.slow
@pytest.mark.parametrize("digits", [3, 4])
def test_losses_that_were_rounded(digits):
    def report(model, x, y, loss):
        return round(float(loss), digits)

    assert explained(plain, Y, Loop(report=report), sgd()).agrees
    found = explained(plain, Y, Loop(loss=mse(lambda e, x: tf.reduce_mean(e / 2)), report=report), sgd())
    assert [cause.name[:13] for cause in found.causes] == ["half the loss"], str(found)


@pytest.mark.slow
def test_tiny_losses_are_compared_as_well():
    found = explained(plain, Y * 1e-4, Loop(report=lambda model, x, y, loss: 32 * loss), sgd())
    losses = tf_gd.explain_difference(
        model_of(dense(2, kernel_initializer="zeros")), X, Y * 1e-4, Loop(0.025), optimizer=sgd(), loss="mse", **SETTINGS
    )
    assert found.causes[0].name == "the loss reported 32 times too large"
    assert losses.causes[0].name == RATE.format(0.025, 0.05)


def test_a_bias_whose_gradient_is_only_rounding():
    """Before BatchNormalization a bias changes nothing; Adam makes whole steps of what is left of its gradient."""

    def train_step(model, x, y):
        with tf.GradientTape() as tape:
            loss = se(y, model(x, training=True))
        model.optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss

    layers = [dense(16), keras.layers.BatchNormalization, lambda: keras.layers.Activation("relu"), dense(2)]
    found = explained(model_of(*layers), Y, train_step, keras.optimizers.Adam(0.01))
    assert found.agrees, str(found)


@pytest.mark.slow
def test_the_model_called_once_more_after_the_step():
    def look(model, x, y, loss):
        model(x, training=True)
        return loss

    found = explained(loops.normalised, Y, Loop(report=look), sgd())
    assert [cause.name for cause in found.causes] == ["the model called once more after the step"], str(found)


@pytest.mark.slow
def test_half_the_loss_reported_after_the_update():
    def after(model, x, y, loss):
        return se(y, model(x, training=True)) / 2

    found = explained(plain, Y, Loop(loss=mse(lambda e, x: tf.reduce_mean(e / 2)), report=after), sgd())
    assert [cause.name for cause in found.causes][1] == "the loss reported after the update", str(found)


def test_both_diverge():
    linear = model_of(dense(2, kernel_initializer="ones"))
    found = tf_gd.explain_difference(linear, X, Y, Loop(1e6), optimizer=sgd(1e6), loss="mse", batch_size=8, steps=20)
    assert found.causes[0].name.startswith("both diverge: NaN or infinite weights after step"), str(found)


@pytest.mark.slow
def test_a_forgotten_scaling_of_the_loss():
    def train_step(model, x, y):
        with tf.GradientTape() as tape:
            loss = se(y, model(x, training=True))
        model.optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss

    found = explained(plain, Y, train_step, keras.optimizers.LossScaleOptimizer(sgd()))
    assert [cause.name for cause in found.causes] == ["the scaling of the loss forgotten, which the optimizer undoes"]
    assert "scale_loss" in found.causes[0].fix


@pytest.mark.slow
def test_an_embedding_with_adam():
    def train_step(model, x, y):
        with tf.GradientTape() as tape:
            loss = se(y, model(x, training=True)) / 2
        model.optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss

    def build():
        layers = keras.layers
        return keras.Sequential([layers.Input((3,)), layers.Embedding(9, 4), layers.Flatten(), dense(2)()])

    rows = loops.GENERATOR.integers(0, 9, (44, 3))
    found = tf_gd.explain_difference(
        build, rows, Y, train_step, optimizer=keras.optimizers.Adam(0.01), loss="mse", **SETTINGS
    )
    assert [cause.name[:13] for cause in found.causes] == ["half the loss"], str(found)
