"""A page of results in one file, which needs nothing else to be shown."""

import base64
import html
from pathlib import Path

from tf_gd._files import whole

_STYLE = """
:root { color-scheme: light dark; --ink: #222; --paper: #fff; --faint: #eee; --good: #00664b; --bad: #b00020; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ddd; --paper: #181818; --faint: #2c2c2c; --good: #4fd1a5; --bad: #ff7a8a; }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 62rem;
       margin: 0 auto; padding: 1rem; }
h1, h2 { line-height: 1.2; }
h2 { margin-top: 3rem; border-top: 1px solid var(--faint); padding-top: 1.5rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; }
th, td { text-align: left; padding: 0.3rem 0.7rem 0.3rem 0; border-bottom: 1px solid var(--faint); vertical-align: top; }
td.number { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
.good { color: var(--good); } .bad { color: var(--bad); font-weight: bold; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1rem;
            margin: 1rem 0; }
figure { margin: 0; } img { width: 100%; height: auto; background: #fff; border-radius: 4px; }
figcaption { font-size: 0.8rem; } pre { overflow-x: auto; background: var(--faint); padding: 0.8rem; font-size: 0.8rem; }
""".strip()


def write_page(path: Path, stops, verdict: str) -> Path:
    """Write the page of a tour, whole or not at all; return its path.

    Args:
        path: where to.
        stops: what :mod:`tf_gd.tour` recorded of each tutorial.
        verdict: one line.
    """
    contents = "".join(
        f'<li><a href="#{stop.name}">{_text(stop.name[:2])} {_text(stop.title)}</a> <span class="'
        f'{"good" if stop.holds else "bad"}">{"holds" if stop.holds else "fails"}</span>, {stop.seconds:.1f} s</li>'
        for stop in stops
    )
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>tf_gd: the tour</title>'
        '<link rel="icon" href="data:,"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><h1>Gradient descent you can read, check and race</h1>"
        f"<p><strong>{_text(verdict)}.</strong> Every number below was measured by this run, beside the one that theory, "
        f"arithmetic or a publication says.</p><ul>{contents}</ul>{''.join(map(_section, stops))}</body></html>\n"
    )
    with whole(path) as partial:
        partial.write_text(page, encoding="utf-8")
    return path


def _section(stop) -> str:
    rows = "".join(
        f'<tr><td class="{"good" if claim.holds else "bad"}">{"✓" if claim.holds else "✗"}</td><td>{_text(claim.text)}</td>'
        f'<td class="number">{_text(claim.expected)}</td><td class="number">{_text(claim.measured)}</td></tr>'
        for claim in stop.claims
    )
    pictures = "".join(_figure(picture) for picture in stop.pictures)
    error = f'<p class="bad">It broke off:</p><pre>{_text(stop.error)}</pre>' if stop.error else ""
    return (
        f'<h2 id="{stop.name}">{_text(stop.name[:2])} {_text(stop.title)}</h2>{error}<div class="pictures">{pictures}</div>'
        f'<div class="wide"><table><tr><th></th><th>claim</th><th>expected</th><th>measured</th></tr>{rows}</table></div>'
        f"<details><summary>what the script prints</summary><pre>{_text(stop.output)}</pre></details>"
    )


def _figure(picture: Path) -> str:
    data = base64.b64encode(picture.read_bytes()).decode()
    name = _text(picture.stem.replace("_", " "))
    return f'<figure><img alt="{name}" src="data:image/png;base64,{data}"><figcaption>{name}</figcaption></figure>'


def _text(text: str) -> str:
    return html.escape(str(text))
