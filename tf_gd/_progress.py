"""A progress bar where a terminal is attached, and nothing anywhere else."""

import sys
import time
from typing import Any

_PATIENCE = 0.5  # seconds before a bar appears


class Progress:
    """Show how far a run of ``total`` steps has come, on standard error, once it has taken half a second."""

    def __init__(self, total: int, description: str):
        self._total, self._description = total, description
        self._since = time.perf_counter()
        self._bar: Any = None

    def __enter__(self):
        return self

    def at(self, step: int) -> None:
        """Say that ``step`` steps are done."""
        if self._bar is None:
            if not sys.stderr.isatty() or time.perf_counter() - self._since < _PATIENCE:
                return
            from rich.console import Console
            from rich.progress import Progress as Bar

            self._bar = Bar(console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(self._description, total=self._total)
            self._bar.start()
        self._bar.update(self._task, completed=step)

    def __exit__(self, *exc_info):
        if self._bar is not None:
            self._bar.stop()
