"""Modules that are imported when they are first used, so that ``tf-gd list`` need not wait for TensorFlow."""

import importlib


class LazyModule:
    """Stand in for the module ``name``: the first attribute asked for imports it."""

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, attribute: str):
        return getattr(importlib.import_module(self._name), attribute)
