"""
What if not every point is allowed?
===================================

Gradient descent goes where the gradient says, allowed or not. Two ideas keep it within constraints: after every step go back
to the nearest allowed point (*projection*), or make what is forbidden expensive, and raise the price until it is not bought
(*multipliers*). This tutorial uses both, checks the answers by the conditions of Karush, Kuhn and Tucker, and compares them
with tools that take a problem as it is written.

*Follows the slides "Constraints" and "Tools that take a problem in its natural form".*
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow()

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from tf_gd import claim, constraints, predicted_and_measured, show

# %%
# Projection
# ----------
# The point nearest to (3, 3) with :math:`x_1 + x_2 \le 2`. From any point beyond the line, the nearest allowed one is
# straight back along (1, 1). Each step of projected gradient descent is a step against the gradient and then this one; it
# comes to rest where the gradient points straight out of the allowed half-plane.
half_plane = constraints.HalfSpace([1.0, 1.0], 2.0)
claim("from (3, 2) back to the half-plane", half_plane.project([3.0, 2.0]), [1.5, 0.5], within=1e-12)
nearest = tf_gd.Problem("lecture_bowl", start=[-1.0, 2.0], within=[half_plane])
answer = nearest.solve(learning_rate=0.2)
claim("the nearest point to (3, 3)", answer.x, [1.0, 1.0], within=1e-6)

# %%
# There the gradient is :math:`2 (x - 3) = (-4, -4)`, and the normal of the line (1, 1): four times the normal undoes it.
# That is the first condition of Karush, Kuhn and Tucker, :math:`\nabla f + \mu \nabla g = 0` with :math:`\mu = 4 \ge 0`.
claim("the multiplier", answer.inequality_multipliers, [4.0], within=1e-5)
claim("what is left of the conditions", answer.residual, 0.0, within=1e-6)

# %%
# With several sets, going back to one may lead out of another. Dykstra's algorithm goes round until all agree; simply
# going round also ends in all of them, but not at the nearest point.
box = constraints.Box([0.0, 0.0], [0.5, 2.0])
corner = tf_gd.Problem("lecture_quadratic", start=[0.0, 1.5], within=[box, half_plane]).solve()
claim("with x1 at most 1/2 as well: x1 = 1/2, x2 = 3/2", corner.x, [0.5, 1.5], within=1e-6)

# %%
# A multiplier is a price
# -----------------------
# Constraints that are no such sets are put into the objective: :math:`f + \mu g` and a penalty on what is violated. After
# each round the price :math:`\mu` goes up where g is still above 0. At the end :math:`\mu` is what one unit more of room is
# worth: here :math:`f = (6 - b)^2 / 2` for :math:`x_1 + x_2 \le b`, with the slope :math:`-(6 - b)`.
for bound in (2.0, 4.0):
    priced = tf_gd.Problem("lecture_bowl", inequality=[constraints.at_most(lambda x: x[0] + x[1], bound)]).solve()
    claim(f"the price at b = {bound:g} is 6 - b", priced.inequality_multipliers, [6 - bound], within=1e-4)

# %%
# Rosenbrock's valley within the unit disc
# ----------------------------------------
# Its minimum (1, 1) is outside. Where does the valley leave the disc? We have no formula, but three ways and a check: a
# projection, as the disc is a ball; multipliers, with the disc as an inequality; SciPy's SLSQP. And in polar coordinates
# the border is a line, on which the lowest point can be looked up.
disc = constraints.Ball([0.0, 0.0], 1.0)
projected = tf_gd.Problem("rosenbrock", start=[-0.5, 0.5], within=[disc])
multiplied = tf_gd.Problem("rosenbrock", inequality=[constraints.at_most(lambda x: x[0] ** 2 + x[1] ** 2, 1.0)])
angles = np.linspace(0.0, np.pi / 2, 1_000_001)
border = np.stack([np.cos(angles), np.sin(angles)], axis=1)
lowest = border[np.argmin(100 * (border[:, 1] - border[:, 0] ** 2) ** 2 + (1 - border[:, 0]) ** 2)]
answers = {
    "projection": projected.solve(),
    "multipliers": multiplied.solve(),
    "SciPy": multiplied.solve("scipy"),
}
for name, one in answers.items():
    claim(f"where the valley leaves the disc, by {name}", one.x, lowest, within=1e-4)

figure, axes = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
answer.plot(ax=axes[0])
answers["multipliers"].plot(ax=axes[1])
show.save(axes, "08_constraints.png")

# %%
# In its natural form
# -------------------
# For convex problems there are tools that read them as they are written, find the right method, and prove that the answer
# is the best. Here all that apply and are installed (CVXPY comes with ``pip install "tf-gd[convex]"``), side by side, on a
# portfolio: weights that are not negative and add up to 1, the smallest variance for a return of 8%.
covariance = np.array([[0.04, 0.006, 0.0], [0.006, 0.01, 0.002], [0.0, 0.002, 0.09]])
returns = tf.constant([0.08, 0.05, 0.12], tf.float64)
portfolio = tf_gd.Problem(
    tf_gd.objectives.quadratic(2 * covariance, name="variance", start=[1 / 3, 1 / 3, 1 / 3]),
    inequality=[constraints.at_least(lambda x: tf.reduce_sum(returns * x), 0.08)],
    within=[constraints.Simplex()],
)
result = portfolio.solve_all()
print(result)
for one in result:
    # With all three in use and the return exact, the conditions are five linear equations.
    rows = np.block(
        [[2 * covariance, np.ones((3, 1)), -np.array([[0.08], [0.05], [0.12]])], [np.ones((1, 3)), np.zeros((1, 2))]]
    )
    rows = np.vstack([rows, [0.08, 0.05, 0.12, 0.0, 0.0]])
    claim(f"the weights, by {one.method}", one.x, np.linalg.solve(rows, [0, 0, 0, 1, 0.08])[:3], within=2e-4)

# %%
# What cannot be
# --------------
# Constraints that contradict each other, and an objective that falls for ever, are answers too.
nothing = tf_gd.Problem("lecture_bowl", within=[constraints.Box(2.0, 3.0), half_plane])
claim("x1, x2 at least 2, and together at most 2", nothing.solve().outcome, "infeasible")
claim("as far as possible from (3, 3)", tf_gd.Problem("lecture_bowl", sense="max").solve().outcome, "unbounded")
print(predicted_and_measured())

# %%
# To try
# ------
# 1. Solve ``nearest`` with ``learning_rate=0.5``, then 0.9 and 1.1. When does projection stop helping, and why there?
# 2. Put the disc's radius to 1.5. What is the multiplier now, and why?
# 3. Ask the portfolio for a return of 0.13. Is that a mistake of the solver?
