"""
Can a step remember the one before?
===================================

In a narrow valley gradient descent jumps from wall to wall and hardly moves along. Momentum keeps a velocity: what points to
and fro cancels, what points the same way adds up. This tutorial shows how much that gains, that the best settings are known
by formula, and what Nesterov's variant changes.

*Follows the slides "The update rule" and "The learning rate".*
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow()

import numpy as np

from tf_gd import claim, predicted_and_measured, rates, show

# %%
# The update with a velocity
# --------------------------
# :math:`v \leftarrow \beta v - \eta g`, then :math:`w \leftarrow w + v`. With a constant gradient the velocity grows up to
# :math:`-\eta g / (1 - \beta)`: with :math:`\beta = 0.9`, ten times the step.
v = 0.0
for _ in range(200):
    _, v = tf_gd.updates.momentum_step(w=0.0, v=v, g=1.0, learning_rate=0.1, momentum=0.9)
claim("the velocity under a constant gradient of 1", v, -0.1 / (1 - 0.9), within=1e-8)

# %%
# On the flat ellipse :math:`0.1 x_1^2 + 2 x_2^2` a rate of 0.6 diverges without momentum. With 0.5 it converges, and *Dive
# into Deep Learning*, chapter 12.6, prints where 20 steps end. (Its momentum has the rate outside of the velocity, which is
# the same while the rate is constant.)
run = dict(learning_rate=0.6, steps=20, dtype="float64")
with_half = tf_gd.gradient_descent("flat_ellipse", [-5.0, -2.0], momentum=0.5, **run)
claim("20 steps at rate 0.6, momentum 0.5", with_half.final, [0.007188, 0.002553], within=1e-6)
with_quarter = tf_gd.gradient_descent("flat_ellipse", [-5.0, -2.0], momentum=0.25, **run)
claim("and with momentum 0.25", with_quarter.final, [-0.126340, -0.186632], within=1e-6)

# %%
# The map
# -------
# On a quadratic each step is a matrix that acts on position and velocity, and its spectral radius is the factor by which the
# error shrinks. Drawn over rate and momentum for curvatures from 1 to 100: beyond the line
# :math:`\eta L = 2 + 2 \beta` runs diverge, and the best settings (Polyak, 1964) lie in a sharp corner of it.
best = rates.best([1.0, 100.0], "momentum")
claim("the best learning rate, (2 / (sqrt 1 + sqrt 100))^2", best.learning_rate, (2 / 11) ** 2, within=1e-12)
claim("the best momentum, (9 / 11)^2", best.momentum, (9 / 11) ** 2, within=1e-12)
claim("the factor there, 9 / 11 instead of 99 / 101", best.factor, 9 / 11, within=1e-6)
show.save(rates.rate_map([1.0, 100.0]).plot(), "06_map.png")

border = [rates.predicted([1.0, 100.0], (2 + 2 * beta) / 100, beta) for beta in (0.2, 0.5, 0.8)]
claim("on the line 2 + 2 momentum the factor is one", border, [1.0, 1.0, 1.0], within=1e-9)

# %%
# Does a run obey the map? At the very corner two eigenvalues fall together, and the error is a power times a polynomial, so
# measure a little inside of it, at a momentum of 0.75: the factor is :math:`\sqrt{0.75}` then, whatever the rate.
bowl = tf_gd.objectives.get("bowl", condition_number=100.0)
runs = {
    "plain": tf_gd.gradient_descent(bowl, [1.0, 1.0], learning_rate=2 / 101, steps=150, dtype="float64"),
    "momentum": tf_gd.gradient_descent(bowl, [1.0, 1.0], learning_rate=0.033, momentum=0.75, steps=150, dtype="float64"),
    "Nesterov": tf_gd.gradient_descent(
        bowl, [1.0, 1.0], learning_rate=0.01, momentum=9 / 11, nesterov=True, steps=150, dtype="float64"
    ),
}
claim("plain: factor a step", rates.measured(runs["plain"], [0.0, 0.0]), 99 / 101, within=1e-6)
claim("momentum 0.75: factor a step", rates.measured(runs["momentum"], [0.0, 0.0]), 0.75**0.5, within=5e-3)
claim("Nesterov: factor a step, 1 - 1 / sqrt 100", rates.measured(runs["Nesterov"], [0.0, 0.0]), 0.9, within=2e-2)
show.save(show.plot_losses(runs), "06_losses.png")

# %%
# Counted in steps for six digits: the condition number's square root, instead of the condition number.
plain, heavy = (np.log(1e-6) / np.log(factor) for factor in (99 / 101, 9 / 11))
claim("plain steps for one step with momentum, predicted", plain / heavy, 10.0, within=0.1)

# %%
# In a curved valley
# ------------------
# Rosenbrock's function is no quadratic, and the gain is the same in kind: same rate, same steps, and with momentum the run
# is most of the way to (1, 1) while plain descent has hardly turned the corner.
run = dict(learning_rate=1e-3, steps=200)
valley = {
    name: tf_gd.gradient_descent("rosenbrock", momentum=beta, **run) for name, beta in (("plain", 0.0), ("momentum", 0.9))
}
closer = valley["plain"].losses[-1] / valley["momentum"].losses[-1]
claim("the loss after 200 steps, plain over momentum", closer, 10.0, at_least=True)
show.save(show.plot_contours(valley["plain"].objective, valley), "06_valley.png")

# %%
# And the same in Keras: ``keras.optimizers.SGD(momentum=0.9)`` does these very steps, bit for bit.
same = tf_gd.compare("rosenbrock", learning_rate=1e-3, momentum=0.9, steps=200)
claim("distance to Keras in units in the last place", same.max_ulp, 0)
print(predicted_and_measured())

# %%
# To try
# ------
# 1. Set the momentum to 0.99 in the valley. Why does it take longer again? (Look at the map, upper edge.)
# 2. Draw ``rates.rate_map([1.0, 100.0], nesterov=True).plot()``. Where is its border, and why is it further to the left?
# 3. How much does momentum gain at a condition number of 2? Compare ``rates.best`` of the two kinds.
