"""Programs: trace a function, compile it, fall back where XLA cannot, and cache the result.

The one place for this, for the descent, for many starts and for training.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import tensorflow as tf

MODES = ("auto", "eager", "graph", "xla")


def modes_of(mode: str, available: Sequence[str] = ("xla", "graph", "eager")) -> Sequence[str]:
    """Return which modes to try, in this order: for ``"auto"`` the fastest first."""
    return tuple(available) if mode == "auto" else (mode,)


class Programs:
    """A cache of compiled programs, by what they compute and in which mode; the oldest goes first.

    Args:
        most: how many to keep.
    """

    def __init__(self, most: int):
        self.most = most
        self.kept: dict[Hashable, Any] = {}

    def call(
        self,
        key: Hashable,
        modes: Sequence[str],
        build: Callable[[str], Callable],
        arguments: Sequence,
        *,
        cannot: type[Exception] | tuple[type[Exception], ...] = Exception,
        once: bool = False,
    ) -> tuple[Any, str, Any]:
        """Call the program of the first mode that can; a mode that could not is not tried again.

        Args:
            key: all that is compiled in.
            modes: which modes to try, in this order.
            build: from a mode to the program.
            arguments: of the call.
            cannot: the errors at which the next mode is tried.
            once: whether the call only compiles: a program that has run is not called again.

        Returns:
            The program, its mode, and the result of the call.

        Raises:
            Exception: what the last mode raised.
        """
        failed = []
        for mode in modes:
            kept = self.kept.get((key, mode))
            if kept is _FAILS and mode != modes[-1]:
                continue
            try:
                program = build(mode) if kept is None or kept is _FAILS else kept
                result = None if program is kept and once else program(*arguments)
            except cannot:
                if mode == modes[-1]:
                    raise
                failed.append(mode)
                continue
            for worse in failed:
                self._keep((key, worse), _FAILS)
            if mode != "eager":
                self._keep((key, mode), program)
            return program, mode, result
        raise AssertionError("modes is empty")

    def _keep(self, key: Hashable, program: Any) -> None:
        self.kept[key] = program
        if len(self.kept) > self.most:
            self.kept.pop(next(iter(self.kept)))


class Identity:
    """Objects as part of a key: equal only to the same objects, which it keeps alive."""

    def __init__(self, *objects):
        self._objects = objects

    def __hash__(self):
        return hash(tuple(map(id, self._objects)))

    def __eq__(self, other):
        mine, others = self._objects, getattr(other, "_objects", ())
        return len(mine) == len(others) and all(a is b for a, b in zip(mine, others, strict=True))


_FAILS = object()  # stands for a program that does not compile


def compiled(function: Callable, mode: str, autograph: bool = True) -> Any:
    """Return the function in a mode: as it is, as a graph, or compiled by XLA."""
    if mode == "eager":
        return function
    return tf.function(function, jit_compile=mode == "xla", autograph=autograph)


def fingerprint(function: Callable, argument: tf.TensorSpec) -> Hashable:
    """Return the graph of a function as bytes: equal for equal computations.

    The function itself would not do: what it reads from outside, a global or an attribute, may have
    changed since.

    Examples:
        >>> a, spec = 2.0, tf.TensorSpec((), "float32")
        >>> before = fingerprint(lambda x: a * x, spec)
        >>> before == fingerprint(lambda x: a * x, spec)
        True
        >>> a = 3.0
        >>> before == fingerprint(lambda x: a * x, spec)
        False
    """
    try:
        graph = tf.function(function).get_concrete_function(argument).graph
    except Exception:  # it runs eagerly only: no two programs of it are equal
        return object()
    serialized = graph.as_graph_def().SerializeToString(deterministic=True)
    return serialized, tuple(captured.ref() for captured, _ in graph.captures)


def in_one_order(function: Callable) -> Callable:
    """Return the function as a graph whose operations run in one order, not as they get ready.

    TensorFlow adds up three or more gradients of one variable into the first buffer that nobody
    else reads any more. Where one of them is passed on to several variables, as by ``x + y``, that
    depends on the order, and so does the last bit. Within one graph the order is now always the
    same; another graph of the same function may still have another.
    """
    graph = tf.function(function)

    def call(*arguments):
        with tf.experimental.function_executor_type("SINGLE_THREADED_EXECUTOR"):
            return graph(*arguments)

    return tf.autograph.experimental.do_not_convert(call)
