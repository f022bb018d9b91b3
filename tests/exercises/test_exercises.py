"""The exercises: solutions pass, mistakes get their own hints, and nothing that is wrong passes."""

import ast
import difflib
import hashlib
import os
import re

import numpy as np
import pytest
from mutants_of_solutions import mutants

from tf_gd import exercises
from tf_gd.exercises import checking
from tf_gd.exercises.comparing import first_difference
from tf_gd.exercises.exercise import MARK, course

COURSE = course()
SLOW = {"train_step", "broadcast", "penalty", "forgetful"}  # they train Keras models
MENDED = {"none", "rebound", "broadcast", "penalty", "forgetful", "last_batch"}  # no gap, but a fault
MANY = int(os.environ.get("TF_GD_MUTANTS", "40"))  # of each exercise; 400 make 10,000


def of(names):
    return [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in names]


EACH = pytest.mark.parametrize("name", of(COURSE))


def checked(name, function, seed, shown=1):
    exercise = COURSE[name]
    return checking._checked(exercise, function, f"<{name}>", seed, shown)


def test_there_are_enough():
    mistakes = {name: len(exercise.answers.MISTAKES) for name, exercise in COURSE.items()}
    assert len(COURSE) >= 24
    assert sum(mistakes.values()) >= 80
    assert min(mistakes.values()) >= 3


@EACH
def test_the_task_is_short_and_gives_nothing_away(name):
    exercise = COURSE[name]
    statement = exercise.task.split('"""')[1].strip().splitlines()
    assert 3 <= len(statement) <= 10, "a title, a blank line, two to eight lines"
    assert max(map(len, exercise.task.splitlines())) <= 80
    assert MARK not in exercise.task
    assert "solution" not in exercise.task
    assert ("NotImplementedError" in exercise.task) == (name not in MENDED)
    assert exercise.line_with(exercise.answers.LINE) not in exercise.task.replace(statement[0], "") or name in MENDED
    tutorials = {path.stem for path in (checking.Path(exercises.__file__).parents[2] / "tutorials").glob("*.py")}
    assert exercise.answers.AFTER in tutorials


