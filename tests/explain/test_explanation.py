"""explain_difference: loops that are wrong in one known way each, written as a user would, and what is said of them."""

import re

import keras
import models
import numpy as np
import pytest
import tensorflow as tf
from loops import (
    LABELS,
    LOGITS,
    ONE,
    SCHEDULE,
    SETTINGS,
    WARM_UP,
    Loop,
    M,
    N,
    X,
    Y,
    accumulated,
    classes,
    clip_after_decay,
    clip_all,
    clip_each,
    constrained,
    cross_entropy,
    decaying,
    dense,
    dropout,
    frozen,
    look_ahead,
    model_of,
    mse,
    named,
    normalised,
    one_out,
    one_weight_a_layer,
    other_batches,
    plain,
    regularised,
    same_shapes,
    sgd,
    squared_error,
)

import tf_gd

CASES = {
    "regularisation losses left out": (regularised, Loop(loss=lambda s, m, x, y, p: squared_error(y, p)), sgd(), Y, "mse"),
    "training=True forgotten": (dropout, Loop(training=False), sgd(), Y, "mse"),
    "training=True forgotten ": (normalised, Loop(training=False), sgd(), Y, "mse"),
    "shapes that broadcast in the loss": (one_out, Loop(), sgd(), ONE, "mse"),
    "the loss summed instead": (plain, Loop(rate=1e-3, loss=mse(lambda e, x: tf.reduce_sum(e))), sgd(1e-3), Y, "mse"),
    "the loss summed over the batch": (
        plain,
        Loop(0.01, loss=mse(lambda e, x: tf.reduce_sum(tf.reduce_mean(e, axis=-1)))),
        sgd(0.01),
        Y,
        "mse",
    ),
    "the loss summed over the outputs": (plain, Loop(loss=mse(lambda e, x: tf.reduce_sum(e) / len(x))), sgd(), Y, "mse"),
    "half the loss": (plain, Loop(loss=mse(lambda e, x: tf.reduce_mean(e / 2))), sgd(), Y, "mse"),
    "the last, smaller batch averaged": (plain, Loop(loss=mse(lambda e, x: tf.reduce_sum(e) / 16)), sgd(), Y, "mse"),
    "the last, smaller batch dropped": (plain, Loop(drop=True), sgd(), Y, "mse"),
    "the model called once more before": (dropout, Loop(calls_before=1), sgd(), Y, "mse"),
    "from_logits the other way round": (classes, Loop(loss=cross_entropy()), sgd(), LABELS, LOGITS),
    "softmax taken twice": (
        classes,
        Loop(loss=lambda s, m, x, y, p: LOGITS(y, tf.nn.softmax(p))),
        sgd(),
        LABELS,
        LOGITS,
    ),
    "always the first batch": (plain, other_batches([0] * 8), sgd(), Y, "mse"),
    "the batches in another order: 2, 1, 3": (plain, other_batches([1, 0, 2, 3, 4, 0, 1, 2]), sgd(), Y, "mse"),
    "frozen variables updated as well": (frozen, Loop(all=True), sgd(), Y, "mse"),
    "momentum left out": (plain, Loop(), sgd(**M), Y, "mse"),
    "the velocity forgotten": (plain, Loop(update=Loop.forgetful_update, **N), sgd(**N), Y, "mse"),
    "momentum in PyTorch's form": (plain, Loop(SCHEDULE, update=Loop.pytorch_update, **M), sgd(SCHEDULE, **M), Y, "mse"),
    "momentum with dampening": (plain, Loop(update=Loop.dampened_update, **M), sgd(**M), Y, "mse"),
    "one velocity for all variables of the same name": (
        same_shapes,
        Loop(key=lambda w: w.name, **M),
        sgd(**M),
        np.hstack([Y, Y, Y]),
        "mse",
    ),
    "one velocity for all variables": (one_weight_a_layer, Loop(key=lambda w: "all", **M), sgd(**M), ONE[:, None], "mse"),
    "never updated: sequential": (named, Loop(skip="/p/"), sgd(), Y, "mse"),
    "Nesterov ignored": (plain, Loop(momentum=0.9), sgd(**N), Y, "mse"),
    "Nesterov with the gradient at": (plain, look_ahead(0.9), sgd(**N), Y, "mse"),
    "weight decay left out": (plain, Loop(**M), sgd(weight_decay=0.5, **M), Y, "mse"),
    "weight decay coupled": (plain, Loop(update=decaying("coupled", 0.5), **M), sgd(weight_decay=0.5, **M), Y, "mse"),
    "weight decay after": (plain, Loop(update=decaying("after", 0.5), **M), sgd(weight_decay=0.5, **M), Y, "mse"),
    "weight decay without": (plain, Loop(update=decaying("without rate", 0.5), **M), sgd(weight_decay=0.5, **M), Y, "mse"),
    "gradients not clipped": (plain, Loop(), sgd(clipnorm=0.1), Y, "mse"),
    "gradients clipped tensor by tensor": (plain, Loop(gradients=clip_each(0.3)), sgd(global_clipnorm=0.3), Y, "mse"),
    "gradients clipped all together": (plain, Loop(gradients=clip_all(0.3)), sgd(clipnorm=0.3), Y, "mse"),
    "gradients clipped after weight decay": (
        plain,
        Loop(gradients=clip_after_decay(0.3, 0.5)),
        sgd(global_clipnorm=0.3, weight_decay=0.5),
        Y,
        "mse",
    ),
    "the learning rate of the first step": (plain, Loop(rate=0.05), sgd(SCHEDULE), Y, "mse"),
    "the schedule one step ahead": (plain, Loop(rate=lambda step: SCHEDULE(step + 1)), sgd(SCHEDULE), Y, "mse"),
    "the schedule one step behind": (plain, Loop(rate=lambda step: SCHEDULE(max(step - 1, 0))), sgd(SCHEDULE), Y, "mse"),
    "gradients not accumulated": (plain, accumulated, sgd(gradient_accumulation_steps=2), Y, "mse"),
    "the average of the weights": (plain, Loop(), sgd(use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2), Y, "mse"),
    "constraints not applied": (constrained, Loop(), sgd(), Y, "mse"),
    "a learning rate of 0.035 instead of 0.05": (plain, Loop(rate=0.035), sgd(), Y, "mse"),
    "a learning rate of 0.025 instead of 0.05": (plain, Loop(rate=0.025), sgd(), Y, "mse"),
    "a learning rate of 0.4 instead of 0.05": (plain, Loop(rate=0.4), sgd(), Y, "mse"),
    "1.5 times the loss": (plain, Loop(loss=mse(lambda e, x: 1.5 * tf.reduce_mean(e))), sgd(), Y, "mse"),
    "a momentum of 0.5 instead of 0.9": (plain, Loop(momentum=0.5), sgd(**M), Y, "mse"),
    "a momentum of 0.9 instead of 0": (plain, Loop(momentum=0.9), sgd(), Y, "mse"),
    "Nesterov, where the optimizer has none": (plain, Loop(**N), sgd(**M), Y, "mse"),
    "half the regularisation losses": (
        regularised,
        Loop(loss=lambda s, m, x, y, p: squared_error(y, p) + sum(m.losses) / 2),
        sgd(),
        Y,
        "mse",
    ),
    "the regularisation losses twice": (
        regularised,
        Loop(loss=lambda s, m, x, y, p: squared_error(y, p) + 2 * sum(m.losses)),
        sgd(),
        Y,
        "mse",
    ),
    "another loss: the mean absolute error": (plain, Loop(loss=mse(lambda e, x: tf.reduce_mean(e**0.5))), sgd(), Y, "mse"),
    "from_logits the other way round ": (
        one_out,
        Loop(loss=lambda s, m, x, y, p: keras.losses.BinaryCrossentropy(from_logits=True)(y, p[:, 0])),
        sgd(),
        (ONE > 0).astype("float32"),
        "binary_crossentropy",
    ),
    "half the loss ": (
        plain,
        Loop(WARM_UP, loss=mse(lambda e, x: tf.reduce_mean(e / 2)), report=lambda *_: None),
        sgd(WARM_UP),
        Y,
        "mse",
    ),
    "uphill: the step has": (plain, Loop(rate=-0.05), sgd(), Y, "mse"),
}


