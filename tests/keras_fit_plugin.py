"""A pytest plugin that puts ``tf_gd.fit`` in the place of ``model.fit``, for Keras's own tests.

With the environment variable ``TF_GD_BASELINE`` set, it leaves ``model.fit`` where it is. What
Keras's tests import besides is stubbed: JAX, which they name at the top and use on that backend
only, and a helper of Keras's conftest, which its wheel leaves out.
"""

import importlib.util
import os
import sys
import types


def pytest_configure(config):
    config.addinivalue_line("markers", "requires_trainable_backend: as in Keras")
    if importlib.util.find_spec("jax") is None:
        sys.modules["jax"] = types.ModuleType("jax")
    helpers = types.ModuleType("conftest")
    helpers.skip_if_backend = lambda *_: lambda test: test
    sys.modules["conftest"] = helpers
    if "TF_GD_BASELINE" not in os.environ:
        from keras.src.backend.tensorflow import trainer

        import tf_gd

        trainer.TensorFlowTrainer.fit = lambda self, *args, **options: tf_gd.fit(self, *args, **options)
