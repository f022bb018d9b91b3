"""What ``tf-gd run`` says of a run that diverged: a rate by theory, and one that works."""

import re

import numpy as np
import pytest

import tf_gd
from tf_gd.command import cli

FUNCTIONS = """
import tensorflow as tf
def quartic(x): return x[0] ** 4
def cubic(x): return x[0] ** 3
def root(x): return tf.sqrt(x[0])
def undefined(x): return x[0] * float("nan")
def of_float32(x): return tf.constant(3.0) * x[0] ** 2
@tf.custom_gradient
def uphill(x): return x[0] ** 2, lambda upstream: -upstream * x
"""


@pytest.fixture(autouse=True)
def _functions_and_no_pictures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tf_gd.Trajectory, "plot", lambda self: None)
    monkeypatch.setattr(tf_gd.show, "plot_losses", lambda losses: None)
    monkeypatch.setattr(cli.output, "save", lambda directory, pictures: [])
    (tmp_path / "functions_that_diverge.py").write_text(FUNCTIONS)


def advice_for(capsys, *arguments: str) -> str:
    """Return what is said of a run that fails, on one line."""
    arguments = tuple(word.replace("my:", "functions_that_diverge:") for word in arguments)
    assert cli.main(["run", *arguments]) == 1
    err = capsys.readouterr().err
    assert max(map(len, err.splitlines())) <= 80
    return " ".join(err.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["square", "--learning-rate=1.1"],
        ["square", "--learning-rate=2.5", "--momentum=0.9", "--steps=100"],
        ["square", "--learning-rate=1.2", "--momentum=0.9", "--nesterov"],
        ["rosenbrock", "--learning-rate=0.01"],
        ["rosenbrock", "--learning-rate=0.01", "--momentum=0.9"],
        ["rosenbrock", "--learning-rate=0.01", "--start=5,-3", "--dtype=float64"],
        ["himmelblau", "--learning-rate=0.1", "--mode=eager", "--steps=50"],
        ["beale", "--learning-rate=1", "--record-every=7"],
        ["three_hump_camel", "--learning-rate=1", "--start=-1.5,1"],
        ["my:quartic", "--start=10", "--learning-rate=1"],
        ["my:of_float32", "--start=10", "--learning-rate=1"],
    ],
    ids=" ".join,
)
def test_what_it_advises_works(arguments, capsys):
    said = advice_for(capsys, *arguments)
    (rate,) = re.findall(r"try --learning-rate=(\S+)\.$", said)
    again = [word for word in arguments if "--learning-rate" not in word]
    again = [word.replace("my:", "functions_that_diverge:") for word in again]
    assert cli.main(["run", *again, f"--learning-rate={rate}", "--json"]) == 0


ROSENBROCK = [[802.0, -400.0], [-400.0, 200.0]]  # its second derivatives at (1, 1), by hand


@pytest.mark.parametrize(
    ("arguments", "rule", "limit", "where"),
    [
        (["square", "--learning-rate=1.1"], "2/L", 1.0, "the minimum (0)"),
        (["square", "--learning-rate=2.5", "--momentum=0.9"], "2 (1 + m)/L", 1.9, "minimum (0)"),
        (
            ["square", "--learning-rate=1.2", "--momentum=0.9", "--nesterov"],
            "2 (1 + m)/((1 + 2m) L)",
            1.9 / 2.8,
            "the minimum (0)",
        ),
        (
            ["rosenbrock", "--learning-rate=0.01"],
            "2/L",
            2 / np.linalg.eigvalsh(ROSENBROCK)[-1],
            "the minimum (1, 1)",
        ),
        (["himmelblau", "--learning-rate=1", "--start=-4,-4"], "2/L", None, "(-3.779, -3.283)"),
        (["my:quartic", "--start=10", "--learning-rate=1"], "2/L", 2 / 1200, "the start (10)"),
    ],
)
def test_the_limit_and_where_it_was_taken(arguments, rule, limit, where, capsys):
    said = advice_for(capsys, *arguments)
    found = re.search(r"theory allows rates below (.+?) = (\S+) .*\(L = (\S+), (.*?)\); ", said)
    assert found[1] == rule
    assert found[4].startswith("the largest curvature at ")
    assert where in found[4]
    if limit is not None:
        assert float(found[2]) == pytest.approx(limit, rel=1e-5)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("nesterov", [False, True])
def test_the_rule_with_momentum_is_where_a_quadratic_begins_to_diverge(momentum, nesterov):
    """The formulas in the advice, against runs on both sides of the limit."""
    limit = 2 * (1 + momentum) / (2 * (1 + 2 * momentum if nesterov else 1))
    settings = dict(momentum=momentum, nesterov=nesterov, steps=2000, dtype="float64")
    run = tf_gd.gradient_descent("square", learning_rate=0.99 * limit, **settings)
    assert run.losses[-1] < 1e-3
    assert tf_gd.gradient_descent("square", learning_rate=1.01 * limit, **settings).losses[-1] > 1e3


def test_a_rate_below_the_limit_that_is_too_large_on_the_way(capsys):
    """At a minimum of the double well L is 8; far out it is much steeper."""
    said = advice_for(capsys, "double_well", "--start=9", "--learning-rate=0.1")
    assert "theory allows rates below 2/L = 0.25 (L = 8, " in said, "12 x^2 - 4 at 1"
    assert "on the way it is steeper; try --learning-rate=" in said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["saddle", "--learning-rate=0.5"], "The function falls without end: the run was at -"),
        (["my:cubic", "--start=-1", "--learning-rate=0.1"], "falls without end"),
        (["my:undefined", "--start=1"], "nan at the start already"),
        (["my:root", "--start=0"], "no smaller rate that was tried goes down either"),
        (["my:uphill", "--start=1"], "no smaller rate that was tried goes down either"),
    ],
)
def test_where_no_rate_helps_none_is_advised(arguments, expected, capsys):
    said = advice_for(capsys, *arguments)
    assert expected in said
    assert "--learning-rate" not in said
    assert "try another --start" in said
