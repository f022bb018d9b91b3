"""Loops in the style of public code, right and wrong, with the start of the name that each is to get."""

import keras
import numpy as np
import tensorflow as tf
from loops import (
    LABELS,
    LOGITS,
    ONE,
    SCHEDULE,
    X,
    Y,
    dense,
    model_of,
    plain,
    regularised,
    same_shapes,
    sgd,
    squared_error,
)

layers, optimizers = keras.layers, keras.optimizers
GENERATOR = np.random.default_rng(5)
WORDS = np.where(np.arange(7) < GENERATOR.integers(2, 8, 44)[:, None], GENERATOR.integers(1, 20, (44, 7)), 0)
TAGS = GENERATOR.integers(0, 3, (44, 7))
WEIGHTS = np.linspace(0.2, 3.0, 44).astype("float32")
OF_CLASSES = {0: 1.0, 1: 4.0, 2: 0.3}
ONE_HOT = np.eye(3, dtype="float32")[LABELS]
SMOOTH = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2)

classes = model_of(dense(5, "tanh"), dense(3))
one_out = model_of(dense(5, "tanh"), dense(1))
equal_layers = model_of(dense(6, "tanh"), dense(6, "tanh"), dense(2))
normalised = model_of(dense(9), layers.BatchNormalization, dense(2))


def tagger():
    return keras.Sequential([layers.Input((7,), dtype="int32"), layers.Embedding(20, 4, mask_zero=True), layers.Dense(3)])


def step_with(loss_of=None, update=None, gradients=None, report=None, training=True, new=None):
    """Return a function that makes a step of tape, gradient and update, with some of it replaced."""

    def make():
        state = new() if new else None

        def train_step(model, x, y, *weights):
            variables = model.trainable_variables
            with tf.GradientTape() as tape:
                prediction = model(x, training=training)
                loss = loss_of(model, x, y, prediction, *weights) if loss_of else default_loss(model, y, prediction)
            found = tape.gradient(loss, variables)
            found = gradients(found, variables, state) if gradients else found
            if update:
                update(model, variables, found, state)
            else:
                for w, g in zip(variables, found, strict=True):
                    w.assign_sub(0.05 * tf.convert_to_tensor(g))
            return report(model, x, y, prediction, loss) if report else tf.reduce_mean(loss)

        return train_step

    return make


def default_loss(model, y, prediction):
    return squared_error(y, prediction) + sum(model.losses)


def by(make_optimizer, every_step=False):
    """Return an update by an optimizer of the loop's own."""

    def update(model, variables, gradients, state):
        if every_step or "optimizer" not in state:
            state["optimizer"] = make_optimizer()
        state["optimizer"].apply_gradients(zip(gradients, variables, strict=True))

    return dict(update=update, new=dict)


def of_keras(times=1, **changes):
    def update(model, variables, gradients, state):
        for _ in range(times):
            model.optimizer.apply_gradients(zip(gradients, variables, strict=True))

    return dict(update=update, **changes)


def adam(
    rate=0.01, b1=0.9, b2=0.999, epsilon=1e-7, corrected=True, textbook=False, l2=0.0, first=1, each=False, never=False
):
    """Return an Adam by hand; as it stands, Keras's."""

    def update(model, variables, gradients, state):
        for n, (w, g) in enumerate(zip(variables, gradients, strict=True)):
            if never:
                state["t"] = 1
            elif each or n == 0:
                state["t"] = state.get("t", first - 1) + 1
            t = float(state["t"])
            g = g + l2 * w
            m, v = state.setdefault(w.path, (tf.zeros_like(w), tf.zeros_like(w)))
            m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
            state[w.path] = m, v
            if not corrected:
                w.assign_sub(rate * m / (tf.sqrt(v) + epsilon))
            elif textbook:
                w.assign_sub(rate * (m / (1 - b1**t)) / (tf.sqrt(v / (1 - b2**t)) + epsilon))
            else:
                w.assign_sub(rate * np.sqrt(1 - b2**t) / (1 - b1**t) * m / (tf.sqrt(v) + epsilon))

    return dict(update=update, new=dict)


