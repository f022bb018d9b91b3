"""What ``module:name`` and ``--start`` on a command line stand for."""

import importlib
import os
import sys


def raised(error: BaseException) -> str:
    """Return the type and the message of an error in one line, without control characters.

    :func:`tf_gd._checks.raised` says more, and needs NumPy, which may be what is missing.
    """
    message = " ".join(str(error).split())
    message = "".join(letter if letter.isprintable() else "?" for letter in message)
    return f"{type(error).__name__}: {message[:300]}" if message else type(error).__name__


def called(option: str, name: str, function, *arguments):
    """Call a function of the user's; whatever it raises becomes a ValueError in one line."""
    try:
        return function(*arguments)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise ValueError(f"{option}: calling {name} raised {raised(error)}.") from error


def from_module(option: str, name: str):
    """Return what ``module:name`` stands for, of a module in this folder."""
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise ValueError(f"{option}: got {name!r}, expected module:name, as my_module:{option}.")
    sys.path.insert(0, os.getcwd())  # as `python -m` does  # noqa: PTH109
    try:
        module = importlib.import_module(module_name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever the module does when it is imported
        raise ValueError(
            f"{option}: got {name!r}, but cannot import {module_name!r} ({raised(error)}). "
            "Expected module:function, of a module in this folder that imports without error."
        ) from error
    if not hasattr(module, attribute):
        where = getattr(module, "__file__", None) or f"the module {module_name}"
        expected = f"a function called {attribute!r} in {where}"
        raise ValueError(f"{option}: got {name!r}, expected {expected}.")
    return getattr(module, attribute)


def objective_of(options):
    """Return the name as it is, or for ``module:function`` the function of that module."""
    if ":" not in options.objective:
        return options.objective
    function = from_module("objective", options.objective)
    if not callable(function):
        raise ValueError(f"objective: got {options.objective!r}, expected a function.")
    return function


def point_of(options, *, needed: bool) -> list[float] | None:
    """Return the numbers of ``--start``, or None where there is none and none is needed."""
    text = options.start
    if text is None and needed:
        raise ValueError(
            "--start: got none, expected a point to start from, for example --start=1,2: "
            "a function of your own has no default."
        )
    try:
        return None if text is None else [float(part) for part in text.replace(",", " ").split()]
    except ValueError:
        expected = "numbers with commas between, as in --start=-1.2,1"
        raise ValueError(f"--start: got {text!r}, expected {expected}.") from None
