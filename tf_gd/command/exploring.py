"""``tf-gd explore``: the page, until Ctrl-C."""

import sys

from tf_gd.command import output
from tf_gd.command.modules import objective_of, point_of
from tf_gd.explorer.settings import check_bokeh
from tf_gd.toy import objectives


def explore(options) -> int:
    """Serve the page, print its address on a line of its own, and wait for Ctrl-C."""
    check_bokeh()
    objective = objective_of(options)
    has_start = isinstance(objective, str | objectives.Objective)
    start = point_of(options, needed=not has_start)
    if isinstance(objective, str):
        objectives.get(objective)  # before TensorFlow is imported, which takes seconds
    output.start_tensorflow(options)
    import tf_gd
    from tf_gd.toy.checks import check_start

    with tf_gd.explore(
        objective,
        start,
        learning_rate=options.learning_rate,
        momentum=options.momentum,
        nesterov=options.nesterov,
        weight_decay=options.weight_decay,
        steps=options.steps,
        port=options.port,
        open_browser=not options.no_browser,
    ) as explorer:
        try:
            check_start(objective, start, "float32")
        except ValueError as error:  # the page says so as well, and shows other functions
            print(f"tf-gd explore: {error}", file=sys.stderr)
        explorer.wait()
    return 0