def summed_up(gradients, variables, state):
    for n, g in enumerate(gradients):
        state[n] = state.get(n, 0.0) + g
    return [state[n] for n in range(len(gradients))]


def taken_anew():
    def train_step(model, x, y):
        first = None
        for w in model.trainable_variables:
            with tf.GradientTape() as tape:
                loss = squared_error(y, model(x, training=True))
            first = loss if first is None else first
            w.assign_sub(0.05 * tape.gradient(loss, w))
        return first

    return train_step


def two_steps():
    def train_step(model, x, y):
        first = None
        for _ in range(2):
            with tf.GradientTape() as tape:
                loss = squared_error(y, model(x, training=True))
            first = loss if first is None else first
            for w, g in zip(model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True):
                w.assign_sub(0.05 * g)
        return first

    return train_step


def swapped(gradients, variables, state):
    return [gradients[2], gradients[1], gradients[0], *gradients[3:]]


def discards_statistics():
    def train_step(model, x, y):
        kept = [(v, v.numpy()) for v in model.non_trainable_variables]
        with tf.GradientTape() as tape:
            loss = squared_error(y, model(x, training=True))
        for w, g in zip(model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True):
            w.assign_sub(0.05 * g)
        for variable, value in kept:
            variable.assign(value)
        return loss

    return train_step


def losses_read_before():
    def train_step(model, x, y):
        penalty = sum(model.losses)
        with tf.GradientTape() as tape:
            loss = squared_error(y, model(x, training=True)) + penalty
        for w, g in zip(model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True):
            w.assign_sub(0.05 * g)
        return loss

    return train_step


def momentum(velocity_of, rate=0.05):
    def update(model, variables, gradients, state):
        for w, g in zip(variables, gradients, strict=True):
            state[w.path] = velocity_of(state.get(w.path, tf.zeros_like(w)), g)
            w.assign_add(state[w.path])

    return dict(update=update, new=dict)


def momentum_outside(clip):
    """Return the momentum of PyTorch's form, with the velocity clipped."""

    def update(model, variables, gradients, state):
        for w, g in zip(variables, gradients, strict=True):
            state[w.path] = clip(0.9 * state.get(w.path, tf.zeros_like(w)) + g)
            w.assign_sub(0.05 * state[w.path])

    return dict(update=update, new=dict)


def of_targets_masked(model, x, y, p):
    each, mask = keras.ops.sparse_categorical_crossentropy(y, p, from_logits=True), tf.cast(y != 0, tf.float32)
    return tf.reduce_sum(each * mask) / tf.reduce_sum(mask)


def scheduled_once_a_variable(model, variables, gradients, state):
    for w, g in zip(variables, gradients, strict=True):
        w.assign_sub(SCHEDULE(state.setdefault("step", 0)) * g)
        state["step"] += 1


def averaged(swapped_factor):
    def update(model, variables, gradients, state):
        state["step"] = state.get("step", 0) + 1
        for w, g in zip(variables, gradients, strict=True):
            w.assign_sub(0.05 * g)
            a = state.get(w.path)
            factor = 0.9 if state["step"] > 1 else 0.0
            factor = 1 - factor if swapped_factor and state["step"] > 1 else factor
            state[w.path] = factor * (0.0 if a is None else a) + (1 - factor) * w
            if state["step"] % 3 == 0:
                w.assign(state[w.path])

    return dict(update=update, new=dict)


def decayed(rate=0.05, kernels=False, with_rate=True, amount=0.1):
    def update(model, variables, gradients, state):
        for w, g in zip(variables, gradients, strict=True):
            if not kernels or "kernel" in w.path:
                w.assign_sub((rate if with_rate else 1.0) * amount * w)
            w.assign_sub(rate * g)

    return update


def l2_of(choose, amount=0.01):
    return lambda model, x, y, p: (
        squared_error(y, p) + amount * sum(tf.reduce_sum(w**2) for w in model.trainable_variables if choose(w))
    )


