"""The update of an experiment's step: by hand for SGD and Adam, by Keras for other optimizers."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tf_gd import sgd
from tf_gd._keras import excluded_from_decay, learning_rate_of
from tf_gd.explain.deviation import (
    LIMITS,
    Deviation,
    State,
    decay_of,
    numbers_of,
    options_of,
)
from tf_gd.explain.optimizers import OTHERS, Adam, adam_of
from tf_gd.explain.stages import stages_of
from tf_gd.networks.step import is_sgd

NORMALISED = ("length 1", "length 1, together", "signs")


class Updates:
    """The updates of an optimizer, with or without mistakes.

    Args:
        optimizer: of Keras, built.
        variables: of the model.
        trained: the places of those that are trained.
        precision: of the weights.
    """

    def __init__(self, optimizer, variables: list, trained: list[int], precision: np.dtype):
        self.optimizer, self.variables, self.trained = optimizer, variables, trained
        self.precision, self.by_hand = precision, is_sgd(optimizer)
        self._trainable = [variables[i] for i in trained]
        self._optimizers: dict[str, Any] = {}
        self._adam = None if excluded_from_decay(optimizer) else adam_of(optimizer)

    def made(self, deviation: Deviation, state: State, chosen: list[int], gradients: list) -> State:
        """Return the state after an update of the variables chosen."""
        after = self._updated(deviation, state, chosen, normalised(deviation.clip, gradients))
        for n, i in enumerate(chosen):
            before, weight = state.weights[i], after.weights[i]
            if deviation.shares:
                weight = before + before.dtype.type(deviation.shares[n]) * (weight - before)
            if deviation.limit is not None:
                weight = np.clip(weight, -deviation.limit, deviation.limit)
            if deviation.row is not None and deviation.row[0] == n:
                weight = weight.copy()
                weight[deviation.row[1]] = before[deviation.row[1]]
            after.weights[i] = weight
        return after

    def _updated(
        self, deviation: Deviation, state: State, chosen: list[int], gradients: list
    ) -> State:
        gradients = [None if n in deviation.left_out else g for n, g in enumerate(gradients)]
        adam = self._adam_of(deviation)
        sparse = any(isinstance(g, tf.IndexedSlices) for g in gradients)
        # Keras steps the rows of a sparse gradient in its own way.
        if adam is not None and not (sparse and deviation.optimizer == "as set"):
            return self._updated_by_adam(adam, deviation, state, chosen, gradients)
        if not self.by_hand or deviation.optimizer != "as set":
            return self._updated_by_keras(deviation, state, chosen, gradients)
        options = dataclasses.replace(sgd.Options.of(self.optimizer), loss_scale_factor=None)
        options = options_of(deviation, options)
        count = len(chosen)
        rate, options = self._numbers(deviation, options, state.step)
        weights = [state.weights[i] for i in chosen]
        velocities = [state.velocities.get(n, np.zeros_like(w)) for n, w in enumerate(weights)]
        lists = (
            velocities if options.momentum else [],
            state.averages[:count] if options.use_ema else [],
            state.sums[:count] if options.gradient_accumulation_steps else [],
        )
        velocities, averages, sums = ([np.asarray(one) for one in some] for some in lists)
        stages = stages_of(deviation, [self.variables[i].name for i in chosen])
        if deviation.rate == "once a variable":
            stages["step"] = self._scheduled_one_by_one(state.step)
        new = sgd.step(
            options,
            sgd.State(weights, velocities, averages, sums, state.step),
            gradients,
            rate,
            decays=[decay_of(deviation, self.optimizer, self.variables[i]) for i in chosen],
            constraints=[
                self.variables[i].constraint if deviation.constrained else None for i in chosen
            ],
            stages=stages,
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

    def _numbers(self, deviation: Deviation, options: sgd.Options, step: int) -> tuple:
        if deviation.rate == "all variables":
            deviation = dataclasses.replace(deviation, rate="as set")
            step *= len(self.trained)
        return numbers_of(deviation, options, self.rate, step, self.precision)

    def _scheduled_one_by_one(self, step: int) -> Callable:
        """Return the stage of SGD in which the schedule counts each variable as a step."""

        def move(options, weights, velocities, gradients, _, decays):
            held, moved = velocities or [None] * len(weights), []
            for n, (w, v, g) in enumerate(zip(weights, held, gradients, strict=True)):
                rate = w.dtype.type(self.rate(step * len(weights) + n))
                moved.append((w, v) if g is None else sgd.step_one(options, w, v, g, rate))
            return [w for w, _ in moved], [v for _, v in moved] if velocities else []

        return move

    def rate(self, step: int) -> float:
        """Return the learning rate of a step."""
        rate = learning_rate_of(self.optimizer)
        return float(rate(tf.constant(step, tf.int64)) if callable(rate) else rate.numpy())

    def _adam_of(self, deviation: Deviation) -> Adam | None:
        """Return the Adam that makes the step, by hand, which takes less time than Keras's."""
        if isinstance(deviation.optimizer, Adam):
            return deviation.optimizer
        adam = self._adam if deviation.optimizer == "as set" else None
        if adam is None or deviation.decay != "none":
            return adam
        return dataclasses.replace(adam, decay=0.0)

    def _updated_by_adam(
        self, adam: Adam, deviation: Deviation, state: State, chosen: list[int], gradients: list
    ) -> State:
        as_set = {way: getattr(self.optimizer, way) for way in LIMITS.values()}
        options = options_of(deviation, sgd.Options(**as_set))
        weights = [state.weights[i] for i in chosen]
        clipped = sgd.clip(options, gradients, weights, ())
        parts = [None if g is None else dense(g) for g in clipped]
        fresh = [np.zeros_like(w) for w in weights for _ in range(2)]
        moments = fresh if deviation.anew else state.optimizer.get("by hand", fresh)
        step = 0 if deviation.anew else state.step
        rate = float(self._numbers(deviation, options, state.step)[0])
        decaying = dataclasses.replace(deviation, amount=adam.decay)
        decays = [decay_of(decaying, self.optimizer, self.variables[i]) for i in chosen]
        moved, moments = adam.step(weights, moments, parts, rate, step, decays)
        all_weights = list(state.weights)
        for i, weight in zip(chosen, moved, strict=True):
            all_weights[i] = weight
        held = {**state.optimizer, "by hand": moments}
        return dataclasses.replace(state, weights=all_weights, optimizer=held, step=state.step + 1)

    def _updated_by_keras(
        self, deviation: Deviation, state: State, chosen: list[int], gradients: list
    ) -> State:
        name, optimizer, fresh = self._keras_optimizer(deviation)
        held = fresh if deviation.anew else state.optimizer.get(name, fresh)
        for variable, value in zip(optimizer.variables, held, strict=True):
            variable.assign(value)
        rate, _ = self._numbers(deviation, sgd.Options(), state.step)
        optimizer.learning_rate = float(rate)
        for i in chosen:
            self.variables[i].assign(state.weights[i])
        pairs = [
            (g, self.variables[i]) for g, i in zip(gradients, chosen, strict=True) if g is not None
        ]
        if pairs:
            optimizer.apply_gradients(pairs)
        weights = list(state.weights)
        for i in chosen:
            weights[i] = self.variables[i].numpy()
        kept = {**state.optimizer, name: [variable.numpy() for variable in optimizer.variables]}
        return dataclasses.replace(state, weights=weights, optimizer=kept, step=state.step + 1)

    def _keras_optimizer(self, deviation: Deviation) -> tuple[str, Any, list[np.ndarray]]:
        """Return the name of the optimizer of Keras that makes the step, itself, and its start."""
        options: dict[str, Any] = {}
        if deviation.clip == "none":
            options |= dict.fromkeys(LIMITS.values())
        elif isinstance(deviation.clip, tuple):
            kind, limit = deviation.clip
            options[LIMITS[kind]] = limit
        if isinstance(deviation.optimizer, tuple):
            options |= dict([deviation.optimizer])
        if deviation.decay == "none":
            options["weight_decay"] = None
        name = f"{deviation.optimizer} {options} {deviation.decay}"
        if name not in self._optimizers:
            if deviation.optimizer == "as set" or isinstance(deviation.optimizer, tuple):
                config = self.optimizer.get_config() | options | {"learning_rate": 0.1}
                optimizer = type(self.optimizer).from_config(config)
                excluded = excluded_from_decay(self.optimizer)
                if excluded and deviation.decay != "excluded too":
                    optimizer.exclude_from_weight_decay(var_names=[excluded])
            else:
                optimizer = OTHERS[deviation.optimizer]()
            optimizer.build(self._trainable)
            self._optimizers[name] = optimizer, [v.numpy() for v in optimizer.variables]
        return name, *self._optimizers[name]


def normalised(how, gradients: list) -> list:
    """Return gradients of length 1, each or all together, or their signs."""
    if how not in NORMALISED:
        return gradients
    parts = [None if g is None else dense(g) for g in gradients]
    if how == "signs":
        return [None if g is None else np.sign(g) for g in parts]
    lengths = [0.0 if g is None else float(np.linalg.norm(g)) for g in parts]
    if how == "length 1, together":
        lengths = [float(np.linalg.norm(lengths))] * len(parts)
    pairs = zip(parts, lengths, strict=True)
    return [g if g is None or not length else g / g.dtype.type(length) for g, length in pairs]


def dense(gradient) -> np.ndarray:
    """Return a gradient as an array; the rows of a sparse one are added up."""
    return np.asarray(tf.convert_to_tensor(gradient))
