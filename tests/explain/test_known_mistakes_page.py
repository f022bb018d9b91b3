"""The page of known mistakes is the table in the code."""

import importlib.util
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_made_from_the_table():
    spec = importlib.util.spec_from_file_location("known_mistakes_page", DOCS / "known_mistakes_page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    again = "Run python docs/known_mistakes_page.py."
    assert module.page() == (DOCS / "known_mistakes.md").read_text(encoding="utf-8"), again
    assert module.page().count("\n| ") > 90