def tagged(reduce):
    def loss(model, x, y, p):
        each = keras.ops.sparse_categorical_crossentropy(y, p, from_logits=True)
        return reduce(each, tf.cast(x != 0, tf.float32))

    return loss


def weighed(reduce):
    def loss(model, x, y, p, w=None):
        return reduce(keras.ops.sparse_categorical_crossentropy(y, p, from_logits=True), w)

    return loss


def per_class(reduce):
    table = tf.constant([OF_CLASSES[label] for label in range(3)])
    return weighed(lambda each, _: each) and (
        lambda model, x, y, p, *_: reduce(
            keras.ops.sparse_categorical_crossentropy(y, p, from_logits=True), tf.gather(table, y)
        )
    )


def each(error):
    return lambda model, x, y, p: tf.reduce_mean(error(y, p), axis=-1)


def square(y, p):
    return (y - p) ** 2


def scaled_by(scale, by_class=None):
    return lambda model, x, y, p: squared_error(y, p) * scale(x, y)


def accuracy(model, x, y, p, loss):
    return tf.reduce_mean(tf.cast(tf.argmax(p, -1) == y, tf.float32))


MSE = dict(optimizer=sgd(), loss="mse")
TAGGING = dict(optimizer=sgd(), loss=LOGITS)
SOFT = dict(optimizer=sgd(), loss=LOGITS)
ADAM = dict(optimizer=optimizers.Adam(0.01), loss="mse")
CLIPPED_LATE = dict(optimizer=sgd(momentum=0.9, clipnorm=0.3), loss="mse")
CLIPPED = dict(optimizer=sgd(momentum=0.9, clipnorm=0.1), loss="mse")
AVERAGED = dict(optimizer=sgd(use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=3), loss="mse")
SCALED = dict(optimizer=optimizers.LossScaleOptimizer(sgd(), initial_scale=1024.0), loss="mse")

