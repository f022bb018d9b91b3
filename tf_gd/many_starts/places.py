"""Where descents are computed: one device, or the replicas of a ``tf.distribute`` strategy."""

import numpy as np
import tensorflow as tf

from tf_gd import _runtime, devices


class Places:
    """The devices of this process, and which part of the work it does.

    Args:
        device: a name, or ``"auto"``: in the scope of a strategy its replicas, else the CPU.
    """

    def __init__(self, device: str):
        shares = isinstance(device, str) and device == "auto" and tf.distribute.has_strategy()
        self._strategy = tf.distribute.get_strategy() if shares else None
        self.workers, self._number = 1, 0
        if self._strategy is None:
            self.devices = [devices.choose(device)]
            return
        named = [name.split("device:")[-1] for name in self._strategy.extended.worker_devices]
        # Slurm's resolver also names GPUs that the machine may not have.
        self.devices = [name if name in devices.names() else "CPU:0" for name in named]
        self.workers = _runtime.workers(self._strategy)
        self._number = _runtime.worker_number(self._strategy)

    def __str__(self) -> str:
        return ", ".join(self.devices) + (f" of {self.workers} workers" if self.workers > 1 else "")

    def share(self, count: int) -> slice:
        """Return which of ``count`` items this worker does."""
        return _runtime.share(count, self._number, self.workers)

    def together(self, part: np.ndarray) -> np.ndarray:
        """Return the parts of all workers, concatenated, on every worker."""
        if self._strategy is None or self.workers == 1:
            return part
        parts = [part] + [part[:0]] * (len(self.devices) - 1)  # the first replica here has it all
        mine = self._strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(parts[context.replica_id_in_sync_group % len(parts)])
        )
        return self._strategy.gather(mine, axis=0).numpy()
