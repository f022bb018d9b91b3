"""Tables for a terminal."""

import io
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from tf_gd import _checks


def table(headers: Sequence[str], rows: Sequence[Sequence], *, width: int = 80, widest: int | None = None) -> str:
    """Return a table as text, at most ``width`` columns wide; long cells are folded.

    Args:
        headers: of the columns.
        rows: a list for each row, shown as ``str`` shows them.
        width: in characters.
        widest: the column that gets at least half of the width, counted from 0.

    Raises:
        TypeError, ValueError: no headers, a row with another number of cells, or a width that is none.

    Examples:
        >>> print(table(["name", "value"], [["rate", 0.1], ["steps", 10]]))
         name    value
        ───────────────
         rate    0.1
         steps   10
    """
    if isinstance(headers, str) or not isinstance(headers, Sequence) or not headers:
        raise TypeError(f"headers: got {headers!r}, expected a list of texts, for example ['name', 'value'].")
    if isinstance(rows, str) or not isinstance(rows, Sequence):
        raise TypeError(f"rows: got {type(rows).__name__}, expected a list of rows, each a list of cells.")
    for number, row in enumerate(rows):
        if isinstance(row, str) or not isinstance(row, Sequence) or len(row) != len(headers):
            raise ValueError(f"rows[{number}]: got {row!r}, expected a list of {len(headers)} cells, as there are headers.")
    width = _checks.whole_number("width", width, minimum=10, maximum=100_000)
    if widest is not None:
        widest = _checks.whole_number("widest", widest, minimum=0, maximum=len(headers) - 1)
    shown = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=True)
    for number, header in enumerate(headers):
        shown.add_column(str(header), overflow="fold", min_width=width // 2 - 2 if number == widest else None)
    for row in rows:
        shown.add_row(*map(str, row))
    console = Console(file=io.StringIO(), width=width, force_terminal=False, color_system=None, markup=False)
    console.print(shown)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())  # type: ignore[attr-defined]
