"""More loops in the style of public code, each with a mistake that an outsider thought of."""

import keras
import numpy as np
import tensorflow as tf
from loops import LABELS, X, Y, dense, model_of, plain, sgd, squared_error
from public_loops import ADAM, MSE, OF_CLASSES, SOFT, TAGGING, TAGS, WORDS, classes, of_keras, step_with

layers, optimizers = keras.layers, keras.optimizers
both = model_of(dense(9), layers.BatchNormalization, lambda: layers.Dropout(0.3), dense(2))
penalised = model_of(dense(5, "tanh", kernel_regularizer="l2"), dense(4, kernel_regularizer="l2"), dense(2))
biased = model_of(dense(5, "tanh", bias_initializer="ones"), dense(2, bias_initializer="ones"))
HALF = np.linspace(0.1, 0.9, 88).reshape(44, 2).astype("float32")
EXCLUDING = optimizers.AdamW(0.01, weight_decay=0.3)
EXCLUDING.exclude_from_weight_decay(var_names=["bias"])


def two_inputs():
    a, b = layers.Input((3,)), layers.Input((3,))
    hidden = [layers.Dense(4, "tanh")(one) for one in (a, b)]
    return keras.Model([a, b], layers.Dense(2)(layers.Subtract()(hidden)))


def reader():
    return keras.Sequential([layers.Input((7,), dtype="int32"), layers.Embedding(20, 4), layers.Dense(3)])


def changed_before_the_call(change):
    """Return a step that changes the batch first."""

    def make():
        def train_step(model, x, y):
            x, y = change(x, y)
            with tf.GradientTape() as tape:
                loss = squared_error(y, model(x, training=True)) + sum(model.losses)
            for w, g in zip(model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True):
                w.assign_sub(0.05 * g)
            return loss

        return train_step

    return make


def in_inference(model, x):
    """Call BatchNormalization as in inference, and Dropout as in training."""
    first, normalise, drop, last = model.layers
    return last(drop(normalise(first(x), training=False), training=True))


def late(gradients, variables, state):
    before = state.get("before", [tf.zeros_like(g) for g in gradients])
    state["before"] = gradients
    return before


def head_faster(model, variables, gradients, state):
    for n, (w, g) in enumerate(zip(variables, gradients, strict=True)):
        w.assign_sub((0.5 if n >= len(variables) - 2 else 0.05) * g)


def within(model, variables, gradients, state):
    for w, g in zip(variables, gradients, strict=True):
        w.assign(tf.clip_by_value(w - 0.05 * g, -0.2, 0.2))


def without_row_0(gradients, variables, state):
    kept = [tf.convert_to_tensor(g) for g in gradients]
    kept[0] = tf.concat([tf.zeros_like(kept[0][:1]), kept[0][1:]], axis=0)
    return kept


def huber(delta):
    def loss_of(model, x, y, p):
        e = tf.abs(y - p)
        return tf.reduce_mean(tf.where(e <= delta, e * e / 2, delta * e - delta * delta / 2))

    return loss_of


def focal(model, x, y, p):
    right = y * p + (1 - y) * (1 - p)
    return tf.reduce_mean(-((1 - right) ** 2) * tf.math.log(right))


def cross_entropy(y, p, axis=slice(None)):
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y[:, axis], p[:, axis]))


def reversed_weights(model, x, y, p, *weights):
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, p)
    return tf.reduce_mean(losses * tf.gather(_of_classes[::-1], y))


PROBABILITIES = dict(optimizer=sgd(), loss="binary_crossentropy")
_likely = model_of(dense(5, "tanh"), dense(2, "sigmoid"))
_of_classes = np.array(list(OF_CLASSES.values()), "float32")

MORE = {
    "the weights of the classes in the reverse order": (
        classes,
        X,
        LABELS,
        step_with(reversed_weights),
        SOFT | dict(class_weight=OF_CLASSES),
    ),
    "only the first of the regularisation losses": (
        penalised,
        X,
        Y,
        step_with(lambda m, x, y, p: squared_error(y, p) + m.losses[0]),
        MSE,
    ),
    "the first half of each batch alone": (
        plain,
        X,
        Y,
        changed_before_the_call(lambda x, y: (x[: len(x) // 2], y[: len(y) // 2])),
        MSE,
    ),
    "the inputs of number 1 and 2 swapped": (
        two_inputs,
        [X[:, :3], X[:, 3:]],
        Y,
        changed_before_the_call(lambda x, y: (x[::-1], y)),
        MSE,
    ),
    "the loss of the last time step alone": (
        reader,
        WORDS,
        TAGS,
        step_with(lambda m, x, y, p: cross_entropy(y, p, slice(-1, None))),
        TAGGING,
    ),
    "BatchNormalization as in inference, and Dropout": (
        both,
        X,
        Y,
        step_with(lambda m, x, y, p: squared_error(y, in_inference(m, x)), training=False),
        MSE,
    ),
    "the gradients of the batch before": (plain, X, Y, step_with(gradients=late, new=dict), MSE),
    "the gradients of each variable divided by their length": (
        plain,
        X,
        Y,
        step_with(gradients=lambda g, w, s: [one / tf.norm(one) for one in g]),
        MSE,
    ),
    "the gradients divided by their length, all together": (
        plain,
        X,
        Y,
        step_with(gradients=lambda g, w, s: [one / tf.linalg.global_norm(g) for one in g], **of_keras()),
        ADAM,
    ),
    "a rate of its own for some variables": (plain, X, Y, step_with(update=head_faster), MSE),
    "the weights kept within 0.2": (plain, X, Y, step_with(update=within), MSE),
    "row 0 of": (
        reader,
        WORDS,
        TAGS,
        step_with(lambda m, x, y, p: cross_entropy(y, p), gradients=without_row_0),
        TAGGING,
    ),
    "Huber's delta of 0.3 instead of 1": (
        plain,
        X,
        Y,
        step_with(huber(0.3)),
        dict(optimizer=sgd(), loss=keras.losses.Huber()),
    ),
    "another loss: the focal loss": (_likely, X, HALF.round(), step_with(focal), PROBABILITIES),
    "weight decay also of variables excluded": (
        biased,
        X,
        Y,
        step_with(
            update=lambda m, w, g, s: s.setdefault("optimizer", optimizers.AdamW(0.01, weight_decay=0.3)).apply_gradients(
                zip(g, w, strict=True)
            ),
            new=dict,
        ),
        dict(optimizer=EXCLUDING, loss="mse"),
    ),
    "random numbers in train_step": (
        plain,
        X,
        Y,
        changed_before_the_call(lambda x, y: (x + tf.random.normal(tf.shape(x)), y)),
        MSE,
    ),
}
