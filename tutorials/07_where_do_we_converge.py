"""
Where will we converge?
=======================

A function can have many minima, and gradient descent finds one. Which one depends on where it starts, and, less known,
on the learning rate. So people start at random, several times. This tutorial counts: what share of the starts reaches
which minimum, how many trials are enough, and how a learning rate rules a minimum out.

*Follows the slide "Where will we converge?"*
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow()

import matplotlib.pyplot as plt
import numpy as np

from tf_gd import claim, show

# %%
# One variable: between two maxima, one minimum
# ---------------------------------------------
# With a small rate a descent stays between the two maxima where it starts, and ends at the minimum there. The stationary
# points of :math:`x \cos(0.15 \pi x)` solve :math:`u \tan u = 1` with :math:`u = 0.15 \pi x`, so the shares of evenly drawn
# starts on :math:`[-10.5, 10.5]` can be computed beforehand: they are the distances between the maxima.
u = 0.860333589019380  # the smallest solution (Abramowitz and Stegun, table 4.20); the next is
maxima = np.array([-3.425618459481728, u]) / (0.15 * np.pi)
predicted = np.array([10.5 - maxima[1], maxima[1] - maxima[0], maxima[0] + 10.5]) / 21
runs = tf_gd.multi_start("cosine_wave", 200_000, learning_rate=0.1, steps=500, seed=0)
claim("minima known or found, in and beyond the picture", len(runs.minima), 3)
shares = [runs.shares[number] for number in np.argsort(-runs.minima[:, 0])]
claim("shares of 200,000 random starts, from right to left", shares, predicted, within=4e-3)
show.save(runs.plot(), "07_one_variable.png")

# %%
# How many trials?
# ----------------
# If a share p of the starts reaches the minimum we want, then n independent trials all miss it with probability
# :math:`(1 - p)^n`. With five trials the chance is already good. Take the starts in groups of five and count the groups in
# which at least one arrives; an error of four standard deviations is allowed.
p = predicted[0]
wanted = runs.label == np.argmax(runs.minima[:, 0])
groups = wanted.reshape(-1, 5).any(axis=1)
five = 1 - (1 - p) ** 5
claim("groups of five that hit: 1 - (1 - p)^5", groups.mean(), five, within=4 * np.sqrt(five * (1 - five) / len(groups)))
estimate, low, high = runs.hit_probability(5, minimum=int(np.argmax(runs.minima[:, 0])), confidence=0.999)
claim("which lies inside the 99.9% interval of the estimate", bool(low < five < high), expected=True)
enough = int(np.ceil(np.log(0.01) / np.log(1 - p)))
claim("trials for a chance of 99%: log 0.01 / log(1 - p), rounded up", enough, 9)

# %%
# Two variables: the learning rate chooses, too
# ---------------------------------------------
# Himmelblau's function has four minima with f = 0. Its Hessian is
# :math:`\begin{pmatrix}12 x_1^2 + 4 x_2 - 42 & 4 (x_1 + x_2)\\ 4 (x_1 + x_2) & 12 x_2^2 + 4 x_1 - 26\end{pmatrix}`, and near
# a minimum a rate above 2 / L, L its largest eigenvalue, throws the point out again. The four minima have four limits.
maps = [tf_gd.basin_map("himmelblau", learning_rate=rate, steps=2000, resolution=401) for rate in (0.01, 0.0155, 0.02)]
minima, limits = maps[0].runs.minima, maps[0].runs.limits
by_hand = []
for x1, x2 in minima:
    hessian = [[12 * x1**2 + 4 * x2 - 42, 4 * (x1 + x2)], [4 * (x1 + x2), 12 * x2**2 + 4 * x1 - 26]]
    by_hand.append(2 / np.linalg.eigvalsh(hessian)[-1])
claim("2 / L at the four minima", limits, by_hand, within=1e-6)

# %%
# Every start of a grid, at three rates. Grey is where a start leads nowhere: it stays finite for ever, and settles at no
# minimum. A check for infinity or NaN would call all of these runs healthy. (One start in 160,801 happens to be thrown right
# onto a minimum where it cannot stay; hence more than one in 10,000.)
for one in maps:
    rate = one.runs.settings["learning_rate"]
    reached, can_be = np.flatnonzero(one.shares > 1e-4), np.flatnonzero(rate < limits)
    claim(f"minima reached at rate {rate}: those with 2 / L above it", reached, can_be)
claim("the shares at rate 0.01", maps[0].shares, [0.2566, 0.2600, 0.2365, 0.2469], within=2e-3)
claim("no start overflows, at any rate", max(one.runs.diverged for one in maps), 0.0)
settled = [one.shares.sum() + one.unsettled for one in maps]
claim("settled and unsettled are all there are", settled, [1.0, 1.0, 1.0], within=1e-9)

figure, axes = plt.subplots(1, 3, figsize=(13, 4.6), sharey=True, layout="constrained")
for one, ax in zip(maps, axes, strict=True):
    one.plot(ax=ax)
show.save(axes, "07_basins.png")

# %%
# So a large learning rate is not only faster: it leaves sharp minima, with a large L, and keeps the flat ones. That is one
# reason why it matters when networks are trained.
#
# To try
# ------
# 1. Give ``basin_map`` a momentum of 0.5. Which minima come back at rate 0.02? (The limit is 2 (1 + momentum) / L then.)
# 2. ``multi_start("rastrigin", 20_000, learning_rate=0.001, seed=0)``: how many minima are there, and how many trials
#    does a chance of 99% for the lowest one take?
# 3. Map ``"himmelblau"`` with ``resolution=1001`` and a rate of 0.0149: what happens to the basin that is about to go?
