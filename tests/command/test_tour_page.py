"""The page of the tour, what the tutorials say about their pictures, and their parts."""

import base64
import html.parser
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
import tensorflow as tf

from tf_gd.command import claims, tour, tutorials
from tf_gd.command.page import Page
from tf_gd.show import markup

HOSTILE = "<script>alert(1)</script> & \"quoted\" 'text' \ud800"
SVG = "{http://www.w3.org/2000/svg}"


class Elements(html.parser.HTMLParser):
    """What the page consists of, as a browser takes it."""

    VOID = ("meta", "link", "img", "path", "br")

    def __init__(self, page: str):
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, "closed in the order in which they were opened"

    def named(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def made(tmp_path):
    """A page with three tutorials, and what it takes to write it."""
    shown = [
        tutorials.Tutorial("01_one", "One?", tmp_path / "01_one.py"),
        tutorials.Tutorial("04_two", HOSTILE, tmp_path / "04_two.py"),
        tutorials.Tutorial("12_three", "Three?", tmp_path / "12_three.py"),
    ]
    for one in shown:
        text = "# Down by :math:`x^2`, *not* <b>.\n"
        one.path.write_text(f"# %%\nshow.save(ax, 'a.png')\n\n# %%\n{text}")
    moving = tutorials.moving_picture()
    return Page(tmp_path / "index.html", tutorials.by_part(shown), moving), shown, tmp_path


def stop_of(tutorial, holds=True, pictures=(), **settings):
    claim = claims.Claim(HOSTILE, "1", "2", holds)
    settings = {"output": HOSTILE, **settings}
    return tour.Stop(tutorial.name, tutorial.title, 1.25, (claim,), pictures=pictures, **settings)


def test_a_page_in_the_middle_and_at_the_end(made):
    page, (one, two, three), directory = made
    page.write({}, set(), "nothing", finished=False)
    first = (directory / "index.html").read_text()
    assert "0 of 3 tutorials are done" in first
    assert first.count("is to come") == 6, "in the list, and where it will stand"
    page.write({one.name: stop_of(one)}, {two.name}, "1 of 1 claim", finished=False)
    middle = (directory / "index.html").read_text()
    states = re.findall(r'<li>.*?<span class="(\w+)">', middle)
    assert states == ["good", "now", "later"]
    assert any(tag.get("http-equiv") == "refresh" for tag in Elements(middle).named("meta"))
    stops = {one.name: stop_of(one), two.name: stop_of(two, holds=False)}
    page.write(stops, set(), "1 of 2 claims hold", finished=True)
    last = (directory / "index.html").read_text()
    assert "The tour was stopped: 2 of 3 tutorials were done. 1 of 2 claims hold." in last
    assert not any("http-equiv" in tag for tag in Elements(last).named("meta"))
    assert re.findall(r'<li>.*?<span class="(\w+)">', last) == ["good", "bad", "later"]
    page.write({**stops, three.name: stop_of(three)}, set(), "all", finished=True)
    assert "tour was stopped" not in (directory / "index.html").read_text()
    assert [path.name for path in directory.glob("partial-*")] == []


def test_one_file_that_needs_nothing_else_and_executes_nothing(made):
    page, (_, two, _), directory = made
    picture = directory / "a.png"
    plt.subplots()[0].savefig(picture)
    broken = directory / "<b>.png"
    broken.write_text("no picture")
    stop = stop_of(two, holds=False, pictures=(picture, broken), error=HOSTILE)
    page.write({two.name: stop}, set(), HOSTILE, finished=True)
    elements = Elements((directory / "index.html").read_text(encoding="utf-8"))
    assert elements.open == []
    assert {"script", "iframe", "object", "b"}.isdisjoint(tag for tag, _ in elements.elements)
    for _, attributes in elements.elements:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href"):
            assert re.match(r"data:|#", attributes.get(name, "#"))
    sources = [image["src"] for image in elements.named("img")]
    assert sources[0].startswith("data:image/gif;base64,R0lGOD")
    assert base64.b64decode(sources[1].split(",")[1]) == picture.read_bytes()
    assert "is no PNG" in (directory / "index.html").read_text()
    assert elements.named("img")[1]["alt"] == "Down by x^2, not <b>."


def test_folded_unless_it_fails(made):
    page, (one, two, _), directory = made
    stops = {one.name: stop_of(one), two.name: stop_of(two, holds=False, error="RuntimeError: 9")}
    page.write(stops, set(), "", finished=True)
    shown = (directory / "index.html").read_text()
    assert Elements(shown).named("details") == [{}, {"open": None}]
    sections = shown.split("<section ")
    assert "RuntimeError: 9" in sections[2]
    assert "&lt;script&gt;" in sections[2]


def test_it_begins_with_the_loop_and_keras(made):
    page, _, directory = made
    page.write({}, set(), "", finished=True)
    shown = (directory / "index.html").read_text()
    first = shown[: shown.index('class="verdict"')]
    code = [html.unescape(block) for block in re.findall(r"<pre>(.*?)</pre>", first, re.S)]
    assert "momentum" in first
    scope = {"tf": tf, "keras": keras}
    exec(code[0].replace("range(1000)", "range(10)"), scope)
    before, by_hand = scope["x"] + 0.001 * scope["gradient"], scope["x"].numpy()
    scope["x"] = tf.Variable(before)
    exec(code[1], scope)
    np.testing.assert_allclose(scope["x"].numpy(), by_hand, rtol=1e-6)


def test_parts():
    def part(name):
        return tutorials.Tutorial(name, "", Path(f"{name}.py")).part

    expected = {"The tape": [0], "The problem": [1, 3], "By hand": [4, 9], "In Keras": [10, 17]}
    expected["Further"] = [18, 21, 22, 99]
    for name, numbers in expected.items():
        for number in numbers:
            assert part(f"{number:02}_x") == name
    assert part("my_own") == "Further"
    found = tutorials.find()
    grouped = [one for _, within in tutorials.by_part(found) for one in within]
    assert grouped == found
    assert [p.name for p, _ in tutorials.by_part(found[:2])] == ["The tape", "The problem"]


def test_the_number_of_a_title_is_shown_once():
    for tutorial in tutorials.find():
        assert not re.match(r"\d", tutorial.title)
        assert tutorial.heading == f"{tutorial.name[:2]} {tutorial.title}"
        assert tutorial.path.read_text().splitlines()[1] == tutorial.heading


def test_every_picture_of_a_tutorial_has_a_sentence_and_a_formula():
    for tutorial in tutorials.find():
        source = tutorial.path.read_text()
        saved = re.findall(r"show\.save\([^#]*?\"([\w.]+png)\"\s*\)", source)
        captions = tutorial.captions()
        assert sorted(captions) == sorted(saved), tutorial.name
        for caption in captions.values():
            assert '<svg class="formula"' in markup.to_html(caption), (tutorial.name, caption)
            assert not re.search(r":\w+:`|``", markup.to_text(caption))


def test_where_a_caption_is_taken_from(tmp_path):
    path = tmp_path / "01_x.py"
    path.write_text(
        '"""\n01 X\n====\n"""\n# %%\n# Not this.\n'
        'show.save(\n    path.plot(width=2),\n    "a.png",\n)\n'
        "# a comment in code\n\n# %%\nshow.save(ax, 'b.png')\n\n# %%\n# A heading\n# ---------\n"
        "# The first, over\n# two :math:`x +\n# y` lines.\n#\n# Not this.\nshow.save(ax, 'c.png')\n"
    )
    sentence = "The first, over two :math:`x + y` lines."
    found = tutorials.Tutorial("01_x", "X", path).captions()
    assert found == {"a.png": sentence, "b.png": sentence}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("``a < b`` and *em*, **strong**", "<code>a &lt; b</code> and <em>em</em>, <strong>"),
        ("`Keras <https://keras.io>`_", '<a href="https://keras.io">Keras</a>'),
        ("`bad <javascript:alert(1)>`_", "bad"),
        (":func:`tf_gd.fit`", "<code>tf_gd.fit</code>"),
        (":ref:`a page <x>`", "<code>a page</code>"),
        ("2 * 3 * 4 <i>", "2 * 3 * 4 &lt;i&gt;"),
        (r":math:`\begin{array}1&2`", r"<code>\begin{array}1&amp;2</code>"),
        (":math:`a $ b`", "<code>a $ b</code>"),
        (r":math:`{{{`", "<code>{{{</code>"),
    ],
)
def test_inline_markup(text, shown):
    made = markup.to_html(text)
    assert made.startswith(shown)
    assert "javascript" not in made


