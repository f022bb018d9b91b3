"""``tf-gd explore``: the page, until Ctrl-C."""

import sys
import webbrowser

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
    elif start is None and not isinstance(objective, objectives.Objective):
        raise ValueError(
            "--start: got none, expected a point to start from, for example --start=1,2: "
            "a function of your own has no default."
        )
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
        open_browser=False,
    ) as explorer:
        try:
            check_start(objective, start, "float32")
        except ValueError as error:  # the page says so as well, and shows other functions
            print(f"tf-gd explore: {error}", file=sys.stderr)
        if not options.no_browser:
            webbrowser.open(explorer.address)
        explorer.wait()
    return 0
