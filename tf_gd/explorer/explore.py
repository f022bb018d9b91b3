""":func:`tf_gd.explore`: open the page of a function."""

import dataclasses
import html
import sys
import webbrowser
from typing import TYPE_CHECKING

from tf_gd import _checks
from tf_gd._runtime import in_notebook
from tf_gd.explorer.settings import STEPS, Settings, check_bokeh
from tf_gd.toy import objectives
from tf_gd.toy.objectives import is_from_the_catalogue, resolve

if TYPE_CHECKING:
    from tf_gd.explorer.server import Server


@dataclasses.dataclass(frozen=True, eq=False)
class Explorer:
    """A page that is being served. In a notebook it shows itself.

    Attributes:
        address: of the page, with the token that opens it.
        server: what serves it, in a thread of its own.
    """

    address: str
    server: "Server"

    def wait(self) -> None:
        """Print the address, wait until Ctrl-C, then close."""
        try:
            print(self.address, flush=True)
            print("Ctrl-C ends it.", file=sys.stderr, flush=True)
            self.server.wait()
        except KeyboardInterrupt:
            pass
        finally:
            self.close()

    def close(self) -> None:
        """Stop serving the page."""
        self.server.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    def _repr_html_(self) -> str:
        style = "width: 100%; height: 900px; border: 1px solid #888"
        return f'<iframe src="{html.escape(self.address)}" style="{style}"></iframe>'


def explore(
    objective="rosenbrock",
    start=None,
    *,
    learning_rate=None,
    momentum=0.0,
    nesterov=False,
    weight_decay=None,
    steps=STEPS,
    port=None,
    open_browser=None,
) -> Explorer:
    """Open a page on which the start is dragged and the rate is slid, and two paths answer.

    One path is made by hand, the other by ``keras.optimizers.SGD``. The page is served on the
    loopback address until it is closed or the process ends. It needs Bokeh.

    Args:
        objective: a name of the catalogue, an :class:`~tf_gd.Objective`, or your own function, as
            for :func:`tf_gd.gradient_descent`; of one or two variables.
        start: to begin with, ``(dim,)``; by default the objective's own.
        learning_rate, momentum, nesterov, weight_decay, steps: to begin with; the rate is by
            default 1/L at the first minimum that is known, rounded down, or else 0.01.
        port: on which to listen; by default any that is free.
        open_browser: whether to open the page in a browser; by default only outside notebooks.

    Returns:
        The explorer: ``.address``, ``.wait()`` until Ctrl-C, ``.close()``. In a notebook it shows
        the page.

    Raises:
        ImportError: Bokeh is missing.
        TypeError, ValueError: an argument is not of its kind or out of its range, the function has
            more than two variables, or the port is taken.

    Examples:
        >>> with explore("booth", learning_rate=0.05, open_browser=False) as explorer:
        ...     explorer.address.startswith("http://127.0.0.1:")
        True
    """
    check_bokeh()
    from tf_gd.explorer import server
    from tf_gd.explorer.answers import rate_for
    from tf_gd.explorer.drawing import check_dim

    chosen = resolve(objective, start)
    check_dim(chosen)
    if port is not None:
        port = _checks.whole_number("port", port, minimum=1, maximum=65535)
    rate = rate_for(chosen) if learning_rate is None else learning_rate
    begin = Settings.checked(
        dict(
            start=chosen.start if start is None else start,
            rate=rate,
            momentum=momentum,
            nesterov=nesterov,
            decay=0.0 if weight_decay is None else weight_decay,
            steps=steps,
        ),
        chosen.dim,
    )
    opens = not in_notebook()
    if open_browser is not None:
        opens = _checks.flag("open_browser", open_browser)
    made = server.Server(chosen, begin.for_page(), _code_of(objective, chosen), port)
    if opens:
        try:
            webbrowser.open(made.address)
        except webbrowser.Error as error:
            print(f"cannot open a browser ({error}): open {made.address}", file=sys.stderr)
    return Explorer(made.address, made)


def _code_of(objective, chosen) -> str | None:
    """Return the line that defines ``f``; None for a function of the catalogue as it is."""
    if is_from_the_catalogue(chosen):
        as_it_is = chosen is objectives.get(chosen.name)
        return None if as_it_is else f'f = tf_gd.objectives.get("{chosen.name}", ...)  # as you did'
    function = chosen.fn
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    if module in (None, "__main__") or not name.isidentifier() or chosen is objective:
        return f"f = ...  # your function {' '.join(chosen.name.split())}"
    return f"from {module} import {name} as f"