@pytest.mark.parametrize(
    "tex",
    [
        r"\tfrac12 x^\top A x",
        r"\dfrac{a}{b}",
        r"\text{rate} \cdot \nabla f",
        r"x \gets x - \eta\,\nabla f(x)",
        r"(\sqrt\kappa - 1)/(\sqrt\kappa + 1)",
        r"g(x) \le 0 \implies x \ge 1",
        r"\argmin_x \lVert x\rVert",
        r"\bigl(f'(x)\bigr)",
        r"1 - 0.2/4 = 95\%",
    ],
)
def test_a_formula_is_a_drawing_with_its_tex_as_label(tex):
    drawn = ET.fromstring(markup.formula(tex))
    assert drawn.tag == "svg"
    assert drawn.get("aria-label") == tex
    assert re.fullmatch(r"(?:[MLQC](?:-?\d+ -?\d+ ?)+|Z)+", drawn[0].get("d"))
    assert drawn[0].get("fill") is None, "so that it has the colour of the text"


def test_a_formula_stands_on_the_line_and_has_the_size_of_the_text():
    def measures(tex):
        drawn = ET.fromstring(markup.formula(tex))
        style = dict(part.split(":") for part in drawn.get("style").split(";"))
        return {name: float(value.removesuffix("em")) for name, value in style.items()}

    assert measures("x")["vertical-align"] > -0.06
    assert measures("y")["vertical-align"] < -0.15, "it hangs below the line"
    assert 0.65 < measures("X")["height"] < 0.85, "a capital letter"
    assert measures(r"\frac{1}{2}")["height"] > measures("1")["height"]
    assert measures("x + x")["width"] > 2 * measures("x")["width"]


def test_a_full_stop_is_not_parted_from_its_formula():
    made = markup.to_html("It is :math:`a` or (:math:`b`). And :math:`c` too.")
    joined = re.findall(r'<span class="joined">(.*?)</span>', made)
    assert [re.sub("<.*>", "", one) for one in joined] == ["()."]
    assert made.count("<svg") == 3


def test_choosing():
    found = tutorials.find()
    assert tutorials.choose(["4", f"{found[3].name}.py", "04"]) == [found[4], found[3]]
    assert tutorials.choose([]) == found
    beside = Path(tutorials.__file__).parents[2] / "tutorials"
    assert all(one.path.is_absolute() and one.path.parent == beside for one in found)
