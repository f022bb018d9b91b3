"""Inequalities and equations in the one form that solvers take: the left side of ``c(x) <= 0`` or ``h(x) = 0``."""

from collections.abc import Callable

from tf_gd import _checks
from tf_gd.constrained.sets import LARGEST


def at_most(function: Callable, bound: float) -> Callable:
    """Return ``function(x) <= bound`` as the left side of ``c(x) <= 0``.

    Examples:
        >>> at_most(lambda x: x[0] ** 2, 4.0)([3.0])
        5.0
    """
    bound = _checks.number("bound", bound, minimum=-LARGEST, maximum=LARGEST)
    return _named(lambda x: function(x) - bound, f"{_name(function)} <= {bound:g}")


def at_least(function: Callable, bound: float) -> Callable:
    """Return ``function(x) >= bound`` as the left side of ``c(x) <= 0``: ``bound - function(x)``.

    Examples:
        >>> at_least(lambda x: x[0] ** 2, 4.0)([3.0])
        -5.0
    """
    bound = _checks.number("bound", bound, minimum=-LARGEST, maximum=LARGEST)
    return _named(lambda x: bound - function(x), f"{_name(function)} >= {bound:g}")


def equal_to(function: Callable, value: float) -> Callable:
    """Return ``function(x) = value`` as the left side of ``h(x) = 0``.

    Examples:
        >>> equal_to(lambda x: x[0] ** 2, 4.0)([3.0])
        5.0
    """
    value = _checks.number("value", value, minimum=-LARGEST, maximum=LARGEST)
    return _named(lambda x: function(x) - value, f"{_name(function)} = {value:g}")


def _named(function: Callable, name: str) -> Callable:
    function.__name__ = name
    return function


def _name(function: Callable) -> str:
    name = getattr(function, "__name__", type(function).__name__)
    return "g(x)" if name == "<lambda>" else name
