"""The page of promises names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
TESTS = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")}


def test_every_file_of_tests_that_the_page_names_exists():
    named = set(re.findall(r"`(test_\w+\.py)`", PAGE))
    assert len(named) > 10
    assert named <= set(TESTS), named - set(TESTS)


def test_every_test_that_the_page_names_exists():
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    known = {name for text in TESTS.values() for name in re.findall(r"^def (test_\w+)\(", text, re.MULTILINE)}
    assert len(named) > 15
    assert named <= known, named - known


def test_every_promise_names_a_test():
    of_promises = re.sub(r"## What is not promised.*", "", PAGE, flags=re.DOTALL)
    for heading, rows in re.findall(r"\| promise \| (.+?) \|\n\|---\|---\|\n((?:\|.*\n)+)", of_promises):
        for row in rows.splitlines():
            promise, test = (part.strip() for part in row.strip("|").rsplit("|", 1))
            assert promise
            assert test
            assert "test_" in test or "`test_" in heading, row
