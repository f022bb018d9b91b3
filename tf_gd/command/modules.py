"""What ``module:name`` on a command line stands for."""

import importlib
import os
import sys


def from_module(option: str, name: str):
    """Return what ``module:name`` stands for, of a module in this folder."""
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise ValueError(f"{option}: got {name!r}, expected module:name, as my_module:{option}.")
    sys.path.insert(0, os.getcwd())  # as `python -m` does  # noqa: PTH109
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # whatever the module does when it is imported
        raise ValueError(
            f"{option}: got {name!r}, but cannot import {module_name!r} "
            f"({type(error).__name__}: {error}). "
            "Expected module:function, of a module in this folder that imports without error."
        ) from error
    if not hasattr(module, attribute):
        where = getattr(module, "__file__", None) or f"the module {module_name}"
        expected = f"a function called {attribute!r} in {where}"
        raise ValueError(f"{option}: got {name!r}, expected {expected}.")
    return getattr(module, attribute)
