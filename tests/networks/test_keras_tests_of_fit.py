"""Keras ships its tests of ``fit`` in its wheel: with ``tf_gd.fit`` in its place what passes must pass still.

Both runs are processes of their own: first with ``model.fit``, so that what cannot pass here, for want of a
package, is known; then with ours. An exception stands in ``EXCEPTIONS`` with its reason.
"""

import xml.etree.ElementTree as ElementTree

import keras_tests
import pytest
from keras_tests import SOURCES

FOLDERS = ("trainers/trainer_test.py", "callbacks/*_test.py", "models/*_test.py", "backend/tensorflow/*_test.py")
EXCEPTIONS = {
    "test_required_none_raises_in_fit": "asks for the words of Keras's message; ours is a ValueError too",
    "test_functional_dict_outputs_dict_losses_invalid_keys": "asks for a KeyError; ours is a ValueError that cites it",
    "test_steps_per_execution_steps_per_epoch_match_multi_epoch": (
        "Keras trains six batches where steps_per_epoch=5 and steps_per_execution=2; ours five"
    ),
}


def outcomes(tmp_path, baseline: bool) -> dict[str, str]:
    """Run Keras's tests; return which passed and which failed, by name."""
    files = [path for pattern in FOLDERS for path in sorted(SOURCES.glob(pattern)) if "orbax" not in path.name]
    report = tmp_path / f"{baseline}.xml"
    environment = {"TF_GD_BASELINE": "1"} if baseline else {}
    options = "-W", "ignore", f"--junitxml={report}"
    done = keras_tests.run(files, "keras_fit_plugin", tmp_path, *options, **environment)
    assert done.returncode in (0, 1), done.stdout[-2000:] + done.stderr[-2000:]
    kinds = {"failure": "failed", "error": "failed", "skipped": "skipped"}
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        found[name] = next((kinds[part.tag] for part in case if part.tag in kinds), "passed")
    return found


@pytest.mark.skipif(not (SOURCES / "trainers/trainer_test.py").exists(), reason="this Keras does not ship its tests")
@pytest.mark.slow
def test_what_passes_with_model_fit_passes_with_ours(tmp_path):
    with_keras, with_ours = outcomes(tmp_path, baseline=True), outcomes(tmp_path, baseline=False)
    passed = [name for name, outcome in with_keras.items() if outcome == "passed"]
    assert len(passed) >= 350
    lost = [name for name in passed if with_ours.get(name) != "passed"]
    known = [name for name in lost if any(exception in name for exception in EXCEPTIONS)]
    assert lost == known
    for exception in EXCEPTIONS:  # one that passes now has no place in the list
        assert any(exception in name for name in known), exception
