"""Training steps with mistakes: Keras's step, with one or more of its parts replaced."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tf_gd import sgd
from tf_gd._keras import excluded_from_decay, learning_rate_of, made_trainable, mask_of
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
from tf_gd.explain.evaluations import Evaluated, Evaluations
from tf_gd.explain.optimizers import OTHERS, Adam, adam_of
from tf_gd.networks.passes import count_samples
from tf_gd.networks.step import forward, innermost, is_sgd


class Batch(NamedTuple):
    """Inputs, targets and weights of samples, and the number of the batch."""

    x: Any
    y: Any
    sample_weight: Any = None


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
        weighed_by: str = "",
    ):
        self.model, self.full = model, full
        self.batches = [Batch(*batch) for batch in batches]
        self.initial, self.names, self.weighed_by = initial, names, weighed_by
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
        self._optimizers: dict[str, Any] = {}
        excludes = excluded_from_decay(self.optimizer)
        self._adam = None if excludes else adam_of(self.optimizer)
        self.masks = mask_of(forward(model, self.batches[0].x, training=False)) is not None
        self._evaluations = Evaluations(model, self.variables, self.by_hand)

    def start(self) -> State:
        """Return the state before the first step."""
        weights = [np.asarray(w) for w in self.initial]
        trained = [weights[i] for i in [*self.trained, *self.frozen]]
        return State(weights, {}, list(trained), [np.zeros_like(w) for w in trained], {})

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

    def batch(self, deviation: Deviation, number: int) -> Batch:
        """Return the batch that the deviation takes for the one of this number."""
        if deviation.batches == "the first":
            return self.batches[0]
        if deviation.batches == "backwards":
            return self.batches[len(self.batches) - 1 - number]
        if isinstance(deviation.batches, tuple):
            return self.batches[deviation.batches[number]]
        return self.batches[number]

    def step(
        self, deviation: Deviation, state: State, batch: Batch
    ) -> tuple[State, dict[str, float]]:
        """Return the state after a step, and the losses before it.

        They are the loss, that of the data, and that without the factor of a reduction.
        """
        if deviation.partial == "dropped" and count_samples(batch) < self.full:
            nothing = dict.fromkeys(("loss", "of the data", "without the factor"), float("nan"))
            return dataclasses.replace(state, step=state.step + 1), nothing
        chosen = [*self.trained, *(self.frozen if deviation.frozen_too else [])]
        found = self._evaluated(deviation, state, batch, chosen)
        if deviation.repeated == "one by one":
            return self._one_by_one(deviation, state, batch, chosen), found.losses
        after = self._moved(deviation, state, found, chosen)
        if deviation.repeated == "update twice":
            after = self._moved(deviation, after, found, chosen)
        elif deviation.repeated == "step twice":
            again = self._evaluated(deviation, after, batch, chosen)
            after = self._moved(deviation, after, again, chosen)
        if deviation.calls == "one after":
            self._evaluations.place(after.weights)
            forward(self.model, batch.x, training=True)
            for i in set(range(len(self.variables))) - set(chosen):
                after.weights[i] = self.variables[i].numpy()
        return after, found.losses

    def _evaluated(
        self, deviation: Deviation, state: State, batch: Batch, chosen: list[int]
    ) -> Evaluated:
        """Return losses and gradients at the weights of a state, or ahead of them."""
        weights = state.weights
        if deviation.nesterov == "at the point ahead":
            weights = list(weights)
            for n, i in enumerate(chosen):
                if n in state.velocities:
                    w = weights[i]
                    weights[i] = w + w.dtype.type(self.optimizer.momentum) * state.velocities[n]
        factor = self.factor(deviation.reduction, batch, state.step)
        return self._evaluations.at(deviation, weights, batch, factor, chosen)

    def _moved(
        self, deviation: Deviation, state: State, found: Evaluated, chosen: list[int]
    ) -> State:
        """Return the state after the update, with the statistics that the call has moved."""
        weights = list(found.weights)
        discarded = [
            i
            for i in self.compared
            if deviation.statistics == "discarded" and i not in self.trained
        ]
        for i in {*chosen, *discarded}:
            weights[i] = state.weights[i]
        gradients = list(found.gradients)
        if deviation.permuted:
            gradients = [gradients[n] for n in deviation.permuted]
        state = dataclasses.replace(state, weights=weights)
        if deviation.gradients == "summed":
            pairs = zip(
                gradients, state.sums_of_all or [np.zeros(())] * len(gradients), strict=True
            )
            gradients = [None if g is None else _dense(g) + s for g, s in pairs]
            state = dataclasses.replace(state, sums_of_all=gradients)
        return self._updated(deviation, state, chosen, gradients)

    def _one_by_one(
        self, deviation: Deviation, state: State, batch: Batch, chosen: list[int]
    ) -> State:
        """Move one variable after another, each by the gradient at the weights so far."""
        once = dataclasses.replace(deviation, repeated="once")
        for n in range(len(chosen)):
            found = self._evaluated(once, state, batch, chosen)
            others = tuple(set(range(len(chosen))) - {n})
            moved = self._moved(dataclasses.replace(once, left_out=others), state, found, chosen)
            state = dataclasses.replace(moved, step=state.step)
        return dataclasses.replace(state, step=state.step + 1)

    def factor(self, reduction, batch: Batch, step: int = 0) -> float:
        """Return the factor on the mean loss of a batch.

        Args:
            reduction: a kind of reduction by name, a number, or a number for each step.
            batch: to reduce over.
            step: counted from 0.
        """
        if isinstance(reduction, tuple):
            return reduction[min(step, len(reduction) - 1)]
        if not isinstance(reduction, str):
            return reduction
        return REDUCTIONS[reduction](count_samples(batch), self.full, outputs_of(batch.y))

    def first_losses(self, deviation: Deviation) -> tuple[float, float]:
        """Return the loss of the first batch's data before the first step, and the regularisation
        loss.
        """
        state, chosen = self.start(), self.trained
        losses = self._evaluated(deviation, state, self.batches[0], chosen).losses
        return losses["of the data"], losses["loss"] - losses["of the data"]

    def loss_in(self, deviation: Deviation, state: State, batch: Batch, *, training: bool) -> float:
        """Return the loss on a batch in a state, without a step."""
        deviation = dataclasses.replace(deviation, training=training)
        return self._evaluated(deviation, state, batch, self.trained).losses["loss"]

    def predicted(self, state: State, batch: Batch) -> np.ndarray:
        """Return the prediction on a batch in a state, in training."""
        self._evaluations.place(state.weights)
        return forward(self.model, batch.x, training=True)

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
            deviation, step = (
                dataclasses.replace(deviation, rate="as set"),
                step * len(self.trained),
            )
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
        as_set = deviation.optimizer == "as set"
        adam = self._adam if as_set else None
        if adam is None or deviation.decay != "none":
            return adam
        return dataclasses.replace(adam, decay=0.0)

    def _updated_by_adam(
        self, adam: Adam, deviation: Deviation, state: State, chosen: list[int], gradients: list
    ) -> State:
        ways = () if deviation.clip == "none" else ("clipnorm", "global_clipnorm", "clipvalue")
        options = sgd.Options(**{way: getattr(self.optimizer, way) for way in ways})
        weights = [state.weights[i] for i in chosen]
        clipped = sgd.clip(options, gradients, weights, ())
        parts = [None if g is None else _dense(g) for g in clipped]
        fresh = [np.zeros_like(w) for w in weights for _ in range(2)]
        moments = fresh if deviation.anew else state.optimizer.get("by hand", fresh)
        step = 0 if deviation.anew else state.step
        rate = float(self._numbers(deviation, options, state.step)[0])
        moved, moments = adam.step(weights, moments, parts, rate, step)
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
        options = sgd.Options()
        optimizer.learning_rate = float(self._numbers(deviation, options, state.step)[0])
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
            options |= dict(clipnorm=None, global_clipnorm=None, clipvalue=None)
        if deviation.decay == "none":
            options["weight_decay"] = None
        name = f"{deviation.optimizer} {options}"
        if name not in self._optimizers:
            if deviation.optimizer == "as set":
                config = self.optimizer.get_config() | options | {"learning_rate": 0.1}
                optimizer = type(self.optimizer).from_config(config)
                if excluded := excluded_from_decay(self.optimizer):
                    optimizer.exclude_from_weight_decay(var_names=[excluded])
            else:
                optimizer = OTHERS[deviation.optimizer]()
            optimizer.build(self.model.trainable_variables)
            self._optimizers[name] = optimizer, [v.numpy() for v in optimizer.variables]
        return name, *self._optimizers[name]


def _dense(gradient) -> np.ndarray:
    """Return a gradient as an array; the rows of a sparse one are added up."""
    return np.asarray(tf.convert_to_tensor(gradient))
