"""The built pages, in a real browser: ``make docs`` first, then ``make docs-test``.

It wants a Chromium, from the packages of the system (``apt install chromium``); without one it is skipped.
"""

import functools
import http.server
import threading
from pathlib import Path
from urllib.parse import urljoin, urlparse

import nbclient
import nbformat
import pytest

HERE = Path(__file__).parent
SITE = HERE.parent / "build" / "docs"
TUTORIALS = sorted(script.stem for script in (HERE.parent / "tutorials").glob("[0-9]*.py"))

pytestmark = pytest.mark.skipif(not (SITE / "index.html").exists(), reason="the pages are not built: make docs")
PAGES = ["index.html", "course.html", "update_and_loop.html", "benchmarks.html", "api/index.html", "tutorials/index.html"]
PAGES += ["what_is_in_it.html", "in_place_of_model_fit.html", "what_the_same_means.html"]
PAGES += [
    "coming_from_pytorch_and_optax.html",
    "workers.html",
    "reliability.html",
    "exercises.html",
    "known_mistakes.html",
    "explorer.html",
]
PAGES += ["api/generated/tf_gd.fit.html", "api/generated/tf_gd.multi_start.html"]
PAGES += [f"tutorials/{name}.html" for name in TUTORIALS]


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serve files and say nothing."""

    def log_message(self, *_):
        """Keep still."""


@pytest.fixture(scope="module")
def address():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=SITE))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(params=["narrow, dark", "wide, light"], scope="module")
def page(browser, request):
    width, scheme = request.param.split(", ")
    context = browser.new_context(
        viewport={"width": 360 if width == "narrow" else 1400, "height": 900}, color_scheme=scheme, accept_downloads=True
    )
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_loads_shows_its_pictures_and_fits(page, address, name):
    wrong = []
    listeners = {
        "console": lambda message: message.type in ("error", "warning") and wrong.append(message.text),
        "pageerror": lambda error: wrong.append(str(error)),
        "requestfailed": lambda request: wrong.append(request.url),
        "response": lambda response: response.status >= 400 and wrong.append(response.url),
        "request": lambda request: urlparse(request.url).hostname not in ("127.0.0.1", None) and wrong.append(request.url),
    }
    for event, listener in listeners.items():
        page.on(event, listener)
    page.goto(address + name, wait_until="load")
    for event, listener in listeners.items():
        page.remove_listener(event, listener)
    assert wrong == []

    page.evaluate("for (const image of document.images) image.loading = 'eager'")
    page.wait_for_function("[...document.images].every(image => image.complete)")
    assert page.evaluate("[...document.images].filter(image => !image.naturalWidth).map(image => image.src)") == []
    if name.removeprefix("tutorials/")[:2].isdigit():
        assert page.locator("article img").count() >= 1
        assert "ok  " in page.locator("article").inner_text(), "its claims are shown"
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "it scrolls sideways"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(browser, address, scheme):
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    page.goto(f"{address}tutorials/{TUTORIALS[0]}.html")
    colors = "getComputedStyle(document.body).{}.match(/[0-9.]+/g).slice(0, 3).map(Number)"
    ink, paper = (sum(page.evaluate(colors.format(which))) / 3 for which in ("color", "backgroundColor"))
    context.close()
    assert (paper > 200 and ink < 80) if scheme == "light" else (paper < 60 and ink > 170)


def test_a_tutorial_shows_its_own_claims_only(page, address):
    page.goto(f"{address}tutorials/03_formula_or_loop.html")
    text = page.locator("article").inner_text()
    assert "the solver's choice" not in text
    assert "the walk ends where" in text


def test_numbers_and_parts_show_in_the_gallery_and_its_side_bar(page, address):
    page.goto(f"{address}tutorials/index.html")
    parts = page.locator("article .rubric").all_inner_texts()
    assert [part.split(",")[0] for part in parts] == ["The tape", "The problem", "By hand", "In Keras", "Further"]
    shown = page.locator(".sphx-glr-thumbnail-title").all_inner_texts()
    beside = page.locator(".sidebar-tree .current a").all_text_contents()
    for name in TUTORIALS:
        assert any(title.startswith(name[:2]) for title in shown)
        assert any(title.strip().startswith(name[:2]) for title in beside)


def test_an_answer_is_folded_and_opens(page, address):
    page.goto(f"{address}tutorials/06_learning_rate.html")
    answer = page.locator("details.sd-dropdown").first
    assert not answer.locator(".sd-card-body").is_visible()
    answer.locator("summary").click()
    assert "61.917364" in answer.locator(".sd-card-body").inner_text()


@pytest.mark.parametrize("name", TUTORIALS)
def test_no_line_of_code_is_cut_on_a_wide_page(browser, address, name):
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.goto(f"{address}tutorials/{name}.html")
    page.evaluate("for (const answer of document.querySelectorAll('details')) answer.open = true")
    cut = "[...document.querySelectorAll('.highlight pre')].filter(e => e.scrollWidth > e.clientWidth + 1)"
    cut = page.evaluate(cut + ".map(e => e.innerText)")
    context.close()
    assert cut == []


def test_search_finds(page, address):
    page.goto(f"{address}search.html?q=multi_start")
    page.wait_for_selector("#search-results li a")
    found = [urljoin(page.url, a.get_attribute("href")) for a in page.locator("#search-results li a").all()]
    assert any("tf_gd.multi_start.html" in target for target in found)


def test_a_function_leads_to_its_tutorials_and_back(page, address):
    page.goto(f"{address}api/generated/tf_gd.multi_start.html")
    links = [a.get_attribute("href") for a in page.locator("article a").all()]
    assert any("09_where_do_we_converge" in (link or "") for link in links)
    page.goto(f"{address}tutorials/09_where_do_we_converge.html")
    assert page.locator("article a[href*='tf_gd.multi_start']").count() >= 1


@pytest.mark.parametrize("name", [TUTORIALS[0], "09_where_do_we_converge"])
def test_a_notebook_downloads_and_runs(browser, address, name, tmp_path):
    context = browser.new_context(accept_downloads=True)
    page = context.new_page()
    page.goto(f"{address}tutorials/{name}.html")
    with page.expect_download() as download:
        page.locator("a[download][href$='.ipynb']").first.click()
    target = tmp_path / f"{name}.ipynb"
    download.value.save_as(target)
    context.close()
    notebook = nbformat.read(target, as_version=4)
    nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert any("measured" in output.get("text", "") for output in outputs)
    folded = [cell.source for cell in notebook.cells if "<details>" in cell.source]
    assert folded
    assert not any("dropdown" in cell.source for cell in notebook.cells)