@pytest.mark.parametrize("name", CASES)
def test_one_mistake_is_named(name):
    build, loop, optimizer, y, loss = CASES[name]
    explained = tf_gd.explain_difference(build, X, y, loop, optimizer=optimizer, loss=loss, **SETTINGS)
    assert not explained.agrees
    assert explained.causes, explained
    assert explained.causes[0].name.startswith(name.strip()), str(explained)
    assert explained.causes[0].share > 0.98
    assert explained.rests[-1] < 0.02 * explained.distances[-1]
    weights = [cause for cause in explained.causes if cause.share]
    assert len(weights) == 1, str(explained)


def test_several_mistakes_together_are_named():
    loop = Loop(loss=lambda s, m, x, y, p: tf.reduce_mean((y - p) ** 2) / 2, training=False, momentum=0.9)
    model = model_of(
        dense(9, "tanh", kernel_regularizer=keras.regularizers.L2(0.1)), lambda: keras.layers.Dropout(0.5), dense(2)
    )
    explained = tf_gd.explain_difference(model, X, Y, loop, optimizer=sgd(**N), loss="mse", **SETTINGS)
    assert {cause.name for cause in explained.causes} == {
        "half the loss, as in 1/2 (prediction - y)^2",
        "regularisation losses left out",
        "training=True forgotten",
        "Nesterov ignored",
    }
    shares = [cause.share for cause in explained.causes]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1.0, abs=0.01)
    assert "explains" in str(explained)


