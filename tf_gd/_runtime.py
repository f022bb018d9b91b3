"""The process around the computation: quiet start, workers of a cluster, progress bar.

Nothing here imports TensorFlow, NumPy or Rich before it needs them, so that ``tf-gd --help`` starts
without them.
"""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

_SECONDS = "TF_GD_CHECKPOINT_SECONDS"  # an environment variable


def quiet_tensorflow(cpus: int = 1) -> None:
    """Import TensorFlow without its log lines; for scripts, not for libraries.

    TensorFlow logs some lines before it reads ``TF_CPP_MIN_LOG_LEVEL``. Standard error is therefore
    held back during the import, and shown if the import fails. Set ``TF_CPP_MIN_LOG_LEVEL=0`` to
    see everything.

    Args:
        cpus: the number of logical devices to split the CPU into. They share the cores of the
            machine, and stand in for several GPUs, as in
            ``tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])``.

    Raises:
        TypeError: `cpus` is not a whole number.
        ValueError: `cpus` is not from 1 to 64, or TensorFlow has already started with fewer.

    Examples:
        >>> quiet_tensorflow()
        >>> "tensorflow" in sys.modules
        True
    """
    level = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if level == "0" or "tensorflow" in sys.modules:
        _split_cpu(cpus)
        return
    with standard_error_held_back():
        _split_cpu(cpus)
        import tensorflow as tf

        from tf_gd import _keras  # noqa: F401

        # A strategy of several workers must be made before the first use of a device.
        if not {"TF_CONFIG", "SLURM_STEP_NUM_TASKS"} & os.environ.keys():
            tf.config.list_logical_devices()  # the first use of a device logs lines as well
    tf.get_logger().setLevel("ERROR")


def _split_cpu(parts: int) -> None:
    import tensorflow as tf

    from tf_gd import _checks

    parts = _checks.whole_number("cpus", parts, minimum=1, maximum=64)
    cpu = tf.config.list_physical_devices("CPU")[0]
    made = len(tf.config.get_logical_device_configuration(cpu) or [None])
    if made >= parts:
        return
    try:
        logical = [tf.config.LogicalDeviceConfiguration()] * parts
        tf.config.set_logical_device_configuration(cpu, logical)
    except RuntimeError as error:
        raise ValueError(
            f"cpus: got {parts}, but TensorFlow is in use already, with {made}. Expected this call "
            "before all else; in a notebook, restart the kernel first."
        ) from error


def checkpoint_seconds() -> float | None:
    """Return the least seconds between two checkpoints that the environment sets, or None.

    Raises:
        ValueError: ``TF_GD_CHECKPOINT_SECONDS`` is no number of at least 0.
    """
    given = os.environ.get(_SECONDS)
    if not given:
        return None
    with contextlib.suppress(ValueError):
        if 0 <= float(given) < float("inf"):
            return float(given)
    expected = "expected seconds, at least 0, or nothing"
    raise ValueError(f"{_SECONDS}: got {given!r}, {expected}: export {_SECONDS}=30.")


@contextlib.contextmanager
def standard_error_held_back() -> Iterator[None]:
    """Hold back standard error within this context; show it if the context fails."""
    import tempfile

    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except (ValueError, ImportError):
            raise  # of an argument check, or of what is missing: the message is enough
        except BaseException:
            os.dup2(kept, 2)
            held.seek(0)
            sys.stderr.write(held.read().decode(errors="replace"))
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def mirrors(strategy) -> bool:
    """Return whether the strategy copies its variables to its replicas, even to a single one."""
    import tensorflow as tf

    kinds = (tf.distribute.MirroredStrategy, tf.distribute.MultiWorkerMirroredStrategy)
    several = strategy is not None and strategy.num_replicas_in_sync > 1
    return several or isinstance(strategy, kinds)


def workers(strategy) -> int:
    """Return the number of processes that compute together."""
    return max(1, sum(_tasks(strategy).values()))


def worker_number(strategy) -> int:
    """Return the number of this process among the workers, from 0; the chief is the first."""
    if workers(strategy) == 1:
        return 0
    resolver = strategy.cluster_resolver
    return resolver.task_id + (_tasks(strategy)["chief"] if resolver.task_type == "worker" else 0)


def _tasks(strategy) -> dict[str, int]:
    resolver = strategy.cluster_resolver
    spec = resolver.cluster_spec() if resolver is not None else None
    cluster = spec.as_dict() if spec else {}
    return {kind: len(cluster.get(kind, ())) for kind in ("chief", "worker")}


def share(total: int, number: int, count: int) -> slice:
    """Return which of ``total`` items belong to worker ``number`` of ``count``.

    Examples:
        >>> [share(5, number, 2) for number in (0, 1)]
        [slice(0, 3, None), slice(3, 5, None)]
    """
    whole, rest = divmod(total, count)
    first = number * whole + min(number, rest)
    return slice(first, first + whole + (number < rest))


def in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and type(ipython.get_ipython()).__name__ == "ZMQInteractiveShell"


class Progress:
    """Progress on standard error after ``patience`` seconds: a bar in a terminal; a line that is
    written over in a notebook, where a bar of Rich would need another package.
    """

    def __init__(
        self, total: int | None, description: str, patience: float = 0.5, bar_width: int = 40
    ):
        self._total, self._description, self._bar_width = total, description, bar_width
        self._shown_from = time.perf_counter() + patience
        self._bar: Any = None
        self._width = 0  # of the line in a notebook

    def __enter__(self):
        return self

    def at(self, step: int, description: str | None = None) -> None:
        """Show that ``step`` steps are done."""
        if self._bar is None:
            if time.perf_counter() < self._shown_from:
                return
            if in_notebook():
                self._write(f"{description or self._description}: {step}/{self._total or '?'}")
                return
            if not sys.stderr.isatty():
                return
            self._start()
        described = description or self._description
        self._bar.update(self._task, completed=step, description=described)

    def _write(self, line: str) -> None:
        self._width = max(self._width, len(line))
        print("\r" + line.ljust(self._width), end="", file=sys.stderr, flush=True)

    def _start(self) -> None:
        from rich import progress
        from rich.console import Console

        self._bar = progress.Progress(
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(self._bar_width),
            progress.TaskProgressColumn(),
            progress.TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=sys.stdout.isatty(),  # print above the bar; leave a file or pipe alone
            redirect_stderr=False,
        )
        self._task = self._bar.add_task(self._description, total=self._total)
        self._bar.start()

    def __exit__(self, *exc_info):
        if self._bar is not None:
            self._bar.stop()
        if self._width:
            self._write("")
            print("\r", end="", file=sys.stderr, flush=True)
