"""The update, against Keras's published numbers, arithmetic by hand, and a float64 loop over several tensors."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_gd import updates


def test_plain_is_the_example_of_keras():
    assert updates.plain(np.array([1.0, 2, 3, 4]), np.array([1.0, 6, 7, 2]), 0.5).tolist() == [0.5, -1, -0.5, 3]


def test_two_steps_of_momentum_worked_by_hand():
    # w=1, v=0, g=2, rate .25, momentum .5:  v = -.5, w = .5;  then g=2 again: v = -.25-.5 = -.75, w = -.25
    w, v = updates.momentum_step(1.0, 0.0, 2.0, 0.25, 0.5)
    assert (w, v) == (0.5, -0.5)
    assert updates.momentum_step(w, v, 2.0, 0.25, 0.5) == (-0.25, -0.75)


def test_two_steps_of_nesterov_worked_by_hand():
    # v = -.5, w = 1 + (-.25 - .5) = .25;  then v = -.25 - .5 = -.75, w = .25 + (-.375 - .5) = -.625
    w, v = updates.nesterov_step(1.0, 0.0, 2.0, 0.25, 0.5)
    assert (w, v) == (0.25, -0.5)
    assert updates.nesterov_step(w, v, 2.0, 0.25, 0.5) == (-0.625, -0.75)


def test_a_zero_momentum_and_no_momentum_are_the_same_numbers():
    assert updates.step(1.0, 0.0, 2.0, 0.25, 0.0)[0] == updates.step(1.0, 0.0, 2.0, 0.25)[0]


def test_weight_decay_is_the_example_of_keras():
    w = np.float32(2.0)
    for _ in range(3):
        w = updates.decay(w, np.float32(1.0), np.float32(0.004))
    assert w == pytest.approx(1.9760959, abs=2e-7)


def test_weight_decay_is_scaled_by_the_rate():
    assert updates.decay(2.0, learning_rate=0.5, weight_decay=0.25) == 1.75


GRADIENTS = [np.float32([[3.0, -4.0], [0.1, 0.2]]), np.float32([12.0, 0.5])]


def test_clipping_against_numpy():
    by_value = updates.clip_by_value(list(map(tf.constant, GRADIENTS)), 1.0)
    by_norm = updates.clip_by_norm(list(map(tf.constant, GRADIENTS)), 1.0)
    together = updates.clip_by_global_norm(list(map(tf.constant, GRADIENTS)), 1.0)
    global_norm = np.sqrt(sum((g.astype("float64") ** 2).sum() for g in GRADIENTS))
    for number, g in enumerate(GRADIENTS):
        np.testing.assert_array_equal(by_value[number], np.clip(g, -1, 1))
        np.testing.assert_allclose(by_norm[number], g / np.linalg.norm(g), rtol=1e-6)
        np.testing.assert_allclose(together[number], g / global_norm, rtol=1e-6)


def test_short_gradients_are_not_lengthened():
    short = [tf.constant([0.3, 0.4])]
    np.testing.assert_allclose(updates.clip_by_norm(short, 1.0)[0], [0.3, 0.4], rtol=1e-7)
    np.testing.assert_allclose(updates.clip_by_global_norm(short, 1.0)[0], [0.3, 0.4], rtol=1e-7)


def test_an_infinite_norm_is_not_hidden():
    assert np.isnan(updates.clip_by_global_norm([tf.constant([np.inf, 1.0])], 1.0)[0]).all()


@pytest.mark.parametrize(("momentum", "nesterov"), [(None, False), (0.9, False), (0.9, True)])
@pytest.mark.parametrize("clipping", [{}, {"clipvalue": 1.0}, {"clipnorm": 1.0}, {"global_clipnorm": 1.0}])
def test_the_order_clip_decay_step_is_that_of_keras_to_the_bit(momentum, nesterov, clipping):
    """An unmodified Keras optimizer, 20 eager steps on two variables, gradients drawn afresh each step."""
    optimizer = keras.optimizers.SGD(0.1, momentum=momentum or 0.0, nesterov=nesterov, weight_decay=0.01, **clipping)
    generator = np.random.default_rng(1)
    variables = [keras.Variable(generator.normal(size=g.shape), dtype="float32") for g in GRADIENTS]
    ours = [tf.convert_to_tensor(v) for v in variables]
    velocities = [tf.zeros_like(w) for w in ours]
    rate, decay = tf.constant(0.1), tf.constant(0.01)
    mu = None if momentum is None else tf.constant(momentum)
    clip = {
        "clipvalue": updates.clip_by_value,
        "clipnorm": updates.clip_by_norm,
        "global_clipnorm": updates.clip_by_global_norm,
    }
    for _ in range(20):
        gradients = [tf.constant(generator.normal(size=g.shape), tf.float32) for g in GRADIENTS]
        optimizer.apply(gradients, variables)
        for name, limit in clipping.items():
            gradients = clip[name](gradients, limit)
        for i, g in enumerate(gradients):
            decayed = updates.decay(ours[i], rate, decay)
            ours[i], velocities[i] = updates.step(decayed, velocities[i], g, rate, mu, nesterov)
    for variable, w in zip(variables, ours, strict=True):
        np.testing.assert_array_equal(variable.numpy(), w.numpy())
