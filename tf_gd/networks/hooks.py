"""Which callbacks have a hook for batches? Without one, whole epochs run in one call."""

from tf_gd._keras import keras
from tf_gd.networks import batches


def batches_at_once(callbacks: list, what: str) -> int:
    """Return how many batches one call may train on: one, if a callback has hooks for batches.

    Args:
        callbacks: Keras callbacks.
        what: ``"train"`` or ``"test"``.
    """
    hooks = [f"on_{what}_batch_begin", f"on_{what}_batch_end"]
    hooks += ["on_batch_begin", "on_batch_end"] if what == "train" else []
    heard = (callback for callback in callbacks if not _only_by_epoch(callback))
    return (
        1
        if any(_is_own(callback, hook) for callback in heard for hook in hooks)
        else batches.BATCHES_A_CALL
    )


def _is_own(callback, hook: str) -> bool:
    return getattr(getattr(callback, hook), "__func__", None) is not getattr(
        keras.callbacks.Callback, hook
    )


def _only_by_epoch(callback) -> bool:
    """Return whether this is a callback of Keras whose batch hooks do nothing, by its settings."""
    if isinstance(callback, keras.callbacks.ModelCheckpoint | keras.callbacks.BackupAndRestore):
        return callback.save_freq == "epoch"
    return False
