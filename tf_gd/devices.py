"""Where TensorFlow computes, and how exactly."""

import contextlib
import threading

import tensorflow as tf

from tf_gd import _checks

_one_thread = threading.RLock()


@contextlib.contextmanager
def full_float32():
    """Within this context TF32 is off: an NVIDIA GPU no longer rounds the factors of a matrix product to 10 bits.

    Comparisons use it. On a CPU it changes nothing.

    Examples:
        >>> with full_float32():
        ...     tf.config.experimental.tensor_float_32_execution_enabled()
        False
    """
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)


@contextlib.contextmanager
def exact_arithmetic():
    """Within this context, a graph computes what is written.

    Grappler's meta-optimizer, which reorders sums and products of a graph, is off, and so is TF32 (see
    :func:`full_float32`). It holds for the calls that are made within, whenever the function was traced. It does not
    change XLA's arithmetic, which contracts a product and a sum into one operation with one rounding. The setting is
    one for the whole process, so that one thread at a time can be in here.

    Examples:
        >>> with exact_arithmetic():
        ...     tf.config.optimizer.get_experimental_options()["disable_meta_optimizer"]
        True
    """
    _one_thread.acquire()
    before = bool(tf.config.optimizer.get_experimental_options().get("disable_meta_optimizer", False))
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    try:
        with full_float32():
            yield
    finally:
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": before})
        _one_thread.release()


def names() -> list[str]:
    """Return the devices that TensorFlow can compute on, CPUs first, for example ``["CPU:0", "GPU:0"]``."""
    return sorted({device.name.split("device:")[-1] for device in tf.config.list_logical_devices()})


def choose(device: str) -> str:
    """Return the name of a device that is there.

    Args:
        device: ``"CPU"``, ``"GPU"``, ``"GPU:1"`` and so on; ``"auto"`` is the CPU, since the functions you can draw are so
            small that a GPU spends its time on starting each operation.

    Raises:
        TypeError, ValueError: it is not a name, or TensorFlow sees no such device.

    Examples:
        >>> choose("auto"), choose("cpu")
        ('CPU:0', 'CPU:0')
        >>> choose("TPU:3")
        Traceback (most recent call last):
        ...
        ValueError: device: got 'TPU:3', expected 'auto', ... Run `tf-gd doctor` to see why a device is missing.
    """
    if not isinstance(device, str):
        raise TypeError(f"device: got {device!r} ({type(device).__name__}), expected a name such as 'CPU' or 'GPU:0'.")
    wanted = "CPU:0" if device == "auto" else device.upper()
    wanted = wanted if ":" in wanted else wanted + ":0"
    if wanted not in names():
        known = ", ".join(repr(name) for name in ["auto", *names()])
        raise ValueError(
            f"device: got {device!r}, expected {known}.{_checks.did_you_mean(device.upper(), names())} "
            "Run `tf-gd doctor` to see why a device is missing."
        )
    return wanted


def describe() -> list[str]:
    """Return a line for each physical device: the CPU first, then each GPU with its model."""
    lines = ["CPU"]
    for gpu in tf.config.list_physical_devices("GPU"):
        details = tf.config.experimental.get_device_details(gpu)
        lines.append(f"{gpu.name.removeprefix('/physical_device:')} {details.get('device_name', '')}".strip())
    return lines
