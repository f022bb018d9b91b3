"""Mistakes that depend on the model and the optimizer at hand: others in their place, by name."""

import itertools
from collections.abc import Iterator

import tensorflow as tf

from tf_gd._keras import keras, layers_of
from tf_gd.explain.deviation import LIMITS, of_layers
from tf_gd.explain.experiment import Experiment
from tf_gd.explain.mistakes import Mistake
from tf_gd.explain.optimizers import OTHERS, adam_of, mistaken
from tf_gd.explain.other_data import (
    OTHER_IMAGES,
    OTHER_INPUTS,
    OTHER_PROBABILITIES,
    OTHER_TARGETS,
    OTHER_TIMES,
    classes_of,
)

_MOST_PAIRS = 15  # of variables whose gradients may have been mixed up


def variants_of(experiment: Experiment) -> list[Mistake]:
    """Return the mistakes that can be made with the model and the optimizer of an experiment."""
    parts = (
        _of_adam,
        _other_optimizers,
        _other_settings,
        _clipped,
        _permuted,
        _penalties,
        _some_penalties,
        _weights_of_classes,
        _rows,
        _other_data,
    )
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


# Of an optimizer of Keras's other than SGD and Adam, as others set them.
_OTHER_SETTINGS: dict[str, tuple] = {
    "rho": (0.9, 0.95, 0.99, 0.999),
    "momentum": (0.0, 0.9),
    "beta_1": (0.0, 0.5, 0.8, 0.9, 0.95),
    "beta_2": (0.9, 0.99, 0.999),
    "epsilon": (1e-8, 1e-7, 1e-6, 1e-5, 1e-3),
    "initial_accumulator_value": (0.0, 0.1, 1.0),
    "centered": (False, True),
    "amsgrad": (False, True),
}


def _other_settings(experiment: Experiment) -> Iterator[Mistake]:
    if experiment.by_hand:
        return
    optimizer = experiment.optimizer
    config = optimizer.get_config()
    known = {"amsgrad"} if adam_of(optimizer) else set(_OTHER_SETTINGS)
    for setting in sorted(known & set(config)):
        swapped = (1 - config[setting],) if setting in ("rho", "beta_1", "beta_2") else ()
        for value in dict.fromkeys((*_OTHER_SETTINGS[setting], *swapped)):
            if value != config[setting]:
                of = f"{type(optimizer).__name__}'s {setting}"
                given, fix = config[setting], f"{setting}={config[setting]}"
                if isinstance(value, bool) or not isinstance(given, int | float):
                    name = f"{of} {value} instead of {given}"
                else:
                    name = f"{of} of {value:g} instead of {given:g}"
                name += " (the factor and one less it swapped)" if value in swapped else ""
                yield Mistake(name, {"optimizer": (setting, value)}, fix)


def _clipped(experiment: Experiment) -> Iterator[Mistake]:
    """Yield clipping of common limits, where it cannot be measured as with SGD."""
    optimizer = experiment.optimizer
    if experiment.by_hand or any(getattr(optimizer, limit) for limit in LIMITS.values()):
        return
    for kind, limit in itertools.product(LIMITS, (0.1, 0.5, 1.0, 5.0)):
        name = f"gradients clipped {kind} at {limit:g} instead of not at all"
        fix = f"Give Keras's optimizer {LIMITS[kind]}={limit:g}, or clip in neither."
        yield Mistake(name, {"clip": (kind, limit)}, fix)


def _permuted(experiment: Experiment) -> Iterator[Mistake]:
    variables = [experiment.variables[i] for i in experiment.trained]
    names = [experiment.names[i] for i in experiment.trained]  # as in the loop's own model
    order = list(range(len(variables)))
    fix = "zip(gradients, model.trainable_variables), both in the order of the model."
    pairs = itertools.combinations(order, 2)
    alike = (p for p in pairs if variables[p[0]].shape == variables[p[1]].shape)
    for first, second in itertools.islice(alike, _MOST_PAIRS):
        swapped = list(order)
        swapped[first], swapped[second] = second, first
        name = f"gradients given to the wrong variable: {names[first]} and {names[second]} swapped"
        yield Mistake(name, {"permuted": tuple(swapped)}, fix)
    layers = [tuple(order[i] for i in group) for group in of_layers(variables)]
    for one, other in itertools.islice(itertools.combinations(layers, 2), _MOST_PAIRS):
        shapes = [[variables[n].shape for n in layer] for layer in (one, other)]
        if len(one) > 1 and shapes[0] == shapes[1]:
            swapped = list(order)
            for first, second in zip(one, other, strict=True):
                swapped[first], swapped[second] = second, first
            both = " and ".join(names[layer[0]].rpartition("/")[0] for layer in (one, other))
            name = f"gradients given to the wrong layer: those of {both} swapped"
            yield Mistake(name, {"permuted": tuple(swapped)}, fix)
    for n in order:
        shape = variables[n].shape
        if len(shape) == 2 and shape[0] == shape[1] > 1:
            name = f"the gradient of {names[n]} transposed"
            shape_of_it = "A kernel's gradient is tf.transpose(x) @ error, (inputs, outputs)."
            yield Mistake(name, {"transposed": n}, shape_of_it)
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