# the start of the name: (build_model, x, y, make the step, what explain_difference gets besides)
WRONG = {
    "the losses of the samples differentiated": (plain, X, Y, step_with(each(square)), MSE),
    "half the loss, and the last, smaller batch": (
        one_out,
        X,
        ONE[:, None],
        step_with(lambda m, x, y, p: tf.reduce_sum((y - p) ** 2 / 2) / 8),
        MSE,
    ),
    "divided by the size of the batch twice": (
        plain,
        X,
        Y,
        step_with(lambda m, x, y, p: squared_error(y, p) / len(x)),
        MSE,
    ),
    "half the loss summed": (
        one_out,
        X,
        ONE[:, None],
        step_with(lambda m, x, y, p: tf.reduce_sum((y - p) ** 2) / 2),
        MSE,
    ),
    "the mask left out": (tagger, WORDS, TAGS, step_with(tagged(lambda e, m: tf.reduce_mean(e))), TAGGING),
    "padding counted": (tagger, WORDS, TAGS, step_with(tagged(lambda e, m: tf.reduce_mean(e * m))), TAGGING),
    "sample_weight left out": (
        classes,
        X,
        LABELS,
        step_with(weighed(lambda e, w: tf.reduce_mean(e))),
        SOFT | dict(sample_weight=WEIGHTS),
    ),
    "the mean taken over the sum of the weights": (
        classes,
        X,
        LABELS,
        step_with(weighed(lambda e, w: tf.reduce_sum(e * w) / tf.reduce_sum(w))),
        SOFT | dict(sample_weight=WEIGHTS),
    ),
    "class_weight left out": (
        classes,
        X,
        LABELS,
        step_with(per_class(lambda e, w: tf.reduce_mean(e))),
        SOFT | dict(class_weight=OF_CLASSES),
    ),
    "the mean taken over the sum of the weights ": (
        classes,
        X,
        LABELS,
        step_with(per_class(lambda e, w: tf.reduce_sum(e * w) / tf.reduce_sum(w))),
        SOFT | dict(class_weight=OF_CLASSES),
    ),
    "label smoothing left out": (
        classes,
        X,
        ONE_HOT,
        step_with(lambda m, x, y, p: keras.losses.CategoricalCrossentropy(from_logits=True)(y, p)),
        dict(optimizer=sgd(), loss=SMOOTH),
    ),
    "L2 on every variable": (regularised, X, Y, step_with(l2_of(lambda w: True)), MSE),
    "L2 on the biases": (regularised, X, Y, step_with(l2_of(lambda w: "bias" in w.path)), MSE),
    "an L2 penalty of 0.02 times": (plain, X, Y, step_with(l2_of(lambda w: "kernel" in w.path, 0.02)), MSE),
    "an L2 penalty of 0.05 times": (plain, X, Y, step_with(l2_of(lambda w: True, 0.05), **of_keras()), ADAM),
    "weight decay of the kernels alone": (
        plain,
        X,
        Y,
        step_with(update=decayed(kernels=True)),
        dict(optimizer=sgd(weight_decay=0.1), loss="mse"),
    ),
    "weight decay without the learning rate": (
        plain,
        X,
        Y,
        step_with(update=decayed(with_rate=False)),
        dict(optimizer=sgd(weight_decay=0.1), loss="mse"),
    ),
    "an optimizer made anew": (plain, X, Y, step_with(**by(lambda: optimizers.Adam(0.01), True)), ADAM),
    "momentum left out, or the velocity forgotten": (
        plain,
        X,
        Y,
        step_with(**by(lambda: sgd(momentum=0.9), True)),
        dict(optimizer=sgd(momentum=0.9, nesterov=False), loss="mse"),
    ),
    "another optimizer: SGD": (plain, X, Y, step_with(**by(lambda: sgd(0.01))), ADAM),
    "another optimizer: Adam": (plain, X, Y, step_with(**by(lambda: optimizers.Adam(0.05))), MSE),
    "another optimizer: RMSprop": (plain, X, Y, step_with(**by(lambda: optimizers.RMSprop(0.01))), ADAM),
    "another optimizer: Adam ": (plain, X, Y, step_with(**by(lambda: optimizers.Adam(0.001))), MSE),
    "Adam without bias correction": (plain, X, Y, step_with(**adam(corrected=False)), ADAM),
    "Adam's epsilon": (plain, X, Y, step_with(**adam(epsilon=1e-3)), ADAM),
    "Adam's weight decay as L2": (
        plain,
        X,
        Y,
        step_with(**adam(l2=0.1)),
        dict(optimizer=optimizers.AdamW(0.01, weight_decay=0.1), loss="mse"),
    ),
    "Adam's beta_2 of 0.9": (plain, X, Y, step_with(**adam(b2=0.9)), ADAM),
    "Adam's step counted once a variable": (plain, X, Y, step_with(**adam(each=True)), ADAM),
    "the update made twice": (plain, X, Y, step_with(**of_keras(2)), ADAM),
    "the update made twice ": (
        plain,
        X,
        Y,
        step_with(**of_keras(2)),
        dict(optimizer=sgd(momentum=0.9), loss="mse"),
    ),
    "two steps on each batch": (plain, X, Y, two_steps, MSE),
    "gradients never set to zero": (plain, X, Y, step_with(gradients=summed_up, new=dict), MSE),
    "gradients never set to zero ": (
        plain,
        X,
        Y,
        step_with(gradients=summed_up, **of_keras(new=dict)),
        dict(optimizer=sgd(momentum=0.9), loss="mse"),
    ),
    "the scaling of the loss forgotten": (
        plain,
        X,
        Y,
        step_with(
            lambda m, x, y, p: m.optimizer.scale_loss(squared_error(y, p)),
            gradients=lambda g, w, s: [one / 1024.0 for one in g],
            report=lambda m, x, y, p, loss: loss / 1024.0,
            **of_keras(),
        ),
        SCALED,
    ),
    "the velocity clipped": (
        plain,
        X,
        Y,
        step_with(**momentum(lambda v, g: tf.clip_by_norm(0.9 * v - 0.05 * g, 0.1))),
        CLIPPED,
    ),
    "the schedule counted once a variable": (
        plain,
        X,
        Y,
        step_with(update=scheduled_once_a_variable, new=dict),
        dict(optimizer=sgd(SCHEDULE), loss="mse"),
    ),
    "the factor of the moving average swapped": (plain, X, Y, step_with(**averaged(True)), AVERAGED),
    "the statistics of BatchNormalization discarded": (normalised, X, Y, discards_statistics, MSE),
    "gradients given to the wrong variable": (equal_layers, X, Y, step_with(gradients=swapped), MSE),
    "one variable after another": (plain, X, Y, taken_anew, MSE),
    "targets of another sample": (
        plain,
        X,
        Y,
        step_with(lambda m, x, y, p: squared_error(tf.roll(y, 1, 0), p)),
        MSE,
    ),
    "labels one too high": (
        classes,
        X,
        LABELS,
        step_with(lambda m, x, y, p: LOGITS((y + 1) % 3, p)),
        SOFT,
    ),
    "other inputs: divided by 255": (
        plain,
        X * 200,
        Y,
        lambda: (lambda step: lambda m, x, y: step(m, x / 255.0, y))(step_with()()),
        MSE,
    ),
    "other inputs: standardised": (
        plain,
        X * 3 + 1,
        Y,
        lambda: (lambda step: lambda m, x, y: step(m, (x - tf.reduce_mean(x, 0)) / tf.math.reduce_std(x, 0), y))(
            step_with()()
        ),
        MSE,
    ),
    "the regularisation losses read outside the tape": (regularised, X, Y, losses_read_before, MSE),
    "the accuracy reported": (classes, X, LABELS, step_with(lambda m, x, y, p: LOGITS(y, p), report=accuracy), SOFT),
    "the loss scaled by a number that changes with the batch": (
        plain,
        X,
        Y,
        step_with(scaled_by(lambda x, y: 1 / tf.reduce_sum(tf.abs(y)))),
        MSE,
    ),
    "the loss scaled by a number that changes with the batch ": (
        plain,
        X,
        Y,
        step_with(scaled_by(lambda x, y: 2 + tf.reduce_sum(x) / 20), **of_keras()),
        dict(optimizer=sgd(momentum=0.9), loss="mse"),
    ),
    "another loss: the mean absolute error": (
        plain,
        X,
        Y,
        step_with(lambda m, x, y, p: tf.reduce_mean(tf.abs(y - p)), **of_keras()),
        ADAM,
    ),
}