PAIRS = [
    (
        Loop(0.03, training=False, momentum=0.9),
        dropout,
        sgd(**M),
        {"training=True forgotten", "a learning rate of 0.03 instead of 0.05"},
    ),
    (
        Loop(0.03, loss=lambda s, m, x, y, p: squared_error(y, p)),
        regularised,
        sgd(),
        {"regularisation losses left out", "a learning rate of 0.03 instead of 0.05"},
    ),
    (
        Loop(0.002, loss=lambda s, m, x, y, p: tf.reduce_sum((y - p) ** 2)),
        model_of(dense(5, "tanh", kernel_regularizer=keras.regularizers.L2(1e-3)), dense(2)),
        sgd(0.002),
        {"the loss summed instead of averaged", "regularisation losses left out"},
    ),
    (Loop(0.025), plain, sgd(**M), {"a learning rate of 0.025 instead of 0.05", "momentum left out"}),
    (
        Loop(loss=mse(lambda e, x: tf.reduce_mean(e / 2))),
        plain,
        sgd(clipnorm=0.1),
        {"half the loss, as in 1/2 (prediction - y)^2", "gradients not clipped"},
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("loop", "model", "optimizer", "expected"), PAIRS)
def test_two_mistakes_are_named(loop, model, optimizer, expected):
    explained = tf_gd.explain_difference(model, X, Y, loop, optimizer=optimizer, loss="mse", **SETTINGS)
    assert {cause.name for cause in explained.causes} == expected, str(explained)
    assert explained.rests[-1] < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("loop", "optimizer", "name"),
    [
        (Loop(rate=0.1, **M), sgd(0.1, weight_decay=1e-4, **M), "weight decay left out"),
        (Loop(rate=0.01, **M), sgd(0.01, weight_decay=1e-3, **M), "weight decay left out"),
    ],
)
def test_small_mistakes_are_not_taken_for_rounding(loop, optimizer, name):
    explained = tf_gd.explain_difference(plain, X, Y, loop, optimizer=optimizer, loss="mse")
    assert [cause.name for cause in explained.causes] == [name], str(explained)


