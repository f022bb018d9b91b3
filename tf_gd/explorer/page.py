"""The page: figures of Bokeh, a template, and the scripts that connect them.

The same page is served live, where Keras answers, and written as a file, where ``tape.js`` does.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from bokeh import events
from bokeh.core.templates import get_env
from bokeh.document import Document
from bokeh.models import ColumnDataSource, CustomJS, InlineStyleSheet, Model, Range1d
from bokeh.models.annotations import Span
from bokeh.plotting import figure

from tf_gd.explorer.settings import LARGEST, MOST_STEPS, SLIDER
from tf_gd.show.basins import COLOURS, NOWHERE
from tf_gd.show.style import BUILT_IN, BY_HAND

TITLE = "tf_gd: the explorer"
_HERE = Path(__file__).parent
_HAND, _KERAS, _ARROW = BY_HAND["color"], BUILT_IN["color"], "#009E73"
_GREY = "#808080"  # seen on light and on dark
_DRAGGED = ":host, .bk-events, .bk-canvas-events { touch-action: none; }"


class Row(NamedTuple):
    """A slider, with a field for the exact number."""

    name: str
    label: str
    aria_label: str
    low: float
    high: float
    step: float
    least: str = ""
    most: str = ""


_ROWS = (
    Row("rate", "Learning rate", "Learning rate", *SLIDER, 0.01, "1e-30", f"{LARGEST:.0f}"),
    Row("momentum", "Momentum", "Momentum", 0, 0.99, 0.01, "0", "1"),
    Row("steps", "Steps", "Steps", 1, 1000, 1, "1", str(MOST_STEPS)),
    Row("x1", "Start x<sub>1</sub>", "Start x1", -1, 1, 0.01),
    Row("x2", "Start x<sub>2</sub>", "Start x2", -1, 1, 0.01),
    Row("decay", "Weight decay", "Weight decay", 0, 1, 0.01, "0", f"{LARGEST:.0f}"),
)


def fill(document: Document, about: dict[str, Any], *, live: bool) -> dict[str, Any]:
    """Add the page to a document of Bokeh's, and return the models that a program needs.

    Args:
        document: a new one.
        about: for the scripts; what :mod:`tf_gd.explorer.server` or
            :mod:`tf_gd.explorer.static_page` writes.
        live: whether a program answers, through the sources ``request`` and ``reply``.
    """
    models = _figures()
    request, reply = _source(json=[]), _source(id=[])
    engine = "program(request, reply)" if live else "by_tape"
    begin = CustomJS(
        args={"models": models, "request": request, "reply": reply},
        code=f"page.start(models, {engine})",
    )
    # A source belongs to the document, and is sent, where something in a figure refers to it.
    sent = {"request": request, "reply": reply}
    move = CustomJS(args=sent, code="page.drag(cb_obj.x, cb_obj.y)")
    for event in (events.Tap, events.PanStart, events.Pan, events.PanEnd):
        models["picture"].js_on_event(event, move)
    for name in ("picture", "slope", "loss"):
        models[name].name = name
        document.add_root(models[name])
    if live:
        document.js_on_event(events.ConnectionLost, CustomJS(code="page.lost()"))
    document.js_on_event(events.DocumentReady, begin)
    document.title = TITLE
    names = ("tape.js", "engines.js", "words.js", "page.js")
    document.template = get_env().from_string((_HERE / "page.html").read_text(encoding="utf-8"))
    fixed = {"colours": COLOURS, "nowhere": NOWHERE, "most_steps": MOST_STEPS, "largest": LARGEST}
    written = {
        "live": live,
        "style": (_HERE / "page.css").read_text(encoding="utf-8"),
        "rows": _ROWS,
        "about": _as_json(about | fixed),
        "scripts": [(_HERE / name).read_text(encoding="utf-8") for name in names],
    }
    document.template_variables.update(written)
    return sent


def _as_json(value) -> str:
    """Return JSON that may stand in a page: no text in it ends the script."""
    return json.dumps(value, allow_nan=False).replace("<", "\\u003c")


def _source(**columns) -> ColumnDataSource:
    return ColumnDataSource(data=columns)


def _figures() -> dict[str, Any]:
    """Return the figures and the sources that the scripts fill, by the names used there."""
    bare: dict[str, Any] = dict(
        toolbar_location=None,
        tools="",
        sizing_mode="stretch_width",
        background_fill_alpha=0,
        border_fill_alpha=0,
        outline_line_color=None,
        min_border_left=56,
    )
    picture: Any = figure(
        x_range=Range1d(start=0, end=1),
        y_range=Range1d(start=0, end=1),
        height=460,
        stylesheets=[InlineStyleSheet(css=_DRAGGED)],
        **bare,
    )
    slope: Any = figure(
        x_range=Range1d(start=0, end=1),
        y_range=Range1d(start=0, end=1),
        height=200,
        y_axis_label="f′(x)",
        **bare,
    )
    loss: Any = figure(
        x_range=Range1d(start=0, end=1),
        y_range=Range1d(start=1e-3, end=1),
        y_axis_type="log",
        height=220,
        x_axis_label="step k",
        y_axis_label="f − lowest f",
        **bare,
    )
    slope.xaxis.axis_label = "x"
    sources: dict[str, Any] = {
        "levels": _source(xs=[], ys=[], alpha=[], width=[]),
        "basins": _source(left=[], right=[], bottom=[], top=[], colour=[]),
        "flights": _source(x0=[], y0=[], x1=[], y1=[], colour=[]),
        "starts": _source(x=[], y=[], colour=[]),
        "hand": _source(x=[], y=[]),
        "keras": _source(x=[], y=[]),
        "minima": _source(x=[], y=[]),
        "start": _source(x=[], y=[]),
        "now": _source(x=[], y=[]),
        "arrow": _source(x0=[], y0=[], x1=[], y1=[]),
        "tip": _source(x=[], y=[], angle=[]),
        "derivative": _source(x=[], y=[]),
        "slopes": _source(x=[], y=[]),
        "losses": _source(k=[], hand=[], keras=[]),
    }
    by_hand: dict[str, Any] = dict(line_color=_HAND, line_width=2.4)
    by_keras: dict[str, Any] = dict(line_color=_KERAS, line_width=1.6, line_dash=[6, 5])
    dots: dict[str, Any] = dict(size=5, line_color=None, fill_color=_HAND)

    def of(name: str) -> dict[str, Any]:
        return {"source": sources[name]}

    picture.quad(
        left="left", right="right", bottom="bottom", top="top", **of("basins"),
        fill_color="colour", fill_alpha=0.45, line_color=None,
    )  # fmt: skip
    picture.multi_line(
        "xs", "ys", line_color=_GREY, line_alpha="alpha", line_width="width", **of("levels")
    )
    picture.segment("x0", "y0", "x1", "y1", line_color="colour", line_alpha=0.5, **of("flights"))
    picture.scatter("x", "y", fill_color="colour", line_color=_GREY, size=8, **of("starts"))
    drawn: dict[str, Any] = {  # by the variable of the style sheet that holds their colour
        "--hand": [
            (picture.line("x", "y", **by_hand, **of("hand")), "line_color"),
            (picture.scatter("x", "y", **dots, **of("hand")), "fill_color"),
            (slope.line("x", "y", line_color=_HAND, line_width=1, **of("slopes")), "line_color"),
            (slope.scatter("x", "y", **dots, **of("slopes")), "fill_color"),
            (loss.line("k", "hand", **by_hand, **of("losses")), "line_color"),
        ],
        "--keras": [
            (picture.line("x", "y", **by_keras, **of("keras")), "line_color"),
            (loss.line("k", "keras", **by_keras, **of("losses")), "line_color"),
        ],
    }
    crosses = picture.scatter("x", "y", marker="x", size=11, line_width=3, **of("minima"))
    arrow: dict[str, Any] = dict(line_color=_ARROW, line_width=3)
    picture.segment("x0", "y0", "x1", "y1", **arrow, **of("arrow"))
    tip: dict[str, Any] = dict(marker="triangle", size=11, fill_color=_ARROW, line_color=None)
    picture.scatter("x", "y", angle="angle", **tip, **of("tip"))
    now = picture.scatter("x", "y", size=10, line_width=1, fill_color=_ARROW, **of("now"))
    picture.scatter(
        "x", "y", size=17, fill_color="white", line_color=_HAND, line_width=3, **of("start")
    )

    slope.line("x", "y", line_color=_GREY, **of("derivative"))
    zero = Span(location=0, dimension="width", line_width=1)
    slope.add_layout(zero)
    step_line = Span(location=0, dimension="height", line_color=_ARROW, line_width=2)
    loss.add_layout(step_line)

    figures = (picture, slope, loss)
    inked: list[Model] = [crosses.glyph, zero]
    return {
        **sources,
        "picture": picture,
        "slope": slope,
        "loss": loss,
        "step_line": step_line,
        "picture_axes": [picture.xaxis[0], picture.yaxis[0]],
        "axes": [axis for one in figures for axis in (one.xaxis[0], one.yaxis[0])],
        "grids": [grid for one in figures for grid in one.grid],
        "inked": inked,
        "marked": [now.glyph],
        "coloured": [
            [one.glyph, part, name] for name, renderers in drawn.items() for one, part in renderers
        ],
    }
