"""The explorer: its arithmetic beside Keras's, and its page in a real browser. ``make docs-test``."""

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from playwright._impl._driver import compute_driver_executable

import tf_gd
from tf_gd.explorer import static_page

TAPE = Path(tf_gd.__file__).parent / "explorer" / "tape.js"
POLYNOMIALS = [name for name in tf_gd.objectives.names() if name not in static_page.ROUNDED_BY_A_LIBRARY]
UPDATES = {
    "plain": {},
    "momentum": {"momentum": 0.9},
    "nesterov": {"momentum": 0.9, "nesterov": True},
    "decay": {"momentum": 0.5, "weight_decay": 0.05},
}
RATES = {"square": 0.1, "cosine_wave": 0.3, "quartic": 0.03, "double_well": 0.02, "rosenbrock": 2e-4, "beale": 1e-3}
STEPS = 300
WIDTHS = [(360, "dark"), (700, "light"), (1024, "light"), (1600, "dark")]


def in_javascript(code, given):
    """Run code with ``tape`` and ``given`` in the JavaScript engine that Chromium has too; return what it returns."""
    script = f"const tape = require({json.dumps(str(TAPE))}); const given = JSON.parse(require('fs').readFileSync(0));"
    script += f"console.log(JSON.stringify(((given) => {{ {code} }})(given)))"
    node = str(compute_driver_executable()[0])
    run = subprocess.run([node, "-e", script], input=json.dumps(given), capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def of_keras(name, start, **settings):
    """Return the points of an unmodified Keras optimizer in a loop that is typed out: ``(steps + 1, dim)``."""
    x, f = tf.Variable(start), tf_gd.objectives.get(name)
    optimizer = keras.optimizers.SGD(RATES.get(name, 0.005), **settings)
    points = [x.numpy()]
    for _ in range(STEPS):
        with tf.GradientTape() as tape:
            loss = f(x)
        optimizer.apply([tape.gradient(loss, x)], [x])
        points.append(x.numpy())
    return np.array(points)


def of_the_page(name, start, momentum=0.0, nesterov=False, weight_decay=0.0):
    settings = dict(rate=RATES.get(name, 0.005), momentum=momentum, nesterov=nesterov, decay=weight_decay, steps=STEPS)
    given = {"name": name, "start": np.asarray(start).tolist(), "settings": settings}
    path = in_javascript("return tape.descend(tape.functions[given.name], given.start, given.settings)", given)
    return np.array(path["points"], "float32")


def starts(name, count):
    low, high = np.array(tf_gd.objectives.get(name).domain).T
    return (low + (high - low) * np.random.default_rng(7).random((count, len(low)))).astype("float32")


def test_the_catalogue_is_on_the_page():
    assert sorted(in_javascript("return Object.keys(tape.functions)", {})) == tf_gd.objectives.names()


@pytest.mark.parametrize("name", tf_gd.objectives.names())
def test_a_gradient_is_that_of_the_tape(name):
    points = starts(name, 200)
    code = "return given.points.map((x) => tape.gradient(tape.functions[given.name], x))"
    found = in_javascript(code, {"name": name, "points": points.tolist()})
    losses, slopes = np.float32([one["loss"] for one in found]), np.float32([one["gradient"] for one in found])
    f = tf_gd.objectives.get(name)
    for point, loss, slope in zip(points, losses, slopes, strict=True):
        x = tf.Variable(point)
        with tf.GradientTape() as tape:
            expected = f(x)
        gradient = tape.gradient(expected, x).numpy()
        if name in POLYNOMIALS:
            assert (loss, *slope) == (expected.numpy(), *gradient)
        else:
            np.testing.assert_allclose([loss, *slope], [expected.numpy(), *gradient], rtol=2e-6, atol=1e-5)


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("name", POLYNOMIALS)
def test_a_path_is_that_of_keras_to_the_bit(name, update):
    start = np.float32(tf_gd.objectives.get(name).start)
    expected, found = of_keras(name, start, **UPDATES[update]), of_the_page(name, start, **UPDATES[update])
    finite = int(np.isfinite(expected).all(axis=1).sum())
    assert finite >= 20
    same = min(finite, len(found))
    assert same >= finite - 1  # the page ends where f is not finite
    assert (found[:same] == expected[:same]).all()  # the same bits, but for the sign of 0


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("name", static_page.ROUNDED_BY_A_LIBRARY)
def test_a_path_through_sin_and_cos_is_near_that_of_keras(name, update):
    start = np.float32(tf_gd.objectives.get(name).start)
    expected, found = of_keras(name, start, **UPDATES[update]), of_the_page(name, start, **UPDATES[update])
    np.testing.assert_allclose(found, expected, atol=2e-5)  # of a frame that is 5 to 21 wide


def test_a_path_ends_where_it_diverges():
    path = in_javascript(
        "return tape.descend(tape.functions.square, [1], {rate: 3, momentum: 0, nesterov: false, decay: 0, steps: 500})", {}
    )
    assert 20 < len(path["points"]) < 500


# ---- in a browser ----


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return static_page.write(tmp_path_factory.mktemp("page") / "explore.html").as_uri()


@pytest.mark.parametrize("update", UPDATES)
def test_in_a_browser_paths_are_those_of_keras_to_the_bit(browser, file, update):
    with opened(browser, file) as page:
        for name in ("rosenbrock", "beale", "three_hump_camel", "quartic"):
            start, options = np.float32(tf_gd.objectives.get(name).start), UPDATES[update]
            settings = {"rate": RATES.get(name, 0.005), "momentum": 0, "nesterov": False, "decay": 0, "steps": STEPS}
            settings |= {"decay" if key == "weight_decay" else key: value for key, value in options.items()}
            given = {"name": name, "start": start.tolist(), "settings": settings}
            code = "(given) => tape.descend(tape.functions[given.name], given.start, given.settings).points"
            found = np.array(page.evaluate(code, given), "float32")
            assert (found == of_keras(name, start, **options)).all()


def bent(x):
    return (x[0] - 1.0) ** 2 + 5.0 * (x[1] - x[0] ** 2) ** 2


def fails_far_out(x):
    tf.debugging.assert_less(tf.abs(x[0]), 1e3)
    return x[0] ** 2


@pytest.fixture(scope="module")
def live():
    with tf_gd.explore(open_browser=False) as explorer:
        yield explorer.address


@contextlib.contextmanager
def opened(browser, address, width=1200, scheme="light", **options):
    """A page that has answered; at its end, nothing has been written to the console, or loaded from elsewhere."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **options)
    page, wrong = context.new_page(), []
    page.on("console", lambda message: message.type in ("error", "warning") and wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    own = address.partition("#")[0].partition("?")[0]
    page.on("request", lambda request: request.url.startswith((own, "data:")) or wrong.append(request.url))
    page.goto(address)
    page.wait_for_function("Number(document.body.dataset.answers) > 0", timeout=60_000)
    yield page
    context.close()
    assert wrong == []


def settled(page):
    page.wait_for_function("!page.state().working && page.state().answer", timeout=60_000)
    return page.evaluate("page.state()")


def drag(page, *places):
    """Press, move and let go in the picture; places are shares of its width and height."""
    box = page.locator("#picture").bounding_box()
    points = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in places]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=8)
    page.mouse.up()


@pytest.fixture(params=["live", "file"])
def address(request):
    return request.getfixturevalue(request.param)


def test_dragging_moves_the_start_and_the_path(browser, address):
    with opened(browser, address) as page:
        before = settled(page)
        drag(page, (0.5, 0.5), (0.7, 0.3))
        after = settled(page)
        start = after["settings"]["start"]
        assert start != before["settings"]["start"]
        assert [after["answer"]["x1"][0], after["answer"]["x2"][0]] == pytest.approx(start, rel=1e-6)
        assert start[0] > 0.3  # right and up of the middle of [-2, 2] x [-1, 3]
        assert start[1] > 1.3
        drag(page, (0.3, 0.6))  # a click
        assert settled(page)["settings"]["start"][0] < 0


@pytest.mark.parametrize("key", ["x1", "x2", "rate", "momentum", "decay", "steps"])
def test_every_slider_works_from_the_keyboard(browser, address, key):
    with opened(browser, address) as page:
        before = settled(page)["settings"]
        page.focus(f"#{key}-slider")
        assert page.evaluate("document.activeElement.getAttribute('aria-label')")
        page.keyboard.press("ArrowRight")
        after = settled(page)["settings"]
        assert before != after
        assert page.evaluate(f"document.getElementById('{key}-number').value") not in ("", "NaN")


def test_the_buttons_work_from_the_keyboard(browser, address):
    with opened(browser, address) as page:
        settled(page)
        page.focus("#back")
        page.keyboard.press("Enter")
        assert settled(page)["k"] == 199
        page.focus("#forth")
        page.keyboard.press("Enter")
        assert settled(page)["k"] == 200
        page.focus("#play")
        page.keyboard.press("Space")
        page.wait_for_function("page.state().k > 3 && page.state().k < 100")
        page.keyboard.press("Space")
        k = settled(page)["k"]
        page.wait_for_timeout(300)
        assert settled(page)["k"] == k
        assert f"k = {k}:" in page.inner_text("#step-text")
        page.focus("#nesterov")
        page.keyboard.press("Space")
        assert settled(page)["settings"]["nesterov"]


def test_the_limit_of_the_rate_is_marked(browser, address):
    """f = 0.1 x1^2 + 2 x2^2 has L = 4: 2/L = 0.5; with momentum 0.5, 0.75; with Nesterov, 0.375."""
    with opened(browser, f"{address}#objective=flat_ellipse&start=-5,-2&rate=0.6&steps=20") as page:
        assert settled(page)["name"] == "flat_ellipse"
        assert page.inner_text("#limit-text") == "2/L = 0.5"
        assert "beyond 2/L" in page.inner_text("#beyond")
        box, mark = page.locator("#rate-slider").bounding_box(), page.locator("#limit-text").bounding_box()
        share = (np.log10(0.5) + 6) / 7
        assert mark["x"] + mark["width"] == pytest.approx(box["x"] + 8 + share * (box["width"] - 16), abs=3)
        page.fill("#momentum-number", "0.5")
        page.keyboard.press("Enter")
        settled(page)
        assert page.inner_text("#limit-text") == "2(1+β)/L = 0.75"
        assert "below" in page.inner_text("#beyond")
        page.check("#nesterov")
        settled(page)
        assert page.inner_text("#limit-text").endswith("= 0.375")
        page.fill("#momentum-number", "0")
        for rate, said in (("0.1", "below 1/L"), ("0.25", "is 1/L:"), ("0.3", "between 1/L and 2/L"), ("0.5", "is 2/L:")):
            page.fill("#rate-number", rate)
            page.keyboard.press("Enter")
            settled(page)
            assert said in page.inner_text("#beyond")


@pytest.mark.parametrize("decay", [0, 0.3])
@pytest.mark.parametrize(("momentum", "nesterov"), [(0, 0), (0.9, 0), (0.9, 1)])
def test_the_mark_is_that_of_the_library(browser, file, decay, momentum, nesterov):
    setting = f"#objective=flat_ellipse&rate=0.1&momentum={momentum}&nesterov={nesterov}&decay={decay}"
    with opened(browser, file + setting) as page:
        settled(page)
        name, _, number = page.inner_text("#limit-text").partition(" = ")
        expected = tf_gd.rates.limit(4.0, momentum, bool(nesterov), decay)
        assert float(number) == pytest.approx(expected, rel=1e-3)
        L, λ, β = 4.0, decay, momentum
        written = name.replace("2(", "2*(").replace(")L", ")*L").replace(")λ", ")*λ").replace("2β", "2*β")
        assert eval(written, {"L": L, "λ": λ, "β": β}) == pytest.approx(expected)


def test_a_path_that_leaves_says_so(browser, address):
    with opened(browser, f"{address}#objective=square&start=10&rate=1.1&steps=10") as page:
        state = settled(page)
        assert state["answer"]["x1"][-1] == pytest.approx(10 * 1.2**10, rel=1e-5)
        assert "leaves the picture at step 3" in page.inner_text("#verdict")  # 10 * 1.2^3 > 15
        page.fill("#steps-number", "1000")
        page.keyboard.press("Enter")
        settled(page)
        assert "too large for float32" in page.inner_text("#verdict")


def test_where_a_hundred_starts_end_and_the_map(browser, address):
    with opened(browser, f"{address}#objective=himmelblau&start=0,0&rate=0.01&steps=300") as page:
        settled(page)
        for button in ("#starts", "#basins"):
            page.click(button)
            page.wait_for_function("document.getElementById('shares').innerText.includes('(3, 2)')", timeout=60_000)
            shares = [int(part.split("%")[0]) for part in page.inner_text("#shares").splitlines()]
            assert len(shares) >= 4
            assert 97 <= sum(shares) <= 103
        drag(page, (0.4, 0.4))
        assert page.inner_text("#shares") == ""  # of other settings
        page.fill("#rate-number", "0.02")  # beyond 2/L of three of the minima
        page.keyboard.press("Enter")
        settled(page)
        page.click("#basins")
        page.wait_for_function("document.getElementById('shares').innerText.includes('%')", timeout=60_000)
        assert "(-3.779, -3.283)" not in page.inner_text("#shares")


@pytest.mark.parametrize("name", ["cosine_wave", "saddle", "bowl", "square"])
def test_every_kind_of_function_is_drawn(browser, address, name):
    with opened(browser, address) as page:
        page.select_option("#objective", name)
        page.wait_for_function(f"page.state().name === '{name}' && page.state().answer")
        settled(page)
        flat = tf_gd.objectives.get(name).dim == 1
        assert page.is_visible("#slope") == flat
        assert page.is_visible("#x2-slider") != flat
        assert page.locator("#formula svg").count() == 1
        drag(page, (0.5, 0.5), (0.6, 0.4))
        settled(page)


@pytest.mark.parametrize(
    "setting",
    [
        "objective=booth&start=-8,7.5&rate=0.02&steps=50",
        "objective=booth&start=-8,7.5&rate=0.02&steps=50&momentum=0.9",
        "objective=booth&start=-8,7.5&rate=0.02&steps=50&momentum=0.9&nesterov=1&decay=0.05",
        "objective=matyas&start=9,4&rate=1&steps=5&momentum=0&decay=0",
        "objective=matyas&start=9,4&rate=1&steps=4&momentum=1&decay=1",
    ],
)
def test_the_code_on_the_page_runs_and_ends_where_the_path_ends(browser, address, setting):
    with opened(browser, f"{address}#{setting}") as page:
        answer = settled(page)["answer"]
        for block in ("#by-hand", "#in-keras"):
            code = page.inner_text(block)
            assert len(code.splitlines()) <= 14
            within = {}
            exec(compile(code, block, "exec"), within)
            np.testing.assert_allclose(within["x"].numpy(), [answer["x1"][-1], answer["x2"][-1]], rtol=2e-5, atol=1e-5)


def test_the_code_is_copied(browser, live):
    with opened(browser, live, permissions=["clipboard-read", "clipboard-write"]) as page:
        page.click("button[data-copies=in-keras]")
        page.wait_for_function("document.querySelector('[data-copies=in-keras]').textContent === 'Copied'")
        assert page.evaluate("navigator.clipboard.readText()") == page.evaluate(
            "document.getElementById('in-keras').textContent"
        )


def test_the_address_keeps_what_is_set(browser, address):
    with opened(browser, address) as page:
        page.select_option("#objective", "beale")
        page.wait_for_function("page.state().name === 'beale'")
        page.fill("#rate-number", "0.003")
        page.keyboard.press("Enter")
        drag(page, (0.4, 0.5))
        settled(page)
        page.wait_for_function("location.hash.includes('beale') && location.hash.includes('rate=0.003')")
        kept, url = settled(page)["settings"], page.url
        page.goto("about:blank")
        page.goto(url)
        page.wait_for_function("Number(document.body.dataset.answers) > 0")
        assert settled(page)["settings"] == kept
        assert page.evaluate("page.state().name") == "beale"
    for nonsense in (
        "#objective=nothing&rate=nan&start=x&steps=-3",
        "#rate=1e999&momentum=7&start=1,2,3",
        "#<script>",
        "#start=,",
    ):
        with opened(browser, address + nonsense) as page:
            assert settled(page)["settings"]["rate"] == 0.0009


@pytest.mark.parametrize(("width", "scheme"), WIDTHS)
def test_it_fits_and_is_readable(browser, address, width, scheme):
    with opened(browser, address, width, scheme) as page:
        settled(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        text = page.evaluate("Bokeh.documents[0].roots()[0].below[0].major_label_text_color")
        assert text == {"dark": "#ddd", "light": "#222"}[scheme]
        assert page.locator("#picture").bounding_box()["width"] > 0.5 * min(width, 900)


def test_wrong_numbers_are_said(browser, address):
    with opened(browser, address) as page:
        for text in ("-1", "", "1e400"):
            page.fill("#momentum-number", text)
            page.keyboard.press("Enter")
            page.wait_for_function("document.getElementById('verdict').classList.contains('bad')")
            assert "Momentum: got" in page.inner_text("#verdict")
            assert settled(page)["settings"]["momentum"] == 0


def test_both_paths_answer_a_drag_quickly(browser, live):
    """40 to 70 ms from the movement of the pointer to the drawn path; the limit allows for a machine that is busy."""
    with opened(browser, live) as page:
        page.fill("#steps-number", "1000")
        page.keyboard.press("Enter")
        settled(page)
        page.evaluate("""() => {
            window.times = [];
            let since = null;
            const drawn = () => { if (since) times.push(performance.now() - since); since = null; };
            new MutationObserver(drawn).observe(document.body, {attributes: true});
            document.addEventListener("pointermove", () => { since ??= performance.now(); }, true);
        }""")
        drag(page, (0.3, 0.5), *[(0.3 + 0.02 * i, 0.5 - 0.01 * i) for i in range(12)])
        answer = settled(page)["answer"]
        assert answer["identical"]
        assert len(answer["x1"]) == 1001
        assert answer["x1"] == answer["keras1"]
        assert statistics.median(page.evaluate("times")) < 250


def test_a_function_of_ones_own(browser):
    with (
        tf_gd.explore(bent, [0.5, 0.5], learning_rate=0.02, open_browser=False) as explorer,
        opened(browser, explorer.address) as page,
    ):
        answer = settled(page)["answer"]
        assert answer["identical"]
        assert "bent" in page.inner_text("#objective option:first-child")
        assert f"from {bent.__module__} import bent as f" in page.inner_text("#by-hand")
        drag(page, (0.5, 0.5), (0.6, 0.6))
        settled(page)


@pytest.mark.parametrize(("function", "said"), [(lambda x: x[7] ** 2, "slice index"), (lambda x: 1.0, "got a float")])
def test_a_bad_function_is_told_on_the_page(browser, function, said):
    with tf_gd.explore(function, [1.0, 2.0], open_browser=False) as explorer:
        context = browser.new_context()
        page = context.new_page()
        page.goto(explorer.address)
        page.wait_for_function("document.getElementById('verdict').classList.contains('bad')", timeout=60_000)
        assert said in page.inner_text("#verdict")
        page.select_option("#objective", "booth")  # the others go on
        page.wait_for_function("page.state().name === 'booth' && page.state().answer", timeout=60_000)
        context.close()


def test_a_page_says_when_its_program_has_ended(browser, tmp_path):
    command = [sys.executable, "-m", "tf_gd", "explore", "--no-browser"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    watch = threading.Timer(120, process.kill)
    watch.start()
    try:
        address = process.stdout.readline().strip()
        context = browser.new_context()
        page = context.new_page()
        page.goto(address)
        page.wait_for_function("Number(document.body.dataset.answers) > 0", timeout=60_000)
        os.kill(process.pid, signal.SIGINT)
        page.wait_for_function("document.getElementById('verdict').innerText.includes('has ended')", timeout=20_000)
        context.close()
        assert process.wait(20) == 0
        assert "Traceback" not in process.stderr.read()
        assert list(tmp_path.iterdir()) == []
    finally:
        watch.cancel()
        process.kill()
        process.wait()
