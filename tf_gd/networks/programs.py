"""Passes through the data as compiled programs, kept with the model."""

import dataclasses
import functools
import warnings
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tf_gd import _keras, compiled
from tf_gd.networks.last_logs import LastLogs
from tf_gd.networks.modes import choose_mode
from tf_gd.networks.parts import Stream
from tf_gd.networks.passes import each, leaves_of
from tf_gd.networks.step import innermost

_KEPT = 16  # programs of one model; the oldest goes first


class Passes:
    """The passes of a call of ``fit``, compiled for a model, a step and a shape of the data.

    The model keeps the programs, so that the next call need not compile again.

    Args:
        model: a compiled Keras model.
        mode: one of ``compiled.MODES``.
        streamed: whether the batches come from an iterator.
        steps: how many are to be made, as far as that is known.
        own: whether the step is the model's own, so that what it returns counts.
        ends_at_nan: whether a pass ends where the loss is not finite.
    """

    def __init__(
        self,
        model,
        mode: str,
        streamed: bool = False,
        steps: int = 0,
        own: bool = False,
        ends_at_nan: bool = False,
    ):
        chosen = choose_mode(model, mode, streamed, steps, own)
        self._modes = ("xla", "graph") if mode == "auto" and chosen == "xla" else (chosen,)
        self._mode_of: dict[str, str] = {}
        self._model, self._own, self._ends_at_nan = model, own, ends_at_nan
        self._optimizer = model.optimizer
        self._names = names_of_settings(model.optimizer)
        self._settings = self._warned_of = self._settings_now()
        optimizer = innermost(model.optimizer)  # its rate is traced, if it is a schedule
        self._rate = None if optimizer is None else _keras.learning_rate_of(optimizer)
        compiled_with = compiled.Identity(*_keras.compiled_with(model))
        kept = model.__dict__.get("_tf_gd_programs")
        if kept is None or kept.compiled_with != compiled_with:  # another optimizer, or loss
            kept = _Kept(compiled_with, self._settings)
        elif kept.settings != self._settings and not _keras.options_without_variables(optimizer):
            warnings.warn(
                f"optimizer: {_difference(kept.settings, self._settings)} since the last call. "
                "This call does as it says now; model.fit goes on with the former until "
                "model.compile.",
                stacklevel=4,
            )
        kept.settings = self._settings
        model.__dict__["_tf_gd_programs"] = self._kept = kept

    def run(self, step: Callable, part, fresh: bool = True) -> dict[str, Any]:
        """Go through a part of the data, and return the metrics as tensors.

        Where ``"auto"`` took XLA and XLA cannot compile the program, it runs as a graph.
        """
        if self._makes_variables(step):
            results = self._first_batch(step, part, fresh)
            if not part.left:
                return results
            fresh = False
        try:
            _, mode, (results, taken) = self._kept.programs.call(
                (step.__name__, self._ends_at_nan, *self._traced_with(), repr(part.shapes())),
                self._modes,
                functools.partial(self._build, step, part),
                leaves_of((part.arguments(), tf.constant(fresh))),
                cannot=(tf.errors.InvalidArgumentError, tf.errors.UnimplementedError),
            )
        except tf.errors.ResourceExhaustedError as error:
            what = str(error).strip().splitlines()[0]
            raise MemoryError(
                f"batch_size: there is too little memory for a batch ({what}). Take a smaller "
                "batch_size, with gradient_accumulation_steps of the optimizer for the same step, "
                "or a smaller model."
            ) from error
        self._mode_of[step.__name__] = mode
        part.taken += int(taken)
        return results

    def _makes_variables(self, step: Callable) -> bool:
        """Return whether a step may still make variables, which a compiled loop cannot."""
        model = self._model
        if self._modes == ("eager",):
            return False
        if self._own:
            return (step.__name__, *self._traced_with()) not in self._kept.own_steps
        if step.__name__ in self._kept.begun:
            return False
        parts = [model, model.optimizer, *_keras.compiled_parts(model)]
        return not all(part is None or part.built for part in parts)

    def _first_batch(self, step: Callable, part, fresh: bool) -> dict[str, Any]:
        """Do the step on one batch, in which it may make variables, as in ``model.fit``."""
        if fresh:
            self._model.reset_metrics()
        batch = part.first_batch()
        if batch is None:
            return {}
        self._kept.begun.add(step.__name__)
        mode = self._mode_of[step.__name__] = self._modes[-1]  # XLA may not be able to
        logs = self._on_one(step, mode)(self._model, batch)
        return _keras.metrics_or_logs(self._model, logs)

    def _on_one(self, step: Callable, mode: str) -> Callable:
        """Return the step on one batch, compiled; a step of the model's own is traced once."""
        if not self._own or mode == "eager":
            return compiled.compiled(step, mode, autograph=False)
        own, key = self._kept.own_steps, (step.__name__, *self._traced_with())
        if key not in own:
            own[key] = compiled.compiled(step, mode, autograph=False)
        return own[key]

    def warn_of_changes(self) -> None:
        """Warn where a callback changed a setting that the running program has compiled in."""
        if self._model.optimizer is not self._optimizer:
            self._optimizer = self._model.optimizer
            self._names = names_of_settings(self._optimizer)
            self._settings = self._warned_of = self._settings_now()
            warnings.warn(
                "optimizer: a callback called model.compile during the call, after which "
                "model.fit fails. The rest of the call trains with what it compiled.",
                stacklevel=3,
            )
            return
        now = self._settings_now()
        if now not in (self._settings, self._warned_of):
            warnings.warn(
                f"optimizer: {_difference(self._settings, now)} during the call, which goes on "
                "with the former, as model.fit does. The next call takes the latter.",
                stacklevel=3,
            )
            self._warned_of = now

    def mode_of(self, step: Callable) -> str:
        """Return the mode in which a step runs."""
        return self._mode_of.get(step.__name__, self._modes[0])

    def _settings_now(self) -> dict[str, Any]:
        return settings_of(self._model.optimizer, self._names)

    def _traced_with(self) -> tuple:
        """Return what is traced into a program besides the data: variables, rate and settings."""
        variables = self._model.trainable_variables
        return (
            compiled.Identity(self._rate, *variables),
            repr(self._settings),
            len(self._model.metrics_variables),
        )

    def _build(self, step: Callable, part, mode: str) -> Callable:
        if part.streamed and mode == "xla":  # XLA takes no iterator: it compiles one batch
            batch = compiled.compiled(functools.partial(step, self._model), "xla")
            step, mode = (lambda _, data: batch(data)), "graph"
        last = LastLogs(self._on_one(step, mode)) if self._own else None
        run = part.pass_of(last or step, self._model, self._ends_at_nan)
        arguments = (*part.arguments(), tf.constant(True))
        form = each(lambda _: True, arguments)  # without the data, which it would keep in memory

        def run_flat(*tensors):
            given = iter(tensors)
            metrics, taken = run(*each(lambda _: next(given), form))
            return metrics if last is None else last.results(self._model, metrics), taken

        program = compiled.compiled(run_flat, mode, autograph=False)
        if mode == "eager":
            return program
        return program.get_concrete_function(*leaves_of(arguments))  # its call costs the least


