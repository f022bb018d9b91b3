"""Check a student's function: run it beside an oracle, and name the mistake in it."""

import inspect
import re
import secrets
import tokenize
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tf_gd import _checks
from tf_gd.exercises.comparing import Difference, first_difference
from tf_gd.exercises.draws import Draws
from tf_gd.exercises.exercise import Exercise, named
from tf_gd.exercises.naming import further_hints, line_of_return, mistakes_of, named_together
from tf_gd.exercises.report import Report
from tf_gd.exercises.running import Ran, load, run

_SECONDS = 5.0  # of a call
_TO_EXPLAIN = 30.0  # seconds

# What an error usually means, by what it says.
_ERRORS = (
    ("None was returned", "The function ends without a return: add one as the last line."),
    (
        "NoneType|None values",
        "A gradient is None: what is differentiated has to come of x by TensorFlow's operations, "
        "inside the tape, and x has to be watched: a tf.Variable is.",
    ),
    (
        "object has no attribute 'assign",
        "Only a tf.Variable has assign_sub; a tensor cannot be changed. Was the variable replaced, "
        "by x = x - ...?",
    ),
    (
        "positional argument|unexpected keyword",
        "The arguments do not fit. Those of your function stay as they were; if it is another "
        "function, the error says which.",
    ),
    (
        "is not defined|not associated with a value",
        "A name is used before it is given a value: mistyped?",
    ),
    (
        "dtype int|to EagerTensor",
        "A whole number makes a tensor of integers: tf.constant(x, tf.float32) makes a float.",
    ),
    (r"Bitwise|for \^", "A power is **, not ^."),
    (
        "different ndims",
        "x @ w multiplies two matrices; a matrix times a vector is tf.linalg.matvec(x, w).",
    ),
    ("non-persistent", "A tape gives its gradients once: take all of them in one call."),
    ("[Ii]ncompatible shapes|must be equal|could not be broadcast", "The shapes do not fit: print "
     "them with x.shape."),
)  # fmt: skip


def check(name: str, function: Callable, *, hints: int = 1, seed: int | None = None) -> Report:
    """Check a function that was written for an exercise, in a notebook for example.

    Args:
        name: of the exercise, from ``tf-gd exercises list``.
        function: yours; a class where the exercise asks for one.
        hints: how many of the three hints to show; a notebook has the others folded.
        seed: of the values drawn; others each time by default.

    Returns:
        The report; show or print it.

    Raises:
        TypeError, ValueError: there is no such exercise, or this is no function. What the function
            itself raises is reported.

    Examples:
        >>> import tensorflow as tf
        >>> def my_step(f, x, learning_rate):
        ...     x = tf.Variable(x)
        ...     with tf.GradientTape() as tape:
        ...         y = f(x)
        ...     return x + learning_rate * tape.gradient(y, x)
        >>> report = check("one_step", my_step)
        >>> report.passed, report.mistake
        (False, 'it goes uphill: the gradient is added')
    """
    exercise = named(name)
    if not callable(function):
        raise TypeError(f"function: got {function!r}, expected the function that you wrote.")
    hints = _checks.whole_number("hints", hints, minimum=0, maximum=3)
    code = getattr(inspect.unwrap(function), "__code__", None)
    file_name = code.co_filename if code else _file_of(function)
    return _checked(exercise, function, file_name, seed, hints)


def check_file(exercise: Exercise, path: Path, *, seed: int | None = None) -> Report:
    """Check the file of an exercise; whatever is in it is reported."""
    try:
        with tokenize.open(path) as file:
            text = file.read()
    except FileNotFoundError:
        said = f"There is no {path.name}. Get it back: tf-gd exercises reset {exercise.name}"
        return _told(exercise, "not written", said)
    except (OSError, UnicodeDecodeError, SyntaxError) as error:
        return _told(exercise, "error", f"{path.name} cannot be read as text: {error}.")
    if not text.strip():
        said = f"{path.name} is empty. Get it back: tf-gd exercises reset {exercise.name}"
        return _told(exercise, "not written", said)
    ran = run(lambda: load(text, str(path)), str(path), _SECONDS)
    if ran.failed:
        return _told(exercise, ran.failed, _at(ran, "the file"), line=ran.line, ran=ran)
    function = getattr(ran.value, exercise.gap, None)
    if not callable(function):
        said = f"There is no {exercise.gap} in {path.name}: leave its name as it was, or get the "
        return _told(exercise, "error", f"{said}file back: tf-gd exercises reset {exercise.name}")
    return _checked(exercise, function, str(path), seed, 1)


def _told(
    exercise: Exercise, state: str, *hints: str, line: int = 0, ran: Ran | None = None, **rest: Any
) -> Report:
    return Report(exercise.name, state, hints, line=line, notes=_notes(ran) if ran else (), **rest)


