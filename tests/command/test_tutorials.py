"""The tutorials: each is run once, and its numbers, its answers and its form are looked at."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pages
import pytest
from expected_values import ROWS, VALUES

from tf_gd.command import tutorials

SCRIPTS = tutorials.find()
SLIDES = {
    2: "why optimization matters",
    3: "three components",
    4: "the mathematical model",
    5: "equivalent forms",
    6: "solving an optimization problem",
    9: "how that is done",
    11: "descent direction in one dimension",
    12: "gradient descent",
    13: "gradient descent in higher dimensions",
    14: "the update rule",
    15: "the learning rate",
    16: "where will we converge",
    17: "solving problems in practice",
}
ALONE = "21_several_workers"  # its replicas want a process in which no other strategy has run
RUN_OF_SLIDES = {6: "6-8", 9: "9-10"}


def _source(tutorial) -> str:
    return tutorial.path.read_text(encoding="utf-8")


def _code(tutorial) -> list[str]:
    body = _source(tutorial).split('"""', 2)[2]
    return [line for line in body.splitlines() if line.strip() and not line.lstrip().startswith("#")]


@pytest.mark.parametrize("tutorial", SCRIPTS, ids=lambda t: t.name)
def test_a_page_finds_what_it_should_and_its_answers_are_right(tutorial, tmp_path, monkeypatch):
    if tutorial.name == ALONE and "TF_GD_ALONE" not in os.environ:
        this = f"{__file__}::test_a_page_finds_what_it_should_and_its_answers_are_right[{ALONE}]"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", this]
        run = dict(cwd=Path(__file__).parents[2], env={**os.environ, "TF_GD_ALONE": "1"}, check=False)
        done = subprocess.run(command, capture_output=True, text=True, **run)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "1 passed" in done.stdout
        return
    monkeypatch.chdir(tmp_path)
    keras.utils.clear_session()
    run = pages.run(tutorial)
    assert 1 <= len(run.claims) <= 4
    assert all(claim.holds for claim in run.claims)
    pictures = re.findall(r"^saved (.+)$", run.output, re.MULTILINE)
    assert 1 <= len(pictures) <= 3
    for expression, expected, within, source, *last in VALUES[tutorial.name]:
        found = eval(expression, run.variables)
        found = found[last[0]] if last else found
        _agrees(f"{tutorial.name}: {expression} ({source})", found, expected, within)
    printed = run.rows()
    for row in ROWS.get(tutorial.name, ()):
        close = [np.allclose(row, line, rtol=1e-4, atol=1.1e-4) for line in printed if len(line) == len(row)]
        assert any(close), f"{tutorial.name} does not print the row {np.round(row, 4).tolist()}"
    for question in pages.questions(_source(tutorial)):
        assert not (wrong := pages.wrong_answers(tutorial.name, question, run.variables)), wrong


def _agrees(what, found, expected, within):
    if isinstance(expected, str | bool | tuple) or (isinstance(expected, list) and isinstance(expected[0], str)):
        assert found == expected, f"{what}: found {found}"
    else:
        np.testing.assert_allclose(np.asarray(found, "float64"), expected, rtol=0, atol=within, err_msg=what)


@pytest.mark.parametrize("tutorial", SCRIPTS, ids=lambda t: t.name)
def test_form(tutorial):
    """Short and narrow, in cells, on public names, few claims, the loop typed, and questions with answers."""
    source, code = _source(tutorial), _code(tutorial)
    lines = source.splitlines()
    assert len(lines) < 150
    assert max(map(len, lines)) <= 84
    assert source.count("\n# %%") >= 4
    assert re.match(rf'"""\n{tutorial.number} .+\n=+\n', source), "its number and title"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("tf_gd"):
            assert not any(alias.name.startswith("_") for alias in node.names)
        assert not (isinstance(node, ast.Attribute) and node.attr == "getsource")
    assert sum("claim(" in line for line in code) <= 0.08 * len(code)
    assert 2 <= len(pages.questions(source)) <= 3
    assert source.count(".. dropdown:: Answer") == len(pages.questions(source))


@pytest.mark.parametrize("tutorial", SCRIPTS, ids=lambda t: t.name)
def test_tape_gradient_and_update_are_typed(tutorial):
    """In this order, and before the library's own call."""
    code = "\n".join(_code(tutorial))
    tape, gradient = code.index("tf.GradientTape("), code.index(".gradient(")
    update = re.search(r"assign_sub\(|assign_add\(|x = x - |w = w - |\.assign\(project|vector = outer", code)
    assert update, "no update"
    assert tape < gradient
    if tutorial.name[:2] not in ("01", "02", "07", "20"):  # which need page 00's loop, or measure curvature
        assert re.search(r"^ *for .+:\n", code, re.MULTILINE)
    ours = re.search(r"tf_gd\.(gradient_descent|fit|multi_start|keras_descent|compare)\(", code)
    assert ours is None or tape < ours.start(), "the library's call comes first"


