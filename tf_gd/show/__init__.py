"""Pictures and tables: they take plain results and never import TensorFlow."""

from tf_gd.show.animation import animate
from tf_gd.show.basins import plot_basins, plot_starts
from tf_gd.show.curves import plot_distance, plot_explanation, plot_losses, plot_sharpness
from tf_gd.show.feasible import plot_solutions
from tf_gd.show.plots import plot_contours, plot_steps, plot_trajectory
from tf_gd.show.rates import plot_learning_rates, plot_range_test, plot_rate_map
from tf_gd.show.style import BUILT_IN, BY_HAND, STYLE, save, write
from tf_gd.show.surface import plot_surface
from tf_gd.show.table import table

__all__ = [
    "BUILT_IN",
    "BY_HAND",
    "STYLE",
    "animate",
    "plot_basins",
    "plot_contours",
    "plot_distance",
    "plot_explanation",
    "plot_learning_rates",
    "plot_losses",
    "plot_range_test",
    "plot_rate_map",
    "plot_sharpness",
    "plot_solutions",
    "plot_starts",
    "plot_steps",
    "plot_surface",
    "plot_trajectory",
    "save",
    "table",
    "write",
]
