"""The functions and the tutorials, as ``tf-gd list`` prints them."""

import textwrap

from tf_gd.command import tutorials

_WIDTH = 80


def listing(objectives: list, scripts: list) -> str:
    """Return both lists, at most 80 columns wide; a long formula goes on in the next line."""
    room = max((len(objective.name) for objective in objectives), default=0)
    lines = ["Functions (tf-gd run NAME, tf-gd compare NAME)", ""]
    for objective in objectives:
        first = f"  {objective.name:<{room}}  {objective.dim}-D  "
        parts = _broken(objective.formula, _WIDTH - len(first))
        rest = " " * len(first)
        lines += [f"{first if n == 0 else rest}{part}".rstrip() for n, part in enumerate(parts)]
    lines += ["", "Tutorials (tf-gd tour, tf-gd tour NUMBER)"]
    for part, within in tutorials.by_part(scripts):
        lines += ["", f"  {part.name}, {part.follows}"]
        for script in within:
            title = f"{script.number}  {script.title}"
            rest = " " * 8
            lines += textwrap.wrap(title, _WIDTH, initial_indent="    ", subsequent_indent=rest)
    return "\n".join(lines)


def _broken(formula: str, width: int) -> list[str]:
    """Break a formula before + or - into lines; all but the first are indented."""
    kept = formula.replace(" ", "\0").replace("\0+\0", " +\0").replace("\0-\0", " -\0")
    parts = textwrap.wrap(kept, width, subsequent_indent="  ", break_on_hyphens=False) or [""]
    return [part.replace("\0", " ") for part in parts]
