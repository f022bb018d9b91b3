"""Every benchmark runs, in tiny sizes, and uses public names alone."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tf_gd

FOLDER = Path(__file__).parents[1] / "benchmarks"
FILES = sorted(FOLDER.glob("*.py"))
BENCHMARKS = [path for path in FILES if "__main__" in path.read_text(encoding="utf-8")]
PUBLIC = {
    "tf_gd",
    "tf_gd.callbacks",
    "tf_gd.constraints",
    "tf_gd.datasets",
    "tf_gd.devices",
    "tf_gd.objectives",
    "tf_gd.rates",
    "tf_gd.show",
    "tf_gd.updates",
}


def names_used(source: str) -> list[str]:
    """Return what a file imports, and each attribute it looks up in ``tf_gd``, with their paths."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Attribute):
            found.append(ast.unparse(node))
    return [name for name in found if re.fullmatch(r"tf_gd(\.\w+)*", name)]


def is_public(name: str) -> bool:
    if any(part.startswith("_") for part in name.split(".")):
        return False
    if name in PUBLIC or name.rpartition(".")[0] in PUBLIC - {"tf_gd"}:
        return True
    return len(name.split(".")) == 2 and name.split(".")[1] in tf_gd.__all__


@pytest.mark.slow
@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_a_quick_run_prints_its_table(path):
    run = [sys.executable, path, "--quick"]
    environment = os.environ | {"PYTHONPATH": str(FOLDER.parent)}
    done = subprocess.run(run, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    lines = done.stdout.splitlines()
    rules = [number for number, line in enumerate(lines) if line and set(line) == {"─"}]
    assert rules, done.stdout
    assert all(any(c.isdigit() for c in lines[number + 1]) for number in rules), done.stdout
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_only_public_names(path):
    source = path.read_text(encoding="utf-8")
    used = names_used(source)
    assert "_tf_gd" not in source  # what we keep in a model
    assert [name for name in used if not is_public(name)] == []


def test_a_file_that_is_no_benchmark_belongs_to_one():
    imported = set()
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module)
    assert {path.stem for path in FILES if path not in BENCHMARKS} <= imported


@pytest.mark.parametrize(
    "line",
    [
        "from tf_gd import _checks",
        "from tf_gd.many_starts import descents",
        "from tf_gd.many_starts.multistart import multi_start",
        "import tf_gd.networks.fit",
        "tf_gd._checks.number('x', 1.0)",
        "tf_gd.networks.curvature.largest",
    ],
)
def test_a_private_name_would_be_found(line):
    assert not all(map(is_public, names_used(line)))
