"""Training steps with mistakes: Keras's step, with one or more of its parts replaced."""

import collections
import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tf_gd import sgd
from tf_gd._keras import keras, learning_rate_of, made_trainable
from tf_gd.explain.deviation import (
    REDUCTIONS,
    Deviation,
    Run,
    State,
    as_vector,
    compared,
    decay_of,
    numbers_of,
    options_of,
    outputs_of,
    stages_of,
)
from tf_gd.explain.losses import gradients_of
from tf_gd.networks.passes import count_samples, each
from tf_gd.networks.step import forward, innermost, is_sgd

# most mistakes are given up after a step or two, sooner than they would compile
_CALLS_BEFORE_COMPILING = 25


class Experiment:
    """A model, an optimizer and some batches, on which to try deviations."""

    def __init__(
        self,
        model,
        optimizer,
        batches: Sequence[tuple],
        full: int,
        initial: list[np.ndarray],
        names: list[str],
    ):
        self.model, self.batches, self.full = model, batches, full
        self.initial, self.names = initial, names
        self.optimizer = innermost(optimizer)  # scaling the loss changes nothing
        self.loss_scale = float(getattr(optimizer, "initial_scale", 1.0))
        self.half = model.compute_dtype in ("float16", "bfloat16")
        self.variables = list(model.variables)
        place = {id(variable): i for i, variable in enumerate(self.variables)}
        self.trained = [place[id(variable)] for variable in model.trainable_variables]
        meant = made_trainable(model)
        self.frozen = [
            i for i, v in enumerate(self.variables) if not v.trainable and id(v) in meant
        ]
        self.compared = compared(self.variables)
        self.precision = np.dtype(
            self.variables[self.trained[0]].dtype if "float" in model.compute_dtype else "float32"
        )
        self.by_hand = is_sgd(self.optimizer)
        self.optimizer.build(model.trainable_variables)
        self._fresh_optimizer = (
            [] if self.by_hand else [v.numpy() for v in self.optimizer.variables]
        )
        self._gradients: dict[tuple, Callable] = {}
        self._weighed: dict[tuple, Any] = {}
        self._calls: collections.Counter = collections.Counter()

    def start(self) -> State:
        """Return the state before the first step."""
        weights = [np.asarray(w) for w in self.initial]
        trained = [weights[i] for i in [*self.trained, *self.frozen]]
        return State(
            weights, {}, list(trained), [np.zeros_like(w) for w in trained], self._fresh_optimizer
        )

    def vector(self, weights: list[np.ndarray]) -> np.ndarray:
        """Return the weights that are compared as one vector."""
        return as_vector([weights[i] for i in self.compared])

    def at(self, state: State, vector: np.ndarray) -> State:
        """Return the state with the weights that are compared set to those of a vector."""
        weights, first = list(state.weights), 0
        for i in self.compared:
            part = vector[first : first + weights[i].size]
            weights[i] = part.reshape(weights[i].shape).astype(weights[i].dtype)
            first += part.size
        return dataclasses.replace(state, weights=weights)

    def make_steps(
        self, deviation: Deviation, give_up: Callable[[int, np.ndarray], bool] | None = None
    ) -> Run | None:
        """Make all the steps; None where ``give_up(step, weights)`` says that it is of no use."""
        state = self.start()
        records, losses = [self.vector(state.weights)], []
        for number in range(len(self.batches)):
            state, loss = self.step(deviation, state, self.batch(deviation, number))
            records.append(self.vector(state.weights))
            losses.append(loss)
            if give_up is not None and give_up(number + 1, records[-1]):
                return None
        return Run(
            np.stack(records),
            {name: np.array([loss[name] for loss in losses]) for name in losses[0]},
        )

    def batch(self, deviation: Deviation, number: int) -> tuple:
        """Return the batch that the deviation takes for the one of this number."""
        if deviation.batches == "the first":
            return self.batches[0]
        if deviation.batches == "backwards":
            return self.batches[len(self.batches) - 1 - number]
        if isinstance(deviation.batches, tuple):
            return self.batches[deviation.batches[number]]
        return self.batches[number]

    def step(
        self, deviation: Deviation, state: State, batch: tuple
    ) -> tuple[State, dict[str, float]]:
        """Return the state after a step, and the loss before it: with penalties, and without."""
        if deviation.partial == "dropped" and count_samples(batch) < self.full:
            return dataclasses.replace(state, step=state.step + 1), dict.fromkeys(
                ("loss", "of the data"), float("nan")
            )
        chosen = [*self.trained, *(self.frozen if deviation.frozen_too else [])]
        self._place(state, ahead=chosen if deviation.nesterov == "at the point ahead" else ())
        loss, of_the_data, *gradients = self._evaluate(
            deviation, batch, self.factor(deviation.reduction, batch)
        )
        # BatchNorm's statistics and seeds have moved
        weights = [variable.numpy() for variable in self.variables]
        for i in chosen:
            weights[i] = state.weights[i]
        state = dataclasses.replace(state, weights=weights)
        state = self._updated(deviation, state, chosen, gradients)
        if deviation.calls == "one after":
            self._place(state)
            forward(self.model, batch[0], training=True)
            for i in set(range(len(self.variables))) - set(chosen):
                state.weights[i] = self.variables[i].numpy()
        return state, {"loss": float(loss), "of the data": float(of_the_data)}

    def factor(self, reduction, batch: tuple) -> float:
        """Return the factor on the mean loss of a batch, of a kind of reduction by name, or a
        number.
        """
        if not isinstance(reduction, str):
            return reduction
        return REDUCTIONS[reduction](count_samples(batch), self.full, outputs_of(batch[1]))

    def first_losses(self, deviation: Deviation) -> tuple[float, float]:
        """Return the loss of the first batch's data before the first step, and the regularisation
        loss.
        """
        self._place(self.start())
        loss, of_the_data, *_ = self._evaluate(deviation, self.batches[0])
        return float(of_the_data), float(loss) - float(of_the_data)

    def losses_after(
        self, deviation: Deviation, state: State, batch: tuple, *, training: bool
    ) -> float:
        """Return the loss on a batch in a state, without a step."""
        self._place(state)
        return float(
            self._evaluate(
                dataclasses.replace(deviation, training=training),
                batch,
                self.factor(deviation.reduction, batch),
            )[0]
        )

    def _place(self, state: State, ahead: Sequence[int] = ()) -> None:
        """Put the weights into the model; some of them ahead of where they are, by the momentum."""
        for variable, value in zip(self.variables, state.weights, strict=True):
            variable.assign(value)
        for n, i in enumerate(ahead):
            w = state.weights[i]
            if n in state.velocities:
                self.variables[i].assign(
                    w + w.dtype.type(self.optimizer.momentum) * state.velocities[n]
                )

    def _evaluate(self, deviation: Deviation, batch: tuple, factor: float = 1.0):
        """Return the loss, the loss of the data, and the gradients on a batch, with the weights
        that are in the model.
        """
        numbers = (
            tf.constant(number, keras.config.floatx()) for number in (factor, deviation.regularised)
        )
        return self._gradient(deviation)(*batch, *numbers)

    def _gradient(self, deviation: Deviation) -> Callable:
        """Return the function of :func:`gradients_of`; compiled from a number of calls on."""
        key = (deviation.training, deviation.calls, deviation.loss, deviation.frozen_too)
        if key not in self._gradients:
            chosen = [*self.trained, *(self.frozen if deviation.frozen_too else [])]
            variables = [self.variables[i] for i in chosen]
            given = self.model, variables, self._weighed, self.by_hand
            self._gradients[key] = functools.partial(gradients_of, deviation, *given)
        self._calls[key] += 1
        if self._calls[key] == _CALLS_BEFORE_COMPILING:
            batch = self.batches[0]
            specs = each(lambda leaf: tf.TensorSpec([None, *leaf.shape[1:]], leaf.dtype), batch)
            number = tf.TensorSpec((), keras.config.floatx())
            traced = tf.function(self._gradients[key])
            self._gradients[key] = traced.get_concrete_function(*specs, number, number)
        return self._gradients[key]

    def _updated(
        self, deviation: Deviation, state: State, chosen: list[int], gradients: list
    ) -> State:
        if not self.by_hand:
            return self._updated_by_keras(deviation, state, chosen, gradients)
        options = dataclasses.replace(sgd.Options.of(self.optimizer), loss_scale_factor=None)
        options = options_of(deviation, options)
        rate, options = numbers_of(deviation, options, self.rate, state.step, self.precision)
        count = len(chosen)
        weights = [tf.convert_to_tensor(state.weights[i]) for i in chosen]
        velocities = [state.velocities.get(n, np.zeros_like(w)) for n, w in enumerate(weights)]
        lists = (
            velocities if options.momentum else [],
            state.averages[:count] if options.use_ema else [],
            state.sums[:count] if options.gradient_accumulation_steps else [],
        )
        velocities, averages, sums = ([tf.convert_to_tensor(one) for one in some] for some in lists)
        new = sgd.step(
            options,
            sgd.State(weights, velocities, averages, sums, state.step),
            [None if n in deviation.left_out else g for n, g in enumerate(gradients)],
            rate,
            decays=[decay_of(deviation, self.optimizer, self.variables[i]) for i in chosen],
            constraints=[
                self.variables[i].constraint if deviation.constrained else None for i in chosen
            ],
            stages=stages_of(deviation, [self.variables[i].name for i in chosen]),
        )
        all_weights = list(state.weights)
        for i, weight in zip(chosen, new.weights, strict=True):
            all_weights[i] = np.asarray(weight)
        return dataclasses.replace(
            state,
            weights=all_weights,
            velocities={n: np.asarray(v) for n, v in enumerate(new.velocities)},
            averages=[*map(np.asarray, new.averages), *state.averages[len(new.averages) :]],
            sums=[*map(np.asarray, new.sums), *state.sums[len(new.sums) :]],
            step=state.step + 1,
        )

    def rate(self, step: int) -> float:
        """Return the learning rate of a step."""
        rate = learning_rate_of(self.optimizer)
        return float(rate(tf.constant(step, tf.int64)) if callable(rate) else rate.numpy())

    def _updated_by_keras(
        self, deviation: Deviation, state: State, chosen: list[int], gradients: list
    ) -> State:
        for variable, value in zip(self.optimizer.variables, state.optimizer, strict=True):
            variable.assign(value)
        rate = learning_rate_of(self.optimizer)
        constant = None if callable(rate) else float(rate.numpy())
        if constant is not None:
            self.optimizer.learning_rate = deviation.scale * constant
        kept = [n for n, g in enumerate(gradients) if g is not None and n not in deviation.left_out]
        pairs = [(gradients[n], self.variables[chosen[n]]) for n in kept]
        self.optimizer.apply_gradients(pairs)
        weights = [variable.numpy() for variable in self.variables]
        if constant is not None:
            self.optimizer.learning_rate = constant
        optimizer = [variable.numpy() for variable in self.optimizer.variables]
        return dataclasses.replace(state, weights=weights, optimizer=optimizer, step=state.step + 1)
