"""Where many descents are computed: on one device, or shared out over the replicas of a ``tf.distribute`` strategy."""

import numpy as np
import tensorflow as tf

from tf_gd import _cluster, devices


class Places:
    """The devices here, and which part of the work is this worker's.

    Args:
        device: a name, or ``"auto"``: inside the scope of a strategy its replicas, and else the CPU.
    """

    def __init__(self, device: str):
        shares = isinstance(device, str) and device == "auto" and tf.distribute.has_strategy()
        self._strategy = tf.distribute.get_strategy() if shares else None
        if self._strategy is None:
            self.devices, self.workers, self._number = [devices.choose(device)], 1, 0
            return
        named = [name.split("device:")[-1] for name in self._strategy.extended.worker_devices]
        self.devices = [name if name in devices.names() else "CPU:0" for name in named]  # Slurm's GPUs need not be there
        self.workers, self._number = _cluster.workers(self._strategy), _cluster.number(self._strategy)

    def __str__(self) -> str:
        return ", ".join(self.devices) + (f" of {self.workers} workers" if self.workers > 1 else "")

    def share(self, count: int) -> slice:
        """Return which of so many things this worker does: as many as the others, or one more."""
        return _cluster.share(count, self._number, self.workers)

    def together(self, part: np.ndarray) -> np.ndarray:
        """Return the parts of all workers, one after another, on each of them."""
        if self._strategy is None or self.workers == 1:
            return part
        parts = [part] + [part[:0]] * (len(self.devices) - 1)  # the first replica here has it all
        share_out = self._strategy.experimental_distribute_values_from_function
        mine = share_out(lambda context: tf.constant(parts[context.replica_id_in_sync_group % len(parts)]))
        return self._strategy.gather(mine, axis=0).numpy()