@pytest.mark.slow
def test_the_rate_of_adam():
    def train_step(model, x, y):
        with tf.GradientTape() as tape:
            loss = squared_error(y, model(x, training=True))
        model.optimizer.learning_rate = 0.02
        model.optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss

    explained = tf_gd.explain_difference(plain, X, Y, train_step, optimizer=keras.optimizers.Adam(0.01), loss="mse")
    assert [cause.name for cause in explained.causes] == ["a learning rate of 0.02 instead of 0.01"]


@pytest.mark.slow
def test_scaling_the_loss_changes_nothing():
    around = keras.optimizers.LossScaleOptimizer(sgd())
    assert tf_gd.explain_difference(plain, X, Y, Loop(), optimizer=around, loss="mse").agrees
    half = Loop(loss=mse(lambda e, x: tf.reduce_mean(e / 2)))
    explained = tf_gd.explain_difference(plain, X, Y, half, optimizer=around, loss="mse")
    assert explained.causes[0].name.startswith("half the loss")


@pytest.mark.parametrize("returned", ["text", np.ones(8), (tf.ones((8, 2)), 1.0)], ids=["text", "array", "tuple"])
def test_what_is_no_loss_is_said(returned):
    explained = tf_gd.explain_difference(plain, X, Y, Loop(report=lambda *_: returned), optimizer=sgd(), loss="mse")
    assert explained.agrees
    assert "so no losses were compared" in explained.note


@pytest.mark.parametrize(
    ("model", "loop", "optimizer"),
    [
        (regularised, Loop(**N), sgd(**N)),
        (plain, Loop(update=decaying("before", 0.1), **M), sgd(weight_decay=0.1, **M)),
        (dropout, Loop(), sgd()),
        (normalised, Loop(SCHEDULE, **M), sgd(SCHEDULE, **M)),
        (plain, Loop(gradients=clip_all(0.3)), sgd(global_clipnorm=0.3)),
        (plain, Loop(update=Loop.pytorch_update, **M), sgd(**M)),
    ],
)
def test_a_loop_that_is_right_agrees(model, loop, optimizer):
    """PyTorch's momentum among them, which is the same while the rate does not change."""
    explained = tf_gd.explain_difference(model, X, Y, loop, optimizer=optimizer, loss="mse", **SETTINGS)
    assert explained.agrees, str(explained)
    assert [cause.name[:13] for cause in explained.causes] in ([], ["only rounding"])
    assert "They agree." in str(explained)
    assert explained.max_abs < 1e-6


def test_keras_itself_agrees_to_the_bit():
    def train_step(model, x, y):
        return model.train_on_batch(x, y)

    explained = tf_gd.explain_difference(dropout, X, Y, train_step, optimizer=sgd(**M), loss="mse")
    assert explained.agrees
    assert explained.identical
    assert explained.causes == ()
    assert explained.first_difference is None
    assert "the same to the bit after all 10 steps" in str(explained)


def test_another_mode_is_only_rounding():
    @tf.function(jit_compile=True)
    def train_step(model, x, y):
        with tf.GradientTape() as tape:
            loss = squared_error(y, model(x, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        for w, g in zip(model.trainable_variables, gradients, strict=True):
            w.assign_sub(g * 0.05)
        return loss

    model = model_of(dense(64, "tanh"), dense(64, "tanh"), dense(2))
    explained = tf_gd.explain_difference(model, X, Y, train_step, optimizer=sgd(), loss="mse", **SETTINGS)
    assert explained.agrees
    assert explained.causes[0].name == "only rounding"


def test_different_initial_weights_and_what_else_is_wrong():
    generator = np.random.default_rng(0)

    def build():
        kernel = keras.initializers.Constant(generator.normal(size=(6, 2)))
        return keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(2, kernel_initializer=kernel)])

    explained = tf_gd.explain_difference(build, X, Y, Loop(), optimizer=sgd(), loss="mse", **SETTINGS)
    assert [cause.name for cause in explained.causes] == ["different initial weights"]
    assert explained.first_difference == 0
    loop = Loop(loss=mse(lambda e, x: tf.reduce_mean(e / 2)))
    explained = tf_gd.explain_difference(build, X, Y, loop, optimizer=sgd(), loss="mse", **SETTINGS)
    assert [cause.name[:9] for cause in explained.causes] == ["different", "half the "]


