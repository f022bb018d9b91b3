"""
What changes in many dimensions?
================================

Nothing in the update: it is the same line for two variables and for a million. What changes is the shape of the valley.
This tutorial shows that one number, how much steeper the steepest direction is than the flattest, predicts how many steps
gradient descent takes, and checks the prediction.

*Follows the slide "Descent direction in n dimensions".*
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow()

import numpy as np

from tf_gd import claim, predicted_and_measured, rates, show

# %%
# Every direction by itself
# -------------------------
# A quadratic looks simple along the right axes, the eigenvectors of its Hessian: there each coordinate is a parabola of its
# own, with the eigenvalue as curvature, and gradient descent multiplies each by its own factor,
# :math:`1 - \eta \lambda`. Take one in five dimensions, turned at random so that no axis is special.
generator = np.random.default_rng(0)
curvatures = np.array([1.0, 2.0, 5.0, 20.0, 50.0])
turn = np.linalg.qr(generator.normal(size=(5, 5)))[0]
bowl = tf_gd.objectives.quadratic(turn @ np.diag(curvatures) @ turn.T, name="turned bowl", start=turn @ np.ones(5))
claim("the eigenvalues of its Hessian", rates.eigenvalues(bowl), curvatures, within=1e-9)

rate = 0.03
path = tf_gd.gradient_descent(bowl, learning_rate=rate, steps=60, dtype="float64")
along = path.points @ turn  # the coordinates along the eigenvectors
factors = 1 - rate * curvatures
claim("after 10 steps: the tenth powers of 1 - rate x curvature", along[10], factors**10, within=1e-9)

labels = [f"curvature {lam:g}: factor {factor:.2f}" for lam, factor in zip(curvatures, factors, strict=True)]
ax = show.plot_losses(dict(zip(labels, np.abs(along.T), strict=True)))
ax.set(ylabel="error along an eigenvector", ylim=(1e-9, 2))
show.save(ax, "05_each_direction.png")

# %%
# The condition number
# --------------------
# The rate must be below 2 over the largest curvature L; then the smallest one, m, hardly moves. The best compromise,
# :math:`\eta = 2 / (m + L)`, makes both equally slow: the error shrinks by :math:`(\kappa - 1) / (\kappa + 1)` a step, where
# :math:`\kappa = L / m` is the condition number.
for condition in (1.5, 10.0, 100.0):
    bowl = tf_gd.objectives.get("bowl", condition_number=condition)
    best = rates.best(rates.eigenvalues(bowl))
    path = tf_gd.gradient_descent(bowl, [1.0, 1.0], learning_rate=best.learning_rate, steps=40, dtype="float64")
    expected = (condition - 1) / (condition + 1)
    claim(f"condition number {condition:g}: factor a step", rates.measured(path, [0.0, 0.0]), expected, within=1e-6)

# %%
# So the steps for each further digit grow with the condition number: :math:`\log 10 / \log((\kappa + 1) / (\kappa - 1))`,
# about :math:`1.15\,\kappa`.
conditions = np.array([10.0, 100.0, 1000.0])
steps = np.log(10) / np.log((conditions + 1) / (conditions - 1))
claim("steps for a digit, divided by the condition number", steps / conditions, [1.15, 1.15, 1.15], within=0.005)

# %%
# The same on a function that is no quadratic
# -------------------------------------------
# Near its minimum every smooth function is nearly one. Rosenbrock's valley has the curvatures 0.4 and 1002 at (1, 1): a
# condition number of 2508, which makes it famous.
claim("Rosenbrock's condition number", rates.condition_number("rosenbrock"), 1001.600640 / 0.3993608, within=0.01)
best = rates.best(rates.eigenvalues("rosenbrock"))
settings = dict(learning_rate=0.95 * best.learning_rate, steps=6000, dtype="float64")
path = tf_gd.gradient_descent("rosenbrock", [1.01, 1.02], **settings)
expected = 1 - settings["learning_rate"] * rates.eigenvalues("rosenbrock")[0]
claim("and the factor near its minimum: 1 - rate x 0.4", rates.measured(path, [1.0, 1.0]), expected, within=1e-6)

# %%
# More dimensions cost nothing extra
# ----------------------------------
# What counts is the condition number, not how many variables there are. In 10 and in 10,000 dimensions, with the same
# curvatures at the ends, it takes the same number of steps.
shrunk = {}
for dim in (10, 10_000):
    bowl = tf_gd.objectives.get("bowl", dim=dim, condition_number=20.0)
    run = dict(learning_rate=2 / 21, steps=100, dtype="float64", record_every=100)
    path = tf_gd.gradient_descent(bowl, np.ones(dim), **run)
    shrunk[dim] = np.linalg.norm(path.final) / np.sqrt(dim)
    claim(
        f"{dim} dimensions: 100 steps shrink the error by (19 / 21)^100",
        bool(shrunk[dim] <= (19 / 21) ** 100),
        expected=True,
    )
print(predicted_and_measured())

# %%
# To try
# ------
# 1. Which rate makes the direction of curvature 5 arrive in one step? What happens to the others?
# 2. Scale one variable of ``"lecture_quadratic"`` by 10 (``objectives.quadratic``). What is the condition number then?
# 3. Why do people normalise the inputs of a network? (Look at the Hessian of a linear model: it is X transposed times X.)
