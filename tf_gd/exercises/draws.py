"""The calls of a check: what they are given, and what is expected of them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tf_gd.exercises.exercise import Exercise
from tf_gd.exercises.running import Ran, run

DRAWS = 6  # calls with values of their own


class Draws:
    """The calls of a check: what they are given, drawn anew for each function, and expected."""

    def __init__(self, exercise: Exercise, seed: int):
        self.exercise, self.seed = exercise, seed
        count = getattr(exercise.answers, "DRAWS", DRAWS)
        givens = [(self.given(number), number) for number in range(count)]
        # The shortest first: its numbers are the easiest to follow.
        givens.sort(key=lambda pair: pair[0].get("steps", 0))
        self.order = [number for _, number in givens]

    def given(self, number: int) -> dict[str, Any]:
        """Return the arguments of a call, drawn anew."""
        return self.exercise.answers.draw(np.random.default_rng([self.seed, number]), number)

    def expected(self, number: int) -> Any:
        """Return what a call is expected to return."""
        return self.exercise.answers.expected(**self.given(number))

    def call(self, function: Callable, number: int, file_name: str, seconds: float) -> Ran:
        """Make a call of a function whose code is in a file; see :func:`running.run`."""
        given = self.given(number)
        return run(lambda: _plain(self.exercise.results(function, given)), file_name, seconds)


def _plain(value: Any) -> Any:
    """Return tensors and variables as arrays, at once: a variable may be changed later."""
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.numpy() if hasattr(value, "numpy") else value
