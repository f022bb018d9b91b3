"""Where TensorFlow computes, and how exactly."""

import contextlib

import tensorflow as tf


def graph_is_exact() -> bool:
    """Return whether Grappler's meta-optimizer is off, so that a graph computes what is written, as eager code does."""
    return bool(tf.config.optimizer.get_experimental_options().get("disable_meta_optimizer", False))


@contextlib.contextmanager
def exact_arithmetic():
    """Within this context, what is traced computes what is written.

    Grappler's meta-optimizer, which reorders sums and products of a graph, is off, and so is TF32, in which an NVIDIA
    GPU rounds the factors of a matrix product to 10 bits. What was traced before keeps its own arithmetic. It does
    not change XLA's, which contracts a product and a sum into one operation with one rounding.

    Examples:
        >>> with exact_arithmetic():
        ...     graph_is_exact()
        True
    """
    before = graph_is_exact()
    tf32 = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": before})
        tf.config.experimental.enable_tensor_float_32_execution(tf32)


def devices() -> list[str]:
    """Return the devices TensorFlow sees, as lines of text: the CPU first, then each GPU with its name."""
    lines = ["CPU"]
    for gpu in tf.config.list_physical_devices("GPU"):
        details = tf.config.experimental.get_device_details(gpu)
        lines.append(f"{gpu.name.removeprefix('/physical_device:')} {details.get('device_name', '')}".strip())
    return lines
