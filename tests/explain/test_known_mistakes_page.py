"""The page of known mistakes is the table in the code, with numbers that can be measured again."""

import importlib.util
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
AGAIN = "Run python docs/known_mistakes_page.py."


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("known_mistakes_page", DOCS / "known_mistakes_page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def of_the_page() -> str:
    return (DOCS / "known_mistakes.md").read_text(encoding="utf-8")


def numbers_on(page: str) -> dict[str, float]:
    rows = re.findall(r"^\| (.+?) \| ([\d.e+-]+|inf): .*? \| .*\|$", page, re.MULTILINE)
    return {name: float(number) for name, number in rows}


def test_the_page_is_made_from_the_table(script):
    page = of_the_page()
    assert script.page(numbers_on(page)) == page, AGAIN
    assert page.count("\n| ") > 110


def test_every_mistake_of_the_table_has_a_number(script):
    on_page = numbers_on(of_the_page())
    without = [m.name for m in script.mistakes.MISTAKES if m.name not in on_page]
    assert all("float" in name for name in without), without  # no model in float64 is measured


@pytest.mark.slow
def test_the_numbers_can_be_measured_again(script):
    on_page, now = numbers_on(of_the_page()), script.measured()
    assert len(now) > 100
    for name, number in on_page.items():
        # Two digits are shown, and 40 steps carry rounding on. A loop that runs away makes much of the last bits,
        # which differ from processor to processor: there it has to run away again.
        assert now[name] == pytest.approx(number, rel=0.1) or now[name] == number or min(now[name], number) > 2, name