def _some_penalties(experiment: Experiment) -> Iterator[Mistake]:
    count = len(experiment.model.losses)
    every = tuple(range(count))
    fix = "loss = loss_fn(y, prediction) + sum(model.losses)"
    if 1 < count <= _MOST_PAIRS:
        yield Mistake("only the first of the regularisation losses", {"penalties": (0,)}, fix)
        yield Mistake("only the last of the regularisation losses", {"penalties": every[-1:]}, fix)
    for n in every if 2 < count <= _MOST_PAIRS else ():
        name = f"the regularisation loss of number {n + 1} in model.losses left out"
        yield Mistake(name, {"penalties": (*every[:n], *every[n + 1 :])}, fix)


def _weights_of_classes(experiment: Experiment) -> Iterator[Mistake]:
    """Yield the weights of the classes as they may be mixed up."""
    if experiment.weighed_by != "class_weight":
        return
    table: dict[int, float] = {}
    for _, y, weights in experiment.batches:
        table |= zip(classes_of(y).numpy().tolist(), weights.numpy().tolist(), strict=False)
    given = [table.get(label, 1.0) for label in range(max(table) + 1)]
    fix = "loss = loss_fn(y, prediction, sample_weight=tf.gather(weights_of_classes, y))"
    others = {
        "the weights of the classes in the reverse order": given[::-1],
        "one over the weights of the classes": [1 / weight for weight in given if weight],
    }
    for name, weights in others.items():
        if len(weights) == len(given) and weights != given:
            yield Mistake(name, {"weights": tuple(weights)}, fix)


def _rows(experiment: Experiment) -> Iterator[Mistake]:
    for n, i in enumerate(experiment.trained):
        if experiment.names[i].endswith("/embeddings"):
            name = f"row 0 of {experiment.names[i]} never updated, as by padding_idx in PyTorch"
            fix = "Update all rows; Embedding(mask_zero=True) masks the steps instead."
            yield Mistake(name, {"row": (n, 0)}, fix)


def _other_data(experiment: Experiment) -> Iterator[Mistake]:
    x, y, _ = experiment.batches[0]
    inputs, targets = keras.tree.flatten(x), keras.tree.flatten(y)
    if len(inputs) == 1 and inputs[0].dtype.is_floating:
        fix = "Give the loop and Keras the same inputs: preprocess them before, or in the model."
        images = OTHER_IMAGES if inputs[0].shape.rank == 4 else {}
        for name in OTHER_INPUTS | images:
            yield Mistake(f"other inputs: {name}", {"data": f"x {name}"}, fix)
    alike = (
        (one, other)
        for one, other in itertools.combinations(range(len(inputs)), 2)
        if inputs[one].shape == inputs[other].shape and inputs[one].dtype == inputs[other].dtype
    )
    for one, other in itertools.islice(alike, _MOST_PAIRS):
        name = f"the inputs of number {one + 1} and {other + 1} swapped"
        fix = "Pass the inputs in the order of model.inputs, or by name."
        yield Mistake(name, {"data": f"inputs {one} {other}"}, fix)
    if len(targets) == 1:
        steps = len(keras.tree.flatten(experiment.prediction)[0].shape) > 2
        yield from _other_targets(targets[0], steps)
    elif len(targets) == 2 and targets[0].shape[1:] == targets[1].shape[1:]:
        name = "the targets of the two outputs swapped"
        fix = "Give each output its own target: in the order of model.outputs, or by name."
        yield Mistake(name, {"data": "outputs swapped"}, fix)


def _other_targets(y, steps: bool) -> Iterator[Mistake]:
    fix = "Give each sample its own target: x and y in the same order, no shift between them."
    times = OTHER_TIMES if steps and y.shape.rank > 1 and y.shape[1] > 1 else {}
    for name in OTHER_TARGETS | times:
        if y.dtype.is_floating or name.startswith("of the"):
            said = f"targets of another sample: {name}" if "sample" in name else f"targets {name}"
            yield Mistake(said, {"data": f"y {name}"}, fix)
    if not y.dtype.is_floating:
        shifts = (
            ("+1", "high"),
            ("-1", "low"),
            ("-1, not below 0", "low, but for 0"),
            ("-1, nothing below 0", "low, and one_hot makes zeros of -1"),
        )
        for shift, said in shifts:
            fix = "Count the classes from 0, for the loop as for Keras."
            yield Mistake(f"labels one too {said}", {"data": f"labels {shift}"}, fix)
    elif bool(tf.reduce_all((y >= 0) & (y <= 1))):
        for name in OTHER_PROBABILITIES:
            fix = "Pass y as it is; or give Keras's loss the same label_smoothing."
            yield Mistake(f"targets {name}", {"data": f"y {name}"}, fix)