@pytest.mark.parametrize("tutorial", SCRIPTS, ids=lambda t: t.name)
def test_it_follows_slides_that_exist_and_builds_on_pages_before_it(tutorial):
    about = _source(tutorial).split('"""')[1]
    quoted = re.findall(r'slides? (\d+)(?: (?:to|and) \d+)?\s+"([^"]+)"', " ".join(about.split()))
    assert quoted or tutorial.number == "00"
    for number, title in quoted:
        assert SLIDES[int(number)] == title
    for page in re.findall(r"[Yy]ou need pages? ([\d and]+)", " ".join(about.split())):
        for number in re.findall(r"\d\d", page):
            assert number < tutorial.number


def test_the_course_maps_each_slide_to_pages_that_follow_it():
    course = (tutorials.find()[0].path.parents[1] / "docs" / "course.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([\d-]*) \| (.+?) \|(.*)\|$", course, re.MULTILINE)
    mapped = {number: (title, re.findall(r"tutorials/(\w+)\.py", linked)) for number, title, linked in rows if number}
    assert list(mapped) == ["1", *(RUN_OF_SLIDES.get(slide, str(slide)) for slide in SLIDES)]
    for slide, title in SLIDES.items():
        found, linked = mapped[RUN_OF_SLIDES.get(slide, str(slide))]
        assert found == title
        follow = {t.name for t in SCRIPTS if f'"{title}"' in " ".join(_source(t).split('"""')[1].split())}
        assert set(linked) == follow, title
    titles = dict(re.findall(r"\[(\d\d [^\]]+)\]\(\.\./tutorials/(\w+)\.py\)", course))
    assert {name: heading for heading, name in titles.items()} == {t.name: t.heading for t in SCRIPTS}


def test_the_weight_of_the_course_is_that_of_the_lecture():
    by_hand = [t for t in SCRIPTS if t.part == "By hand"]
    assert [t.number for t in by_hand] == [f"{n:02}" for n in range(4, 10)]


CHANGES = {
    "00_the_tape": [("a = 1.0", "a = 2.0"), ("a = 1.0", "a = 0.3")],
    "03_formula_or_loop": [("A = [[4.0, 1.0], [1.0, 2.0]]", "A = [[3.0, -1.0], [-1.0, 2.0]]"), ("b = [6.0", "b = [2.0")],
    "04_which_way_is_down": [("tf.exp(x) - 2.0 * x", "tf.exp(x) - 3.0 * x")],
    "05_several_variables": [("2.0 * x1**2 + x2**2", "x1**2 + 2.0 * x2**2"), ("start = [-2.0, 4.5]", "start = [4.0, -1.0]")],
    "06_learning_rate": [("L = 4.0", "L = 10.0"), ("L = 4.0", "L = 0.5")],
    "07_narrow_valleys": [("np.array([0.2, 4.0])", "np.array([0.4, 3.0])")],
    "19_constraints": [("bound = 2.0", "bound = 3.0")],
}  # fmt: skip


@pytest.mark.parametrize(("name", "change"), [(name, c) for name, changes in CHANGES.items() for c in changes])
def test_a_lecturer_may_change_the_objective_and_the_claims_hold(name, change, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    original = next(t for t in SCRIPTS if t.name == name)
    assert _source(original).count(change[0]) == 1
    script = tmp_path / f"{name}.py"
    script.write_text(_source(original).replace(*change), encoding="utf-8")
    run = pages.run(tutorials.Tutorial(name, original.title, script))
    assert all(claim.holds for claim in run.claims)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["00_the_tape", "21_several_workers"])
def test_as_a_plain_script_from_any_directory_without_a_word_too_many(name, tmp_path):
    tutorial = next(t for t in SCRIPTS if t.name == name)
    environment = {k: v for k, v in os.environ.items() if k not in ("TF_GD_PICTURES", "TF_CPP_MIN_LOG_LEVEL")}
    environment["MPLBACKEND"] = "Agg"
    command = [sys.executable, str(tutorial.path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    for picture in re.findall(r"^saved (.+)$", done.stdout, re.MULTILINE):
        assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")


def test_choosing():
    assert [t.name for t in tutorials.choose(["6", "04_which_way_is_down.py"])] == [
        "06_learning_rate",
        "04_which_way_is_down",
    ]
    assert tutorials.choose([]) == SCRIPTS
