"""The loop of gradient descent: evaluate, record, update. Read this after ``updates.py``.

The same lines run in every mode: called as they stand they run eagerly; ``tf.function`` makes a
graph of them, and XLA compiles that. By hand or built in, only ``update`` differs, so that a
comparison of two runs compares the updates and nothing else.
"""

import tensorflow as tf


def value_and_gradient(objective, x):
    """Return f and its gradient at ``x``, ``()`` and ``(dim,)``.

    Examples:
        >>> loss, gradient = value_and_gradient(lambda x: x[0] ** 2, tf.constant([3.0]))
        >>> loss.numpy().item(), gradient.numpy().tolist()
        (9.0, [6.0])
    """
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = objective(x)
    return loss, tape.gradient(loss, x)


def descend(evaluate, update, point, steps, record_every, smallest, room=None):
    """Make some steps: evaluate f and its gradient at the point, record them, move the point.

    The loop stops early where the gradient is small enough, or a number is not finite.

    Args:
        evaluate: ``x -> (loss, gradient)``, for example :func:`value_and_gradient`.
        update: called with the gradient at ``point``; moves ``point``.
        point: a variable ``(dim,)``.
        steps: how many at most; a scalar tensor of int32.
        record_every: of so many steps only the last stays recorded; likewise.
        smallest: stop where the squared norm of the gradient is at most this; -1 for never.
        room: how many records to allocate; XLA must know it when it compiles. By default as many
            as are needed.

    Returns:
        Points ``(room, dim)``, losses and gradient norms ``(room,)``, the number of steps, and
        whether to go on.

    Examples:
        Two steps of rate 1/4 on x^2, from 1: the points at which the gradient was taken.

        >>> x = tf.Variable([1.0])
        >>> evaluate = lambda x: value_and_gradient(lambda x: x[0] ** 2, x)
        >>> update = lambda gradient: x.assign_sub(0.25 * gradient)
        >>> points, *_ = descend(evaluate, update, x, tf.constant(2), tf.constant(1), -1.0)
        >>> points.numpy().tolist(), x.numpy().tolist()
        ([[1.0], [0.5]], [0.25])
    """
    dtype, shape = point.dtype, point.shape
    room = (steps + record_every - 1) // record_every if room is None else room
    points = tf.TensorArray(dtype, size=room, element_shape=shape)
    losses = tf.TensorArray(dtype, size=room, element_shape=())
    squares = tf.TensorArray(dtype, size=room, element_shape=())
    k, goes_on = tf.constant(0), tf.constant(True)

    while (k < steps) & goes_on:
        x = tf.convert_to_tensor(point)
        loss, gradient = evaluate(x)

        record = k // record_every  # overwritten up to the last of its steps
        square = tf.reduce_sum(gradient * gradient)
        points = points.write(record, x)
        losses = losses.write(record, loss)
        squares = squares.write(record, square)
        finite = tf.math.is_finite(square) & tf.math.is_finite(loss)
        goes_on = finite & (square > smallest)

        update(gradient)
        k += 1

    return points.stack(), losses.stack(), tf.sqrt(squares.stack()), k, goes_on