def in_turn(parts):
    """Return a step on one part after another: of the variables, or of the batch."""

    def make():
        def train_step(model, x, y):
            losses = []
            for variables, rows in parts(model, len(x)):
                with tf.GradientTape() as tape:
                    losses.append(squared_error(y[rows], model(x[rows], training=True)))
                for w, g in zip(variables, tape.gradient(losses[-1], variables), strict=True):
                    w.assign_sub(0.05 * g)
            return tf.reduce_mean(losses) if len(losses) > 2 else losses[-1]

        return train_step

    return make


def transposed(gradients, variables, state):
    return [tf.transpose(g) if n == 2 else g for n, g in enumerate(gradients)]


def layers_swapped(gradients, variables, state):
    return [*gradients[2:4], *gradients[:2], *gradients[4:]]


def rmsprop(rho):
    def update(model, variables, gradients, state):
        for w, g in zip(variables, gradients, strict=True):
            state[w.path] = rho * state.get(w.path, tf.zeros_like(w)) + (1 - rho) * g * g
            w.assign_sub(0.01 * g / tf.sqrt(state[w.path] + 1e-7))

    return dict(update=update, new=dict)


def two_outputs():
    inputs = layers.Input((6,))
    hidden = layers.Dense(5, "tanh")(inputs)
    return keras.Model(inputs, [layers.Dense(2, name="a")(hidden), layers.Dense(2, name="b")(hidden)])


