"""Modules that are imported at their first use: ``tf-gd list`` starts without TensorFlow."""

import importlib
from typing import Any


class LazyModule:
    """A placeholder for the module ``name``, which the first access to an attribute imports."""

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, attribute: str):
        return getattr(importlib.import_module(self._name), attribute)


tensorflow: Any = LazyModule("tensorflow")
