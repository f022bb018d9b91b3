"""Hostile arguments: a call returns, or raises an error of ours that names the argument; nothing hangs, nothing else leaks.

Warnings from inside NumPy and TensorFlow are errors in these tests, as in all of them. A thousand cases each time,
the same ones; with ``TF_GD_FUZZ=10000`` so many, and new ones (``make nightly``).
"""

import contextlib
import inspect
import io
import os
import re
import signal
import traceback
from fractions import Fraction
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import tensorflow as tf
from hostile import CALLS, VALUES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy

import tf_gd
from tf_gd import constraints, show
from tf_gd.command import cli
from tf_gd.command.claims import ClaimError

CASES = int(os.environ.get("TF_GD_FUZZ", "1000"))
PACKAGE = str(Path(tf_gd.__file__).parent)
SECONDS = 20  # a call that compiles takes 2 on a machine that does nothing else; one that hangs takes for ever

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="there is no alarm on this system")
fuzzed = settings(
    max_examples=CASES,
    deadline=None,
    derandomize="TF_GD_FUZZ" not in os.environ,
    database=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)


NUMBERS = st.floats(-10, 10) | st.floats(min_value=1e10) | st.floats(max_value=-1e10) | st.integers(-3, 9) | st.just(np.nan)
ARRAYS = numpy.arrays("float64", numpy.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3), elements=NUMBERS)
FUNCTIONS = st.sampled_from([value for value in VALUES if callable(value)])


def like(right):
    """Return hostile values of the kind of the right one, which no check of the type alone can refuse."""
    if isinstance(right, bool | str):
        return st.sampled_from([value for value in VALUES if isinstance(value, bool | str)])
    if isinstance(right, int | float):
        return NUMBERS
    if isinstance(right, list | tuple | np.ndarray):
        return ARRAYS | ARRAYS.map(np.ndarray.tolist)
    return FUNCTIONS if callable(right) else NUMBERS | ARRAYS | FUNCTIONS


ALIASES = {"point": "x", "model_or_objective": "objective", "name": "objective", "function": "(in)?equality"}  # in messages


