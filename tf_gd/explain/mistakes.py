"""Known mistakes: what each changes in a step, where it can be made, how to fix it."""

import dataclasses
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tf_gd.explain.deviation import Deviation
from tf_gd.explain.losses import OTHER_LOSSES
from tf_gd.explain.possible import CONDITIONS, Condition, another_loss
from tf_gd.explain.table import TABLE


@dataclass(frozen=True, eq=False)
class Mistake:
    """A change of the deviation.

    Attributes:
        name: what the loop does.
        changes: the fields of the deviation that it changes, with their new values.
        fix: one or two lines of code, or of advice.
        possible: the condition under which it can be made.
    """

    name: str
    changes: dict[str, Any]
    fix: str
    possible: Condition = field(default=CONDITIONS["always"], repr=False)

    @property
    def unlikely(self) -> int:
        """How much less likely it is than others that do the same: 0 to 2.

        2 is a number measured at each step, which fits any mistake that scales the steps.
        """
        rate, reduction = self.changes.get("rate"), self.changes.get("reduction")
        if isinstance(reduction, tuple) or (isinstance(rate, tuple) and len(rate) > 1):
            return 2
        factors = (reduction, self.changes.get("regularised"))
        rare = any(factor in _RARE_FACTORS for factor in factors if isinstance(factor, str))
        return int(rare or bool(_RARE & set(self.changes)))


_RARE_FACTORS = ("divided twice", "half, fixed divisor", "over the batch")
_RARE = {
    "row",
    "shares",
    "limit",
    "repeated",
    "penalised",
    "data",
    "permuted",
    "optimizer",
    "anew",
    "statistics",
}


def fits(mistake: Mistake, others: Iterable[Mistake]) -> bool:
    """Return whether a mistake can be made beside others: it changes no field that they change."""
    return not any(set(mistake.changes) & set(other.changes) for other in others)


def together(mistakes: Iterable[Mistake]) -> Deviation:
    """Return the deviation with all of these mistakes in it."""
    changes: dict = {}
    for mistake in mistakes:
        changes |= mistake.changes
    return dataclasses.replace(Deviation(), **changes)


def _rows() -> Iterator[Mistake]:
    values = {"True": True, "False": False, "0.0": 0.0, "0.5": 0.5, "2.0": 2.0}
    for group in re.split(r"\n(?=\w)", TABLE.strip()):
        heading, *lines = (line.strip() for line in group.splitlines())
        changed, condition = re.split(", if |, (?=always)", heading)
        for row, fix in zip(lines[::2], lines[1::2], strict=True):
            value, name = row.split(": ", 1)
            changes = {changed: values.get(value, value)}
            yield Mistake(name, changes, fix, CONDITIONS[condition])
    for name in OTHER_LOSSES:
        fix = "Take the loss that the model is compiled with."
        yield Mistake(f"another loss: {name}", {"loss": name}, fix, another_loss(name))


MISTAKES = tuple(_rows())