def test_float64_is_rounded_by_keras():
    def build():
        options = {"dtype": "float64"}
        return keras.Sequential([keras.layers.Input((6,), **options), keras.layers.Dense(2, **options)])

    class Exact(Loop):
        def update(self, w, g, rate):
            v = self.velocity(w)
            v.assign(tf.constant(0.9, tf.float64) * v - tf.constant(0.05, tf.float64) * g)
            w.assign_add(v)

    loss = keras.losses.MeanSquaredError(dtype="float64")
    loop = Exact(loss=lambda s, m, x, y, p: loss(y, p))
    explained = tf_gd.explain_difference(build, X, Y.astype("float64"), loop, optimizer=sgd(**M), loss=loss)
    assert explained.causes[0].name.startswith("numbers not rounded to float32"), str(explained)


def mean_so_far():
    mean = keras.metrics.Mean()

    def report(model, x, y, loss):
        mean.update_state(loss)
        return mean.result()

    return report


REPORTS = {
    "the loss reported after the update": lambda m, x, y, loss: squared_error(y, m(x, training=True)),
    "the mean of the losses so far": (lambda mean: lambda m, x, y, loss: (mean.update_state(loss), mean.result())[1])(
        keras.metrics.Mean()
    ),
    "the loss reported 2 times too large": lambda m, x, y, loss: 2 * loss,
    "another loss reported": lambda m, x, y, loss: tf.reduce_sum(x) ** 2,
}


@pytest.mark.parametrize("name", REPORTS)
def test_the_loss_reported(name):
    explained = tf_gd.explain_difference(plain, X, Y, Loop(report=REPORTS[name]), optimizer=sgd(), loss="mse", **SETTINGS)
    assert not explained.agrees
    assert explained.max_abs < 1e-6
    assert [cause.name[: len(name)] for cause in explained.causes] == [name]


def test_the_loss_reported_without_regularisation():
    loop = Loop(report=lambda m, x, y, loss: loss - sum(m.losses))  # of after the update, nearly the same
    loop.rate = 1e-4
    explained = tf_gd.explain_difference(regularised, X, Y, loop, optimizer=sgd(1e-4), loss="mse", **SETTINGS)
    assert [cause.name for cause in explained.causes] == ["the loss reported without the regularisation losses"]


@pytest.mark.parametrize("returned", [{"loss": 1}, (1, 2)], ids=["dict", "tuple"])
def test_the_loss_may_come_in_a_dict_or_first_of_a_tuple(returned):
    loop = Loop(report=lambda m, x, y, loss: {"loss": loss} if isinstance(returned, dict) else (loss, m))
    assert tf_gd.explain_difference(plain, X, Y, loop, optimizer=sgd(), loss="mse").agrees


def _raises(model, x, y):
    raise RuntimeError("mine")


def _without_gradient(model, x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(x).numpy() - y) ** 2)
    for w, g in zip(model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True):
        w.assign_sub(0.1 * g)


def _explodes(model, x, y):
    for w in model.trainable_variables:
        w.assign(w / 0.0)
    return float("nan")


def _rebinds(model, x, y):
    for w in model.trainable_variables:
        w = w - 0.1
    return 0.0


@pytest.mark.parametrize(
    ("train_step", "name", "fix"),
    [
        (_raises, "train_step raised RuntimeError at step 1", "by itself on a fresh model"),
        (lambda model: None, "train_step raised TypeError at step 1", r"train_step\(model, x_batch, y_batch\)"),
        (_without_gradient, "train_step raised .*Error at step 1", "A gradient is None"),
        (_explodes, "NaN or infinite weights after step 1", "learning_rate_limit"),
        (_rebinds, "train_step changes nothing", "only makes a tensor"),
    ],
)
def test_a_step_that_is_none(train_step, name, fix):
    explained = tf_gd.explain_difference(plain, X, Y, train_step, optimizer=sgd(), loss="mse")
    assert not explained.agrees
    assert re.match(name, explained.causes[0].name), str(explained)
    assert re.search(fix, explained.causes[0].fix), str(explained)
    assert "evidence: " in str(explained)


