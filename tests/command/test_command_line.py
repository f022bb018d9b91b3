"""The command line: exit codes, JSON, quietness, and start-up without TensorFlow."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tf_gd
from tf_gd.command import advice, cli, command_line, doctor, listing, tutorials


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def _json(capsys, *arguments):
    code = cli.main([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_list(capsys):
    assert cli.main(["list"]) == 0
    out = capsys.readouterr().out
    for name in tf_gd.objectives.names():
        assert name in out
    assert max(map(len, out.splitlines())) <= 80
    code, listed = _json(capsys, "list")
    assert code == 0
    assert [o["name"] for o in listed["objectives"]] == tf_gd.objectives.names()
    assert next(o for o in listed["objectives"] if o["name"] == "booth")["minima"] == [[1.0, 3.0]]


def test_list_cuts_nothing_and_columns_do_not_touch(capsys):
    cli.main(["list"])
    functions, scripts = capsys.readouterr().out.split("Tutorials")
    listed = re.split(r"^  (?=\S)", functions, flags=re.MULTILINE)[1:]
    assert len(listed) == len(tf_gd.objectives.names())
    for entry in listed:
        name, dimension, formula = re.split(r"  +", entry, maxsplit=2)
        known = tf_gd.objectives.get(name)
        assert dimension == f"{known.dim}-D"
        assert " ".join(formula.split()) == known.formula
    beale = next(entry for entry in listed if entry.startswith("beale"))
    assert re.search(r"\n {24,}\+ \(2.625", beale), "goes on below, indented, from a sign on"
    lines = [line.strip() for line in scripts.splitlines()]
    shown = [line for line in lines if re.match(r"\d\d  ", line)]
    assert shown == [f"{t.number}  {t.title}" for t in tutorials.find()]
    assert lines.index("The problem, slides 2 to 10") + 1 == lines.index(shown[1])


def test_a_long_name_a_long_formula_and_a_long_title_fit_into_80_columns():
    long = " + ".join(f"{n} x{n}^2" for n in range(40))
    objectives = [tf_gd.Objective("n" * 30, abs, start=[1.0], formula=long)]
    script = tutorials.Tutorial("07_x", "very long, " * 20 + "indeed", Path("07_x.py"))
    text = listing.listing(objectives, [script])
    assert max(map(len, text.splitlines())) <= 80
    assert long in " ".join(text.split())
    assert script.title in " ".join(text.split())


def test_run(capsys, tmp_path):
    code, result = _json(capsys, "run", "square", "--start=10", "--learning-rate=0.2", "--steps=10", "--output-dir=out")
    assert code == 0
    assert result["final_point"][0] == pytest.approx(10 * 0.6**10, rel=1e-5)
    assert result["settings"]["mode"] == "xla"
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["square_loss.png", "square_path.png"]
    assert sorted(result["files"]) == ["out/square_loss.png", "out/square_path.png"]


def test_the_data_are_saved_when_asked_for(capsys):
    assert cli.main(["run", "booth", "--steps=10", "--save-data", "--output-dir=out"]) == 0
    assert "\nsaved out/booth.npz\n" in capsys.readouterr().out
    assert tf_gd.Trajectory.load("out/booth.npz").steps == 10


def test_run_prints_a_table(capsys):
    assert cli.main(["run", "booth", "--tolerance=1e-3", "--learning-rate=0.05"]) == 0
    out = capsys.readouterr().out
    assert "converged" in out
    assert "saved pictures" in out
    assert max(map(len, out.splitlines())) <= 80


def test_divergence_is_exit_code_1_and_a_hint(capsys):
    assert cli.main(["run", "square", "--learning-rate=1.1", "--steps=5"]) == 1
    captured = capsys.readouterr()
    assert "diverged" in captured.out
    assert "try --learning-rate=0.9." in captured.err
    code, result = _json(capsys, "run", "square", "--learning-rate=2", "--steps=1000")
    assert code == 1
    assert result["final_gradient_norm"] is None  # infinite: JSON has no number for it


def test_a_function_of_ones_own(capsys, tmp_path):
    (tmp_path / "my_functions.py").write_text("def cup(x):\n    return x[0] ** 2 + 3.0 * x[1] ** 2\n")
    code, result = _json(capsys, "run", "my_functions:cup", "--start=1,1", "--learning-rate=0.1", "--steps=3")
    assert code == 0
    np.testing.assert_allclose(result["final_point"], [0.8**3, 0.4**3], rtol=1e-5)


def test_compare(capsys):
    code, result = _json(capsys, "compare", "himmelblau", "--momentum=0.9", "--nesterov", "--steps=50")
    assert code == 0
    assert result["identical"] is True
    assert result["max_ulp"] == 0
    assert cli.main(["compare", "rosenbrock", "--learning-rate=0.001", "--dtype=float64", "--steps=20"]) == 1
    assert "rounds the learning rate" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "rosenbrok"], "Did you mean 'rosenbrock'"),
        (["run", "square", "--start=a"], "expected numbers with commas between"),
        (["run", "square", "--start=1,2"], "expected 1 for 'square'"),
        (["run", "square", "--start=nan"], "expected finite coordinates"),
        (["run", "square", "--learning-rate=-1"], "--learning-rate: got -1.0"),
        (["run", "square", "--learning-rate=nan"], "--learning-rate: got nan"),
        (["run", "square", "--momentum=2"], "--momentum: got 2.0"),
        (["run", "square", "--steps=-1"], "--steps: got -1"),
        (["run", "square", "--mode=fast"], "--mode: got 'fast'"),
        (["run", "square", "--device=GPU:9"], "--device: got 'GPU:9'"),
        (["run", "no_such_module:f"], "cannot import 'no_such_module'"),
        (["run", "json:no_such_function"], "expected a function called 'no_such_function'"),
        (["run", "json:dumps"], "--start: got none, expected a point to start from, for example --start=1,2"),
        (["compare", "json:dumps"], "for example --start=1,2"),
        (["run", "square", "--start="], "--start: got an empty array"),
        (["run", "booth", "--start=1"], "for example --start=-8.0,8.0."),
        (["run", "square", "--record-every=0"], "--record-every: got 0"),
        (["run", "square", "--tolerance=-1"], "--tolerance: got -1.0"),
        (["run", "square", "--dtype=int"], "--dtype: got 'int'"),
        (["run", "square", "--checkpoint=/dev/null/x"], "--checkpoint: cannot write to"),
        (["run", "square", "--start=1e300"], "--start: got [inf]"),
        (["run", "json:dumps", "--start=1"], "raised TypeError"),
        (["compare", "square", "--output-dir=/dev/null/x"], "--output-dir: cannot write to"),
        (["tour", "99"], "tutorial: got '99'"),
        (["tour", "learning"], "or a name that tf-gd list shows. Did you mean '06_learning_rate'"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_one_line(arguments, message, capsys):
    assert cli.main(arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""
    assert "Traceback" not in captured.err


@pytest.mark.parametrize("arguments", [[], ["fly"], ["run"], ["run", "square", "--steps=x"], ["list", "--frobnicate"]])
def test_argparse_says_usage(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    assert stopped.value.code == 2
    assert "usage: tf-gd" in capsys.readouterr().err


def test_tf_gd_alone_says_what_to_do_first(capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main([])
    assert stopped.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("usage: tf-gd ")
    examples = [line.split() for line in captured.err.splitlines() if line.startswith("  tf-gd ")]
    assert [words[1] for words in examples] == ["tour", "list", "run", "compare"]
    for _, command, argument, *_ in examples:
        assert command in ("tour", "list") or argument in tf_gd.objectives.names()


@pytest.mark.parametrize("command", ["", "tour", "list", "run", "compare", "launch", "doctor"])
def test_help_fits_into_80_columns(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        cli.main([*command.split(), "--help"])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    options = [line for line in lines if line.startswith("  -")]
    assert options
    assert all(re.search(r"\S  +\S", line) for line in options), "each says what it is, in its line"


def _without_tensorflow(code: str) -> str:
    """Run code where importing TensorFlow or Keras is an error."""
    block = "import sys; sys.modules['tensorflow'] = sys.modules['keras'] = None\n"
    return subprocess.run([sys.executable, "-c", block + code], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["list"], ["run", "--help"]])
def test_help_version_and_list_do_not_import_tensorflow(arguments):
    code = f"from tf_gd.command.cli import main\ntry: main({arguments})\nexcept SystemExit as e: assert e.code == 0"
    assert _without_tensorflow(code)


def test_importing_the_package_does_not_import_tensorflow():
    assert _without_tensorflow("import tf_gd; print(tf_gd.__version__, len(dir(tf_gd)))").startswith(tf_gd.__version__)


def test_a_misspelt_public_name_is_told():
    with pytest.raises(AttributeError, match="no attribute 'gradient_decent'; its public names are"):
        tf_gd.gradient_decent  # noqa: B018


@pytest.mark.slow
@pytest.mark.parametrize("first", ["compare_training", "compare", "updates"])
def test_every_public_name_loads_whatever_was_loaded_first(first):
    """A subpackage must not take the place of a function of the same name."""
    code = (
        f"import tf_gd; tf_gd.{first}\n"
        "for name in tf_gd.__all__: getattr(tf_gd, name)\n"
        "assert callable(tf_gd.compare) and callable(tf_gd.fit), tf_gd.compare"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_a_run_is_quiet(tmp_path):
    """Nothing but the table: no log line of TensorFlow, in a process of its own."""
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    command = [sys.executable, "-m", "tf_gd", "run", "booth", "--steps=5"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
    assert done.returncode == 0
    assert done.stderr == ""


@pytest.mark.parametrize("backend", ["jax", "numpy"])
def test_another_backend_of_keras_is_refused(backend, tmp_path):
    command = [sys.executable, "-m", "tf_gd", "compare", "square"]
    environment = {**os.environ, "KERAS_BACKEND": backend}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert f"Keras backend: got '{backend}', expected 'tensorflow'" in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor(capsys, monkeypatch):
    assert cli.main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "all is well" in out
    assert "tensorflow" in out
    code, found = _json(capsys, "doctor")
    assert code == 0
    assert found["settings"]["keras backend"] == "tensorflow"
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1")
    assert cli.main(["doctor"]) == 1
    assert "Unset it" in capsys.readouterr().out


def test_doctor_names_untested_versions(monkeypatch):
    monkeypatch.setattr(doctor, "_version", lambda package: "2.15.0" if package == "tensorflow" else "not installed")
    problems = " ".join(doctor.examine().problems)
    assert "only 2.18 to 2.21 are tested" in problems
    assert "keras is not installed" in problems
    monkeypatch.setattr(doctor, "_version", {"tensorflow": "2.19.1", "keras": "3.9.0"}.get)
    (problem,) = (one for one in doctor.examine().problems if "tested" in one)
    assert problem.startswith("keras 3.9.0: only 3.10 to 3.15 are tested")


def test_a_module_that_cannot_be_imported_or_a_function_undefined_everywhere(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken_module.py").write_text("1 / 0")
    (tmp_path / "undefined_function.py").write_text(
        "import tensorflow as tf\nf = lambda x: tf.reduce_sum(x * float('nan'))\n"
    )
    for name in ("broken_module:f", ":", ":f", "math:"):
        assert cli.main(["run", name, "--start=1,2"]) == 2
        assert "objective: got" in capsys.readouterr().err
    assert cli.main(["run", "undefined_function:f", "--start=1,2"]) == 1
    assert "non_finite" in capsys.readouterr().out


def test_a_comparison_of_two_runs_that_diverged_says_the_rate_that_theory_allows(capsys):
    assert cli.main(["compare", "square", "--learning-rate=1.5", "--steps=20"]) == 0
    captured = capsys.readouterr()
    assert "identical: yes" in captured.out
    assert "2/L = 1 " in captured.err


@pytest.mark.parametrize("typed", [["--start=-1,2"], ["--start", "-1,2"], ["--start", "-1", "2"], ["--start", "-1,", "2"]])
def test_a_start_may_be_typed_as_people_type_it(typed, capsys):
    code, report = _json(capsys, "run", "booth", *typed, "--steps=0")
    assert code == 0
    assert report["final_point"] == [-1.0, 2.0]


def test_the_options_of_a_launched_script_are_left_alone():
    typed = ["launch", "--workers", "2", "train.py", "--start", "-1", "2"]
    assert command_line.joined(typed) == typed


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["rn", "booth"], "'run'"),
        (["run", "booth", "--lerning-rate=0.1"], "'--learning-rate'"),
        (["compare", "booth", "--nesterow"], "'--nesterov'"),
        (["doctr"], "'doctor'"),
        (["tour", "--shw"], "'--show'"),
    ],
)
def test_a_mistyped_option_or_command_is_guessed(typed, meant, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(typed)
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert f"Did you mean {meant}?" in error
    assert f"usage: tf-gd {typed[0]}" in error or len(typed) < 2 or typed[0] == "rn", "of that command"


@pytest.mark.parametrize(
    "typed",
    [
        ["run", "himelblau"],
        ["compare", "himelblau"],
        ["run", "booth", "--learning-rate=0"],
        ["run", "booth", "--momentum=-1"],
        ["run", "booth", "--steps=-1"],
        ["run", "booth", "--start=a"],
        ["run", "booth", "--record-every=0"],
    ],
)
def test_what_is_wrong_is_said_before_tensorflow_is_imported(typed):
    code = "import sys; from tf_gd.command import cli; print(cli.main(sys.argv[1:]), 'tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, *typed], capture_output=True, text=True, check=True)
    assert done.stdout == "2 False\n"
    assert done.stderr.startswith(f"tf-gd {typed[0]}: ")


def test_nesterov_without_momentum_is_told(capsys):
    assert cli.main(["run", "booth", "--nesterov", "--steps=5"]) == 0
    captured = capsys.readouterr()
    assert "--nesterov does nothing without a momentum" in captured.err
    assert captured.out.startswith("booth from (-8, 8), learning rate 0.01\n")


def test_a_file_of_the_user_is_left_where_pictures_go():
    Path(".tf_gd").write_text("mine")
    assert cli.main(["run", "booth", "--steps=5", "--output-dir=."]) == 0
    assert Path(".tf_gd").read_text() == "mine"


@pytest.mark.parametrize("word", ["", "99", "4x"])
def test_no_such_tutorial(word):
    with pytest.raises(ValueError, match=r"tutorial: got .*expected a number from 00 to 21"):
        tutorials.choose([word])


@pytest.mark.parametrize("word", ["4", "04", "04.py", "04_which_way_is_down", "tutorials/04_which_way_is_down.py"])
def test_a_tutorial_by_number_name_or_file(word):
    assert [one.number for one in tutorials.choose([word])] == ["04"]


def test_no_function_of_that_name_in_a_module_without_a_file(capsys):
    assert cli.main(["run", "sys:nope", "--start=1"]) == 2
    assert "expected a function called 'nope' in the module sys" in capsys.readouterr().err


def test_ctrl_c_ends_the_advice(monkeypatch):
    path = tf_gd.gradient_descent("square", [10.0], learning_rate=1.1, steps=300)
    stopped = type("Stopped", (), {"outcome": "interrupted"})
    monkeypatch.setattr(tf_gd, "gradient_descent", lambda *args, **settings: stopped)
    with pytest.raises(KeyboardInterrupt):
        advice.advice(path, {**path.settings, "learning_rate": 1.1})


EXPLAINED = """
import keras, numpy as np, tensorflow as tf
print("printed by the module")
def build_model():
    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return model