@contextlib.contextmanager
def no_longer_than(seconds: int):
    def ring(*_):
        raise AssertionError(f"it took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def judge(call, *names: str) -> None:
    """Raise unless the call returns, or raises a ValueError or TypeError that names one of these arguments."""
    with no_longer_than(SECONDS), contextlib.redirect_stdout(io.StringIO()):
        try:
            call()
        except (ValueError, TypeError) as error:
            raised = error
        except (ClaimError, FileNotFoundError):
            return
        except UserWarning as warning:  # ours may be said
            if traceback.extract_tb(warning.__traceback__)[-1].filename.startswith(PACKAGE):
                return
            raise
        else:
            return
        finally:
            plt.close("all")
    raised_in = traceback.extract_tb(raised.__traceback__)[-1].filename
    known = [*names, *(ALIASES[name] for name in names if name in ALIASES), "required positional", "unexpected keyword"]
    assert any(re.search(rf"(?<!\w){name}(?!\w)", str(raised)) for name in known), f"{raised_in}: {raised}"


@fuzzed
@given(st.data())
def test_a_call_returns_or_names_what_is_wrong(tmp_path_factory, data):
    name = data.draw(st.sampled_from(list(CALLS)))
    function, arguments = CALLS[name]
    changed = data.draw(st.lists(st.sampled_from(list(arguments)), min_size=1, max_size=3, unique=True))
    hostile = {argument: data.draw(st.sampled_from(VALUES) | like(arguments[argument])) for argument in changed}
    with contextlib.chdir(tmp_path_factory.mktemp("here")):
        judge(lambda: function(**arguments | hostile), *arguments)


@pytest.mark.parametrize("name", CALLS)
def test_the_call_that_is_to_be_spoiled_is_right(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    function, arguments = CALLS[name]
    if name == "Trajectory.load":
        function(tf_gd.gradient_descent("booth", learning_rate=0.01, steps=2, mode="eager").save("run.npz"))
    else:
        function(**arguments)


def test_every_public_function_is_tried():
    """The formulas of ``updates`` do arithmetic on whatever they are given; the others here take no argument or a result."""
    reference = Path(__file__).parents[1].joinpath("docs", "api", "index.rst").read_text(encoding="utf-8")
    public = set(re.findall(r"^   tf_gd\.(\S+)$", reference, re.MULTILINE))
    left = {name for name in public - {call.split(" of ")[0] for call in CALLS} if not name.startswith("updates.")}
    results = {"Trajectory", "Comparison", "MultiStart", "BasinMap", "rates.RateMap", "show.plot_explanation"}
    results |= {"exercises.Report", "exercises.Exercise", "exercises.Mistake"}
    for name in left - results:
        module, _, attribute = name.rpartition(".")
        assert not inspect.signature(getattr(getattr(tf_gd, module) if module else tf_gd, attribute)).parameters, name


WORDS = [
    *("rosenbrock", "booth", "nothing", "", "--", "-1", "nan", "1,2", "1e999", "--steps", "--steps=3", "--mode=eager"),
    *("--json", "--learning-rate", "--learning-rate=nan", "--momentum=2", "--start=", "--start=1,2", "--start=x", "\0"),
    *("--dtype=int8", "é", "--record-every=0", "--device=TPU:9", "os:system", "nothing:f", ":", "math:sin", "--help"),
    *("--tolerance=-1", "--output-dir", "run", "--workers=0", "--workers", "--checkpoint=kept", "--checkpoint"),
]


@settings(fuzzed, max_examples=max(20, CASES // 8))
@given(
    st.sampled_from(["run", "compare", "list", "launch", "nothing", ""]),
    st.lists(st.sampled_from(WORDS), max_size=4),
)
def test_the_command_line_ends_with_an_exit_code(tmp_path_factory, command, words):
    directory = tmp_path_factory.mktemp("out")
    arguments = [command, *words] + ([f"--output-dir={directory}"] if command in ("run", "compare") else [])
    said = io.StringIO()
    with contextlib.ExitStack() as held:
        held.enter_context(no_longer_than(60))
        held.enter_context(contextlib.chdir(directory))
        held.enter_context(contextlib.redirect_stdout(io.StringIO()))
        held.enter_context(contextlib.redirect_stderr(said))
        try:
            code = cli.main(arguments)
        except SystemExit as ended:
            code = ended.code
    assert code in (0, 1, 2), code
    assert code != 2 or said.getvalue().strip()
    assert "Traceback" not in said.getvalue()


class OwnSet:
    """With a projection and nothing else."""

    def project(self, x):
        return np.asarray(x)


def test_what_is_sensible_is_taken(tmp_path):
    """The other side of the checks: tensors, bfloat16, fractions, gaps, iterators, whole figures."""
    bfloat16 = tf.constant([1.0, 0.5], tf.bfloat16)
    tf_gd.claim("a tensor", tf.reduce_all([True, True]), expected=True)
    tf_gd.claim("a fraction", Fraction(1, 2), 0.5, within=tf.constant(0.0))
    tf_gd.claim("each its own tolerance", [1.0, 2.0], [1.0, 2.5], within=[0.1, 1.0])
    ax = show.plot_losses({"a": bfloat16, "with a gap": [1.0, None, 0.5]}, lowest=tf.constant(0.0))
    assert show.write(ax.figure, tmp_path / "whole figure").suffix == ".png"
    np.testing.assert_array_equal(constraints.Box(0, 0.75).project(bfloat16), [0.75, 0.5])
    np.testing.assert_array_equal(constraints.Box(0, 1).project([np.inf, 0.5]), [1.0, 0.5])
    np.testing.assert_array_equal(constraints.HalfSpace([1e-200, 0.0], 0.0).project([1.0, 1.0]), [0.0, 1.0])
    overlap = constraints.Intersection([OwnSet(), constraints.HalfSpace([1.0, 1.0], 1.0)])
    np.testing.assert_allclose(overlap.project([2.0, 2.0]), [0.5, 0.5])
    assert "1.0" in show.table(np.array(["a", "b"]), np.eye(2))
    assert "x   1" in show.table({"a": 0, "b": 0}.keys(), {"x": 1}.items())
    assert tf_gd.gradient_descent("booth", learning_rate=tf.constant(0.01), steps=3, mode="eager").steps == 3
    with pytest.raises(ValueError, match=r"path: got 'rate_0.1', expected a name that ends in"):
        show.write(ax, tmp_path / "rate_0.1")
