"""At which setting a tutorial opens the explorer."""

from urllib.parse import urlencode

_SETTINGS = {
    "06_learning_rate": ("square", {"start": "10", "rate": "1.1", "steps": "10"}),
    "07_narrow_valleys": ("flat_ellipse", {"start": "-5,-2", "rate": "0.6", "steps": "20"}),
    "08_momentum": (
        "flat_ellipse",
        {"start": "-5,-2", "rate": "0.6", "momentum": "0.5", "steps": "20"},
    ),
    "09_where_do_we_converge": ("himmelblau", {"start": "0,0", "rate": "0.01", "steps": "300"}),
}
_OPTIONS = {"rate": "learning-rate"}


def fragment(tutorial: str) -> str | None:
    """Return the end of an address that opens the page at the setting of a tutorial, or None.

    Examples:
        >>> fragment("06_learning_rate")
        '#objective=square&start=10&rate=1.1&steps=10'
    """
    if tutorial not in _SETTINGS:
        return None
    objective, settings = _SETTINGS[tutorial]
    return "#" + urlencode({"objective": objective, **settings}, safe=",")


def command(tutorial: str) -> str | None:
    """Return what to type for the same setting, or None.

    Examples:
        >>> command("06_learning_rate")
        'tf-gd explore square --start=10 --learning-rate=1.1 --steps=10'
    """
    if tutorial not in _SETTINGS:
        return None
    objective, settings = _SETTINGS[tutorial]
    options = [f"--{_OPTIONS.get(name, name)}={value}" for name, value in settings.items()]
    return " ".join(["tf-gd explore", objective, *options])
