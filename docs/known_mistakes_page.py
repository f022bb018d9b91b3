"""Write ``known_mistakes.md`` from the table in the code: ``python docs/known_mistakes_page.py``."""

import itertools
from pathlib import Path

from tf_gd.explain import mistakes
from tf_gd.explain.optimizers import OTHERS, Adam, mistaken
from tf_gd.explain.other_data import OTHER_INPUTS, OTHER_TARGETS

PAGE = Path(__file__).parent / "known_mistakes.md"

_TOP = """# Known mistakes

What {py:func}`tf_gd.explain_difference` knows by name. A script makes this page from the table in the code
(`docs/known_mistakes_page.py`). Each mistake is put into Keras's own step, which then runs from your weights on your
batches; the one that leads where your loop went is the cause. Mistakes that do the same on your data are named together.
Several at once are found as well, up to four.

When none fits, the report says what agrees, what is the first that does not, and where to look.
"""


def page() -> str:
    """Return the page."""
    parts = [_TOP, "## In the step\n", *_table(mistakes.MISTAKES)]
    adam = Adam(0.9, 0.999, 1e-7, decay=0.004)
    parts += ["\n## In Adam and AdamW\n", "| the loop has | the fix |", "|---|---|"]
    parts += [f"| {name} | {_code(fix)} |" for name, _, fix in mistaken(adam)]
    named = (("Another optimizer", OTHERS), ("Other inputs", OTHER_INPUTS), ("Other targets", OTHER_TARGETS))
    for title, table in named:
        parts += [f"\n## {title}\n", *(f"* {name}" for name in table)]
    parts += ["\n## Measured on the loop\n", *(f"* {one}" for one in _MEASURED)]
    return "\n".join(parts) + "\n"


_MEASURED = (
    "another learning rate, constant or a schedule; a factor on the loss, constant or one that changes with the batch",
    "another momentum, with or without Nesterov",
    "another limit or another way of clipping",
    "another weight decay: its amount, of which variables, in the gradient or not, with the rate or without",
    "an L2 penalty of every variable or of the kernels, and its amount; L2 on the wrong variables",
    "variables that are never updated; gradients that were given to the wrong variable",
    "other weights of the losses of several outputs",
    "another order of the batches",
    "another number returned than the loss: after the update, a mean so far, without the penalties, a metric",
)


def _table(rows) -> list[str]:
    lines = ["| the loop has | the fix |", "|---|---|"]
    for name, group in itertools.groupby(rows, key=lambda one: one.name):
        lines.append(f"| {name} | {_code(next(group).fix)} |")
    return lines


def _code(fix: str) -> str:
    """Return a fix as code, if it is some, with its comment behind it."""
    code, _, comment = fix.partition("  # ")
    if "(" not in code or code.rstrip().endswith("."):
        return fix.replace("|", "\\|")
    return f"`{code}`" + (f" ({comment})" if comment else "")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
