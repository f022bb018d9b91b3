"""A progress bar where a terminal is attached, and nothing anywhere else."""

import sys
import time
from typing import Any


class Progress:
    """Show how far a run has come, on standard error, once it has taken ``patience`` seconds.

    ``total`` is the number of steps, if it is known.
    """

    def __init__(
        self,
        total: int | None,
        description: str,
        patience: float = 0.5,
        bar_width: int = 40,
    ):
        self._total, self._description, self._patience = total, description, patience
        self._bar_width = bar_width
        self._since = time.perf_counter()
        self._bar: Any = None

    def __enter__(self):
        return self

    def at(self, step: int, description: str | None = None) -> None:
        """Say that ``step`` steps are done."""
        if self._bar is None:
            if not sys.stderr.isatty() or time.perf_counter() - self._since < self._patience:
                return
            from rich.console import Console
            from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = [
                TextColumn("{task.description}", markup=False),
                BarColumn(self._bar_width),
                TaskProgressColumn(),
                TimeRemainingColumn(),
            ]
            above = sys.stdout.isatty()  # print above the bar, and not into it; else leave it alone
            self._bar = Bar(
                *columns,
                console=Console(stderr=True),
                transient=True,
                redirect_stdout=above,
                redirect_stderr=False,
            )
            self._task = self._bar.add_task(self._description, total=self._total)
            self._bar.start()
        self._bar.update(self._task, completed=step, description=description or self._description)

    def __exit__(self, *exc_info):
        if self._bar is not None:
            self._bar.stop()
