"""The exercises of the course, one a file; see ``tf_gd/exercises/exercise.py``."""
