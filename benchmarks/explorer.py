"""What the explorer computes, 1,000 steps of both optimizers, beside the two loops typed out.

``python benchmarks/explorer.py [--quick]`` prints its milliseconds, how many times as long
the loops take that a student types (eager and compiled), and, where there are Chromium and
Playwright, how long after a movement of the pointer the path is drawn.
"""

import shutil
from statistics import median

import harness
import keras
import tensorflow as tf
from harness import Contestant, digits, size

import tf_gd

STEPS, RATE = size(1000, 20), 1e-3
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_WATCH = """() => {
    window.times = [];
    let since = null;
    const drawn = () => { if (since) times.push(performance.now() - since); since = null; };
    new MutationObserver(drawn).observe(document.body, {attributes: true});
    document.addEventListener("pointermove", () => { since ??= performance.now(); }, true);
}"""


def typed(compiled: bool):
    """Return the two loops, by hand and with Keras, as one types them."""
    f = tf_gd.objectives.get("rosenbrock")
    x, optimizer = tf.Variable([-1.2, 1.0]), keras.optimizers.SGD(RATE)
    optimizer.build([x])

    def step(update):
        with tf.GradientTape() as tape:
            loss = f(x)
        update(tape.gradient(loss, x))

    steps = [lambda: step(lambda g: x.assign_sub(RATE * g)), lambda: step(lambda g: optimizer.apply([g], [x]))]
    if compiled:
        steps = [tf.function(one, jit_compile=True, autograph=False) for one in steps]

    def run():
        for one in steps:
            x.assign([-1.2, 1.0])
            for _ in range(STEPS):
                one()

    return run


def both():
    """Return what the explorer asks for at every movement."""
    settings = dict(learning_rate=RATE, steps=STEPS)
    return lambda: tf_gd.compare("rosenbrock", [-1.2, 1.0], **settings) and None


def dragged() -> float | None:
    """Return the median of the milliseconds from a movement of the pointer to the path that is drawn."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    if CHROMIUM is None:
        return None
    with tf_gd.explore(steps=STEPS, open_browser=False) as explorer, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, chromium_sandbox=False)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(explorer.address)
        page.wait_for_function("Number(document.body.dataset.answers) > 0", timeout=60_000)
        page.wait_for_timeout(size(4000, 10))  # programs are compiled ahead
        page.evaluate(_WATCH)
        box = page.locator("#picture").bounding_box()
        page.mouse.move(box["x"] + 200, box["y"] + 250)
        page.mouse.down()
        for number in range(size(100, 5)):
            page.mouse.move(box["x"] + 200 + 3 * number, box["y"] + 250 - number)
            page.wait_for_timeout(16)
        page.mouse.up()
        page.wait_for_function("!page.state().working")
        times = page.evaluate("times")
        browser.close()
    return median(times) if times else None


def report(options) -> None:
    contestants = {
        "tf_gd.compare": Contestant(both),
        "typed, each step compiled": Contestant(lambda: typed(True)),
        "typed, eager": Contestant(lambda: typed(False)),
    }
    times = harness.race(contestants, options)
    base = times["tf_gd.compare"]
    rows = [
        [name, digits(1e3 * one.median), digits(median(one.ratios(base))), harness.spread(one.ratios(base))]
        for name, one in times.items()
    ]
    print(f"Rosenbrock, {STEPS:,} steps by hand and as many of keras.optimizers.SGD\n")
    print(harness.table(["", "ms", "times as long", "spread"], rows))
    latency = dragged()
    said = "not measured: no Chromium, or no Playwright" if latency is None else f"{latency:.0f} ms (median)"
    print(f"\nfrom a movement of the pointer to the path that is drawn: {said}")


if __name__ == "__main__":
    harness.main(__doc__, {}, report=report)
