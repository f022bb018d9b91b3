"""The page without a server: one file, which loads nothing and computes with ``tape.js``.

``python -m tf_gd.explorer.static_page FILE`` writes it.
"""

import sys
from pathlib import Path

from bokeh.document import Document
from bokeh.embed import file_html
from bokeh.resources import INLINE

from tf_gd._files import whole
from tf_gd._signals import ends_on_sigterm
from tf_gd.explorer import page
from tf_gd.explorer.answers import Explored
from tf_gd.explorer.settings import STEPS
from tf_gd.toy import objectives

ROUNDED_BY_A_LIBRARY = ("cosine_wave", "mccormick", "rastrigin")  # with sin and cos
_SETTINGS = dict(momentum=0.0, nesterov=False, decay=0, steps=STEPS)
_SAME = "The operations of keras.optimizers.SGD, rounded as there: the same bits."
_CLOSE = "The operations of keras.optimizers.SGD, but for the last digits of sin and cos."


def write(path: Path) -> Path:
    """Write the page; return its path.

    Raises:
        OSError: it cannot be written.
    """
    known = [objectives.get(name) for name in objectives.names()]
    about = {one.name: Explored(one).about() for one in known if one.dim <= 2}
    first = "rosenbrock"
    document = Document()
    verdicts = {name: _CLOSE if name in ROUNDED_BY_A_LIBRARY else _SAME for name in about}
    begin = {**_SETTINGS, **about[first]["suggested"], "start": about[first]["start"]}
    given = {"names": list(about), "first": first, "settings": begin}
    page.fill(document, given | {"functions": about, "verdicts": verdicts}, live=False)
    text = file_html(
        document,
        INLINE,
        template=document.template,
        template_variables=document.template_variables,
        suppress_callback_warning=True,
    )
    with whole(path) as partial:
        partial.write_text(text, encoding="utf-8")
    return path


if __name__ == "__main__":
    with ends_on_sigterm():
        write(Path(sys.argv[1]))
