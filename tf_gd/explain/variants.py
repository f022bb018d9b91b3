"""Mistakes that depend on the model and the optimizer at hand: others in their place, by name."""

import itertools
from collections.abc import Iterator

from tf_gd._keras import keras, layers_of
from tf_gd.explain.experiment import Experiment
from tf_gd.explain.mistakes import Mistake
from tf_gd.explain.optimizers import OTHERS, adam_of, mistaken
from tf_gd.explain.other_data import OTHER_INPUTS, OTHER_TARGETS

_MOST_PAIRS = 15  # of variables whose gradients may have been mixed up


def variants_of(experiment: Experiment) -> list[Mistake]:
    """Return the mistakes that can be made with the model and the optimizer of an experiment."""
    parts = (_of_adam, _other_optimizers, _permuted, _penalties, _other_data)
    return [mistake for part in parts for mistake in part(experiment)]


def _of_adam(experiment: Experiment) -> Iterator[Mistake]:
    adam = adam_of(experiment.optimizer)
    for name, changed, fix in mistaken(adam) if adam else ():
        yield Mistake(name, {"optimizer": changed}, fix)


def _other_optimizers(experiment: Experiment) -> Iterator[Mistake]:
    given = type(experiment.optimizer).__name__
    for name in OTHERS:
        other_sgd = experiment.by_hand and name.startswith("SGD")  # measured as a momentum
        if name != given and not other_sgd:
            fix = f"Use the optimizer that Keras trains with, {given}: model.optimizer."
            yield Mistake(f"another optimizer: {name}", {"optimizer": name}, fix)


def _permuted(experiment: Experiment) -> Iterator[Mistake]:
    variables = [experiment.variables[i] for i in experiment.trained]
    order = list(range(len(variables)))
    fix = "zip(gradients, model.trainable_variables), both in the order of the model."
    pairs = itertools.combinations(order, 2)
    alike = (p for p in pairs if variables[p[0]].shape == variables[p[1]].shape)
    for first, second in itertools.islice(alike, _MOST_PAIRS):
        swapped = list(order)
        swapped[first], swapped[second] = second, first
        names = f"{variables[first].path} and {variables[second].path} swapped"
        yield Mistake(
            f"gradients given to the wrong variable: {names}", {"permuted": tuple(swapped)}, fix
        )
    backwards = order[::-1]
    if len(order) > 2 and all(
        variables[a].shape == variables[b].shape for a, b in zip(order, backwards, strict=True)
    ):
        name = "gradients given to the wrong variable: in the reverse order"
        yield Mistake(name, {"permuted": tuple(backwards)}, fix)


def _penalties(experiment: Experiment) -> Iterator[Mistake]:
    regularisers = [
        getattr(layer, f"{part}_regularizer", None)
        for layer in layers_of(experiment.model)
        for part in ("kernel", "bias", "embeddings")
    ]
    amounts = {float(one.l2) for one in regularisers if isinstance(one, keras.regularizers.L2)}
    for amount in sorted(amounts):
        for which in ("every variable", "the kernels", "the biases"):
            name = f"L2 on {which}, and not on what the model regularises"
            fix = "loss = loss_fn(y, prediction) + sum(model.losses)"
            yield Mistake(name, {"penalised": (which, amount)}, fix)


def _other_data(experiment: Experiment) -> Iterator[Mistake]:
    x, y, _ = experiment.batches[0]
    inputs, targets = keras.tree.flatten(x), keras.tree.flatten(y)
    if len(inputs) == 1 and inputs[0].dtype.is_floating:
        fix = "Give the loop and Keras the same inputs: preprocess them before, or in the model."
        for name in OTHER_INPUTS:
            yield Mistake(f"other inputs: {name}", {"data": f"x {name}"}, fix)
    if len(targets) != 1:
        return
    fix = "Give each sample its own target: x and y in the same order, no shift between them."
    for name in OTHER_TARGETS:
        if targets[0].dtype.is_floating or name in ("of the sample before", "of the sample after"):
            said = f"targets of another sample: {name}" if "sample" in name else f"targets {name}"
            yield Mistake(said, {"data": f"y {name}"}, fix)
    if not targets[0].dtype.is_floating:
        for shift, said in (("+1", "one too high"), ("-1", "one too low")):
            fix = "Count the classes from 0, for the loop as for Keras."
            yield Mistake(f"labels {said}", {"data": f"labels {shift}"}, fix)
