"""Which of several workers this process is, a chief the first of them, and which part of the work is its own."""

import tensorflow as tf


def mirrors(strategy) -> bool:
    """Return whether variables made in the scope of this strategy are copies on its replicas, be it only one."""
    kinds = (tf.distribute.MirroredStrategy, tf.distribute.MultiWorkerMirroredStrategy)
    return strategy is not None and (strategy.num_replicas_in_sync > 1 or isinstance(strategy, kinds))


def workers(strategy) -> int:
    """Return how many processes compute together."""
    return max(1, sum(_tasks(strategy).values()))


def number(strategy) -> int:
    """Return which of them this one is, from 0."""
    if workers(strategy) == 1:
        return 0
    resolver = strategy.cluster_resolver
    return resolver.task_id + (_tasks(strategy)["chief"] if resolver.task_type == "worker" else 0)


def share(total: int, number: int, count: int) -> slice:
    """Return which of so many things number ``number`` of ``count`` has: as many as the others, or one more.

    Examples:
        >>> [share(5, number, 2) for number in (0, 1)]
        [slice(0, 3, None), slice(3, 5, None)]
    """
    whole, rest = divmod(total, count)
    first = number * whole + min(number, rest)
    return slice(first, first + whole + (number < rest))


def _tasks(strategy) -> dict[str, int]:
    resolver = strategy.cluster_resolver
    cluster = resolver.cluster_spec().as_dict() if resolver is not None and resolver.cluster_spec() else {}
    return {kind: len(cluster.get(kind, ())) for kind in ("chief", "worker")}
