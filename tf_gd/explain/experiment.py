"""Training steps with mistakes: Keras's step, with one or more of its parts replaced."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tf_gd._keras import keras, made_trainable, mask_of
from tf_gd.explain.deviation import (
    REDUCTIONS,
    Deviation,
    Run,
    State,
    as_vector,
    compared,
    of_layers,
    outputs_of,
)
from tf_gd.explain.evaluations import Evaluated, Evaluations
from tf_gd.explain.losses import names_of_losses
from tf_gd.explain.updating import Updates, dense
from tf_gd.networks.passes import count_samples, each
from tf_gd.networks.step import forward, innermost


class Batch(NamedTuple):
    """Inputs, targets and weights of samples."""

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
        self.optimizer.build(model.trainable_variables)
        self.updates = Updates(self.optimizer, self.variables, self.trained, self.precision)
        self.rate, self.by_hand = self.updates.rate, self.updates.by_hand
        self.prediction = forward(model, self.batches[0].x, training=False)
        self.units: Any = 1.0  # of the weights in the vector of weights, powers of two
        self.masks = mask_of(self.prediction) is not None
        self._samples: dict[int, list[Batch]] = {}
        self._groups = of_layers(model.trainable_variables)
        self._evaluations = Evaluations(model, self.variables, self.by_hand, self._classes())

    def _classes(self) -> int | None:
        outputs = keras.tree.flatten(self.prediction)
        return outputs[0].shape[-1] if len(outputs) == 1 else None

    def start(self) -> State:
        """Return the state before the first step."""
        weights = [np.asarray(w) for w in self.initial]
        trained = [weights[i] for i in [*self.trained, *self.frozen]]
        return State(weights, {}, list(trained), [np.zeros_like(w) for w in trained], {})

    def vector(self, weights: list[np.ndarray]) -> np.ndarray:
        """Return the weights that are compared as one vector."""
        return as_vector([weights[i] for i in self.compared]) * self.units

    def at(self, state: State, vector: np.ndarray) -> State:
        """Return the state with the weights that are compared set to those of a vector."""
        weights, first = list(state.weights), 0
        vector = vector / self.units
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
        if deviation.repeated == "sample by sample":
            return self._sample_by_sample(deviation, state, batch)
        chosen = [*self.trained, *(self.frozen if deviation.frozen_too else [])]
        found = self._evaluated(deviation, state, batch, chosen)
        if deviation.repeated in ("one by one", "layer by layer"):
            return self._one_by_one(deviation, state, batch, chosen)
        after = self._moved(deviation, state, found, chosen)
        if deviation.repeated == "update twice":
            after = self._moved(deviation, after, found, chosen)
        elif deviation.repeated == "step twice":
            again = self._evaluated(deviation, after, batch, chosen)
            after = self._moved(deviation, after, again, chosen)
            losses = {**found.losses, "of the last step": again.losses["loss"]}
            found = found._replace(losses=losses)
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
        if deviation.regularised == "over the batch":
            deviation = dataclasses.replace(deviation, regularised=1 / count_samples(batch))
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
        if deviation.transposed is not None:
            gradients[deviation.transposed] = np.transpose(gradients[deviation.transposed])
        if deviation.permuted:
            gradients = [gradients[n] for n in deviation.permuted]
        state = dataclasses.replace(state, weights=weights)
        if deviation.gradients != "fresh":
            late = deviation.gradients == "of the step before"
            given = [None if g is None else dense(g) for g in gradients]
            before: list[Any] = state.sums_of_all or [None if g is None else 0 * g for g in given]
            sums = [None if g is None else g + s for g, s in zip(given, before, strict=True)]
            gradients = before if late else sums
            state = dataclasses.replace(state, sums_of_all=given if late else sums)
        return self.updates.made(deviation, state, chosen, gradients)

    def _one_by_one(
        self, deviation: Deviation, state: State, batch: Batch, chosen: list[int]
    ) -> tuple[State, dict[str, float]]:
        """Move one variable, or layer, after another, each by the gradient at the weights so far.

        The losses are those before the first.
        """
        once = dataclasses.replace(deviation, repeated="once")
        one_each = [[n] for n in range(len(chosen))]
        losses: dict[str, float] = {}
        for group in one_each if deviation.repeated == "one by one" else self._groups:
            found = self._evaluated(once, state, batch, chosen)
            losses = losses or dict(found.losses)
            others = tuple(set(range(len(chosen))) - set(group))
            moved = self._moved(dataclasses.replace(once, left_out=others), state, found, chosen)
            state = dataclasses.replace(moved, step=state.step)
        losses["of the last step"] = found.losses["loss"]
        return dataclasses.replace(state, step=state.step + 1), losses

    def _sample_by_sample(
        self, deviation: Deviation, state: State, batch: Batch
    ) -> tuple[State, dict[str, float]]:
        """Make a step on each sample of a batch; the losses are their means."""
        once = dataclasses.replace(deviation, repeated="once", partial="used")
        all_losses = []
        if id(batch) not in self._samples:
            self._samples[id(batch)] = [
                Batch(*each(lambda leaf, n=n: leaf[n : n + 1], tuple(batch)))
                for n in range(count_samples(batch))
            ]
        for sample in self._samples[id(batch)]:
            state, losses = self.step(once, state, sample)
            all_losses.append(losses)
        means = {name: float(np.mean([one[name] for one in all_losses])) for name in all_losses[0]}
        return state, means

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
        if reduction == "over the outputs":
            return 1 / max(len(names_of_losses(self.model)), 1)
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