@EACH
def test_the_solution_passes_a_hundred_draws(name):
    draws = len(checking.Draws(COURSE[name], 0).order)
    often = 100 if name not in SLOW or MANY > 40 else 20  # the others by night
    for seed in range(-(-often // draws)):
        report = checked(name, COURSE[name].answers.solution, seed)
        assert report.passed, str(report)
        assert not report.hints


MISTAKES = [
    pytest.param(name, number, marks=[pytest.mark.slow] * (name in SLOW))
    for name in COURSE
    for number in range(len(re.findall(r"\n    Mistake\(", COURSE[name].path.read_text())))
]
OTHER_NAMES = {"tape": "recorded", "loss": "mean_error", "gradients": "slopes", "v": "speed", "i": "first", "_": "round_",
               "k": "made", "x": None}  # fmt: skip


@pytest.mark.parametrize(("name", "number"), MISTAKES)
def test_each_mistake_gets_its_own_hint(name, number, tmp_path):
    """As a student writes it: in the file, under the name of the task, with variables named otherwise."""
    exercise = COURSE[name]
    mistake = exercise.answers.MISTAKES[number]
    assert exercise.source.count(mistake.right) == 1
    written = exercise.written().replace(mistake.right, mistake.wrong)
    for old, new in OTHER_NAMES.items():
        if new and old not in re.findall(r"\w+", written.split("\n")[0]):
            written = re.sub(rf"(?<![\w.'\"]){old}(?!\w|=[^=])", new, written)
    head = exercise.task[: exercise.task.rindex("\ndef " if "def solution" in exercise.source else "\nclass ")]
    path = tmp_path / exercise.file_name
    path.write_text(f"{head}\n{written}")
    report = checking.check_file(exercise, path, seed=100 + number)
    assert not report.passed, mistake.name
    assert mistake.name in report.mistake, str(report)
    assert mistake.name in report.hints[1]
    assert exercise.line_with(mistake.right) in report.hints[2], report.hints[2]


@EACH
def test_what_is_not_written_fails_with_a_message_that_helps(name, tmp_path):
    exercise = COURSE[name]
    path = tmp_path / exercise.file_name
    for text, state, said in (
        (
            exercise.task,
            "wrong" if name in MENDED else "not written",
            "got|still to be written|NoneType|Line 16: TypeError: Cannot convert",
        ),
        ("", "not written", f"is empty.*tf-gd exercises reset {name}"),
        (exercise.task + "\ndef broken(:\n", "error", r"Line \d+: this is not Python"),
        ("import tensorflow as tf\n", "error", f"There is no {exercise.gap} in"),
        (exercise.task.replace('"""', "", 1), "error", r"Line \d+: "),
        (exercise.task + "\nraise SystemExit\n", "error", r"Line \d+: SystemExit"),
        (exercise.task + "\nimport no_such_module\n", "error", r"Line \d+: ModuleNotFoundError"),
    ):
        path.write_text(text)
        report = checking.check_file(exercise, path, seed=1)
        assert not report.passed
        assert report.state in (state, "error"), str(report)
        assert re.search(said, report.hints[0]), str(report)
        assert "Traceback" not in str(report)
    path.unlink()
    assert f"Get it back: tf-gd exercises reset {name}" in checking.check_file(exercise, path).hints[0]


@EACH
def test_an_answer_of_fixed_numbers_fails(name):
    exercise = COURSE[name]
    draws = checking.Draws(exercise, 1)
    fixed = draws.expected(draws.order[0])
    if name == "own_optimizer":
        pytest.skip("a class is asked for")
    for answer in (fixed, None, 0.0, np.zeros(3), "converged", [], object()):
        report = checked(name, lambda *_, answer=answer, **__: answer, seed=2)
        assert not report.passed, answer
        assert report.state in ("wrong", "error")


@pytest.mark.parametrize("off", [1.001, 0.99])
def test_numbers_a_thousandth_off_are_told(off):
    expected = np.array([[1.0, -2.0], [0.25, 3.0]])
    for at in np.ndindex(2, 2):
        got = expected.copy()
        got[at] *= off
        found = first_difference(got, expected, ["the path"], 1e-4)
        assert found.where == f"the path, row {at[0]}, column {at[1]}"
        assert float(found.got) == pytest.approx(got[at], rel=1e-3)
        assert float(found.expected) == expected[at]
    assert first_difference(expected * (1 + 1e-6), expected, ["the path"], 1e-4) is None
    assert first_difference(expected * (1 + 1e-6), expected, ["the path"], 0.0) is not None
    assert first_difference(float("nan"), 1.0, ["x"], 1e-4).got == "nan"
    assert first_difference((1.0, "converged"), (1.0, "diverged"), ["x", "how"], 1e-4).where == "how"


EQUIVALENT = (checking.Path(__file__).parent / "equivalent_answers.txt").read_text()


def described(name, text):
    """Return an answer as equivalent_answers.txt lists it: a hash, the exercise, and the lines that are changed."""
    before = ast.unparse(ast.parse(COURSE[name].source)).splitlines()
    lines = (line for line in difflib.ndiff(before, text.splitlines()) if line[0] in "+-")
    changed = " | ".join(f"{line[0]} {line[2:].strip()}" for line in lines)
    return f"{hashlib.sha256(text.encode()).hexdigest()[:12]} {name} | {changed}"


@EACH
def test_no_changed_solution_passes_unless_it_is_the_same(name, monkeypatch):
    """Operators, signs, constants, names and the order of lines are changed, one to three at a time."""
    exercise = COURSE[name]
    monkeypatch.setattr(checking, "mistakes_of", lambda *_: [])
    monkeypatch.setattr(exercise.answers, "SECONDS", 2.0, raising=False)
    monkeypatch.setattr(exercise.answers, "explain", lambda _: "", raising=False)
    tried = 0
    count = MANY if MANY > 40 else 40 - 32 * (name in SLOW)
    for number, text in enumerate(mutants(exercise.source, count, seed=MANY)):
        try:
            function = exercise.varied(text)
        except Exception:
            continue
        tried += 1
        if checked(name, function, number).passed:
            assert described(name, text) in EQUIVALENT.splitlines(), text
    assert tried >= 5


def test_the_report_for_a_notebook():
    import tensorflow as tf

    def wrong(f, x, learning_rate):
        x = tf.Variable(x)
        with tf.GradientTape() as tape:
            y = f(x)
        return x + learning_rate * tape.gradient(y, x)

    report = exercises.check("one_step", wrong, seed=3)
    assert report.title == "one_step: not yet"
    assert "expected" in report.hints[0]
    assert report.mistake == "it goes uphill: the gradient is added"
    assert re.search(r"Look at line \d+: return x \+ learning_rate", report.hints[2])
    assert str(report).count("\n") <= 4
    assert max(map(len, str(exercises.check("one_step", wrong, seed=3, hints=3)).splitlines())) <= 80
    html = report._repr_html_()
    assert html.count("<details>") == 2
    assert "(x0 " in html
    assert exercises.check("04", COURSE["one_step"].answers.solution).passed
    with pytest.raises(ValueError, match=r"name: got 'one_stp', expected the name, .*Did you mean 'one_step'"):
        exercises.check("one_stp", wrong)
    with pytest.raises(TypeError, match="function: got 3, expected the function"):
        exercises.check("one_step", 3)


FAULTS = {
    "while True:\n        pass": ("time", r"did not end within 5 seconds; it was stopped at line \d+"),
    "return 1 / 0": ("error", r"Line \d+: ZeroDivisionError"),
    "return x[0]": ("wrong", "got a number, expected an array of shape"),
    "return": ("wrong", r"got None, expected an array of shape \(2,\)\. Line 4 is the last"),
    "exit()": ("error", r"Line \d+: SystemExit"),
    "raise KeyError('a')": ("error", r"Line \d+: KeyError"),
    "return step(f, x, learning_rate)": ("error", r"Line \d+: RecursionError"),
    "return 'x'": ("wrong", "got str x, expected an array"),
    "return input()": ("error", r"Line \d+: (EOFError|OSError)"),
    "try:\n        while True:\n            pass\n    except BaseException:\n        raise": ("time", "stopped at line"),
}


@pytest.mark.parametrize("body", FAULTS)
def test_a_fault_is_told_in_a_line_with_its_number(body, tmp_path):
    state, said = FAULTS[body]
    path = tmp_path / "04_one_step.py"
    path.write_text(f"def step(f, x, learning_rate):\n    print('here', x)\n    print()\n    {body}\n")
    report = checking.check_file(COURSE["one_step"], path)
    assert report.state == state
    assert re.search(said, report.hints[0]), str(report)
    assert report.notes[0].startswith("Note: line 2 prints 'here [")
    assert "Traceback" not in str(report)
    if "Line" in said:
        assert report.line in ((2, 4) if "step(" in body else (4,))
