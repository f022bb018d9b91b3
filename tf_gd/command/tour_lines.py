"""What the tour prints: a line for each tutorial, and its failures in full."""

import textwrap

WIDTH = 80
_SHOWED = len("3 claims, 2 pictures")


def line(stop, done: int, total: int) -> str:
    """Return how far the tour is, how long this tutorial took, its title and what it showed."""
    of_all = f"{done:>{len(str(total))}}/{total}"
    showed = what_it_showed(stop)
    start = f"{of_all} {stop.seconds:5.1f} s  "
    room = WIDTH - len(start) - 2 - max(len(showed), _SHOWED)
    return f"{start}{shortened(printable(stop.heading), room):<{room}}  {showed}"


def what_it_showed(stop) -> str:
    """Return how many claims, which all hold, and pictures it has; or how it fails."""
    failing = sum(not claim.holds for claim in stop.claims)
    if stop.error:
        return "BROKE OFF"
    if not stop.claims:
        return "FAILS: no claim"
    if failing:
        return f"FAILS: {failing} of {counted(len(stop.claims), 'claim')}"
    pictures = f", {counted(len(stop.pictures), 'picture')}" if stop.pictures else ""
    return f"{counted(len(stop.claims), 'claim')}{pictures}"


def failures(stop) -> list[str]:
    """Return the failures of a tutorial in full, indented; [] if there are none."""
    lines = []
    for claim in stop.claims:
        if not claim.holds:
            lines += _wrapped(claim.text, "claim")
            lines += _wrapped(claim.expected, "expected")
            lines += _wrapped(claim.measured, "measured")
    if stop.error:
        lines += [f"  {printable(one)}" for one in stop.error.splitlines()]
    elif not stop.claims:
        lines += ["  It states nothing: expected at least one claim(...)."]
    return [*lines, ""] if lines else []


def counted(number: int, what: str) -> str:
    """Return a number with its noun.

    Examples:
        >>> counted(1, "claim"), counted(2, "claim")
        ('1 claim', '2 claims')
    """
    return f"{number} {what}{'s' * (number != 1)}"


def shortened(text: str, width: int) -> str:
    """Return a text cut at a word, at most ``width`` columns wide.

    Examples:
        >>> shortened("Which way is down, in several directions?", 30)
        'Which way is down, in...'
    """
    if len(text) <= width:
        return text
    kept = text[: width - 2].rsplit(" ", 1)[0].rstrip(" ,;:")
    return f"{kept[: width - 3]}..."


def printable(text: str) -> str:
    """Return a text with control characters escaped; a terminal would obey them."""
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def _wrapped(text: str, what: str) -> list[str]:
    start = f"  {what:<10}"
    return textwrap.wrap(
        printable(text) or " ",
        WIDTH,
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_long_words=False,
    ) or [start]
