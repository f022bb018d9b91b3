"""Quiet, headless, full float32, and two CPU devices, so that placement can be tested anywhere: for every test."""

import os
import signal

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tf_gd._runtime import standard_error_held_back

with standard_error_held_back():
    import tensorflow as tf

import keras
import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

mpl.use("Agg")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as of a job in the background: there are tests of Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
tf.config.experimental.enable_tensor_float_32_execution(False)
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], two)


@pytest.fixture(autouse=True)
def _every_test_alike(tmp_path, monkeypatch):
    keras.utils.set_random_seed(0)
    monkeypatch.setenv("TF_GD_PICTURES", str(tmp_path / "pictures"))
    yield
    plt.close("all")


SAMPLES = 3  # cases of a parametrised test in the quick part: the first, one in the middle, the last


def pytest_addoption(parser):
    """Let a run take a part of the tests."""
    described = "quick: something of everything, in eight minutes; rest: what quick leaves out"
    parser.addoption("--part", choices=("all", "quick", "rest"), default="all", help=described)


def pytest_collection_modifyitems(config, items):
    """Leave to ``make test-all`` what is marked slow, and most cases of a test that has many."""
    part = config.getoption("part")
    if part == "all":
        return
    cases = {}
    for item in items:
        cases.setdefault(item.nodeid.partition("[")[0], []).append(item)
    quick = set()
    for alike in cases.values():
        chosen = {round(n * (len(alike) - 1) / (SAMPLES - 1)) for n in range(SAMPLES)}
        quick |= {alike[n] for n in chosen if not alike[n].get_closest_marker("slow")}
    left_out = [item for item in items if (item in quick) != (part == "quick")]
    items[:] = [item for item in items if (item in quick) == (part == "quick")]
    config.hook.pytest_deselected(items=left_out)
