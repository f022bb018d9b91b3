"""TensorFlow without its start-up messages."""

import contextlib
import os
import sys
import tempfile


def quiet_tensorflow() -> None:
    """Import TensorFlow without the lines it logs while it starts; for scripts, not for libraries.

    Some of them come before TensorFlow reads ``TF_CPP_MIN_LOG_LEVEL``, so standard error is held back during the
    import, and shown if the import fails. Set ``TF_CPP_MIN_LOG_LEVEL=0`` to see everything.

    Examples:
        >>> quiet_tensorflow()
        >>> "tensorflow" in sys.modules
        True
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0" or "tensorflow" in sys.modules:
        import tensorflow  # noqa: F401

        return
    with standard_error_held_back():
        import tensorflow as tf

        from tf_gd import _backend  # noqa: F401

        if "TF_CONFIG" not in os.environ:  # a strategy of several workers has to come before that
            tf.config.list_logical_devices()  # the first use of a device logs as well
    tf.get_logger().setLevel("ERROR")


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