def image_model():
    return keras.Sequential(
        [layers.Input((4, 4, 1)), layers.Conv2D(3, 2, activation="tanh"), layers.Flatten(), layers.Dense(3)]
    )


class OwnCall(keras.Model):
    """A model without known outputs, of integer labels."""

    def __init__(self):
        super().__init__()
        self.hidden, self.drop = layers.Dense(9, "tanh"), layers.Dropout(0.5, seed=3)
        self.out = layers.Dense(3)

    def call(self, x, training=False):
        return self.out(self.drop(self.hidden(x), training=training))


def of_labels(**options):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, **options)
    return lambda m, x, y, p: loss(y, p)


IMAGES = X[:, :4, None, None] * X[:, None, :4, None]
BINARY = (ONE[:, None] > 0).astype("float32")
PROBABILITY = model_of(dense(5, "tanh"), dense(3, "softmax"))
SIGMOID = model_of(dense(5, "tanh"), dense(1, "sigmoid"))
CATEGORICAL = dict(optimizer=sgd(), loss="categorical_crossentropy")
OF_TWO = dict(optimizer=sgd(), loss=["mse", "mse"])
NO_SMOOTHING = keras.losses.CategoricalCrossentropy(from_logits=True)

WRONG |= {
    "one layer after another": (
        plain,
        X,
        Y,
        in_turn(lambda m, n: [(layer.trainable_variables, slice(None)) for layer in m.layers]),
        MSE,
    ),
    "an update for each sample of the batch": (
        plain,
        X,
        Y,
        in_turn(lambda m, n: [(m.trainable_variables, slice(i, i + 1)) for i in range(n)]),
        MSE,
    ),
    "the first sample of each batch alone": (
        plain,
        X,
        Y,
        step_with(lambda m, x, y, p: squared_error(y[:1], p[:1])),
        MSE,
    ),
    "gradients given to the wrong layer": (same_shapes, X, np.repeat(Y, 3, 1), step_with(gradients=layers_swapped), MSE),
    "the gradient of": (equal_layers, X, Y, step_with(gradients=transposed), MSE),
    "the velocity of PyTorch's form clipped": (
        plain,
        X,
        Y,
        step_with(**momentum_outside(lambda v: tf.clip_by_norm(v, 0.3))),
        CLIPPED_LATE,
    ),
    "the regularisation losses divided": (
        regularised,
        X,
        Y,
        step_with(lambda m, x, y, p: squared_error(y, p) + sum(m.losses) / len(x)),
        MSE,
    ),
    "targets smoothed by 0.1": (
        classes,
        X,
        ONE_HOT,
        step_with(lambda m, x, y, p: NO_SMOOTHING(0.9 * y + 0.1 / 3, p)),
        dict(optimizer=sgd(), loss=NO_SMOOTHING),
    ),
    "another loss: the binary cross-entropy": (
        PROBABILITY,
        X,
        ONE_HOT,
        step_with(lambda m, x, y, p: keras.losses.BinaryCrossentropy()(y, p)),
        CATEGORICAL,
    ),
    "the arguments of the loss the wrong way round": (
        PROBABILITY,
        X,
        ONE_HOT,
        step_with(lambda m, x, y, p: keras.losses.CategoricalCrossentropy()(p, y)),
        CATEGORICAL,
    ),
    "targets the other way round": (
        SIGMOID,
        X,
        BINARY,
        step_with(lambda m, x, y, p: keras.losses.BinaryCrossentropy()(1 - y, p)),
        dict(optimizer=sgd(), loss="binary_crossentropy"),
    ),
    "weights (N,) that broadcast": (
        one_out,
        X,
        ONE[:, None],
        step_with(lambda m, x, y, p, w: tf.reduce_mean(w * (y - p) ** 2)),
        MSE | dict(sample_weight=WEIGHTS),
    ),
    "the weights of the samples multiplied twice": (
        one_out,
        X,
        ONE[:, None],
        step_with(lambda m, x, y, p, w: tf.reduce_mean((w[:, None] * (y - p)) ** 2)),
        MSE | dict(sample_weight=WEIGHTS),
    ),
    "other inputs: mirrored, left to right": (
        image_model,
        IMAGES,
        LABELS,
        step_with(lambda m, x, y, p: LOGITS(y, m(x[:, :, ::-1], training=True))),
        SOFT,
    ),
    "labels one too low, but for 0": (
        classes,
        X,
        LABELS,
        step_with(lambda m, x, y, p: LOGITS(tf.maximum(y - 1, 0), p)),
        SOFT,
    ),
    "the mask made from the targets": (
        tagger,
        WORDS,
        TAGS,
        step_with(of_targets_masked),
        TAGGING,
    ),
    "the mean of each sequence first": (
        tagger,
        WORDS,
        TAGS,
        step_with(tagged(lambda e, m: tf.reduce_mean(tf.reduce_sum(e * m, 1) / tf.reduce_sum(m, 1)))),
        TAGGING,
    ),
    "the loss summed over the time steps": (
        tagger,
        WORDS,
        TAGS,
        step_with(tagged(lambda e, m: tf.reduce_mean(tf.reduce_sum(e * m, 1)))),
        TAGGING,
    ),
    "targets of the time step after": (
        tagger,
        WORDS,
        TAGS,
        step_with(lambda m, x, y, p: m.compute_loss(x, tf.roll(y, -1, 1), p)),
        TAGGING,
    ),
    "the targets of the two outputs swapped": (
        two_outputs,
        X,
        [Y, 2 * Y[::-1] + 1],
        step_with(lambda m, x, y, p: squared_error(y[1], p[0]) + squared_error(y[0], p[1])),
        OF_TWO,
    ),
    "the losses of the outputs averaged": (
        two_outputs,
        X,
        [Y, 2 * Y[::-1] + 1],
        step_with(lambda m, x, y, p: (squared_error(y[0], p[0]) + squared_error(y[1], p[1])) / 2),
        OF_TWO,
    ),
    "Adam's step never counted": (plain, X, Y, step_with(**adam(textbook=True, never=True)), ADAM),
    "RMSprop's rho of 0.99": (
        plain,
        X,
        Y,
        step_with(**rmsprop(0.99)),
        dict(optimizer=optimizers.RMSprop(0.01), loss="mse"),
    ),
    "gradients clipped value by value at 0.1": (
        plain,
        X,
        Y,
        step_with(gradients=lambda g, w, s: [tf.clip_by_value(one, -0.1, 0.1) for one in g], **of_keras()),
        ADAM,
    ),
    "training=True forgotten": (OwnCall, X, LABELS, step_with(of_labels(), training=False), SOFT),
}

