"""Training steps with mistakes in them: what a loop would do that is Keras's but for this or that."""

import collections
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tf_gd import updates
from tf_gd._keras import keras
from tf_gd.explain.deviation import REDUCTIONS, Recipe, Run, State, as_vector, clipped, compared, outputs_of, stepped
from tf_gd.explain.losses import loss_of
from tf_gd.networks import arrays
from tf_gd.networks.programs import each
from tf_gd.networks.step import forward, innermost, is_sgd

_CALLS_BEFORE_COMPILING = 25  # most mistakes are given up after a step or two, sooner than they would compile


class Kitchen:
    """A model, an optimizer and some batches, on which to try recipes."""

    def __init__(self, model, optimizer, batches: Sequence[tuple], full: int, initial: list[np.ndarray], names: list[str]):
        self.model, self.batches, self.full, self.initial, self.names = model, batches, full, initial, names
        self.optimizer = innermost(optimizer)  # scaling the loss changes nothing
        self.loss_scale = float(getattr(optimizer, "initial_scale", 1.0))
        self.half = model.compute_dtype in ("float16", "bfloat16")
        self.variables = list(model.variables)
        place = {id(variable): i for i, variable in enumerate(self.variables)}
        self.trained = [place[id(variable)] for variable in model.trainable_variables]
        layers = [layer for layer in model._flatten_layers() if layer is not model]
        made_trainable = {id(v) for layer in layers for v in layer._trainable_variables}
        self.frozen = [i for i, v in enumerate(self.variables) if not v.trainable and id(v) in made_trainable]
        self.compared = compared(self.variables)
        self.precision = np.dtype(self.variables[self.trained[0]].dtype if "float" in model.compute_dtype else "float32")
        self.by_hand = is_sgd(self.optimizer)
        self.optimizer.build(model.trainable_variables)
        self._fresh_optimizer = [] if self.by_hand else [v.numpy() for v in self.optimizer.variables]
        self._gradients: dict[tuple, Callable] = {}
        self._weighed: dict[tuple, Any] = {}
        self._calls: collections.Counter = collections.Counter()

    def start(self) -> State:
        """Return the state before the first step."""
        weights = [np.asarray(w) for w in self.initial]
        trained = [weights[i] for i in [*self.trained, *self.frozen]]
        return State(weights, {}, list(trained), [np.zeros_like(w) for w in trained], self._fresh_optimizer)

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

    def cook(self, recipe: Recipe, give_up: Callable[[int, np.ndarray], bool] | None = None) -> Run | None:
        """Make all the steps; None where ``give_up(step, weights)`` says that it is of no use."""
        state = self.start()
        records, losses = [self.vector(state.weights)], []
        for number in range(len(self.batches)):
            state, loss = self.step(recipe, state, self.batch(recipe, number))
            records.append(self.vector(state.weights))
            losses.append(loss)
            if give_up is not None and give_up(number + 1, records[-1]):
                return None
        return Run(np.stack(records), {name: np.array([loss[name] for loss in losses]) for name in losses[0]})

    def batch(self, recipe: Recipe, number: int) -> tuple:
        """Return the batch that the recipe takes for the one of this number."""
        if recipe.batches == "the first":
            return self.batches[0]
        if recipe.batches == "backwards":
            return self.batches[len(self.batches) - 1 - number]
        if isinstance(recipe.batches, tuple):
            return self.batches[recipe.batches[number]]
        return self.batches[number]

    def step(self, recipe: Recipe, state: State, batch: tuple) -> tuple[State, dict[str, float]]:
        """Return the state after a step, and the losses before it: all of it, and the data's alone."""
        if recipe.partial == "dropped" and arrays.count(batch) < self.full:
            return dataclasses.replace(state, step=state.step + 1), dict.fromkeys(("loss", "of the data"), float("nan"))
        chosen = [*self.trained, *(self.frozen if recipe.frozen_too else [])]
        self._place(state, ahead=chosen if recipe.nesterov == "at the point ahead" else ())
        loss, of_the_data, *gradients = self._evaluate(recipe, batch, self.factor(recipe.reduction, batch))
        weights = [variable.numpy() for variable in self.variables]  # BatchNorm's statistics and seeds have moved
        for i in chosen:
            weights[i] = state.weights[i]
        state = dataclasses.replace(state, weights=weights)
        if self.by_hand:
            gradients = [None if g is None else np.asarray(g) for g in gradients]
        state = self._updated(recipe, state, chosen, gradients)
        if recipe.calls == "one after":
            self._place(state)
            forward(self.model, batch[0], training=True)
            for i in set(range(len(self.variables))) - set(chosen):
                state.weights[i] = self.variables[i].numpy()
        return state, {"loss": float(loss), "of the data": float(of_the_data)}

    def factor(self, reduction, batch: tuple) -> float:
        """Return the factor on the mean loss of a batch, of a kind of reduction by name, or a number."""
        if not isinstance(reduction, str):
            return reduction
        return REDUCTIONS[reduction](arrays.count(batch), self.full, outputs_of(batch[1]))

    def first_losses(self, recipe: Recipe) -> tuple[float, float]:
        """Return the loss of the first batch's data before the first step, and the regularisation loss."""
        self._place(self.start())
        loss, of_the_data, *_ = self._evaluate(recipe, self.batches[0])
        return float(of_the_data), float(loss) - float(of_the_data)

    def losses_after(self, recipe: Recipe, state: State, batch: tuple, *, training: bool) -> float:
        """Return the loss on a batch in a state, without a step."""
        self._place(state)
        return float(
            self._evaluate(dataclasses.replace(recipe, training=training), batch, self.factor(recipe.reduction, batch))[0]
        )

    def _place(self, state: State, ahead: Sequence[int] = ()) -> None:
        """Put the weights into the model; some of them ahead of where they are, by the momentum."""
        for variable, value in zip(self.variables, state.weights, strict=True):
            variable.assign(value)
        for n, i in enumerate(ahead):
            w = state.weights[i]
            if n in state.velocities:
                self.variables[i].assign(w + w.dtype.type(self.optimizer.momentum) * state.velocities[n])

    def _evaluate(self, recipe: Recipe, batch: tuple, factor: float = 1.0):
        """Return the loss, the loss of the data, and the gradients on a batch, with the weights that are in the model."""
        numbers = (tf.constant(number, keras.config.floatx()) for number in (factor, recipe.regularised))
        return self._gradient(recipe)(*batch, *numbers)

    def _gradient(self, recipe: Recipe) -> Callable:
        """Return the compiled loss, loss of the data, and gradients, as a function of x, y and the factor on the loss."""
        key = (recipe.training, recipe.calls, recipe.loss, recipe.frozen_too)
        if key not in self._gradients:
            chosen = [self.variables[i] for i in [*self.trained, *(self.frozen if recipe.frozen_too else [])]]

            def gradient(x, y, factor, regularised):
                if recipe.calls == "one before":
                    forward(self.model, x, training=True)
                with tf.GradientTape() as tape:
                    tape.watch([variable.value for variable in chosen])
                    prediction = forward(self.model, x, training=recipe.training)
                    regularisation = tf.add_n([tf.zeros(()), *(tf.cast(loss, "float32") for loss in self.model.losses)])
                    of_the_data = (
                        tf.cast(loss_of(self.model, recipe.loss, y, prediction, self._weighed), factor.dtype) * factor
                    )
                    loss = of_the_data + regularised * tf.cast(regularisation, factor.dtype)
                gradients = tape.gradient(loss, [variable.value for variable in chosen])
                if self.by_hand:  # other optimizers may treat the rows of an embedding in their own way
                    gradients = [None if g is None else tf.convert_to_tensor(g) for g in gradients]
                return loss, of_the_data, *gradients

            self._gradients[key] = gradient
        self._calls[key] += 1
        if self._calls[key] == _CALLS_BEFORE_COMPILING:
            specs = each(lambda leaf: tf.TensorSpec([None, *leaf.shape[1:]], leaf.dtype), self.batches[0])
            number = tf.TensorSpec((), keras.config.floatx())
            self._gradients[key] = tf.function(self._gradients[key]).get_concrete_function(*specs, number, number)
        return self._gradients[key]

    def _updated(self, recipe: Recipe, state: State, chosen: list[int], gradients: list) -> State:
        if not self.by_hand:
            return self._updated_by_keras(recipe, state, chosen, gradients)
        reached = [n for n, g in enumerate(gradients) if g is not None and n not in recipe.left_out]
        optimizer, weights, sums = self.optimizer, list(state.weights), list(state.sums)
        gradients = [g if g is not None else np.zeros_like(weights[i]) for g, i in zip(gradients, chosen, strict=True)]
        count = optimizer.gradient_accumulation_steps if recipe.accumulated else None
        moves = not count or (state.step + 1) % count == 0
        if count:
            total = [g + s for g, s in zip(gradients, sums, strict=False)]
            sums = [np.zeros_like(s) for s in total] if moves else total
            divided = 1 if recipe.accumulated == "summed" else count
            gradients = [t / np.asarray(divided, t.dtype) for t in total]
        velocities = dict(state.velocities)
        if moves:
            self._move(recipe, state.step, chosen, reached, weights, velocities, gradients)
        averages = list(state.averages)
        if optimizer.use_ema:
            counted = state.step // (count or 1)
            momentum = np.float32(optimizer.ema_momentum if counted else 0.0)
            for n, i in enumerate(self.trained):
                averages[n] = updates.moving_average(averages[n], weights[i], momentum)
                every = optimizer.ema_overwrite_frequency
                if recipe.averaged and every and (counted + 1) % every == 0:
                    weights[i] = averages[n]
        for n in reached:
            constraint = self.variables[chosen[n]].constraint
            if constraint is not None and recipe.constrained:
                weights[chosen[n]] = np.asarray(constraint(tf.convert_to_tensor(weights[chosen[n]])))
        return State(weights, velocities, averages, sums, state.optimizer, state.step + 1)

    def _move(self, recipe, step: int, chosen, reached, weights, velocities, gradients) -> None:
        """Clip, decay and step: the weights and velocities in place."""
        optimizer = self.optimizer
        decays = {n: self._decay_of(recipe, chosen[n]) for n in reached}
        numbers = [self._numbers(recipe, step, weights[chosen[n]].dtype) for n in reached]
        parts = [gradients[n] for n in reached]
        if recipe.clip == "after decay":
            parts = [g + w * g.dtype.type(decays[n]) for n, g, w in self._with(parts, reached, chosen, weights)]
        parts = clipped(optimizer, recipe.clip, parts)
        if recipe.decay == "coupled" and recipe.clip != "after decay":
            parts = [g + w * g.dtype.type(decays[n]) for n, g, w in self._with(parts, reached, chosen, weights)]
        for (n, g, w), (rate, mu) in zip(self._with(parts, reached, chosen, weights), numbers, strict=True):
            decay = w.dtype.type(decays[n])
            if recipe.decay in ("before", "excluded too") and recipe.clip != "after decay" and decay:
                w = updates.decay(w, rate, decay)
            key = {"shared": "all", "by name": self.variables[chosen[n]].name}.get(recipe.velocity, n)
            w, velocity = stepped(recipe, w, velocities.get(key), g, rate, mu, optimizer.nesterov)
            if velocity is not None:
                velocities[key] = velocity
            if recipe.decay == "after" and decay:
                w = updates.decay(w, rate, decay)
            if recipe.decay == "without the rate" and decay:
                w = w - w * decay
            weights[chosen[n]] = w

    def _with(self, parts, reached, chosen, weights):
        return [(n, g, weights[chosen[n]]) for n, g in zip(reached, parts, strict=True)]

    def _decay_of(self, recipe: Recipe, i: int) -> float:
        optimizer, variable = self.optimizer, self.variables[i]
        amount = optimizer.weight_decay if recipe.amount is None else recipe.amount
        if amount is None or recipe.decay == "none" or (recipe.decayed == "kernels" and len(variable.shape) < 2):
            return 0.0
        return amount if recipe.decay == "excluded too" or optimizer._use_weight_decay(variable) else 0.0

    def _numbers(self, recipe: Recipe, step: int, dtype) -> tuple:
        """Return learning rate and momentum as numbers of a dtype, rounded as Keras rounds them."""
        if isinstance(recipe.rate, tuple):
            rate = np.float32(recipe.rate[min(step, len(recipe.rate) - 1)])
            return dtype.type(rate) * dtype.type(recipe.scale), dtype.type(self._momentum(recipe))
        step = {"the first": 0, "a step later": step + 1, "a step earlier": max(step - 1, 0)}.get(recipe.rate, step)
        rate = np.float32(self.rate(step))
        if recipe.exact_numbers:  # what was typed is the shortest number that float32 rounds to the same
            return dtype.type(str(rate)), dtype.type(self.optimizer.momentum)
        return dtype.type(rate) * dtype.type(recipe.scale), dtype.type(self._momentum(recipe))

    def _momentum(self, recipe: Recipe) -> np.float32:
        return np.float32(self.optimizer.momentum if recipe.momentum is None else recipe.momentum)

    def rate(self, step: int) -> float:
        """Return the learning rate of a step."""
        rate = self.optimizer._learning_rate
        return float(rate(tf.constant(step, tf.int64)) if callable(rate) else rate.numpy())

    def _updated_by_keras(self, recipe: Recipe, state: State, chosen: list[int], gradients: list) -> State:
        for variable, value in zip(self.optimizer.variables, state.optimizer, strict=True):
            variable.assign(value)
        constant = None if callable(self.optimizer._learning_rate) else float(self.optimizer._learning_rate.numpy())
        if constant is not None:
            self.optimizer.learning_rate = recipe.scale * constant
        kept = [n for n, g in enumerate(gradients) if g is not None and n not in recipe.left_out]
        pairs = [(gradients[n], self.variables[chosen[n]]) for n in kept]
        self.optimizer.apply_gradients(pairs)
        weights = [variable.numpy() for variable in self.variables]
        if constant is not None:
            self.optimizer.learning_rate = constant
        optimizer = [variable.numpy() for variable in self.optimizer.variables]
        return dataclasses.replace(state, weights=weights, optimizer=optimizer, step=state.step + 1)
