"""The update, by hand. Read this file first.

Everything else in the package calls these functions: the descent on a toy function, the training
loop of a network, and every comparison with ``keras.optimizers.SGD``. They are pure: tensors in,
new tensors out.

Notation: ``w`` the weights (or the point x), ``g`` the gradient of the loss at ``w``, ``v`` the
velocity, a tensor of the shape of ``w`` that starts at zero; ``learning_rate`` and ``momentum`` are
scalars of the dtype of ``w``. One step of gradient descent, in the order in which Keras does it, is

1. clip the gradients (at most one of the three ways);
2. ``w = decay(w, learning_rate, weight_decay)``;
3. ``w, v = step(w, v, g, learning_rate, momentum, nesterov)``;
4. where it is asked for, ``average = moving_average(average, w, momentum)``.

The order and the grouping of the products are those of Keras 3, because in floating point
``g * (c / n)`` and ``(g * c) / n`` are not the same number.
"""

import tensorflow as tf


def plain(w, g, learning_rate):
    """Return ``w - g * learning_rate``: one step against the gradient.

    Args:
        w: the weights, any shape.
        g: the gradient of the loss at ``w``, the shape of ``w``.
        learning_rate: scalar.

    Returns:
        The new weights, the shape of ``w``.

    Examples:
        The example in Keras's own tests: a rate of 0.5 on four weights.

        >>> import numpy as np
        >>> plain(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 6.0, 7.0, 2.0]), 0.5).tolist()
        [0.5, -1.0, -0.5, 3.0]

    References:
        Cauchy, "Methode generale pour la resolution des systemes d'equations simultanees", 1847.
    """
    return w - g * learning_rate


def momentum_step(w, v, g, learning_rate, momentum):
    """Return ``w + v, v`` with ``v = v * momentum - g * learning_rate``: the heavy ball.

    The learning rate is inside the velocity. PyTorch and optax keep it outside (``v = momentum * v
    + g``, ``w -= learning_rate * v``), which is the same algorithm only while the rate is constant.

    Args:
        w: the weights, any shape.
        v: the velocity, the shape of ``w``; zeros at the first step.
        g: the gradient of the loss at ``w``, the shape of ``w``.
        learning_rate: scalar.
        momentum: scalar between 0 and 1.

    Returns:
        The new weights and the new velocity.

    Examples:
        >>> momentum_step(w=1.0, v=0.5, g=2.0, learning_rate=0.25, momentum=0.5)
        (0.75, -0.25)

    References:
        Polyak, "Some methods of speeding up the convergence of iteration methods", 1964.
    """
    v = v * momentum - g * learning_rate
    return w + v, v


def nesterov_step(w, v, g, learning_rate, momentum):
    """Return ``w + (v * momentum - g * learning_rate), v`` with the new ``v`` of
    :func:`momentum_step`.

    The gradient is taken where the ball is, and the weights stored are those at the point looked
    ahead to.

    Args:
        w: the weights, any shape.
        v: the velocity, the shape of ``w``; zeros at the first step.
        g: the gradient of the loss at ``w``, the shape of ``w``.
        learning_rate: scalar.
        momentum: scalar between 0 and 1.

    Returns:
        The new weights and the new velocity.

    Examples:
        >>> nesterov_step(w=1.0, v=0.5, g=2.0, learning_rate=0.25, momentum=0.5)
        (0.375, -0.25)

    References:
        Nesterov, "A method for solving the convex programming problem with convergence rate
        O(1/k^2)", 1983; in this form, Sutskever et al., "On the importance of initialization and
        momentum in deep learning", 2013.
    """
    v = v * momentum - g * learning_rate
    return w + (v * momentum - g * learning_rate), v


def step(w, v, g, learning_rate, momentum=None, nesterov=False):
    """Do the one of the three steps above that the settings ask for.

    ``momentum=None`` means that there is no velocity; it is not the same program as a momentum of
    0.0, though the same numbers. ``nesterov=True`` without momentum is plain gradient descent, as
    in Keras.

    Examples:
        >>> step(w=1.0, v=0.0, g=2.0, learning_rate=0.25)
        (0.5, 0.0)
    """
    if momentum is None:
        return plain(w, g, learning_rate), v
    if nesterov:
        return nesterov_step(w, v, g, learning_rate, momentum)
    return momentum_step(w, v, g, learning_rate, momentum)


def decay(w, learning_rate, weight_decay):
    """Return ``w - (w * weight_decay) * learning_rate``: decoupled weight decay, before the step.

    Decoupled: the decay never enters the gradient, the clipping or the velocity (Loshchilov and
    Hutter, "Decoupled weight decay regularization", 2019). ``torch.optim.SGD(weight_decay=...)``
    adds it to the gradient.

    Examples:
        >>> decay(2.0, learning_rate=1.0, weight_decay=0.25)
        1.5
    """
    return w - (w * weight_decay) * learning_rate


def clip_by_value(gradients, limit):
    """Cut every element of every gradient to ``[-limit, limit]`` (``clipvalue`` in Keras).

    Examples:
        >>> [g.numpy().tolist() for g in clip_by_value([tf.constant([-3.0, 0.5])], 1.0)]
        [[-1.0, 0.5]]
    """
    return [tf.clip_by_value(g, -limit, limit) for g in gradients]


def clip_by_norm(gradients, limit):
    """Shorten each gradient to ``(g * limit) / max(norm(g), limit)``, tensor by tensor
    (``clipnorm`` in Keras).

    Examples:
        >>> clip_by_norm([tf.constant([3.0, 4.0])], 2.5)[0].numpy().tolist()
        [1.5, 2.0]
    """
    norms = [tf.sqrt(tf.reduce_sum(tf.square(g))) for g in gradients]
    return [(g * limit) / tf.maximum(norm, limit) for g, norm in zip(gradients, norms, strict=True)]


def clip_by_global_norm(gradients, limit, squares=None):
    """Multiply all gradients by the same ``limit * min(1 / N, 1 / limit)``, N the norm of all of
    them together.

    ``global_clipnorm`` in Keras. It keeps the direction of the step, which :func:`clip_by_norm`
    does not. An infinite or undefined norm makes every gradient NaN (the term ``N - N``), so that
    the run stops as non-finite.

    Args:
        gradients: tensors.
        limit: of the norm, above 0.
        squares: those of the elements, where the tensors are the rows of a sparse gradient; by
            default they are computed.

    Examples:
        >>> clipped = clip_by_global_norm([tf.constant([3.0]), tf.constant([4.0])], 2.5)
        >>> [g.numpy().tolist() for g in clipped]
        [[1.5], [2.0]]
    """
    squares = map(tf.square, gradients) if squares is None else squares
    norm = tf.sqrt(tf.reduce_sum(tf.stack([tf.reduce_sum(square) for square in squares])))
    scale = limit * tf.minimum(1.0 / norm, 1.0 / limit) + (norm - norm)
    return [g * scale for g in gradients]


def moving_average(average, w, momentum):
    """Return ``momentum * average + (1 - momentum) * w``: the average of the weights (``use_ema``
    in Keras).

    Examples:
        >>> moving_average(average=1.0, w=3.0, momentum=0.75)
        1.5
    """
    return momentum * average + (1 - momentum) * w
