#!/usr/bin/env bash
# The core tests with other versions of TensorFlow and Keras, each in an environment of its own: make versions
set -uo pipefail
cd "$(dirname "$0")/.."
pairs=${1:-"2.18:3.10 2.20:3.12 2.21:3.15"} # the oldest, a middle and the newest
tests="tests/test_updates.py tests/test_sgd.py tests/toy tests/networks tests/builtin tests/comparison tests/explain"
failed=0
for pair in $pairs; do
    tensorflow=${pair%:*} keras=${pair#*:} where=.venv-versions/$tensorflow-$keras
    [ -x "$where/bin/python" ] || "${PYTHON:-python3}" -m venv "$where"
    "$where/bin/python" -m pip --disable-pip-version-check --quiet install "tensorflow==$tensorflow.*" "keras==$keras.*" \
        scipy scikit-learn matplotlib rich cvxpy pytest pytest-xdist hypothesis || { failed=1; continue; }
    echo "== TensorFlow $tensorflow, Keras $keras"
    PYTHONPATH=$PWD TF_CPP_MIN_LOG_LEVEL=3 "$where/bin/python" -m pytest -q -n 2 --dist worksteal --part quick $tests || failed=1
done
exit $failed