RIGHT = {
    "Keras's Adam by hand": (plain, X, Y, step_with(**adam()), ADAM),
    "Adam by model.optimizer": (plain, X, Y, step_with(**of_keras()), ADAM),
    "a masked mean": (
        tagger,
        WORDS,
        TAGS,
        step_with(tagged(lambda e, m: tf.reduce_sum(e * m) / tf.reduce_sum(m))),
        TAGGING,
    ),
    "sample weights": (
        classes,
        X,
        LABELS,
        step_with(weighed(lambda e, w: tf.reduce_mean(e * w))),
        SOFT | dict(sample_weight=WEIGHTS),
    ),
    "class weights": (
        classes,
        X,
        LABELS,
        step_with(per_class(lambda e, w: tf.reduce_mean(e * w))),
        SOFT | dict(class_weight=OF_CLASSES),
    ),
    "a moving average": (plain, X, Y, step_with(**averaged(False)), AVERAGED),
    "a penalty by hand": (
        regularised,
        X,
        Y,
        step_with(l2_of(lambda w: w.path.split("/")[-1] == "kernel" and w.shape[1] == 5)),
        MSE,
    ),
    "weight decay": (plain, X, Y, step_with(update=decayed()), dict(optimizer=sgd(weight_decay=0.1), loss="mse")),
}
