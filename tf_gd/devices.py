"""The devices that TensorFlow computes on, and the exactness of their arithmetic."""

import contextlib
import threading

import tensorflow as tf

from tf_gd import _checks

_one_thread = threading.RLock()


@contextlib.contextmanager
def full_float32():
    """Turn TF32 off within this context; on a CPU this has no effect.

    With TF32, an NVIDIA GPU rounds the factors of a matrix product to 10 bits. Comparisons turn it
    off.

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
    """Keep the order of the operations of a graph within this context.

    Grappler's meta-optimizer, which reorders sums and products, is off, and so is TF32 (see
    :func:`full_float32`). This applies to the calls made in the context, whenever the function was
    traced. XLA still contracts a product and a sum into one operation with one rounding. The
    setting belongs to the whole process: other threads wait until the context ends.

    Examples:
        >>> with exact_arithmetic():
        ...     tf.config.optimizer.get_experimental_options()["disable_meta_optimizer"]
        True
    """
    key, optimizer = "disable_meta_optimizer", tf.config.optimizer
    with _one_thread:
        before = bool(optimizer.get_experimental_options().get(key, False))
        optimizer.set_experimental_options({key: True})
        try:
            with full_float32():
                yield
        finally:
            optimizer.set_experimental_options({key: before})


def names() -> list[str]:
    """Return the names of the available devices, for example ``["CPU:0", "GPU:0"]``."""
    return sorted({device.name.split("device:")[-1] for device in tf.config.list_logical_devices()})


def choose(device: str) -> str:
    """Return the full name of an available device.

    Args:
        device: ``"CPU"``, ``"GPU"``, ``"GPU:1"`` and so on. ``"auto"`` is the CPU: on functions
            small enough to draw, a GPU spends its time on starting each operation.

    Raises:
        TypeError: `device` is not a string.
        ValueError: TensorFlow has no such device.

    Examples:
        >>> choose("auto"), choose("cpu")
        ('CPU:0', 'CPU:0')
        >>> choose("TPU:3")
        Traceback (most recent call last):
        ...
        ValueError: device: got 'TPU:3', expected 'auto', ... to see why a device is missing.
    """
    if not isinstance(device, str):
        raise _checks.wrong_type("device", device, "a name such as 'CPU' or 'GPU:0'")
    wanted = "CPU:0" if device == "auto" else device.upper()
    wanted = wanted if ":" in wanted else wanted + ":0"
    if wanted not in names():
        known = ", ".join(repr(name) for name in ["auto", *names()])
        close = _checks.did_you_mean(device.upper(), names())
        raise ValueError(
            f"device: got {device!r}, expected {known}.{close} "
            "Run `tf-gd doctor` to see why a device is missing."
        )
    return wanted


def describe() -> list[str]:
    """Return a line for each physical device: the CPU first, then each GPU with its model."""
    lines = ["CPU"]
    for gpu in tf.config.list_physical_devices("GPU"):
        model = tf.config.experimental.get_device_details(gpu).get("device_name", "")
        lines.append(f"{gpu.name.removeprefix('/physical_device:')} {model}".strip())
    return lines
