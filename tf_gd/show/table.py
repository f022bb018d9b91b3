"""Tables for a terminal."""

import io
from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.table import Table

from tf_gd import _checks


def table(
    headers: Iterable, rows: Iterable[Iterable], *, width: int = 80, widest: int | None = None
) -> str:
    """Return a table as text, at most ``width`` columns wide; long cells are folded.

    Args:
        headers: of the columns.
        rows: a list for each row, its cells shown by ``str``.
        width: in characters.
        widest: the column that gets at least half of the width, counted from 0.

    Raises:
        TypeError, ValueError: no headers, a row with more cells than headers, or a width or a
            column out of range.

    Examples:
        >>> print(table(["name", "value"], [["rate", 0.1], ["steps", 10]]))
         name    value
        ───────────────
         rate    0.1
         steps   10
    """
    headers, cells = (
        _listed("headers", headers),
        [_listed("rows", row) for row in _listed("rows", rows)],
    )
    longest = max(map(len, cells), default=0)
    if not headers or longest > len(headers):
        got = f"{len(headers)} headers, and rows of {longest} cells"
        raise ValueError(
            f"headers, rows: got {got}, expected at least one header, and no more cells in a row."
        )
    width = _checks.whole_number("width", width, minimum=10, maximum=100_000)
    if widest is not None:
        widest = _checks.whole_number("widest", widest, minimum=0, maximum=len(headers) - 1)
    shown = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=True)
    for number, header in enumerate(headers):
        shown.add_column(
            str(header), overflow="fold", min_width=width // 2 - 2 if number == widest else None
        )
    for row in cells:
        shown.add_row(*map(str, row))
    console = Console(
        file=io.StringIO(), width=width, force_terminal=False, color_system=None, markup=False
    )
    console.print(shown)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())  # type: ignore[attr-defined]


def _listed(name: str, value) -> list:
    try:
        if isinstance(value, str | bytes):
            raise TypeError
        return list(value)
    except TypeError:
        raise TypeError(
            f"{name}: got {value!r}, "
            "expected lists: headers ['name', 'value'], rows [['rate', 0.1]]."
        ) from None