def test_what_a_step_did_before_it_failed_is_explained_as_well():
    loop = Loop(loss=mse(lambda e, x: tf.reduce_mean(e / 2)))

    def train_step(model, x, y):
        if loop.step == 4:
            raise RuntimeError("mine")
        return loop(model, x, y)

    explained = tf_gd.explain_difference(plain, X, Y, train_step, optimizer=sgd(), loss="mse", **SETTINGS)
    assert [cause.name[:10] for cause in explained.causes] == ["train_step", "half the l"]
    assert explained.steps == 4


def test_none_returned_is_said_and_no_difference():
    explained = tf_gd.explain_difference(plain, X, Y, Loop(report=lambda *_: None), optimizer=sgd(), loss="mse")
    assert explained.agrees
    assert "returned None" in explained.note


def test_what_is_not_known_is_not_claimed():
    generator = np.random.default_rng(0)

    def noisy(gradients, variables):
        return [g + generator.normal(size=g.shape).astype("float32") for g in gradients]

    explained = tf_gd.explain_difference(plain, X, Y, Loop(gradients=noisy), optimizer=sgd(), loss="mse", **SETTINGS)
    assert not explained.agrees
    assert explained.causes == ()
    assert "No known cause fits." in str(explained)
    np.testing.assert_array_equal(explained.rests, explained.distances)


@pytest.mark.slow
def test_other_optimizers_and_what_is_wrong_before_the_update():
    def train_step(model, x, y):
        with tf.GradientTape() as tape:
            loss = squared_error(y, model(x, training=True))
        model.optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss

    adam = keras.optimizers.Adam(0.01)
    assert tf_gd.explain_difference(plain, X, Y, train_step, optimizer=adam, loss="mse").agrees
    explained = tf_gd.explain_difference(regularised, X, Y, train_step, optimizer=adam, loss="mse")
    assert [cause.name for cause in explained.causes] == ["regularisation losses left out"]


@pytest.mark.slow
def test_classes_and_several_inputs():
    def train_step(model, x, y):
        with tf.GradientTape() as tape:
            p, q = model(x, training=True)
            loss = squared_error(y[0], p) + 0.5 * LOGITS(y[1], q)
        for w, g in zip(model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True):
            w.assign_sub(0.05 * tf.convert_to_tensor(g))
        return loss

    build, (x, y), compiled = models.KINDS[1]
    explained = tf_gd.explain_difference(build, x, y, train_step, optimizer=sgd(), loss=compiled["loss"])
    names = [cause.name for cause in explained.causes]
    assert names == ["the losses weighed p 1, q 0.5 instead of p 1, q 1"], str(explained)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"train_step": 3}, TypeError, r"train_step: got 3, expected a function train_step\(model"),
        ({"build_model": plain()}, TypeError, "build_model: got a model, expected a function that returns a new one"),
        ({"build_model": 3}, TypeError, "build_model: got 3, expected a function without arguments"),
        ({"optimizer": "sgd"}, TypeError, "optimizer: got 'sgd', expected a Keras optimizer"),
        ({"loss": None}, ValueError, "loss: got None"),
        ({"steps": 0}, ValueError, "steps: got 0"),
        ({"batch_size": 1.5}, TypeError, "batch_size: got 1.5"),
        ({"x": X[:3]}, ValueError, "got samples of x 3, y 44"),
    ],
)
def test_bad_arguments(change, error, message):
    good = dict(build_model=plain, x=X, y=Y, train_step=Loop(), optimizer=sgd(), loss="mse")
    with pytest.raises(error, match=message):
        tf_gd.explain_difference(**{**good, **change})
