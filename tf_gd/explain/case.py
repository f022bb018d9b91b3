"""What both loops get: the model, the data in batches, and how to compile."""

import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from tf_gd import _checks
from tf_gd._keras import has_own, keras, layers_of
from tf_gd.comparison.training import build_afresh, check_model_and_loss, compiled, copy_of
from tf_gd.explain.loops import Loop
from tf_gd.networks import arrays
from tf_gd.networks.checks import build
from tf_gd.networks.class_weights import weighted_by_class
from tf_gd.networks.passes import count_samples, each, leaves_of


def _step_of_keras(model, x, y, sample_weight=None):
    if not has_own(model, "train_step"):
        return model.train_on_batch(x, y, sample_weight, return_dict=True)
    # model.fit gives (x, y) to a step of the model's own, train_on_batch (x, y, None)
    batch = keras.utils.pack_x_y_sample_weight(x, y, sample_weight)
    model.reset_metrics()
    model.make_train_function()
    logs = model.train_function(iter(tf.data.Dataset.from_tensors(batch)))
    return {name: np.asarray(value) for name, value in logs.items()}


def _check_variables(model, built: bool = False) -> None:
    """Raise where a model keeps TensorFlow's variables, which Keras does not train."""
    layers = [model, *layers_of(model)]
    raw = [name for one in layers for name, v in vars(one).items() if isinstance(v, tf.Variable)]
    if raw:
        raise ValueError(
            f"build_model: the model holds a tf.Variable ({', '.join(raw)}), which Keras does not "
            "see. Make it with self.add_weight(shape=..., initializer=...)."
        )
    if built and not model.trainable_variables:
        raise ValueError(
            "build_model: the model has no trainable variables, expected some. Make them with "
            "self.add_weight, and set layer.trainable = True."
        )


def _is_sparse(leaf) -> bool:
    return hasattr(leaf, "toarray") or isinstance(leaf, tf.SparseTensor | tf.RaggedTensor)


def _batches_of(data, steps: int, beside: dict[str, Any]) -> tuple[tuple, ...]:
    """Return the first batches of a data set, a generator or a ``PyDataset``, as tensors."""
    arrays.nothing_beside(beside)
    batches = data
    if isinstance(data, keras.utils.PyDataset):
        count = steps if data.num_batches is None else data.num_batches
        batches = (data[n] for n in range(count))
    read = []
    for batch in itertools.islice(batches, steps):
        parts = keras.utils.unpack_x_y_sample_weight(batch)
        read.append(tuple(arrays.tensors_of(part) for part in parts))
    if not read:
        raise ValueError("x: got a data set without batches, expected at least one.")
    sizes = {leaf.shape[0] if leaf.shape.rank else None for leaf in leaves_of(read[0])}
    if len(sizes) > 1 or None in sizes:
        raise arrays.single_samples("x")
    return tuple(read)


