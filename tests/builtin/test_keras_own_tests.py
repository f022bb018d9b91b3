"""Keras ships its tests of SGD and of optimizers in its wheel: they must pass with ManualSGD in SGD's place."""

import re

import keras
import keras_tests
import pytest

# These ask for the class by its name "sgd", which is Keras's own, and not how it behaves.
BY_NAME = ("test_get_method", "test_optimizer_auto_naming", "test_pickleable_optimizers1")
SHIPPED = keras_tests.SOURCES / "optimizers"


@pytest.mark.skipif(not (SHIPPED / "sgd_test.py").exists(), reason="this Keras does not ship its tests")
@pytest.mark.parametrize(
    ("name", "least"), [("sgd_test.py", 6), pytest.param("optimizer_test.py", 15, marks=pytest.mark.slow)]
)
def test_keras_own_tests(name, least, tmp_path):
    but = " and ".join(f"not {test}" for test in BY_NAME)
    done = keras_tests.run([SHIPPED / name], "keras_tests_plugin", tmp_path, "-k", but)
    assert done.returncode == 0, done.stdout[-3000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= least


def test_here_sgd_is_keras_own():
    """The swap above happens in a process of its own: everywhere else it would make every comparison empty."""
    assert keras.optimizers.SGD.__module__ == "keras.src.optimizers.sgd"
    assert keras.optimizers.SGD.__name__ == "SGD"
