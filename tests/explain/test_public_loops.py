"""explain_difference on loops in the style of public code: the mistake is named first, and right loops agree."""

import inspect
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from loops import LABELS, SETTINGS, X, Y, plain, regularised, sgd
from more_public_loops import MORE
from public_loops import MSE, RIGHT, SOFT, WRONG, classes, step_with

import tf_gd

SEVERAL = {"another optimizer: Adam "}  # at another rate besides


def explained(table, name):
    build, x, y, make, rest = table[name]
    return tf_gd.explain_difference(build, x, y, make(), **SETTINGS, **rest)


@pytest.mark.parametrize("name", MORE)
def test_the_mistake_of_an_outsider_is_named(name):
    found = explained(MORE, name)
    assert not found.agrees
    assert [cause.name[: len(name)] for cause in found.causes] == [name], str(found)


@pytest.mark.parametrize("name", WRONG)
def test_the_mistake_is_named_first_and_nothing_besides(name):
    found = explained(WRONG, name)
    assert not found.agrees
    assert found.causes[0].name.startswith(name.strip()), str(found)
    assert len(found.causes) == (2 if name in SEVERAL else 1), str(found)
    assert max(map(len, str(found).splitlines())) <= 80


PLAIN = sgd().get_config() | {"name": ""}


def beside_another(table=WRONG):
    """Yield the loops with a second mistake: the momentum left out, or the regularisation losses."""
    for name, (build, x, y, make, rest) in table.items():
        made_of = inspect.getclosurevars(make).nonlocals
        optimizer = rest["optimizer"]
        if "loss_of" not in made_of or name in ALIKE:
            continue
        if made_of["update"] is None and optimizer.get_config() | {"name": ""} == PLAIN:
            besides = rest | dict(optimizer=sgd(momentum=0.9))
            yield name, "momentum left out", (build, x, y, make, besides)
        elif made_of["loss_of"] is None and build is plain:
            parts = {key: made_of[key] for key in ("update", "gradients", "report", "training", "new")}
            without = step_with(lambda m, x, y, p: tf.reduce_mean((y - p) ** 2), **parts)
            yield name, "regularisation losses left out", (regularised, x, y, without, rest)


# Their pair is a single mistake by another name, or three, or takes longer than the search has.
ALIKE = {"gradients never set to zero", "another optimizer: Adam ", "RMSprop's rho of 0.99"}


PAIRS = {name: (besides, case) for name, besides, case in beside_another()}


@pytest.mark.parametrize("name", PAIRS)
def test_each_mistake_is_named_beside_another(name):
    besides, case = PAIRS[name]
    found = explained({name: case}, name)
    assert len(found.causes) == 2, str(found)
    for start in (name.strip().partition(", or ")[0], besides):
        assert any(cause.name.startswith(start) for cause in found.causes), str(found)


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_loop_agrees(name):
    found = explained(RIGHT, name)
    assert found.agrees, str(found)


def agrees(x, y=None, train_step=None, build=plain, **changes):
    settings = dict(MSE, batch_size=8, steps=4) | changes
    return tf_gd.explain_difference(build, x, y, train_step or step_with()(), **settings)


def of_batches():
    return tf.data.Dataset.from_tensor_slices((X, Y)).batch(8)


class OwnStep(keras.Sequential):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((y - self(x, training=True)) ** 2)
        self.optimizer.apply_gradients(
            zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables, strict=True)
        )
        return {"loss": loss}


def own_step():
    return OwnStep([keras.layers.Input((6,)), keras.layers.Dense(2)])


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 5

    def __getitem__(self, at):
        return X[at * 8 : at * 8 + 8], Y[at * 8 : at * 8 + 8]


def generated():
    for start in range(0, 44, 8):
        yield X[start : start + 8], Y[start : start + 8]


@pytest.mark.parametrize("data", [of_batches, Batches, generated])
def test_batches_of_a_data_set(data):
    assert agrees(data()).agrees
    half = step_with(lambda m, x, y, p: tf.reduce_mean((y - p) ** 2) / 2)()
    assert agrees(data(), train_step=half).causes[0].name.startswith("half the loss")


def test_a_model_with_a_step_of_its_own():
    assert agrees(X, Y, build=own_step).agrees
    half = step_with(lambda m, x, y, p: tf.reduce_mean((y - p) ** 2) / 2)()
    assert agrees(X, Y, half, build=own_step).causes[0].name.startswith("half the loss")


