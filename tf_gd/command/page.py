"""The page of a tour: one self-contained HTML file."""

import base64
import html
import struct
from pathlib import Path

from tf_gd._files import whole
from tf_gd.exercises.exercise import after
from tf_gd.explorer.addresses import fragment
from tf_gd.show.markup import formula, to_html, to_text

_STYLE = Path(__file__).with_name("page.css")
_REFRESH = '<meta http-equiv="refresh" content="3">'  # while the tour runs
_BY_HAND = """
x = tf.Variable([-1.2, 1.0])
for k in range(1000):
    with tf.GradientTape() as tape:
        loss = (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
    gradient = tape.gradient(loss, x)
    x.assign_sub(0.001 * gradient)
""".strip()
_IN_KERAS = """
optimizer = keras.optimizers.SGD(0.001)
# does the same as the last line
optimizer.apply([gradient], [x])
""".strip()
_MOVING = (
    "Rosenbrock's valley, :math:`f(x) = (1 - x_1)^2 + 100\\,(x_2 - x_1^2)^2`, step by step. "
    "Left, the loop below; right, with momentum, "
    ":math:`v \\leftarrow 0.9\\,v - \\eta\\,\\nabla f(x)` and :math:`x \\leftarrow x + v`."
)
_HEADERS = "<tr><th></th><th>claim</th><th>expected</th><th>measured</th></tr>"
_WIDE = 2.0  # times as wide as high: then a picture gets a row of its own


class Page:
    """A page that is rewritten atomically whenever a tutorial is done.

    Args:
        path: of the file.
        parts: what :func:`tf_gd.command.tutorials.by_part` returns.
        moving: an animation to begin with, or None.
    """

    def __init__(self, path: Path, parts: list, moving: Path | None):
        self._path, self._parts = path, parts
        self.explorer = path.with_name("explore.html")
        self._moving = _image(moving, "image/gif", to_text(_MOVING)) if moving else ""
        self._sections: dict[str, str] = {}  # of the tutorials that are done

    def write(self, stops: dict, running: set[str], verdict: str, *, finished: bool) -> None:
        """Write the page.

        Args:
            stops: what :mod:`tf_gd.command.tour` recorded of each tutorial that is done, by name.
            running: the names of those that run now.
            verdict: what they found so far, one line.
            finished: whether the tour has ended; else the page reloads itself.
        """
        contents, sections = [], []
        for part, tutorials in self._parts:
            items = []
            sections.append(f"<h2>{_text(part.name)} <small>{_text(part.follows)}</small></h2>")
            for tutorial in tutorials:
                stop = stops.get(tutorial.name)
                state = _state(stop, tutorial.name in running, finished)
                link = f'<a href="#{_text(tutorial.name)}">{_text(tutorial.heading)}</a>'
                items.append(f"<li>{link} {state}</li>")
                sections.append(self._section(tutorial, stop, state))
            contents.append(f"<h3>{_text(part.name)}</h3><ul>{''.join(items)}</ul>")
        total = sum(len(tutorials) for _, tutorials in self._parts)
        page = (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            "<title>tf_gd: the tour</title>"
            '<link rel="icon" href="data:,">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"{'' if finished else _REFRESH}<style>\n{_STYLE.read_text(encoding='utf-8')}</style>"
            f"</head><body>\n{self._head()}\n"
            f"{_progress(len(stops), total, verdict, finished)}"
            f'<nav class="contents">{"".join(contents)}</nav>\n'
            f"{''.join(sections)}</body></html>\n"
        )
        with whole(self._path) as partial:
            partial.write_text(page, encoding="utf-8", errors="replace")

    def _head(self) -> str:
        step = formula(r"x \leftarrow x - \eta\,\nabla f(x)")
        caption = f"<figcaption>{to_html(_MOVING)}</figcaption>"
        moving = f'<figure class="moving">{self._moving}{caption}</figure>' if self._moving else ""
        return f"""<h1>Gradient descent by hand, beside Keras</h1>
<p class="lead">To find a low point, go a little way downhill, again and again: {step}.
Written by hand it is six lines, and <code>keras.optimizers.SGD</code> takes the very same
steps.</p>
{moving}
{self._to_explorer()}
<div class="code">
<figure class="by-hand"><figcaption>By hand</figcaption><pre>{_text(_BY_HAND)}</pre></figure>
<figure class="in-keras"><figcaption>In Keras</figcaption><pre>{_text(_IN_KERAS)}</pre></figure>
</div>"""

    def _to_explorer(self) -> str:
        if not self.explorer.exists():
            return ""
        link = '<a href="explore.html">Drag the start, change the rate</a>'
        return f"<p><strong>{link}</strong>, and see the path follow.</p>"

    def _section(self, tutorial, stop, state: str) -> str:
        start = (
            f'<section id="{_text(tutorial.name)}"><h3>{_text(tutorial.heading)}</h3>'
            f'<p class="about">{state} <code>{_text(tutorial.path.name)}</code></p>'
        )
        if stop is None:
            return f"{start}</section>\n"
        if tutorial.name not in self._sections:
            captions = tutorial.captions()
            pictures = "".join(_figure(picture, captions) for picture in stop.pictures)
            shown = f'<div class="pictures">{pictures}</div>{_details(stop)}'
            self._sections[tutorial.name] = shown + _exercises(tutorial.name)
        explorer = _explorer(tutorial.name) if self.explorer.exists() else ""
        return f"{start}{self._sections[tutorial.name]}{explorer}</section>\n"


