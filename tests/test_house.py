"""The package as a whole: README, wheel, metadata, sizes."""

import ast
import contextlib
import io
import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

import tf_gd

ROOT = Path(tf_gd.__file__).parents[1]


@pytest.mark.parametrize("document", ["README.md", "docs/what_is_in_it.md"])
def test_the_code_in_a_document_prints_what_it_says(document):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block, document, "exec"), {})
        assert printed.getvalue().splitlines() == re.findall(r"^print\(.*\)  # (.*)$", block, re.MULTILINE)
        assert plt.get_fignums() or ".plot()" not in block, "path.plot() draws"


def test_the_readme_is_short_and_shows_the_loop_first():
    readme = (ROOT / "README.md").read_text()
    assert len(readme.split()) <= 700
    picture, tape, update = (readme.index(text) for text in ("momentum.gif", "GradientTape() as", "assign_sub"))
    assert picture < tape < readme.index("tape.gradient(") < update < readme.index("import tf_gd")


def test_the_commands_in_the_readme_exist(capsys):
    from tf_gd.command.cli import main

    commands = re.findall(r"^\$ tf-gd (\w+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert len(commands) == 6
    for command in commands:
        with pytest.raises(SystemExit) as stopped:
            main([command, "--help"])
        assert stopped.value.code == 0
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", (ROOT / "README.md").read_text(), re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_links_in_the_documents_lead_somewhere():
    for document in ROOT.glob("*.md"):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
            assert (ROOT / target).exists(), f"{document.name}: {target}"


def test_every_public_name_is_in_the_api_reference():
    listed = (ROOT / "docs" / "api" / "index.rst").read_text()
    for name in tf_gd.__all__:
        if not name.startswith("__"):
            assert re.search(rf"^   tf_gd\.{name}(\.\w+)?$", listed, re.MULTILINE), name


def test_requirements_and_metadata_agree():
    wanted = {line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and not line.startswith("#")}
    config = (ROOT / "setup.cfg").read_text()
    needed = config.split("install_requires =")[1].split("\n\n")[0].splitlines()
    explorer = config.split("\nexplore =")[1].split("\ndocs =")[0].splitlines()  # a student has that extra as well
    assert {line.strip() for line in needed + explorer if line.strip()} == wanted
    assert f"version: {tf_gd.__version__}" in (ROOT / "CITATION.cff").read_text()
    assert f"## {tf_gd.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_wheel_builds_installs_and_runs(tmp_path):
    """In an environment of its own, which borrows the libraries but not the package."""
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    inside = zipfile.ZipFile(wheel).namelist()
    assert "tf_gd/py.typed" in inside
    assert "tf_gd/show/tf_gd.mplstyle" in inside
    page = {f"tf_gd/explorer/{name}" for name in ("page.html", "page.css", "page.js", "words.js", "tape.js", "engines.js")}
    assert page <= set(inside)
    assert "tf_gd/command/page.css" in inside
    assert not any(name.startswith("tests") for name in inside)
    home = tmp_path / "venv"
    venv.create(home, with_pip=True)
    binaries = home / ("Scripts" if os.name == "nt" else "bin")
    subprocess.run([binaries / "python", "-m", "pip", "install", "-q", "--no-deps", "--no-index", wheel], check=True)
    run = dict(capture_output=True, text=True, cwd=tmp_path, check=True)
    assert "compare" in subprocess.run([binaries / "tf-gd", "--help"], **run).stdout
    borrowed = {**os.environ, "PYTHONPATH": sysconfig.get_path("purelib")}
    listed = subprocess.run([binaries / "tf-gd", "list"], **run, env=borrowed).stdout
    assert "rosenbrock" in listed
    assert re.search(r"^    04  \w+", listed, re.MULTILINE), "the tutorials come with the wheel"
    started = subprocess.run([binaries / "tf-gd", "exercises", "start"], **run, env=borrowed).stdout
    assert "26 files copied" in started
    seek = "from tf_gd.command import tutorials; print(tutorials.moving_picture())"
    moving = subprocess.run([binaries / "python", "-c", seek], **run, env=borrowed).stdout.strip()
    assert Path(moving).is_relative_to(home)
    assert Path(moving).read_bytes().startswith(b"GIF")
    where = subprocess.run([binaries / "python", "-c", "import tf_gd; print(tf_gd.__file__)"], **run, env=borrowed).stdout
    assert str(home) in where


def test_private_attributes_of_keras_are_touched_in_one_file():
    """What begins with an underscore and is asked of a model, an optimizer, a layer or a callback."""
    asked = re.compile(r"\b(model|optimizer|layer|inner|metric|loss|callback|variable)s?\._[a-z]\w*|keras\.src")
    for path in (ROOT / "tf_gd").rglob("*.py"):
        if path.name != "_keras.py":
            found = [match[0] for match in asked.finditer(path.read_text())]
            assert set(found) <= {"model._tf_gd_programs"}, f"{path}: {found}"


def _code_lines(source: str) -> int:
    """Count the lines that are neither blank nor comment nor docstring."""
    documented = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            documented |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    lines = enumerate(source.splitlines(), start=1)
    return sum(n not in documented and bool(line.strip()) and not line.lstrip().startswith("#") for n, line in lines)


def test_files_are_small_enough_to_read():
    sources = {path: path.read_text() for path in (ROOT / "tf_gd").rglob("*.py") if path.parent.name != "files"}
    assert sum(map(_code_lines, sources.values())) < 15_300
    longest = max(sources, key=lambda path: len(sources[path].splitlines()))
    assert len(sources[longest].splitlines()) <= 270, longest