def raw():
    class Raw(keras.Model):
        def __init__(self):
            super().__init__()
            self.matrix = tf.Variable(tf.ones((6, 2)))

        def call(self, x):
            return x @ self.matrix

    return Raw()


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (dict(x=of_batches(), y=Y), ValueError, "y: got one beside a data set"),
        (dict(x=of_batches().unbatch(), y=None), ValueError, r"x: got a data set of single samples.*batch\(32\)"),
        (dict(x=iter(()), y=Y), TypeError, "x: got .*iterator, expected an array"),
        (dict(x=X.tolist(), y=Y.tolist()), TypeError, r"x: got a list of float.*np.array\(x\)"),
        (dict(x=X, y=Y, build=raw), ValueError, r"build_model: the model holds a tf.Variable \(matrix\).*add_weight"),
        (dict(x=X, y=Y, train_step=lambda x, y, model: 0.0), TypeError, r"got a function of \(x, y, model\).*comes first"),
        (dict(x=X, y=Y, sample_weight=np.ones(3)), ValueError, "sample_weight 3, expected equally many"),
        (dict(x=X, y=Y, class_weight=[1.0]), ValueError, "class_weight: got .1.0., expected a dict"),
        (dict(x=X, y=Y, loss="mean_square_error"), ValueError, "loss: got .*Did you mean 'mean_squared_error'"),
    ],
    ids=["beside", "single", "iterator", "lists", "raw variable", "order", "weights", "class weights", "loss"],
)
def test_what_cannot_be_compared_is_named(given, error, message):
    with pytest.raises(error, match=message):
        agrees(**given)


def reversed_pairs(model, x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((y - model(x)) ** 2)
    gradients = tape.gradient(loss, model.trainable_variables)
    model.optimizer.apply_gradients(zip(model.trainable_variables, gradients, strict=True))


def without_gradients(model, x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((y - model(x).numpy()) ** 2)
    gradients = tape.gradient(loss, model.trainable_variables)
    model.optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))


@pytest.mark.parametrize(
    ("step", "fix"), [(reversed_pairs, "gradient and variable, in this order"), (without_gradients, "is None")]
)
def test_errors_in_the_step_have_the_fix(step, fix):
    assert re.search(fix, agrees(X, Y, step).causes[0].fix)


def penalised(model, x, y, p):
    return tf.reduce_mean((y - p) ** 2) + 0.3 * tf.reduce_mean(tf.sin(3 * p))


def noisy():
    draws = np.random.default_rng(0)
    return lambda g, v, s: [one + draws.normal(size=one.shape).astype("float32") for one in g]


def late(model, variables, gradients, state):
    state["step"] = state.get("step", 0) + 1
    for w, g in zip(variables, gradients, strict=True):
        w.assign_sub(0.05 * (g if state["step"] < 4 else tf.sign(g)))


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (step_with(penalised), "The first loss differs: .* by hand.*So look at the loss, the labels and the inputs"),
        (
            step_with(gradients=noisy()),
            "The losses agree, the first is .*moves in another direction.*gradient or the update is not",
        ),
        (step_with(update=late, new=dict), "Steps 1 to 3 agree, and step 4 does not: .*kept from step to step.* 8 samples"),
    ],
    ids=["loss", "gradient", "later"],
)
def test_silence_says_where_to_look(step, said):
    found = agrees(X, Y, step(), steps=8)
    assert found.causes == ()
    assert re.search(said, found.note), found.note


def test_the_report_in_other_forms():
    found = agrees(X, Y, step_with(lambda m, x, y, p: tf.reduce_mean((y - p) ** 2) / 2, report=lambda *_: None)())
    page = found.to_html()
    assert page == found._repr_html_()
    assert "half the loss" in page
    assert "<script" not in page
    numbers = found.report()
    assert numbers["causes"][0]["name"] == found.causes[0].name
    assert numbers["losses"] == [None] * 4
    assert len(numbers["distances"]) == 5


@pytest.mark.parametrize(
    "name", ["gradients given to the wrong layer", "gradients given to the wrong variable", "the gradient of"]
)
def test_variables_have_the_names_of_the_loop(name):
    models = []
    build, x, y, make, rest = WRONG[name]
    step = make()

    def train_step(model, x, y):
        models.append(model)
        return step(model, x, y)

    found = tf_gd.explain_difference(build, x, y, train_step, **SETTINGS, **rest)
    said = re.findall(r"[\w/]*dense[\w/]*", found.causes[0].name)
    own = {variable.path for variable in models[0].variables}
    assert said
    assert all(one in own or any(path.startswith(f"{one}/") for path in own) for one in said), (said, own)


def test_weights_reach_a_step_that_takes_them():
    seen = []

    def train_step(model, x, y, weights):
        seen.append(weights.numpy())
        return model.train_on_batch(x, y, weights)

    weights = np.linspace(0, 1, 44).astype("float32")
    found = tf_gd.explain_difference(classes, X, LABELS, train_step, sample_weight=weights, **SETTINGS, **SOFT)
    assert found.agrees
    np.testing.assert_array_equal(np.concatenate(seen[:6]), weights)


def test_rates_that_look_alike_are_not_shown_as_different():
    def rate(step):
        return 0.03 * (1 + 1e-3 * (step == 6))

    def update(model, variables, gradients, state):
        for w, g in zip(variables, gradients, strict=True):
            w.assign_sub(rate(state.setdefault("step", 0)) * g)
        state["step"] += 1

    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([100], [0.03, 0.01])
    found = agrees(X, Y, step_with(update=update, new=dict)(), optimizer=sgd(schedule), steps=8)
    for cause in found.causes:
        by_hand, _, by_keras = cause.name.partition(" instead of ")
        assert by_hand.rpartition(": ")[2] != by_keras.partition(" from step")[0]
