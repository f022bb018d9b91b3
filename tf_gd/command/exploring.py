"""``tf-gd explore``: the page, until Ctrl-C."""

import sys

from tf_gd.command import output
from tf_gd.command.modules import objective_of, point_of
from tf_gd.explorer.settings import check_bokeh
from tf_gd.toy import objectives


def explore(options) -> int:
    """Serve the page, print its address on a line of its own, and wait for Ctrl-C."""
    check_bokeh()
    start, objective = point_of(options), objective_of(options)
    if isinstance(objective, str):
        objectives.get(objective)  # before TensorFlow is imported, which takes seconds
    output.start_tensorflow(options)
    import tf_gd

    explorer = tf_gd.explore(
        objective,
        start,
        learning_rate=options.learning_rate,
        momentum=options.momentum,
        nesterov=options.nesterov,
        weight_decay=options.weight_decay,
        steps=options.steps,
        port=options.port,
        open_browser=False,
    )
    try:
        print(explorer.address, flush=True)
        print("Ctrl-C ends it.", file=sys.stderr, flush=True)
        if not options.no_browser:
            import webbrowser

            webbrowser.open(explorer.address)
        explorer.wait()
    finally:
        explorer.close()
    return 0