@dataclasses.dataclass
class _Kept:
    """What a model keeps between calls: its programs, and what they were compiled with."""

    compiled_with: compiled.Identity
    settings: dict[str, Any]
    programs: compiled.Programs = dataclasses.field(
        default_factory=lambda: compiled.Programs(_KEPT)
    )
    own_steps: dict[tuple, Callable] = dataclasses.field(default_factory=dict)
    begun: set[str] = dataclasses.field(default_factory=set)  # steps that have run once


def names_of_settings(optimizer) -> tuple[str, ...]:
    """Return the names of the settings of an optimizer that a program has compiled in."""
    if optimizer is None:
        return ()
    left_out = ("learning_rate", "inner_optimizer", "name")
    names = optimizer.get_config() | innermost(optimizer).get_config()
    return tuple(name for name in names if name not in left_out)


def settings_of(optimizer, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the settings of an optimizer that are plain values."""
    if optimizer is None:
        return {}
    plain = (bool, int, float, str, type(None))
    found = vars(optimizer) | vars(innermost(optimizer))
    return {name: found[name] for name in names if isinstance(found.get(name, ()), plain)}


def _difference(before: dict[str, Any], now: dict[str, Any]) -> str:
    changed = [name for name in now if now[name] != before.get(name)]
    return ", ".join(f"{name} went from {before.get(name)} to {now[name]}" for name in changed)


class OwnFunction:
    """The passes of a model that makes its own function of an iterator.

    Args:
        model: with a ``make_train_function`` or ``make_test_function`` of its own.
        what: ``"train"`` or ``"test"``.
    """

    def __init__(self, model, what: str):
        getattr(model, f"make_{what}_function")()
        self._model, self._function = model, getattr(model, f"{what}_function")

    def run(self, step: Callable, part: Stream, fresh: bool = True) -> dict[str, Any]:
        """Let the model's own function take its batches from the iterator."""
        if fresh:
            self._model.reset_metrics()
        try:
            logs = self._function(part.iterator)
            part.taken = part.count
        except (StopIteration, tf.errors.OutOfRangeError):
            return {}
        return _keras.metrics_or_logs(self._model, logs)

    def mode_of(self, step: Callable) -> str:
        """Return the mode in which it runs: only its author knows."""
        return "own"

    def warn_of_changes(self) -> None:
        """The author of the function decides what it compiles in."""