@dataclass(frozen=True)
class Case:
    """What both loops get: the model, the data in batches, and how to compile."""

    build_model: Callable
    seed: int
    settings: dict[str, Any]
    given: tuple
    batch_size: int
    steps: int
    weighed_by: str = ""  # the argument with the weights of samples, or of classes
    read: tuple = ()  # batches of a data set

    @classmethod
    def of(
        cls,
        build_model,
        x,
        y,
        *,
        optimizer,
        loss,
        loss_weights,
        batch_size,
        steps,
        seed,
        sample_weight=None,
        class_weight=None,
    ) -> "Case":
        """Check the arguments of ``explain_difference``, and return the case."""
        check_model_and_loss(build_model, loss)
        if not isinstance(optimizer, keras.optimizers.Optimizer):
            expected = "a Keras optimizer, as keras.optimizers.SGD(0.1)"
            raise TypeError(f"optimizer: got {optimizer!r}, expected {expected}.")
        batch_size = _checks.whole_number("batch_size", batch_size, minimum=1)
        steps = _checks.whole_number("steps", steps, minimum=1)
        seed = _checks.whole_number("seed", seed, minimum=0)
        for weight in keras.tree.flatten(loss_weights) if loss_weights is not None else ():
            _checks.number("loss_weights", weight, minimum=-1e30, maximum=1e30)
        settings = dict(optimizer=optimizer, loss=loss, loss_weights=loss_weights)
        if arrays.is_streamed(x):
            beside = dict(y=y, sample_weight=sample_weight, class_weight=class_weight)
            read = _batches_of(x, steps, beside)
            size = count_samples(read[0])
            weighed_by = "sample_weight" if read[0][2] is not None else ""
            return cls(build_model, seed, settings, read[0], size, steps, weighed_by, read)
        leaves = leaves_of((x, y))
        if not arrays.in_memory(x, y, sample_weight) and any(map(_is_sparse, leaves)):
            raise TypeError(
                "x, y: got sparse or ragged data, expected arrays of numbers. Pass "
                "x.toarray(), or .to_tensor()."
            )
        given = weighted_by_class(arrays.as_arrays(x, y, sample_weight), class_weight)
        weighed_by = "" if given[2] is None else "class_weight" if class_weight else "sample_weight"
        tensors = tuple(arrays.tensors_of(one) for one in given)
        return cls(build_model, seed, settings, tensors, batch_size, steps, weighed_by)

    @property
    def batches(self) -> list[tuple]:
        """One batch per step: so few different ones that the smaller last one is among them."""
        if self.read:
            return [self.read[n % len(self.read)] for n in range(self.steps)]
        samples = count_samples(self.given)
        full, rest = divmod(samples, self.batch_size)
        full = min(full, max(self.steps - 2, 1) if rest else self.steps)
        ranges = [(n * self.batch_size, (n + 1) * self.batch_size) for n in range(full)]
        ranges += [(samples - rest, samples)] if rest else []
        chosen = (slice(*ranges[number % len(ranges)]) for number in range(self.steps))
        return [each(lambda leaf, part=part: leaf[part], self.given) for part in chosen]

    def in_the_precision_of(self, model) -> "Case":
        """Return the case with data in float64 if the model has float64 weights."""
        if not any(variable.dtype == "float64" for variable in model.trainable_variables):
            return self

        def cast(leaf):
            return tf.cast(leaf, tf.float64) if leaf.dtype.is_floating else leaf

        read = tuple(each(cast, batch) for batch in self.read)
        return dataclasses.replace(self, given=each(cast, self.given), read=read)

    def new_optimizer(self) -> keras.optimizers.Optimizer:
        """Return a copy of the optimizer, in its initial state."""
        return copy_of(self.settings["optimizer"])

    def fresh(self, other=None, **mode):
        """Return a new model, compiled and built, with the same initial weights each time."""
        model = build_afresh(self.build_model, self.seed, other)
        _check_variables(model)
        compiled(model, **{**self.settings, "optimizer": self.new_optimizer()}, **mode)
        if not has_own(model, "train_step"):
            build(model, *self.given)
        elif not model.built:
            model(self.given[0])
        _check_variables(model, built=True)
        return model

    def by_keras(self, other=None, **mode) -> Loop:
        """Return the steps of ``train_on_batch``, compiled in a mode (eager, XLA)."""
        loop = Loop(self.fresh(other, **mode))
        loop.run(_step_of_keras, self.batches)
        if loop.failed is not None and not loop.losses:
            raise ValueError(f"Keras cannot train this model: {loop.failed[1]}")
        return loop

    def in_other_modes(self, xla: bool = True) -> Iterator[tuple[str, Loop]]:
        """Run Keras's steps in the modes that are not its default, where the model allows it."""
        modes = {"eager (run_eagerly=True)": {"run_eagerly": True}}
        if xla:
            modes["compiled by XLA (jit_compile=True)"] = {"jit_compile": True}
        for name, mode in modes.items():
            with contextlib.suppress(ValueError):  # XLA cannot compile every layer
                yield name, self.by_keras(**mode)