def _file_of(function: Any) -> str:
    try:
        return inspect.getfile(function)
    except (OSError, TypeError):
        return ""


def _checked(
    exercise: Exercise, function: Callable, file_name: str, seed: int | None, shown: int
) -> Report:
    """Return the report on a function whose code is in a file."""
    if seed is None:
        seed = secrets.randbelow(10**6)
    seed = _checks.whole_number("seed", seed, minimum=0)
    answers, draws = exercise.answers, Draws(exercise, seed)
    names = getattr(answers, "RETURNS", "the result")
    names = (names,) if isinstance(names, str) else names
    within = getattr(answers, "WITHIN", 1e-4)
    seconds = getattr(answers, "SECONDS", _SECONDS)
    rest: dict[str, Any] = dict(seed=seed, shown=shown)
    helps = answers.IDEA, f"A line that helps:\n  {exercise.line_with(answers.LINE)}"
    tried: dict[int, Ran] = {}
    for number in draws.order:
        ran = tried[number] = draws.call(function, number, file_name, seconds)
        if ran.unwritten:
            first = f"{exercise.gap} is still to be written: see the task at the top of the file."
            return _told(exercise, "not written", first, *helps, line=ran.line, ran=ran, **rest)
        if ran.failed:
            first = _at(ran, _call(exercise, draws.given(number)))
            found = mistakes_of(exercise, function, draws, tried, within)
            meant = next((hint for said, hint in _ERRORS if re.search(said, ran.said)), helps[0])
            more = further_hints(exercise, found, function) if found else (meant, helps[1])
            rest |= dict(mistake=named_together(found))
            return _told(exercise, ran.failed, first, *more, line=ran.line, ran=ran, **rest)
        difference = first_difference(ran.value, draws.expected(number), names, within)
        if difference:
            break
    else:
        return Report(exercise.name, "passed", notes=_notes(ran), seed=seed, shown=shown)
    first_part = ran.value[:1] if isinstance(ran.value, tuple) else [ran.value]
    nothing = any(part is None for part in first_part)
    line = line_of_return(function) if nothing else 0
    first = _said(exercise, draws.given(number), difference, line)
    for other in draws.order[len(tried) :][:2]:
        tried[other] = draws.call(function, other, file_name, seconds)
    found = mistakes_of(exercise, function, draws, tried, within)
    more = further_hints(exercise, found, function) if found else helps
    if not found and "array of shape" in difference.got + difference.expected:
        shapes = "What is returned has another shape than the task asks for: print it with .shape."
        more = (shapes, helps[1])
    if not found and hasattr(answers, "explain"):
        explained = run(lambda: answers.explain(function), file_name, _TO_EXPLAIN)
        more = (explained.value or helps[0], helps[1])
    rest |= dict(mistake=named_together(found))
    return _told(exercise, "wrong", first, *more, line=line, ran=ran, **rest)


def _at(ran: Ran, what: str) -> str:
    where = f"Line {ran.line}" if ran.line else "Your code"
    if ran.failed == "time":
        return f"{what}: {ran.said}; it was stopped at line {ran.line}." if ran.line else (
            f"{what}: {ran.said}."
        )  # fmt: skip
    return f"{where}: {ran.said}"


def _said(exercise: Exercise, given: dict, difference: Difference, line: int) -> str:
    got = f"got {difference.got}, expected {difference.expected}."
    if difference.got == "None" and line:
        got += f" Line {line} is the last that could return something."
    elif difference.got == "None":
        got += " TensorFlow cannot differentiate this: use tensors, without .numpy() or float()."
    return f"{_call(exercise, given)}\n{difference.where}: {got}"


def _call(exercise: Exercise, given: dict[str, Any]) -> str:
    """Return a call as text: numbers as they are, arrays by their shape, if they are large."""
    texts = {name: _short(value) for name, value in given.items()}
    if call := getattr(exercise.answers, "CALL", ""):
        return call.format(**texts)
    shown = [f"{name}={text}" for name, text in texts.items()]
    return f"{exercise.gap}({', '.join(shown)})"


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray | float | int) or hasattr(value, "numpy"):
        array = np.asarray(value)
        if array.size > 6:
            return f"<{' x '.join(map(str, array.shape))} numbers>"
        return np.array2string(array, precision=4, separator=", ").replace("\n", "")
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_short, value))}]" if len(value) <= 4 else f"<{len(value)} arrays>"
    return str(value)


def _notes(ran: Ran) -> tuple[str, ...]:
    return tuple(
        f"Note: line {line} prints {text.strip()[:60]!r}. That changes nothing for the check."
        for line, text in list(ran.prints.items())[:3]
        if text.strip()
    )
