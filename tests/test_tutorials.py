"""The tutorials as scripts, the tour through them, and the claims they make."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tf_gd import claims, cli, tour, tutorials

SCRIPTS = tutorials.find()


@pytest.mark.parametrize("tutorial", SCRIPTS, ids=lambda t: t.name)
def test_as_a_plain_script_from_any_directory(tutorial, tmp_path):
    environment = {k: v for k, v in os.environ.items() if k not in ("TF_GD_PICTURES", "TF_CPP_MIN_LOG_LEVEL")}
    environment["MPLBACKEND"] = "Agg"
    command = [sys.executable, str(tutorial.path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    saved = [line.removeprefix("saved ") for line in done.stdout.splitlines() if line.startswith("saved ")]
    assert saved
    for picture in saved:
        assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")
    assert done.stdout.count("\nok ") + done.stdout.startswith("ok ") >= 5
    assert "\nNO " not in done.stdout


@pytest.mark.parametrize("tutorial", SCRIPTS, ids=lambda t: t.name)
def test_form(tutorial):
    """Short, in cells, on public names only, and nothing computed is printed without a claim."""
    source = tutorial.path.read_text(encoding="utf-8")
    assert len(source.splitlines()) < 150
    assert source.count("\n# %%") >= 4
    assert re.match(r'"""\n.+\n=+\n', source), "a title in reST"
    imports = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]
    for node in imports:
        if node.module.startswith("tf_gd"):
            assert not any(alias.name.startswith("_") for alias in node.names)
    for printed in re.findall(r"^\s*print\((.*)\)$", source, re.MULTILINE):
        assert printed in ("result", "result.verdict()", "predicted_and_measured()") or "getsource" in printed, printed


def _script(tmp_path, name, body) -> tutorials.Tutorial:
    path = tmp_path / f"{name}.py"
    path.write_text('"""\nA title\n=======\n"""\nfrom tf_gd import claim, show\n' + body)
    return tutorials.Tutorial(name, "A title", path)


def test_the_tour_writes_a_page_and_a_table(tmp_path):
    body = (
        "import matplotlib.pyplot as plt\nclaim('two', 1 + 1, 2)\nclaim('text', 'a', 'a')\n"
        "claim('<b>', [1.5], [1.5])\nax = plt.subplots()[1]\nshow.save(ax, 'p.png')\n"
    )
    report = tour.run([_script(tmp_path, "01_good", body)], tmp_path)
    assert report.holds
    page = (tmp_path / "index.html").read_text()
    assert "data:image/png;base64," in page
    assert "&lt;b&gt;" in page
    assert not re.search(r'(src|href)="https?:', page), "self-contained"
    assert "3 of 3 claims hold in 1 tutorials" in report.verdict()
    assert max(map(len, report.table().splitlines())) <= 80


def test_a_broken_claim_and_a_crash_fail_the_tour(tmp_path, monkeypatch, capsys):
    scripts = [
        _script(tmp_path, "01_wrong", "claim('one', 1.5, 1, within=0.1)\nclaim('never', 1, 1)\n"),
        _script(tmp_path, "02_crash", "claim('fine', 1, 1)\nraise RuntimeError('broken')\n"),
        _script(tmp_path, "03_empty", ""),
        _script(tmp_path, "04_good", "claim('fine', 1, 1)\n"),
    ]
    report = tour.run(scripts, tmp_path)
    assert [stop.holds for stop in report.stops] == [False, False, False, True]
    assert "FAILS one" in report.table()
    assert "RuntimeError: broken" in report.table()
    assert "RuntimeError: broken" in (tmp_path / "index.html").read_text()
    monkeypatch.setattr(tutorials, "find", lambda: scripts)
    assert cli.main(["tour", "01", f"--output-dir={tmp_path / 'out'}"]) == 1
    assert cli.main(["tour", "4", f"--output-dir={tmp_path / 'out'}"]) == 0
    assert "1 of 1 claims hold" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("measured", "expected", "settings", "holds"),
    [
        (1.0, 1.0, {}, True),
        (1.0, 1.0001, {}, False),
        (1.0, 1.0001, {"within": 1e-3}, True),
        (0.97, 0.95, {"at_least": True}, True),
        (0.94, 0.95, {"at_least": True}, False),
        ([1.0, 2.0], [1.0, 2.5], {"within": 0.1}, False),
        ([1.0, 2.0, 3.0], [1.0, 2.0], {"within": 9.0}, False),
        (float("nan"), 1.0, {"within": 1.0}, False),
        ("a", "b", {}, False),
        (True, True, {}, True),
        (False, True, {}, False),
        ((2, 3), (2, 3), {}, True),
    ],
)
def test_claims(measured, expected, settings, holds, capsys):
    if holds:
        claims.claim("it", measured, expected, **settings)
        assert capsys.readouterr().out.startswith("ok  it")
    else:
        with pytest.raises(claims.ClaimError, match="it: expected"):
            claims.claim("it", measured, expected, **settings)
        assert capsys.readouterr().out.startswith("NO  it")


@pytest.mark.parametrize(("measured", "expected"), [([], []), ([], 1.0), (1.0, []), (1.0, True), (np.ones(2), "both")])
def test_a_claim_about_nothing_does_not_hold(measured, expected):
    with pytest.raises((TypeError, ValueError), match=r"(measured|expected): got"):
        claims.claim("it", measured, expected)


def test_choosing():
    assert [t.name for t in tutorials.choose(["4", "03_descent_direction.py"])] == [
        "04_learning_rate",
        "03_descent_direction",
    ]
    assert tutorials.choose([]) == SCRIPTS
    assert all(t.path.is_absolute() and t.path.parent == Path(tutorials.__file__).parents[1] / "tutorials" for t in SCRIPTS)
