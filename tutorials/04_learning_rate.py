"""
How long should a step be?
==========================

The gradient says which way to go, not how far. This tutorial shows what a learning rate too small, right and too large
does, where the border lies, and why one rate has to serve steep and flat directions at once.

*Follows the slide "The learning rate".*
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow()

import numpy as np

from tf_gd import claim, predicted_and_measured, show

# %%
# One variable: the factor 1 - learning rate x L
# ----------------------------------------------
# On :math:`\tfrac12 L x^2` the gradient is :math:`L x`, so that every step multiplies :math:`x` by the same factor,
# :math:`1 - \eta L`. With :math:`L = 4`: a small rate creeps, :math:`1/L` arrives in one step, beyond that the
# steps jump to and fro across the minimum, and from :math:`2/L` on they grow.
L = 4.0
parabola = tf_gd.objectives.get("bowl", dim=1, condition_number=L)
for rate, what in ((0.05, "creeps"), (0.25, "arrives in one step"), (0.45, "jumps to and fro"), (0.55, "diverges")):
    path = tf_gd.gradient_descent(parabola, [1.0], learning_rate=rate, steps=6, dtype="float64")
    claim(f"rate {rate} {what}: six factors 1 - {rate} L", path.final[0], (1 - rate * L) ** 6, within=1e-12)

# %%
# Divergence is a result, and the trajectory says so.
claim("the outcome at rate 0.55", measured=path.outcome, expected="diverged")
path = tf_gd.gradient_descent("square", [10.0], learning_rate=1.1, steps=10, dtype="float64")
claim("x^2 at rate 1.1 (Dive into Deep Learning)", measured=path.final, expected=[61.917364], within=5e-6)
show.save(path.plot(), "04_diverges.png")
path = tf_gd.gradient_descent("square", [10.0], learning_rate=0.05, steps=10, dtype="float64")
claim("x^2 at rate 0.05 (the same)", measured=path.final, expected=[3.486784], within=5e-7)

# %%
# Several variables: the steepest direction sets the limit, the flattest pays for it
# ----------------------------------------------------------------------------------
# On :math:`0.1 x_1^2 + 2 x_2^2` the curvatures are 0.2 and 4. At rate 0.4 the steep :math:`x_2` jumps to and fro while
# the flat :math:`x_1` still creeps; at 0.6, beyond :math:`2/4`, :math:`x_2` diverges.
paths = {
    f"rate {rate}": tf_gd.gradient_descent("flat_ellipse", learning_rate=rate, steps=20, dtype="float64")
    for rate in (0.1, 0.4, 0.6)
}
published = {"rate 0.4": [-0.943467, -0.000073], "rate 0.6": [-0.387814, -1673.365109]}
for label, expected in published.items():
    claim(f"flat ellipse, {label}, 20 steps", measured=paths[label].final, expected=expected, within=1e-6)
show.save(show.plot_contours(paths["rate 0.4"].objective, paths), "04_flat_ellipse.png")

# %%
# The limit is 2 / L
# ------------------
# L is the largest curvature. On a bowl with curvatures 1 and 100, run the same 200 steps with 61 rates, and find the
# largest that ends lower than it started. The rates are spaced by 1%, so theory's 0.02 can be met to within 1%.
bowl = tf_gd.objectives.get("bowl", condition_number=100.0)
rates = 0.02 * 1.01 ** np.arange(-50.0, 11.0)
runs = [tf_gd.gradient_descent(bowl, learning_rate=float(rate), steps=200, dtype="float64") for rate in rates]
stable = [rate for rate, run in zip(rates, runs, strict=True) if run.losses[-1] < run.losses[0]]
claim("the largest rate that descends, against 2 / L", measured=max(stable), expected=2 / 100, within=0.0002)

# %%
# The best rate is a compromise, :math:`2 / (\mu + L) = 2/101`: there the steepest and the flattest direction shrink by the
# same factor, :math:`(\kappa - 1) / (\kappa + 1) = 99/101` in every step. A condition number :math:`\kappa` of 100 costs
# some 50 steps for every factor of :math:`e`, whatever the rate.
best = tf_gd.gradient_descent(bowl, [1.0, 1.0], learning_rate=2 / 101, steps=100, dtype="float64")
shrinks = np.linalg.norm(best.points[1:], axis=1) / np.linalg.norm(best.points[:-1], axis=1)
claim("each of 100 steps shrinks the distance by 99/101", shrinks.min(), 99 / 101, within=1e-12)
claim("no more and no less", measured=shrinks.max(), expected=99 / 101, within=1e-12)

wide = np.geomspace(1e-4, 4e-2, 60)
runs = [tf_gd.gradient_descent(bowl, learning_rate=float(rate), steps=200, dtype="float64") for rate in wide]
ends = [run.losses[-1] for run in runs]
show.save(show.plot_learning_rates(wide, ends, runs[0].losses[0], limit=0.02, best=2 / 101), "04_sweep.png")

# %%
# Not a quadratic: the curvature at the minimum decides
# -----------------------------------------------------
# Near its minimum Rosenbrock's valley has the curvatures 0.3994 and 1001.6, so no rate above
# :math:`2 / 1001.6 = 0.0019968` can stay there. Start a thousandth beside the minimum, just below and just above.
steady = tf_gd.gradient_descent("rosenbrock", [1.001, 1.0], learning_rate=0.00195, steps=2000, dtype="float64")
shaken = tf_gd.gradient_descent("rosenbrock", [1.001, 1.0], learning_rate=0.00205, steps=2000, dtype="float64")
claim("below the limit the descent settles", bool(np.abs(steady.final - 1).max() < 1e-3), True)
claim("above it the descent does not", bool(np.abs(shaken.points[-100:] - 1).max() > 1e-3), True)

# %%
# And the valley is long: from the usual start, at half the limit, it takes 15,068 steps until the loss is below 1e-6.
path = tf_gd.gradient_descent("rosenbrock", [-1.2, 1.0], learning_rate=1e-3, steps=16_000, dtype="float64")
claim("steps until Rosenbrock is below 1e-6", measured=int(np.argmax(path.losses < 1e-6)), expected=15_068)
show.save(path.plot(), "04_rosenbrock.png")

# %%
# A large rate also decides *which* minimum is found. On :math:`x \cos(0.15 \pi x)` rate 2 jumps out of the deeper valley
# at 7.27, and comes down in the shallower one at -1.83.
path = tf_gd.gradient_descent("cosine_wave", [10.0], learning_rate=2.0, steps=10)
claim("x cos(0.15 pi x), rate 2, 10 steps", measured=path.final, expected=[-1.528165], within=5e-6)
show.save(path.plot(), "04_other_minimum.png")
print(predicted_and_measured())

# %%
# To try
# ------
# 1. What is the factor at rate 1/3 on the parabola with L = 4? Predict three steps, then run them.
# 2. Find the largest rate that converges on ``"booth"``, by trying, then ask ``tf_gd.learning_rate_limit``.
# 3. Give ``gradient_descent`` a Keras schedule that falls from 0.6 to 0.1. Does the flat ellipse converge now?