def _progress(done: int, total: int, verdict: str, finished: bool) -> str:
    if not finished:
        lead = f"The tour is running: {done} of {total} tutorials are done."
    elif done < total:
        lead = f"The tour was stopped: {done} of {total} tutorials were done."
    else:
        lead = ""
    bar = "" if not lead else f'<progress value="{done}" max="{total}"></progress>'
    found = f"{_text(verdict)}." if done else ""
    return f"""<p class="verdict">{bar}<strong>{lead} {found}</strong>
A claim is a number that theory, arithmetic or a publication predicts, and that this run
measured.</p>"""


def _state(stop, running: bool, finished: bool) -> str:
    if stop is None:
        what = "was not run" if finished else "is running" if running else "is to come"
        return f'<span class="{"now" if running and not finished else "later"}">{what}</span>'
    if stop.holds:
        held = f"{len(stop.claims)} claim{'s' * (len(stop.claims) != 1)}"
        return f'<span class="good">✓ {held}, {stop.seconds:.1f} s</span>'
    return f'<span class="bad">✗ fails, {stop.seconds:.1f} s</span>'


def _explorer(tutorial: str) -> str:
    at = fragment(tutorial)
    link = f'<a href="explore.html{_text(at)}">drag the start and slide the rate</a>'
    return f'<p class="about">Under your hand: {link}</p>' if at else ""


def _exercises(tutorial: str) -> str:
    names = ", ".join(f"<code>{_text(one.name)}</code>" for one in after(tutorial))
    said = "Write it yourself, with <code>tf-gd exercises start</code>"
    return f'<p class="about">{said}: {names}</p>' if names else ""


def _details(stop) -> str:
    rows = "".join(
        f'<tr><td class="{"good" if claim.holds else "bad"}">{"✓" if claim.holds else "✗"}</td>'
        f'<td>{_text(claim.text)}</td><td class="number">{_text(claim.expected)}</td>'
        f'<td class="number">{_text(claim.measured)}</td></tr>'
        for claim in stop.claims
    )
    table = (
        f'<div class="wide"><table>{_HEADERS}{rows}</table></div>'
        if rows
        else '<p class="bad">It states nothing that could be checked.</p>'
    )
    error = f'<p class="bad">It broke off:</p><pre>{_text(stop.error)}</pre>' if stop.error else ""
    output = f"<pre>{_text(stop.output)}</pre>" if stop.output else ""
    return (
        f"<details{'' if stop.holds else ' open'}><summary>What it claims, and what it prints"
        f"</summary>{error}{table}{output}</details>"
    )


def _figure(picture: Path, captions: dict[str, str]) -> str:
    caption = captions.get(picture.name) or picture.stem.replace("_", " ")
    try:
        content = picture.read_bytes()
        width, height = struct.unpack(">II", content[16:24])  # of a PNG
        if not content.startswith(b"\x89PNG"):
            raise ValueError("no PNG")
    except (OSError, ValueError, struct.error):
        return f'<p class="bad">{_text(picture)} is no PNG, and not shown.</p>'
    kind = "broad" if width > _WIDE * height else "narrow"
    image = _image(content, "image/png", to_text(caption))
    below = f"<figcaption>{to_html(caption)}</figcaption>"
    return f'<figure class="{kind}"><div class="wide">{image}</div>{below}</figure>'


def _image(picture: Path | bytes, kind: str, alternative: str) -> str:
    content = picture if isinstance(picture, bytes) else picture.read_bytes()
    data = base64.b64encode(content).decode()
    return f'<img alt="{_text(alternative)}" src="data:{kind};base64,{data}">'


def _text(text) -> str:
    return html.escape(str(text))
