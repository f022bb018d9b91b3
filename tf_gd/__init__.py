"""Gradient descent you can read, check and race.

Where to read, in this order:

* ``updates.py``: the update, by hand. ``toy/loop.py``: the loop around it, on one screen.
* ``toy/``: gradient descent on functions you can draw. ``trajectory.py``: what a run returns.
* ``sgd.py``: the whole step of SGD in stages. ``networks/``: the same on Keras models, ``step.py``
  first, then ``fit.py``.
* ``builtin/``: the same update inside ``keras.optimizers.SGD``.
* ``comparison/``: are they the same, to the bit? ``explain/``: if not, why?
* ``many_starts/``: where will we converge? ``constrained/``: problems with constraints.
* ``exercises/``: to write yourself, checked, with hints. ``explorer/``: a page to drag and slide.
* ``rates.py``: how fast, predicted and measured. ``show/``: pictures. ``command/``: the shell.

A name that begins with an underscore is a file of helpers. Importing this package imports neither
TensorFlow nor Keras: a public name is loaded when it is first used.
"""

import importlib
import sys
from typing import TYPE_CHECKING

from tf_gd._lazy import LazyModule

__version__ = "0.1.0"

_HOMES = {
    "BasinMap": "tf_gd.many_starts.ends",
    "Comparison": "tf_gd.comparison.descent",
    "ManualSGD": "tf_gd.builtin.optimizer",
    "MultiStart": "tf_gd.many_starts.ends",
    "Objective": "tf_gd.toy.objectives",
    "Problem": "tf_gd.constrained.problem",
    "Trajectory": "tf_gd.trajectory",
    "basin_map": "tf_gd.many_starts.multistart",
    "check_gradients": "tf_gd.networks.gradients",
    "claim": "tf_gd.command.claims",
    "compare": "tf_gd.comparison.descent",
    "compare_training": "tf_gd.comparison.training",
    "exact_arithmetic": "tf_gd.devices",
    "explain_difference": "tf_gd.explain.report",
    "explore": "tf_gd.explorer.explore",
    "find_learning_rate": "tf_gd.networks.range_test",
    "fit": "tf_gd.networks.fit",
    "gradient_descent": "tf_gd.toy.descent",
    "keras_descent": "tf_gd.builtin.descent",
    "learning_rate_limit": "tf_gd.networks.curvature",
    "loss_surface": "tf_gd.networks.loss_surface",
    "multi_start": "tf_gd.many_starts.multistart",
    "predicted_and_measured": "tf_gd.command.claims",
    "quiet_tensorflow": "tf_gd._runtime",
}
_MODULES = {
    "callbacks": "tf_gd.networks.callbacks",
    "constraints": "tf_gd.constrained.constraints",
    "datasets": "tf_gd.networks.datasets",
    "devices": "tf_gd.devices",
    "exercises": "tf_gd.exercises",
    "objectives": "tf_gd.toy.objectives",
    "rates": "tf_gd.rates",
    "show": "tf_gd.show",
    "updates": "tf_gd.updates",
}

for _name, _home in _MODULES.items():  # for ``from tf_gd.callbacks import WeightPath``
    if _home != f"{__name__}.{_name}":
        sys.modules.setdefault(f"{__name__}.{_name}", LazyModule(_home))  # type: ignore[arg-type]

__all__ = sorted([*_HOMES, *_MODULES, "__version__"])

if TYPE_CHECKING:  # what a type checker and an editor see
    from tf_gd import devices, exercises, rates, show, updates
    from tf_gd._runtime import quiet_tensorflow
    from tf_gd.builtin.descent import keras_descent
    from tf_gd.builtin.optimizer import ManualSGD
    from tf_gd.command.claims import claim, predicted_and_measured
    from tf_gd.comparison.descent import Comparison, compare
    from tf_gd.comparison.training import compare_training
    from tf_gd.constrained import constraints
    from tf_gd.constrained.problem import Problem
    from tf_gd.devices import exact_arithmetic
    from tf_gd.explain.report import explain_difference
    from tf_gd.explorer.explore import explore
    from tf_gd.many_starts.ends import BasinMap, MultiStart
    from tf_gd.many_starts.multistart import basin_map, multi_start
    from tf_gd.networks import callbacks, datasets
    from tf_gd.networks.curvature import learning_rate_limit
    from tf_gd.networks.fit import fit
    from tf_gd.networks.gradients import check_gradients
    from tf_gd.networks.loss_surface import loss_surface
    from tf_gd.networks.range_test import find_learning_rate
    from tf_gd.toy import objectives
    from tf_gd.toy.descent import gradient_descent
    from tf_gd.toy.objectives import Objective
    from tf_gd.trajectory import Trajectory


def __getattr__(name: str):
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    elif name in _MODULES:
        value = importlib.import_module(_MODULES[name])
    else:
        raise AttributeError(
            f"module 'tf_gd' has no attribute {name!r}; its public names are {', '.join(__all__)}"
        )
    globals()[name] = value
    return value


def __dir__():
    return __all__
