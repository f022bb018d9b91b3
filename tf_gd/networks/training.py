"""Mini-batch gradient descent on a Keras model, by hand: whole epochs inside one compiled program."""

import itertools
import time
import warnings
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from tf_gd import _checks, updates
from tf_gd._backend import keras


def epoch_of_descent(model, x, y, order, batch_size):
    """One pass through the data, batch by batch; the last batch may be smaller.

    Args:
        model: a compiled, built Keras model.
        x, y: inputs ``(samples, ...)`` and targets ``(samples, ...)``.
        order: the samples in the order in which to visit them, ``(samples,)``, whole numbers.
        batch_size: samples in a batch; not a tensor, since XLA compiles one program for each shape.
    """
    x, y = tf.gather(x, order), tf.gather(y, order)
    samples = order.shape[0]
    for batch in tf.range(samples // batch_size):
        step_of_descent(model, _rows(x, batch * batch_size, batch_size), _rows(y, batch * batch_size, batch_size))
    rest = samples % batch_size
    if rest:
        step_of_descent(model, x[samples - rest :], y[samples - rest :])


def step_of_descent(model, x, y):
    """One step: forward, loss, gradients, clip, decay, update. What ``model.fit`` does, with the update by hand.

    Args:
        model: a compiled, built Keras model whose optimizer is a ``keras.optimizers.SGD``; its velocities and its
            counter are used, so that training can go on with either.
        x, y: one batch, ``(batch, ...)``.
    """
    optimizer, variables = model.optimizer, model.trainable_variables
    with tf.GradientTape() as tape:
        prediction = model(x, training=True)
        loss = model.compute_loss(x=x, y=y, y_pred=prediction, training=True)
    gradients = tape.gradient(loss, [variable.value for variable in variables])
    _loss_metric(model).update_state(loss, sample_weight=tf.shape(y)[0])

    reached = [(g, variable) for g, variable in zip(gradients, variables, strict=True) if g is not None]
    clipped = _clip(optimizer, [tf.convert_to_tensor(g) for g, _ in reached])
    for g, (_, variable) in zip(clipped, reached, strict=True):
        _update(optimizer, variable, g)
    optimizer.iterations.assign_add(1)
    model.compute_metrics(x, y, prediction)


def _update(optimizer, variable, g):
    """Decay, step, constraint: the new value of one variable, and of its velocity."""
    w, v, momentum = tf.convert_to_tensor(variable), (), None
    learning_rate = tf.cast(optimizer.learning_rate, w.dtype)
    g = tf.cast(g, w.dtype)
    if optimizer.momentum != 0:
        velocity = optimizer.momentums[optimizer._get_variable_index(variable)]
        v, momentum = tf.convert_to_tensor(velocity), tf.cast(optimizer.momentum, w.dtype)
    if optimizer.weight_decay is not None and optimizer._use_weight_decay(variable):
        w = updates.decay(w, learning_rate, tf.cast(optimizer.weight_decay, w.dtype))
    w, v = updates.step(w, v, g, learning_rate, momentum, optimizer.nesterov)
    variable.assign(w if variable.constraint is None else variable.constraint(w))
    if momentum is not None:
        velocity.assign(v)


def _clip(optimizer, gradients):
    if optimizer.clipnorm:
        return updates.clip_by_norm(gradients, optimizer.clipnorm)
    if optimizer.global_clipnorm:
        return updates.clip_by_global_norm(gradients, optimizer.global_clipnorm)
    if optimizer.clipvalue:
        return updates.clip_by_value(gradients, optimizer.clipvalue)
    return gradients


def _rows(tensor, first, count):
    return tf.slice(tensor, [first] + [0] * (tensor.shape.rank - 1), [count, *tensor.shape[1:]])


def fit(
    model,
    x,
    y,
    *,
    batch_size=32,
    epochs=1,
    shuffle=True,
    seed=None,
    validation_data=None,
    callbacks=None,
    verbose="auto",
    initial_epoch=0,
) -> keras.callbacks.History:
    """Train a compiled Keras model as ``model.fit`` does, with a training loop written by hand.

    Every step goes through :mod:`tf_gd.updates`, and a whole epoch runs inside one compiled program, with XLA if the
    model was compiled with ``jit_compile=True``. Afterwards the model, its optimizer's velocities and its counter are as
    after ``model.fit``: saving, evaluating and going on with ``model.fit`` just work.

    Args:
        model: a Keras model compiled with a ``keras.optimizers.SGD``: momentum, Nesterov, weight decay, clipping and
            schedules included; not yet its moving average, gradient accumulation or loss scale.
        x: inputs, one array ``(samples, ...)``.
        y: targets, one array ``(samples, ...)``.
        batch_size: samples in a batch; the last batch of an epoch may be smaller.
        epochs: up to which epoch to train.
        shuffle: True visits the samples in a new order every epoch, drawn from ``seed``; False in the order given;
            ``"keras"`` in the order of ``model.fit(shuffle=True)`` after the same ``keras.utils.set_random_seed``.
        seed: of the orders; None draws them afresh.
        validation_data: a pair ``(x, y)`` to evaluate after every epoch.
        callbacks: Keras callbacks that act on epochs.
        verbose: 0 prints nothing, 1, 2 or ``"auto"`` one line an epoch.
        initial_epoch: the epoch to begin with.

    Returns:
        The history, with the keys of ``model.fit``: loss, metrics, and the same for the validation data.

    Raises:
        TypeError, ValueError: an argument is not what it should be; the message says how to mend it.

    Examples:
        >>> import keras, numpy as np
        >>> model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1, kernel_initializer="zeros")])
        >>> model.compile(optimizer=keras.optimizers.SGD(0.25), loss="mse")
        >>> x, y = np.eye(2, dtype="float32"), np.array([[1.0], [0.0]], dtype="float32")
        >>> history = fit(model, x, y, batch_size=2, shuffle=False, verbose=0)
        >>> history.history["loss"], model.weights[0].numpy().ravel().tolist()
        ([0.5], [0.25, 0.0])
    """
    x, y = _check_data(x, y)
    batch_size = _checks.whole_number("batch_size", batch_size, minimum=1)
    epochs = _checks.whole_number("epochs", epochs, minimum=0)
    initial_epoch = _checks.whole_number("initial_epoch", initial_epoch, minimum=0)
    _check_model(model, x, y)
    orders = _orders(shuffle, seed, len(x), initial_epoch)
    listeners = _listeners(model, callbacks, epochs, -(-len(x) // batch_size))

    model.stop_training = False
    listeners.on_train_begin()
    logs: dict[str, float] = {}
    x, y = tf.convert_to_tensor(x), tf.convert_to_tensor(y)
    run_epoch = _program(model, x, y, batch_size)
    for epoch in range(initial_epoch, epochs):
        start = time.perf_counter()
        model.reset_metrics()
        listeners.on_epoch_begin(epoch)
        run_epoch(x, y, tf.convert_to_tensor(next(orders)))
        logs = {name: float(value) for name, value in model.get_metrics_result().items()}
        if validation_data is not None:
            x_val, y_val = validation_data
            results = model.evaluate(x_val, y_val, batch_size=batch_size, verbose=0, return_dict=True)
            logs.update({f"val_{name}": value for name, value in results.items()})
        if verbose:
            shown = " - ".join(f"{name}: {value:.4f}" for name, value in logs.items())
            print(f"Epoch {epoch + 1}/{epochs} - {time.perf_counter() - start:.2f} s - {shown}", flush=True)
        listeners.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    listeners.on_train_end(logs=logs)
    return model.history


def _program(model, x, y, batch_size: int):
    """Return the compiled epoch for this model, optimizer and shape of data; the same one when asked again."""
    optimizer = model.optimizer
    settings = (optimizer.momentum, optimizer.nesterov, optimizer.weight_decay)
    clipping = (optimizer.clipnorm, optimizer.clipvalue, optimizer.global_clipnorm)
    trained = tuple(id(variable) for variable in model.trainable_variables)
    data = (x.shape.as_list(), x.dtype, y.shape.as_list(), y.dtype, batch_size)
    key = repr((id(optimizer), id(model._compile_loss), settings, clipping, trained, data, model.jit_compile))
    programs = model.__dict__.setdefault("_tf_gd_programs", {})
    if key not in programs:

        def run_epoch(x, y, order):
            epoch_of_descent(model, x, y, order, batch_size)

        programs[key] = run_epoch if model.run_eagerly else tf.function(run_epoch, jit_compile=model.jit_compile)
    return programs[key]


def _orders(shuffle, seed, samples: int, initial_epoch: int) -> Iterator[np.ndarray]:
    """Return the orders of the epochs, one after another."""
    if isinstance(shuffle, str):
        _checks.one_of("shuffle", shuffle, ("keras",))
        return _orders_of_keras(samples)
    if not _checks.flag("shuffle", shuffle):
        return itertools.repeat(np.arange(samples))
    if seed is not None:
        seed = _checks.whole_number("seed", seed, minimum=0)
    return _drawn_orders(np.random.SeedSequence(seed).entropy, samples, initial_epoch)


def _drawn_orders(seed, samples: int, epoch: int) -> Iterator[np.ndarray]:
    while True:
        yield np.random.default_rng([seed, epoch]).permutation(samples)
        epoch += 1


def _orders_of_keras(samples: int) -> Iterator[np.ndarray]:
    """Yield what ``model.fit(shuffle=True)`` uses: in Keras 3.15 with a seed set, every epoch the same order."""
    dataset = tf.data.Dataset.range(1).map(lambda _: tf.random.shuffle(tf.range(samples, dtype=tf.int64)))
    while True:
        yield from dataset.as_numpy_iterator()


def _loss_metric(model):
    return next(metric for metric in model.metrics if metric.name == "loss")


def _listeners(model, callbacks, epochs: int, steps: int) -> keras.callbacks.CallbackList:
    callbacks = callbacks if isinstance(callbacks, (list, tuple)) else [] if callbacks is None else [callbacks]
    for callback in callbacks:
        for hook in ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"):
            if getattr(type(callback), hook) is not getattr(keras.callbacks.Callback, hook):
                warnings.warn(
                    f"callbacks: {type(callback).__name__} wants {hook}, which is not called: a whole epoch runs inside "
                    "one compiled program. Its epoch hooks are called; use model.fit for the batch hooks.",
                    stacklevel=3,
                )
                break
    return keras.callbacks.CallbackList(
        list(callbacks), add_history=True, add_progbar=False, verbose=0, epochs=epochs, steps=steps, model=model
    )


def _check_data(x, y) -> tuple[np.ndarray, np.ndarray]:
    arrays = []
    for name, value in (("x", x), ("y", y)):
        array = np.asarray(value)
        if array.dtype.kind not in "iufb" or array.ndim == 0:
            raise TypeError(
                f"{name}: got {array.dtype} of shape {array.shape}, expected an array of numbers (samples, ...)."
            )
        if array.dtype.kind == "f":
            array = array.astype(keras.config.floatx(), copy=False)
            if not np.isfinite(array).all():
                raise ValueError(f"{name}: got NaN or infinite values, expected finite numbers. Clean the data first.")
        arrays.append(array)
    x, y = arrays
    if len(x) == 0 or len(x) != len(y):
        raise ValueError(f"x and y: got {len(x)} and {len(y)} samples, expected equally many, and at least one.")
    return x, y


def _check_model(model, x, y) -> None:
    if not isinstance(model, keras.Model):
        raise TypeError(f"model: got {type(model).__name__}, expected a keras.Model.")
    if not model.compiled or model.optimizer is None:
        raise ValueError(
            "model: got a model that is not compiled, expected an optimizer and a loss. Call "
            "model.compile(optimizer=keras.optimizers.SGD(0.1), loss=...) first."
        )
    optimizer = model.optimizer
    if type(optimizer) is not keras.optimizers.SGD:
        raise TypeError(
            f"optimizer: got {type(optimizer).__name__}, expected keras.optimizers.SGD. "
            "Compile the model with SGD, or train with model.fit."
        )
    for option in ("use_ema", "gradient_accumulation_steps", "loss_scale_factor"):
        if getattr(optimizer, option):
            raise ValueError(
                f"optimizer: got {option}={getattr(optimizer, option)}, which this loop does not do; use model.fit."
            )
    if not model.built:
        model.build(x.shape)
    if not model.trainable_variables:
        raise ValueError("model: got no trainable variables, expected at least one to descend on.")
    optimizer.build(model.trainable_variables)
    outputs = model.compute_output_shape((None, *x.shape[1:]))
    wanted = tuple(getattr(outputs, "shape", outputs))[1:]
    if y.dtype.kind == "f" and y.ndim > 1 and y.shape[1:] != wanted:
        raise ValueError(
            f"y: got shape {y.shape}, expected {('samples', *wanted)} as the model's output. "
            "Shapes that differ broadcast against each other in the loss and train towards something else."
        )
