"""A line of reST as HTML, with its formulas as inline SVG."""

import functools
import html
import re

import numpy as np
from matplotlib.font_manager import FontProperties
from matplotlib.mathtext import MathTextParser
from matplotlib.path import Path as Outline
from matplotlib.textpath import TextPath

_INLINE = re.compile(
    r"``(?P<code>.+?)``"
    r"|:(?P<role>[\w:]+):`(?P<target>[^`]+)`"
    r"|`(?P<text>[^`<]+?)\s*<(?P<url>[^>`]+)>`__?"
    r"|\*\*(?P<strong>[^*\s](?:[^*]*[^*\s])?)\*\*"
    r"|\*(?P<em>[^*\s](?:[^*]*[^*\s])?)\*"
    r"|\\(?P<escaped>.)",
    re.S,
)
_WITH_ITS_STOP = re.compile(r'\(?<svg class="formula"[^>]*><path [^>]*></svg>[.,;:!?)]+')
_PLAIN_TEX = (  # what Matplotlib does not know, rewritten
    (r"\\[td]frac(?![A-Za-z])", r"\\frac"),
    (r"\\frac\s*(\w)\s*(\w)", r"\\frac{\1}{\2}"),
    (r"\\frac\s*(\w)\s*(?=\{)", r"\\frac{\1}"),
    (r"\\(sqrt|mathrm|mathbf|hat|bar|vec)(?![A-Za-z])\s*(\\[A-Za-z]+|\w)", r"\\\1{\2}"),
    (r"\\(le|ge|ne)(?![A-Za-z])", r"\\\1q"),
    (r"\\(?:arg)(min|max)(?![A-Za-z])", r"\\mathrm{arg\\,\1}"),
    (r"\\([lr])Vert(?![A-Za-z])", r"\\Vert "),
    (r"\\([lr])vert(?![A-Za-z])", r"\\vert "),
    (r"\\(?:text|mbox)\s*\{([^{}]*)\}", lambda text: rf"\mathrm{{{_spaced(text[1])}}}"),
    (r"\\[bB]igg?[lr]?(?![A-Za-z])", ""),
    (r"\\(?:displaystyle|textstyle)(?![A-Za-z])", ""),
    (r"\\iff(?![A-Za-z])", r"\\Leftrightarrow "),
    (r"\\implies(?![A-Za-z])", r"\\Rightarrow "),
    (r"\\gets(?![A-Za-z])", r"\\leftarrow "),
    (r"\\dots(?![A-Za-z])", r"\\ldots "),
)
_EM = 1000  # units of the drawing in one em
_FONT = FontProperties(math_fontfamily="dejavuserif", size=_EM)
_COMMANDS = {Outline.MOVETO: ("M", 1), Outline.LINETO: ("L", 1), Outline.CURVE3: ("Q", 2)}
_COMMANDS[Outline.CURVE4] = ("C", 3)
_LONGEST = 500  # characters of a formula
_parser = MathTextParser("path")


def to_html(text: str) -> str:
    """Return inline reST as HTML; everything else is escaped.

    Examples:
        >>> to_html("*one* <b> and ``x < 1``")
        '<em>one</em> &lt;b&gt; and <code>x &lt; 1</code>'
    """
    shown, at = [], 0
    for found in _INLINE.finditer(text):
        shown += [html.escape(text[at : found.start()]), _element(found)]
        at = found.end()
    made = "".join([*shown, html.escape(text[at:])])
    return _WITH_ITS_STOP.sub(r'<span class="joined">\g<0></span>', made)


def to_text(text: str) -> str:
    """Return inline reST without its markup.

    Examples:
        >>> to_text("*one* :math:`x^2`")
        'one x^2'
    """
    return _INLINE.sub(lambda found: next(g for g in _parts(found) if g), text)


def _parts(found: re.Match) -> tuple[str | None, ...]:
    return found.group("code", "target", "text", "strong", "em", "escaped")


def _element(found: re.Match) -> str:
    code, target, text, strong, em, escaped = _parts(found)
    if code or (target and found["role"] != "math"):
        named = code or re.sub(r"\s*<[^>]*>$", "", target or "")  # :ref:`shown <where>`
        return f"<code>{html.escape(named)}</code>"
    if target:
        return formula(target)
    if text:
        address = found["url"].strip()
        if not re.match(r"https?://", address):
            return html.escape(text)
        return f'<a href="{html.escape(address)}">{html.escape(text)}</a>'
    if escaped:
        return html.escape(escaped.strip())
    name = "strong" if strong else "em"
    return f"<{name}>{html.escape(strong or em or '')}</{name}>"


@functools.lru_cache(maxsize=1024)
def formula(tex: str) -> str:
    """Return TeX as an SVG picture, in the colour and the size of the text around it.

    What Matplotlib cannot typeset is shown as it is written.
    """
    tex = " ".join(tex.split())
    label = html.escape(tex)
    written = tex
    for known, plain in _PLAIN_TEX:
        written = re.sub(known, plain, written)
    try:
        if "$" in written or not written.isascii() or len(written) > _LONGEST or not written:
            raise ValueError("not typeset")
        width, *_ = _parser.parse(f"${written}$", dpi=72, prop=_FONT)
        outline = TextPath((0, 0), f"${written}$", prop=_FONT)
        if not len(outline.vertices):
            raise ValueError("nothing to see")
        low, high = outline.get_extents().intervaly
    except (ValueError, RecursionError):
        return f"<code>{label}</code>"
    low, high = min(low, 0) - 30, high + 30
    size = f"width:{width / _EM:.3f}em;height:{(high - low) / _EM:.3f}em"
    return (
        f'<svg class="formula" role="img" aria-label="{label}" style="{size};vertical-align:'
        f'{low / _EM:.3f}em" viewBox="0 {-high:.0f} {width:.0f} {high - low:.0f}">'
        f'<path d="{_drawn(outline)}"/></svg>'
    )


def _spaced(text: str) -> str:
    return text.replace(" ", r"\ ")


def _drawn(outline: Outline) -> str:
    """Return the outline as the commands of an SVG path; there y grows downwards."""
    points = np.asarray(outline.vertices).round().astype(int).tolist()
    codes = np.asarray(outline.codes).tolist()
    written, at = [], 0
    while at < len(codes):
        if codes[at] == Outline.CLOSEPOLY:
            written.append("Z")
            at += 1
            continue
        letter, count = _COMMANDS[codes[at]]
        written.append(letter + " ".join(f"{x} {-y}" for x, y in points[at : at + count]))
        at += count
    return "".join(written)
