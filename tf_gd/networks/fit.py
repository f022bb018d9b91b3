"""``tf_gd.fit``: what ``model.fit`` does, with the training loop written by hand."""

import warnings
from collections.abc import Callable

from tf_gd import _checks, _keras, compiled
from tf_gd._keras import keras
from tf_gd.networks import arrays, replicas
from tf_gd.networks.checks import check_callbacks, check_compiled
from tf_gd.networks.loop import Training
from tf_gd.networks.orders import Orders
from tf_gd.networks.resume import Keeper
from tf_gd.networks.sources import source_for_training, source_for_validation


def fit(
    model,
    x=None,
    y=None,
    batch_size=None,
    epochs=1,
    verbose="auto",
    callbacks=None,
    validation_split=0.0,
    validation_data=None,
    shuffle=True,
    class_weight=None,
    sample_weight=None,
    initial_epoch=0,
    steps_per_epoch=None,
    validation_steps=None,
    validation_batch_size=None,
    validation_freq=1,
    *,
    seed=None,
    mode="auto",
    checkpoint=None,
) -> keras.callbacks.History:
    """Train a compiled Keras model as ``model.fit`` does, with a training loop written by hand.

    :mod:`tf_gd.updates` computes every step of SGD; a compiled program runs many batches in a call.
    Afterwards the model, its optimizer's velocities and its counter are as after ``model.fit``:
    saving, evaluating and going on with ``model.fit`` just work. (On a data set of unknown length
    ``model.fit`` counts a step too many each epoch; this does not.) A layer that you freeze
    stops learning at once; one that you unfreeze needs ``model.compile`` again.

    A model built in the scope of a ``tf.distribute`` strategy trains on all of its replicas: each
    takes its share of every batch, their gradients are added up, and one step clips and applies the
    sum. ``model.fit`` clips first.

    Args:
        model: a compiled Keras model. With ``keras.optimizers.SGD`` or :class:`tf_gd.ManualSGD` we
            compute the whole step by hand, whatever the options; another optimizer updates the
            weights itself, in the same loop.
        x: inputs ``(samples, ...)``: an array, or a list or dict of arrays for a model of several
            inputs. Or batches ``(x, y)`` or ``(x, y, sample_weight)``, read in their own order: a
            ``tf.data.Dataset``, a ``keras.utils.PyDataset``, a generator, a ``DataLoader``. Sparse
            and ragged tensors and text go through Keras, which shuffles them in its own order.
        y: targets, likewise; a data set has its own.
        batch_size: samples in a batch, by default 32, or as many as make ``steps_per_epoch``
            batches of the data; the last batch of an epoch may be smaller. A data set has its own.
        epochs: the epoch to train up to.
        shuffle: True visits the samples in a new order every epoch, drawn from ``seed``; False in
            the order given; ``"keras"`` in the order of ``model.fit(shuffle=True)`` after the same
            ``keras.utils.set_random_seed``.
        seed: of the orders. Without one the order is the same after
            ``keras.utils.set_random_seed``, and else a new one.
        validation_data: a pair ``(x, y)``, a triple with sample weights, or a data set, to evaluate
            after every epoch.
        validation_split: the share of the samples, from the end, to validate on and not to train
            on.
        sample_weight: a weight for each sample, ``(samples,)``.
        class_weight: a dict from class to weight.
        callbacks: Keras callbacks. One with a hook for batches makes the loop go batch by batch,
            or by ``steps_per_execution`` of them, which is slower.
        verbose: 0 prints nothing; 1, 2 or ``"auto"`` print one line an epoch, and in a terminal a
            progress bar.
        initial_epoch: the epoch to begin with.
        steps_per_epoch: how many batches an epoch has, by default all; the next epoch goes on where
            this one stopped.
        validation_steps, validation_batch_size: the same for the data to validate on, each time
            from the first batch.
        validation_freq: validate after every so many epochs, or after those of a list, counted from
            1.
        mode: ``"eager"``, ``"graph"``, ``"xla"``, or ``"auto"``: XLA from some thousand steps on,
            but a graph for random numbers, large convolutions, embeddings, data sets and under
            :func:`tf_gd.exact_arithmetic`. ``history.params["mode"]`` holds the choice.
        checkpoint: a directory for this run alone. Killed at any moment and called again with the
            same arguments, the run goes on and ends with the same bits: weights, optimizer, seeds
            of Dropout, history, and what Keras's callbacks count. The run writes a checkpoint after
            every epoch, unless that would take more than 3% of the time, and every half minute
            within a long one. SIGTERM then ends the program with exit code 143. A data set is read
            again up to where the run was, and must yield the same batches.

    Returns:
        The history, with the keys of ``model.fit``: loss, metrics, and the same for the validation
        data. Ctrl-C keeps the weights so far, and returns the history so far with
        ``history.params["interrupted"]`` set.

    Raises:
        TypeError, ValueError: data that do not fit the model, an option that ``model.fit``
            would refuse, or a model that is not compiled.

    Examples:
        >>> import keras, numpy as np
        >>> dense = keras.layers.Dense(1, kernel_initializer="zeros")
        >>> model = keras.Sequential([keras.layers.Input((2,)), dense])
        >>> model.compile(optimizer=keras.optimizers.SGD(0.25), loss="mse")
        >>> x, y = np.eye(2, dtype="float32"), np.array([[1.0], [0.0]], dtype="float32")
        >>> history = fit(model, x, y, batch_size=2, shuffle=False, verbose=0)
        >>> history.history["loss"], model.weights[0].numpy().ravel().tolist()
        ([0.5], [0.25, 0.0])
    """
    check_compiled(model, replicas=True, own_steps=True)
    batch_size = _optional("batch_size", batch_size)
    epochs = _checks.whole_number("epochs", epochs, minimum=0)
    initial_epoch = _checks.whole_number("initial_epoch", initial_epoch, minimum=0)
    epochs, steps_per_epoch = _limited(epochs, _optional("steps_per_epoch", steps_per_epoch))
    validates_at = _frequency(validation_freq)
    mode = _checks.one_of("mode", mode, compiled.MODES)
    callbacks = check_callbacks(callbacks)
    verbose = _verbose(verbose)
    share = 0.0 if validation_data is not None else validation_split
    validation = None
    validation_batch_size = _optional("validation_batch_size", validation_batch_size) or batch_size
    validation_steps = _optional("validation_steps", validation_steps)
    with (
        replicas.scope_of(model),
        Keeper(checkpoint, not replicas.several(), replicas.is_chief()) as kept,
    ):
        if replicas.several():
            replicas.check(model, mode, arrays.is_streamed(x), shuffle, seed)
        seed = kept.seed(seed, shuffle, model.optimizer)
        source, held_out = source_for_training(
            model,
            (x, y, sample_weight),
            class_weight,
            batch_size,
            steps_per_epoch,
            Orders(shuffle, seed, initial_epoch),
            share,
        )
        held_out = held_out if validation_data is None else validation_data
        if held_out is not None:
            validation = source_for_validation(
                model, held_out, validation_batch_size, validation_steps
            )
        if replicas.several():
            replicas.check_built(model)
        kept.settings |= dict(initial_epoch=initial_epoch, shuffle=shuffle, seed=seed)
        kept.describe(source, validation)
        training = Training(
            model,
            source,
            validation,
            validates_at,
            callbacks,
            kept,
            mode,
            verbose,
            initial_epoch,
            epochs,
        )
        return training.run()


