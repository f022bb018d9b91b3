"""Exercises that check themselves, and say which mistake was made.

``tf-gd exercises`` is the same in a terminal. ``exercise.py`` says what a file of the course holds;
``checking.py`` checks.
"""

from tf_gd.exercises.checking import check
from tf_gd.exercises.exercise import Exercise, Mistake, course
from tf_gd.exercises.report import Report

__all__ = ["Exercise", "Mistake", "Report", "check", "course", "names"]


def names() -> list[str]:
    """Return the names of the exercises, in the order of the course.

    Examples:
        >>> names()[0], len(names()) >= 24
        ('function', True)
    """
    return list(course())
