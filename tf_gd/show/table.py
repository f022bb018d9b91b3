"""Tables for a terminal."""

import io

from rich import box
from rich.console import Console
from rich.table import Table


def table(headers: list[str], rows: list[list], *, width: int = 80, widest: int | None = None) -> str:
    """Return a table as text, at most ``width`` columns wide; long cells are folded.

    Args:
        headers: of the columns.
        rows: a list for each row, shown as ``str`` shows them.
        width: in characters.
        widest: the column that gets at least half of the width.

    Examples:
        >>> print(table(["name", "value"], [["rate", 0.1], ["steps", 10]]))
         name    value
        ───────────────
         rate    0.1
         steps   10
    """
    shown = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=True)
    for number, header in enumerate(headers):
        shown.add_column(header, overflow="fold", min_width=width // 2 - 2 if number == widest else None)
    for row in rows:
        shown.add_row(*map(str, row))
    console = Console(file=io.StringIO(), width=width, force_terminal=False, color_system=None, markup=False)
    console.print(shown)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())  # type: ignore[attr-defined]
