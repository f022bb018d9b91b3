"""
What is an optimization problem?
================================

Choosing the best of all possible choices: what is to be as small (or as large) as possible is the *objective*, what we may
choose are the *decision variables*, and what a choice has to respect are the *constraints*. This tutorial writes problems
down in these three components, and shows that many ways of writing are the same problem.

*Follows the slides "Why optimization matters", "Objective, decision variables, constraints" and "The mathematical model
and its equivalent forms".*
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow()

import numpy as np
import tensorflow as tf

from tf_gd import claim, constraints, predicted_and_measured, show

# %%
# The three components
# --------------------
# A small factory makes two products. Each ton of the first earns 3, of the second 5. It has 4 hours a week on machine A,
# which only the first needs, 12 on machine B (the second takes 2), and 18 on machine C (3 and 2). How much of each?
#
# * Decision variables: :math:`x_1` and :math:`x_2`, tons a week.
# * Objective: maximise the profit :math:`3 x_1 + 5 x_2`.
# * Constraints: the hours of the machines, and no negative amounts.
#
# The example is from Hillier and Lieberman, *Introduction to Operations Research* (Wyndor Glass); the book's answer is to
# make 2 and 6, for a profit of 36.


def profit(x):
    return 3.0 * x[0] + 5.0 * x[1]


def hours_on_a(x):
    return x[0]


def hours_on_b(x):
    return 2.0 * x[1]


def hours_on_c(x):
    return 3.0 * x[0] + 2.0 * x[1]


hours = [
    constraints.at_most(hours_on_a, 4.0),
    constraints.at_most(hours_on_b, 12.0),
    constraints.at_most(hours_on_c, 18.0),
]
objective = tf_gd.Objective("profit", profit, start=[1.0, 1.0], domain=[(-0.5, 6), (-0.5, 8)], formula="3 x1 + 5 x2")
factory = tf_gd.Problem(objective, inequality=hours, within=[constraints.Box(0, np.inf)], sense="max")
result = factory
print(result)

# %%
# Solve it by gradient descent (how, is a later tutorial) and by SciPy: a problem does not depend on who solves it.
descent, scipy = factory.solve(), factory.solve("scipy")
claim("what to make, by gradient descent", descent.x, [2.0, 6.0], within=1e-4)
claim("what to make, by SciPy", scipy.x, [2.0, 6.0], within=1e-4)
claim("the profit", descent.value, 36.0, within=1e-4)
show.save(descent.plot(), "01_factory.png")

# %%
# The multipliers say what a constraint costs: one hour more on machine B would earn 3/2, on C 1; on A there is time left.
claim("what an hour more on A, B, C is worth", descent.inequality_multipliers[:3], [0.0, 1.5, 1.0], within=1e-3)
longer = tf_gd.Problem(
    objective,
    inequality=[hours[0], constraints.at_most(hours_on_b, 13.0), hours[2]],
    within=factory.within,
    sense="max",
)
claim("and an hour more on B does earn that", longer.solve().value - descent.value, 1.5, within=1e-3)

# %%
# Equivalent forms
# ----------------
# Solvers, and theorems, want one form: *minimise f subject to g <= 0*. Every problem has it.
#
# * To maximise f is to minimise :math:`-f`, and the smallest :math:`-f` is minus the largest f.
# * :math:`g \ge c` is :math:`c - g \le 0`.
# * :math:`h = 0` is :math:`h \le 0` and :math:`-h \le 0`.
result = standard = factory.standard_form()
print(result)
answer = standard.solve("scipy")
claim("the same x in standard form", answer.x, scipy.x, within=1e-4)
claim("and minus the value: max f = -min(-f)", -answer.value, scipy.value, within=1e-4)

# %%
# An equality as two inequalities: the point of the circle :math:`x_1^2 + x_2^2 = 1` nearest to (3, 3).
circle = tf_gd.Problem("lecture_bowl", equality=[constraints.equal_to(lambda x: x[0] ** 2 + x[1] ** 2, 1.0)])
one, two = circle.solve("scipy"), circle.standard_form().solve("scipy")
claim("h = 0 and the pair h <= 0, -h <= 0 have one solution", one.x, two.x, within=1e-5)
claim("which lies on the way to (3, 3)", one.x, [0.5**0.5, 0.5**0.5], within=1e-5)

# %%
# Also the same: any increasing function of the objective. The square root of a distance squared has another value, and
# another gradient, but its minimum at the same place.
root = tf_gd.Problem(lambda x: tf.sqrt(tf.reduce_sum((x - 3.0) ** 2)), start=[0.0, 1.0], equality=circle.equality)
claim("distance and squared distance have one solution", root.solve("scipy").x, one.x, within=1e-5)

# %%
# Why does this matter for deep learning? Training a network is such a problem: the decision variables are the weights, the
# objective is the mean loss over the data, and mostly there is no constraint at all.
print(predicted_and_measured())

# %%
# To try
# ------
# 1. Give machine A 1 hour instead of 4. Which constraints hold with equality now, and what is an hour worth?
# 2. Ask for :math:`x_1 + x_2 \ge 9` as well (``constraints.at_least``). What is the outcome?
# 3. Leave out machine B and C. What does ``solve()`` say?