def _optional(name: str, value) -> int | None:
    return None if value is None else _checks.whole_number(name, value, minimum=1)


def _limited(epochs: int, steps: int | None) -> tuple[int, int | None]:
    """Return how many epochs and steps to train for, within the limits that Keras is set to."""
    most_epochs, most_steps = _keras.limits()
    if most_epochs and most_epochs < epochs:
        warnings.warn(f"Limiting epochs to {most_epochs}", stacklevel=3)
        epochs = most_epochs
    if most_steps and (steps is None or most_steps < steps):
        warnings.warn(f"Limiting steps_per_epoch to {most_steps}", stacklevel=3)
        steps = most_steps
    return epochs, steps


def _frequency(given) -> Callable[[int], bool]:
    """Return a function that says whether to validate after an epoch, counted from 1."""
    if isinstance(given, (list, tuple, set)):
        chosen = {_checks.whole_number("validation_freq", epoch, minimum=1) for epoch in given}
        return chosen.__contains__
    every = _checks.whole_number("validation_freq", given, minimum=1)
    return lambda epoch: epoch % every == 0


def _verbose(verbose) -> bool:
    if verbose != "auto" and not isinstance(verbose, int):
        raise ValueError(f"verbose: got {verbose!r}, expected 0, 1, 2 or 'auto'.")
    return bool(verbose)
