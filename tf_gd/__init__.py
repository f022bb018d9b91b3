"""Gradient descent you can read, check and race.

Importing this package imports neither TensorFlow nor Keras: a public name is loaded when it is first used.
"""

import importlib
import sys
from typing import TYPE_CHECKING

from tf_gd._lazy import LazyModule

__version__ = "0.1.0"

_HOMES = {
    "BasinMap": "tf_gd.toy.ends",
    "Comparison": "tf_gd.comparison.descent",
    "ManualSGD": "tf_gd.builtin.optimizer",
    "MultiStart": "tf_gd.toy.ends",
    "Objective": "tf_gd.toy.objectives",
    "Problem": "tf_gd.toy.problems",
    "Trajectory": "tf_gd.trajectory",
    "basin_map": "tf_gd.toy.multistart",
    "check_gradients": "tf_gd.networks.gradients",
    "claim": "tf_gd.claims",
    "compare": "tf_gd.comparison.descent",
    "compare_training": "tf_gd.comparison.training",
    "exact_arithmetic": "tf_gd.devices",
    "explain_difference": "tf_gd.comparison.explanation",
    "find_learning_rate": "tf_gd.networks.learning_rate",
    "fit": "tf_gd.networks.training",
    "gradient_descent": "tf_gd.toy.descent",
    "keras_descent": "tf_gd.builtin.descent",
    "learning_rate_limit": "tf_gd.networks.curvature",
    "loss_surface": "tf_gd.networks.landscape",
    "multi_start": "tf_gd.toy.multistart",
    "predicted_and_measured": "tf_gd.claims",
    "quiet_tensorflow": "tf_gd._quiet",
}
_MODULES = {
    "callbacks": "tf_gd.networks.callbacks",
    "constraints": "tf_gd.toy.constraints",
    "datasets": "tf_gd.networks.datasets",
    "devices": "tf_gd.devices",
    "objectives": "tf_gd.toy.objectives",
    "rates": "tf_gd.toy.rates",
    "show": "tf_gd.show",
    "updates": "tf_gd.updates",
}

for _name, _home in _MODULES.items():  # for ``from tf_gd.callbacks import WeightPath``
    if _home != f"{__name__}.{_name}":
        sys.modules.setdefault(f"{__name__}.{_name}", LazyModule(_home))  # type: ignore[arg-type]

__all__ = sorted([*_HOMES, *_MODULES, "__version__"])

if TYPE_CHECKING:  # what a type checker and an editor see
    from tf_gd import devices, show, updates
    from tf_gd._quiet import quiet_tensorflow
    from tf_gd.builtin.descent import keras_descent
    from tf_gd.builtin.optimizer import ManualSGD
    from tf_gd.claims import claim, predicted_and_measured
    from tf_gd.comparison.descent import Comparison, compare
    from tf_gd.comparison.explanation import explain_difference
    from tf_gd.comparison.training import compare_training
    from tf_gd.devices import exact_arithmetic
    from tf_gd.networks import callbacks, datasets
    from tf_gd.networks.curvature import learning_rate_limit
    from tf_gd.networks.gradients import check_gradients
    from tf_gd.networks.landscape import loss_surface
    from tf_gd.networks.learning_rate import find_learning_rate
    from tf_gd.networks.training import fit
    from tf_gd.toy import constraints, objectives, rates
    from tf_gd.toy.descent import gradient_descent
    from tf_gd.toy.ends import BasinMap, MultiStart
    from tf_gd.toy.multistart import basin_map, multi_start
    from tf_gd.toy.objectives import Objective
    from tf_gd.toy.problems import Problem
    from tf_gd.trajectory import Trajectory


def __getattr__(name: str):
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    elif name in _MODULES:
        value = importlib.import_module(_MODULES[name])
    else:
        raise AttributeError(f"module 'tf_gd' has no attribute {name!r}; its public names are {', '.join(__all__)}")
    globals()[name] = value
    return value


def __dir__():
    return __all__
