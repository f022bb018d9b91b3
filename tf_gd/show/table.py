"""Tables for a terminal."""

import io

from rich import box
from rich.console import Console
from rich.table import Table


def table(headers: list[str], rows: list[list], *, width: int = 80) -> str:
    """Return a table as text, at most ``width`` columns wide; long cells are folded.

    Examples:
        >>> print(table(["name", "value"], [["rate", 0.1], ["steps", 10]]))
         name    value
        ───────────────
         rate    0.1
         steps   10
    """
    shown = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=True)
    for header in headers:
        shown.add_column(header, overflow="fold")
    for row in rows:
        shown.add_row(*map(str, row))
    console = Console(file=io.StringIO(), width=width, force_terminal=False, color_system=None, markup=False)
    console.print(shown)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())  # type: ignore[attr-defined]
