"""The whole step of SGD, stage by stage, against ``keras.optimizers.SGD`` to the bit."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_gd
from tf_gd import sgd

OPTIONS = [
    {},
    {"momentum": 0.9},
    {"momentum": 0.9, "nesterov": True},
    {"weight_decay": 0.1},
    {"clipnorm": 0.5},
    {"global_clipnorm": 0.5},
    {"clipvalue": 0.1},
    {"loss_scale_factor": 8.0},
    {"use_ema": True, "ema_momentum": 0.8},
    {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 2},
    {"gradient_accumulation_steps": 2},
    {"gradient_accumulation_steps": 3, "use_ema": True, "ema_overwrite_frequency": 1, "momentum": 0.5},
    {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1, "global_clipnorm": 0.7, "use_ema": True},
]
RATES = [0.3, keras.optimizers.schedules.ExponentialDecay(0.3, 2, 0.5)]
STEPS = 7


def by_keras(options, rate, gradients, starts, constraint):
    variables = [keras.Variable(w, name=f"w{n}") for n, w in enumerate(starts)]
    variables[0].constraint = constraint
    optimizer = keras.optimizers.SGD(rate, **options)
    optimizer.exclude_from_weight_decay(var_names=["w1"])
    optimizer.build(variables)
    records = []
    for some in gradients:
        optimizer.apply([tf.constant(g) for g in some], variables)
        records.append([variable.numpy() for variable in variables])
    return records


def by_hand(options, rate, gradients, starts, constraint, compiled):
    numbers = sgd.Options.of(keras.optimizers.SGD(rate, **options))
    amount = options.get("weight_decay", 0.0)
    zeros = [tf.zeros_like(w) for w in starts]
    used = ("momentum", "use_ema", "gradient_accumulation_steps")
    slots = [zeros if options.get(name) else [] for name in used]
    state = sgd.State([tf.constant(w) for w in starts], *slots, tf.constant(0))

    def step(state, some):
        learning_rate = rate(state.batches) if callable(rate) else rate  # Keras counts batches here
        constraints = [constraint, None, None]
        return sgd.step(numbers, state, some, learning_rate, [amount, 0.0, amount], constraints)

    step = tf.function(step) if compiled else step
    records = []
    for some in gradients:
        state = step(state, [tf.constant(g) for g in some])
        records.append([w.numpy() for w in state.weights])
    return records


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("rate", RATES, ids=["constant", "schedule"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_it_is_keras_step_to_the_bit(options, rate, compiled):
    generator = np.random.default_rng(0)
    shapes = [(3, 2), (4,), ()]
    starts = [generator.normal(size=shape).astype("float32") for shape in shapes]
    gradients = [[generator.normal(size=shape).astype("float32") for shape in shapes] for _ in range(STEPS)]
    constraint = keras.constraints.MaxNorm(1.0)
    expected = by_keras(options, rate, gradients, starts, constraint)
    with tf_gd.exact_arithmetic():  # else a graph may be rearranged
        found = by_hand(options, rate, gradients, starts, constraint, compiled)
    for one, other in zip(found, expected, strict=True):
        for w, of_keras in zip(one, other, strict=True):
            np.testing.assert_array_equal(w, of_keras)


def test_a_variable_without_a_gradient_stays_where_it_is():
    state = sgd.State([tf.ones(2), tf.ones(2)], [tf.ones(2)] * 2, [], [], tf.constant(0))
    new = sgd.step(sgd.Options(momentum=0.5), state, [None, tf.ones(2)], 0.5, [0.1, 0.1], [None, None])
    np.testing.assert_array_equal(new.weights[0], [1.0, 1.0])
    np.testing.assert_array_equal(new.velocities[0], [1.0, 1.0])
    # 1 - 0.1 * 1 * 0.5 = 0.95, and v = 0.5 * 1 - 0.5 * 1 = 0.
    np.testing.assert_allclose(new.weights[1], [0.95, 0.95], rtol=1e-6)


def test_a_sparse_gradient_returns_the_rows_to_subtract():
    slices = tf.IndexedSlices(tf.constant([[1.0], [2.0], [4.0]]), tf.constant([0, 2, 0]), tf.constant([3, 1]))
    state = sgd.State([tf.ones((3, 1))], [], [], [], tf.constant(0))
    plain = sgd.step(sgd.Options(), state, [slices], 0.5, [0.0], [None]).weights[0]
    assert isinstance(plain, tf.IndexedSlices)
    np.testing.assert_array_equal(plain.values, [[0.5], [1.0], [2.0]])
    decayed = sgd.step(sgd.Options(), state, [slices], 0.5, [0.5], [None]).weights[0]
    np.testing.assert_array_equal(decayed, [[0.75 - 2.5], [0.75], [0.75 - 1.0]])


def test_a_stage_can_be_replaced():
    state = sgd.State([tf.constant([2.0])], [], [], [], tf.constant(0))
    forgets = {"decay": lambda weights, gradients, learning_rate, decays: list(weights)}
    new = sgd.step(sgd.Options(), state, [tf.constant([1.0])], 0.5, [0.5], [None], stages=forgets)
    np.testing.assert_array_equal(new.weights[0], [1.5])
