"""TensorFlow without its start-up messages."""

import contextlib
import os
import sys
import tempfile

from tf_gd import _checks


def quiet_tensorflow(cpus: int = 1) -> None:
    """Import TensorFlow without the lines it logs while it starts; for scripts, not for libraries.

    Some of them come before TensorFlow reads ``TF_CPP_MIN_LOG_LEVEL``, so standard error is held back during the
    import, and shown if the import fails. Set ``TF_CPP_MIN_LOG_LEVEL=0`` to see everything.

    Args:
        cpus: into how many logical devices to split the CPU, to try on them what is meant for several GPUs:
            ``tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])``. They share the cores of the machine.

    Raises:
        ValueError: TensorFlow is in use already, with fewer.

    Examples:
        >>> quiet_tensorflow()
        >>> "tensorflow" in sys.modules
        True
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0" or "tensorflow" in sys.modules:
        import tensorflow

        _split_cpu(tensorflow, cpus)
        return
    with standard_error_held_back():
        import tensorflow as tf

        from tf_gd import _keras  # noqa: F401

        _split_cpu(tf, cpus)
        of_several_workers = {"TF_CONFIG", "SLURM_STEP_NUM_TASKS"} & os.environ.keys()
        if not of_several_workers:  # their strategy has to come before that
            tf.config.list_logical_devices()  # the first use of a device logs as well
    tf.get_logger().setLevel("ERROR")


def _split_cpu(tf, parts: int) -> None:
    """TensorFlow can do it only before anything has used a device."""
    parts = _checks.whole_number("cpus", parts, minimum=1, maximum=64)
    cpu = tf.config.list_physical_devices("CPU")[0]
    made = len(tf.config.get_logical_device_configuration(cpu) or [None])
    if made >= parts:
        return
    try:
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * parts)
    except RuntimeError as error:
        raise ValueError(
            f"cpus: got {parts}, but TensorFlow is in use already, with {made}. Expected this call before all else; in a "
            "notebook, restart the kernel first."
        ) from error


@contextlib.contextmanager
def standard_error_held_back():
    """Within this context nothing reaches standard error; what came is shown if the context fails."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except ValueError:
            raise  # says it all
        except BaseException:
            os.dup2(kept, 2)
            held.seek(0)
            sys.stderr.write(held.read().decode(errors="replace"))
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
