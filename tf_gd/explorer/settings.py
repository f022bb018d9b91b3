"""What the page may ask for: a start and the numbers of the update, checked."""

import dataclasses
import importlib.util
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from tf_gd import _checks

STEPS, MOST_STEPS = 200, 5000  # to begin with, and at most
SLIDER = (-6, 1)  # the ends of the slider of the rate, as powers of ten
LARGEST = 1e6  # of rate and decay
_NAMES = {"rate": "learning_rate", "decay": "weight_decay"}


@dataclasses.dataclass(frozen=True)
class Settings:
    """A start and the numbers of the update, by the names that the page uses.

    Attributes:
        start: ``(dim,)``.
        rate: the learning rate.
        momentum, nesterov: as for :func:`tf_gd.gradient_descent`.
        decay: the weight decay; 0 for none.
        steps: how many.
    """

    start: tuple[float, ...]
    rate: float
    momentum: float
    nesterov: bool
    decay: float
    steps: int

    @classmethod
    def checked(cls, asked: Mapping[str, Any], dim: int) -> "Settings":
        """Return the settings that a page asks for.

        Raises:
            TypeError, ValueError: one is missing, or out of its range.

        Examples:
            >>> asked = dict(start=[1], rate=0.1, momentum=0, nesterov=False, decay=0, steps=10)
            >>> Settings.checked(asked, 1).start
            (1.0,)
        """
        missing = [field.name for field in dataclasses.fields(cls) if field.name not in asked]
        if missing:
            raise ValueError(f"{missing[0]}: got none, expected a number.")
        start = _checks.point("start", asked["start"], "float32")
        if len(start) != dim:
            raise ValueError(f"start: got {len(start)} coordinates, expected {dim}.")
        return cls(
            tuple(start.tolist()),
            _checks.number("learning_rate", asked["rate"], above=0.0, maximum=LARGEST),
            _checks.number("momentum", asked["momentum"], minimum=0.0, maximum=1.0),
            _checks.flag("nesterov", asked["nesterov"]),
            _checks.number("weight_decay", asked["decay"], minimum=0.0, maximum=LARGEST),
            _checks.whole_number("steps", asked["steps"], minimum=1, maximum=MOST_STEPS),
        )

    def of_update(self) -> dict[str, Any]:
        """Return the arguments for :func:`tf_gd.compare`."""
        asked = dataclasses.asdict(self)
        del asked["start"]
        asked["decay"] = self.decay or None
        asked["nesterov"] = self.nesterov and self.momentum > 0  # else it does nothing, as in Keras
        return {_NAMES.get(name, name): value for name, value in asked.items()}

    def for_page(self) -> dict[str, Any]:
        """Return them as the page asks for them; a start in as few digits as float32 needs."""
        return {
            **dataclasses.asdict(self),
            "start": [float(str(np.float32(x))) for x in self.start],
        }


def has_bokeh() -> bool:
    """Return whether Bokeh, which draws the page, is installed."""
    return importlib.util.find_spec("bokeh") is not None


def check_bokeh() -> None:
    """Raise an ImportError that says what to do if Bokeh is missing."""
    if not has_bokeh():
        this = "the explorer draws with Bokeh, which is not installed"
        raise ImportError(f'{this}. Install it: {sys.executable} -m pip install "bokeh>=3.6"')
