"""Back into the ball

With a constraint, a step may leave the set that is allowed. The projection
returns the nearest point of the set. Write it for a ball: a point inside stays
where it is, one outside moves straight towards the centre until the edge.
np.linalg.norm is the length.
"""

import numpy as np


def project(x, centre, radius):
    """Return the point of the ball nearest to x, of the shape of x."""
    raise NotImplementedError


# ---- answers ----
from tf_gd.exercises.drawing import start_of
from tf_gd.exercises.exercise import Mistake


def solution(x, centre, radius):
    distance = np.linalg.norm(x - centre)
    if distance <= radius:
        return x
    return centre + radius * (x - centre) / distance


def draw(random, number):
    centre, radius = (
        start_of(random, 3).astype("float64").round(2),
        float(round(random.uniform(0.5, 2), 2)),
    )
    way = random.normal(size=3)
    far = (0.6, 1.7, 0.97, 1.05, 0.0, 1.3)[number]  # of the radius, from the centre
    x = centre + radius * far * way / np.linalg.norm(way)
    return {"x": np.round(x, 4), "centre": centre, "radius": radius}


def expected(x, centre, radius):
    away = x - centre
    return centre + away / np.maximum(1.0, np.sqrt(away @ away) / radius)


AFTER = "19_constraints"
RETURNS = "the point"
IDEA = (
    "Measure the distance from the centre first; outside, go radius along (x - centre) / distance."
)
LINE = "return centre"
MISTAKES = [
    Mistake(
        "points inside are moved to the edge as well",
        "    if distance <= radius:\n        return x\n",
        "",
    ),
    Mistake("the centre is not added again", "return centre + radius", "return radius"),
    Mistake(
        "the distance from zero, not from the centre",
        "np.linalg.norm(x - centre)",
        "np.linalg.norm(x)",
    ),
    Mistake(
        "not divided by the distance, so not of length radius",
        "(x - centre) / distance",
        "(x - centre)",
    ),
    Mistake("the radius is left out: always 1", "centre + radius * ", "centre + "),
    Mistake("straight through the centre to the other side", "centre + radius", "centre - radius"),
    Mistake("outside and inside are swapped", "distance <= radius", "distance > radius"),
]
