"""Callbacks for ``tf_gd.fit`` and ``model.fit``: the path of the weights, and the sharpness."""

import numpy as np

from tf_gd import _checks
from tf_gd._keras import keras
from tf_gd.networks import arrays
from tf_gd.networks.curvature import largest, product_of_model


class WeightPath(keras.callbacks.Callback):
    """Record the trainable weights at the start and after every epoch: the path of the training.

    Args:
        every: record after every so many epochs; the first and the last are always recorded.

    Attributes:
        points: ``(records, parameters)``, the weights of all layers one after another, in float32.
        epochs: ``(records,)``, after how many epochs; 0 is the start. A second training goes on
            where the first ended.

    Under ``model.fit`` the start is missing for a model without ``Input``, which has no weights
    before its first batch. The weights that ``EarlyStopping(restore_best_weights=True)`` puts back
    at the end are not recorded.

    Examples:
        >>> import keras, numpy as np, tf_gd
        >>> model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
        >>> path = WeightPath()
        >>> _ = tf_gd.fit(model, np.eye(2), np.ones((2, 1)), epochs=3, verbose=0, callbacks=[path])
        >>> path.points.shape, path.epochs.tolist()
        ((4, 3), [0, 1, 2, 3])
    """

    def __init__(self, every: int = 1):
        super().__init__()
        self._every = _checks.whole_number("every", every, minimum=1)
        self._points: list[np.ndarray] = []
        self._epochs: list[int] = []
        self._last = self._before = 0

    @property
    def points(self) -> np.ndarray:
        """The weights at each record."""
        return np.stack(self._points) if self._points else np.zeros((0, 0), "float32")

    @property
    def epochs(self) -> np.ndarray:
        """After how many epochs each record was taken."""
        return np.array(self._epochs, dtype=np.int64)

    def _keep(self, epoch: int) -> None:
        weights = [
            np.ravel(keras.ops.convert_to_numpy(v)).astype("float32")
            for v in self.model.trainable_variables
        ]
        self._points.append(np.concatenate(weights))
        self._epochs.append(epoch)

    def on_train_begin(self, logs=None):
        """Record the start, or go on after an earlier training."""
        self._before, self._first = self._last, None
        if not self._points and self.model.built:
            self._keep(0)

    def on_epoch_end(self, epoch, logs=None):
        """Record the weights after an epoch."""
        if self._first is None:
            self._first = min(epoch, self._before)
        self._last = self._before + epoch + 1 - self._first
        if self._last % self._every == 0:
            self._keep(self._last)

    def on_train_end(self, logs=None):
        """Record the last weights."""
        if self._last and self._last != (self._epochs[-1] if self._epochs else None):
            self._keep(self._last)


class Sharpness(keras.callbacks.Callback):
    """Write the largest eigenvalue of the loss's Hessian into the history after every epoch.

    Gradient descent without momentum cannot settle where it is above 2 / learning rate, and on
    networks it tends to rise up to there: the edge of stability.

    Args:
        x, y: the data of the loss, ``(samples, ...)``: a few hundred samples will do.
        every: measure after every so many epochs; the history has NaN for the others, and after a
            divergence.
        tolerance: the relative precision of the eigenvalue.

    Attributes:
        eigenvalues: ``(records,)``.
        epochs: ``(records,)``, after how many epochs; 0 is the start.
        limits: ``(records,)``, 2 / learning rate at the time.

    References:
        Cohen et al., "Gradient descent on neural networks typically occurs at the edge of
        stability", 2021.

    Examples:
        The loss (w + b - 1)^2 of one weight and one bias on x = y = 1 has the Hessian [[2, 2],
        [2, 2]].

        >>> import keras, numpy as np, tf_gd
        >>> model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])
        >>> model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
        >>> one = np.ones((1, 1), "float32")
        >>> sharpness = Sharpness(one, one)
        >>> history = tf_gd.fit(model, one, one, epochs=2, verbose=0, callbacks=[sharpness])
        >>> sharpness.eigenvalues.round(4).tolist(), sharpness.limits.round(4).tolist()
        ([4.0, 4.0, 4.0], [20.0, 20.0, 20.0])
        >>> len(history.history["sharpness"])
        2
    """

    def __init__(self, x, y=None, *, every: int = 1, tolerance: float = 1e-3):
        super().__init__()
        self._every = _checks.whole_number("every", every, minimum=1)
        self._tolerance = _checks.number("tolerance", tolerance, above=0.0, maximum=0.1)
        arrays.as_arrays(x, y)  # an error comes now, not when training begins
        self._x, self._y = x, y
        self._records: list[tuple[int, float, float]] = []

    @property
    def epochs(self) -> np.ndarray:
        """After how many epochs each record was taken."""
        return np.array([epoch for epoch, _, _ in self._records], dtype=np.int64)

    @property
    def eigenvalues(self) -> np.ndarray:
        """The largest eigenvalue at each record."""
        return np.array([eigenvalue for _, eigenvalue, _ in self._records])

    @property
    def limits(self) -> np.ndarray:
        """2 / learning rate at each record."""
        return np.array([limit for _, _, limit in self._records])

    def _measure(self, epoch: int) -> float:
        eigenvalue = largest(*self._product, self._tolerance)
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        self._records.append((epoch, eigenvalue, 2.0 / rate if rate else np.inf))
        return eigenvalue

    def on_train_begin(self, logs=None):
        """Measure at the start."""
        self._product = product_of_model(self.model, self._x, self._y)
        if not self._records:
            self._measure(0)

    def on_epoch_end(self, epoch, logs=None):
        """Measure after an epoch, and write the eigenvalue into the history."""
        eigenvalue = self._measure(epoch + 1) if (epoch + 1) % self._every == 0 else np.nan
        if logs is not None:
            logs["sharpness"] = eigenvalue

    def plot(self, ax=None):
        """Draw the eigenvalue over the epochs, with 2 / learning rate; return the axes."""
        from tf_gd.show.curves import plot_sharpness

        return plot_sharpness(self.epochs, self.eigenvalues, self.limits, ax=ax)