def data():
    return np.random.default_rng(0).normal(size=(24, 2)).astype("float32"), np.ones((24, 1), "float32")
def train_step(model, x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(0.5 * (model(x) - y) ** 2)
    for w, g in zip(model.trainable_variables, tape.gradient(loss, model.trainable_variables)):
        w.assign_sub(0.1 * g)
    return loss
"""


def test_explain(tmp_path, capsys, monkeypatch):
    (tmp_path / "mine_to_explain.py").write_text(EXPLAINED)
    given = ["explain", "mine_to_explain:train_step", "--model", "mine_to_explain:build_model"]
    given += ["--data", "mine_to_explain:data", "--steps", "4", "--batch-size", "8"]
    code, report = _json(capsys, *given)
    assert code == 1
    assert report["causes"][0]["name"].startswith("half the loss")
    assert cli.main(given) == 1
    out = capsys.readouterr().out
    assert "1. half the loss" in out
    assert max(map(len, out.splitlines())) <= 80
    assert cli.main([*given, "--optimizer", "adam", "--loss", "mse"]) == 1
    capsys.readouterr()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["explain", "train_step", "--model", "a:b", "--data", "a:b"], "train_step: got 'train_step', expected module:name"),
        (["explain", "no_such_module:f", "--model", "a:b", "--data", "a:b"], "train_step: .* cannot import"),
        (["explain", "leaves_at_once:f", "--model", "a:b", "--data", "a:b"], r"train_step: .*cannot import.*SystemExit"),
    ],
)
def test_explain_says_what_it_cannot_find(given, message, tmp_path, capsys):
    (tmp_path / "leaves_at_once.py").write_text("raise SystemExit(3)")
    assert cli.main(given) == 2
    assert re.search(message, capsys.readouterr().err)
