"""Where many descents are computed: on one device, or shared out over the replicas of a ``tf.distribute`` strategy."""

import numpy as np
import tensorflow as tf

from tf_gd import devices


class Places:
    """The devices here, and which part of the work is this worker's.

    Args:
        device: a name, or ``"auto"``: inside the scope of a strategy its replicas, and else the CPU.
    """

    def __init__(self, device: str):
        self._strategy = tf.distribute.get_strategy() if device == "auto" and tf.distribute.has_strategy() else None
        if self._strategy is None:
            self.devices, self.workers, self._number = [devices.choose(device)], 1, 0
            return
        named = [name.split("device:")[-1] for name in self._strategy.extended.worker_devices]
        self.devices = [name if name in devices.names() else "CPU:0" for name in named]  # Slurm's GPUs need not be there
        self.workers = self._strategy.num_replicas_in_sync // len(self.devices)
        resolver = self._strategy.cluster_resolver
        self._number = resolver.task_id if self.workers > 1 else 0

    def __str__(self) -> str:
        return ", ".join(self.devices) + (f" of {self.workers} workers" if self.workers > 1 else "")

    def share(self, count: int) -> slice:
        """Return which of so many things this worker does: as many as the others, or one more."""
        whole, rest = divmod(count, self.workers)
        first = self._number * whole + min(self._number, rest)
        return slice(first, first + whole + (self._number < rest))

    def together(self, part: np.ndarray) -> np.ndarray:
        """Return the parts of all workers, one after another, on each of them."""
        if self._strategy is None or self.workers == 1:
            return part
        local = self._strategy.run(lambda: tf.constant(part))
        return self._strategy.gather(local, axis=0).numpy()
