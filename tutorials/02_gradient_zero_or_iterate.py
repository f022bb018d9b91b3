"""
Solve for gradient = 0, or iterate?
===================================

At the lowest point of a smooth function the gradient is zero. For a quadratic that is a system of linear equations, solved
exactly by formula. For nearly everything else there is no formula, or none that we could afford, and we iterate: start
somewhere and improve. This tutorial does both on the same problems, and shows where the formula ends.

*Follows the slides "Solving: gradient = 0" and "Solving by iterating".*
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow()


import numpy as np

from tf_gd import claim, predicted_and_measured, show

# %%
# By formula
# ----------
# The lecture's quadratic :math:`f = 2 x_1^2 + x_2^2 + x_1 x_2 - 6 x_1 - 5 x_2` has the gradient
# :math:`(4 x_1 + x_2 - 6,\; x_1 + 2 x_2 - 5)`. Zero it is where
# :math:`\begin{pmatrix}4&1\\1&2\end{pmatrix} x = \begin{pmatrix}6\\5\end{pmatrix}`.
problem = tf_gd.Problem("lecture_quadratic")
exact = problem.solve("analytic")
claim("gradient = 0 at", exact.x, np.linalg.solve([[4.0, 1.0], [1.0, 2.0]], [6.0, 5.0]), within=1e-12)
claim("f there", exact.value, -8.0, within=1e-12)

# %%
# By iterating
# ------------
# One step against the gradient, again and again. The error shrinks by a constant factor a step, the largest of
# :math:`|1 - \eta \lambda|` over the eigenvalues :math:`\lambda = 3 \pm \sqrt 2` of the matrix.
rate = 0.2
path = tf_gd.gradient_descent("lecture_quadratic", [-2.0, 4.5], learning_rate=rate, steps=60, dtype="float64")
errors = np.linalg.norm(path.points - exact.x, axis=1)
factor = max(abs(1 - rate * (3 + 2**0.5)), abs(1 - rate * (3 - 2**0.5)))
claim("the error shrinks by this factor a step", (errors[60] / errors[20]) ** (1 / 40), factor, within=1e-6)
digits = int(np.ceil(np.log(1e-6) / np.log(factor)))
claim("steps for six digits: log 1e-6 / log factor", bool(errors[digits] <= 1.2e-6 * errors[0]), expected=True)

ax = show.plot_losses({"by hand": errors, f"factor {factor:.4f}, predicted": errors[0] * factor ** np.arange(61)})
ax.lines[1].set(color="black", linestyle=":")
ax.legend()
ax.set(ylabel="distance to the solution")
show.save(ax, "02_formula_or_iterate.png")

# %%
# Where gradient = 0 is not enough
# --------------------------------
# The gradient is zero at every flat point, also at maxima and saddles. :math:`x \cos(0.15 \pi x)` has four of them in
# sight, and two are minima: after solving, one would have to look at each. A descent never stops at a maximum it does not
# start on.
x = np.linspace(-10.5, 10.5, 21_001)
f = x * np.cos(0.15 * np.pi * x)
slope = np.cos(0.15 * np.pi * x) - 0.15 * np.pi * x * np.sin(0.15 * np.pi * x)
flat = x[:-1][np.sign(slope[:-1]) != np.sign(slope[1:])]
claim("points where the slope is zero", len(flat), 4)
lower = [path.losses[-1] < path.losses[0] for path in (tf_gd.gradient_descent("cosine_wave", [at + 0.1]) for at in flat)]
claim("a descent from beside each goes down", bool(all(lower)), expected=True)

# %%
# And there it has no formula: :math:`u \tan u = 1` can only be iterated, too. So can the four minima of Himmelblau's
# function, whose gradient is a pair of cubic equations. The method for quadratics says so.
try:
    tf_gd.Problem("himmelblau").solve("analytic")
except ValueError as error:
    claim("the formula does not apply", "not quadratic" in str(error), expected=True)
answer = tf_gd.Problem("himmelblau").solve()
claim("gradient descent finds one of the four, with f = 0", answer.value, 0.0, within=1e-8)

# %%
# What a formula costs
# --------------------
# Solving n linear equations takes about :math:`n^3 / 3` multiplications and room for :math:`n^2` numbers; a step of
# gradient descent on them takes :math:`n^2`, or for a network about as much as two evaluations of it, and room for n. A
# network with a million weights would need a matrix of :math:`10^{12}` numbers.
n = 400
generator = np.random.default_rng(0)
factors = generator.normal(size=(n, 2 * n)) / np.sqrt(2 * n)
matrix, right = factors @ factors.T, generator.normal(size=n)
eigenvalues = np.linalg.eigvalsh(matrix)
best_rate = 2 / (eigenvalues[0] + eigenvalues[-1])
bowl = tf_gd.objectives.quadratic(matrix, -right)
run = tf_gd.gradient_descent(bowl, np.zeros(n), learning_rate=best_rate, steps=400, record_every=400, dtype="float64")
condition = eigenvalues[-1] / eigenvalues[0]
predicted = ((condition - 1) / (condition + 1)) ** 400 * np.linalg.norm(bowl.minima[0])
gap = float(np.linalg.norm(run.final - np.linalg.solve(matrix, right)))
claim("400 variables, 400 steps: how far from what the formula says", gap, expected=0.0, within=1e-3)
claim("no further away than ((k - 1) / (k + 1))^400 promises", bool(gap <= predicted), expected=True)
print(predicted_and_measured())

# %%
# To try
# ------
# 1. Iterate with ``learning_rate=0.45``. What is the factor now, and which eigenvalue decides?
# 2. Start Newton's iteration, ``x - slope / curvature``, on the cosine wave at 2.0. Where does it end: is that a minimum?
# 3. How many steps do six digits take on ``objectives.get("bowl", condition_number=1000)``? Predict it first.
