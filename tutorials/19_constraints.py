"""
19 What if not every point is allowed?
======================================

Gradient descent goes where the gradient says, allowed or not. Two ideas keep it
within constraints. After each step go back to the nearest allowed point:
*projection*. Or give what is forbidden a price, and raise it until nobody buys:
*multipliers*. This page types both.

*Further reading, after slide 4 "the mathematical model" and slide 17 "solving
problems in practice". You need pages 01 and 05.*
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow()

import numpy as np
import tensorflow as tf

from tf_gd import claim, constraints, show

bound = 2.0


def f(x):
    return (x[..., 0] - 3.0) ** 2 + (x[..., 1] - 3.0) ** 2


def g(x):
    return x[..., 0] + x[..., 1] - bound  # allowed where this is at most 0


# %%
# Projection
# ----------
# Which allowed point is nearest to (3, 3)? From a point beyond the line :math:`x_1
# + x_2 = 2` the nearest allowed one lies straight back, along (1, 1). A step out
# against the gradient, a step back onto the line; and again.
def project(x):
    too_much = tf.maximum(g(x), 0.0)
    return x - too_much / 2.0


x = tf.Variable([-1.0, 2.0])
print(" k         x              stepped to       put back to")
for k in range(40):
    with tf.GradientTape() as tape:
        loss = f(x)
    stepped = x - 0.2 * tape.gradient(loss, x)
    if k < 5:
        numbers = (*x.numpy(), *stepped.numpy(), *project(stepped).numpy())
        print("%2d" % k, "%8.4f %8.4f  %8.4f %8.4f  %8.4f %8.4f" % numbers)
    x.assign(project(stepped))

nearest = np.array([3.0, 3.0]) - (6.0 - bound) / 2
claim("projection ends at", x, nearest, within=1e-5)

# %%
# The library knows sets one can project onto: half-planes, boxes, balls, the
# simplex.
half_plane = constraints.HalfSpace([1.0, 1.0], bound)
bowl = tf_gd.Objective("bowl", f, start=[-1.0, 2.0], domain=[(-1.5, 3.5), (0, 3.5)])
problem = tf_gd.Problem(bowl, within=[half_plane])
answer = problem.solve(learning_rate=0.2)
print(answer.outcome, answer.x)
show.save(answer.plot(), "19_projection.png")

# %%
# Out along :math:`-\nabla f`, straight back to the set, and so along its border. It
# comes to rest where :math:`\nabla f` stands at a right angle to the border: no
# allowed direction is downhill any more.
#
# A price for what is forbidden
# -----------------------------
# Add a price times g to the objective, :math:`f(x) + \mu\, g(x)`, and descend on
# that. If the end still breaks the constraint, :math:`g > 0`, the price was too
# low; if it stays clear of it, too high.
x, price = tf.Variable([-1.0, 2.0]), 0.0
print("round     x1       x2        g    next price")
for round_ in range(12):
    for k in range(30):
        with tf.GradientTape() as tape:
            loss = f(x) + price * g(x)
        x.assign_sub(0.2 * tape.gradient(loss, x))
    price = max(0.0, price + 0.5 * float(g(x)))
    if round_ < 5:
        print("%5d %8.4f %8.4f %8.4f %8.4f" % (round_, *x.numpy(), g(x), price))
claim("the price at the end is 6 - bound", price, 6.0 - bound, within=2e-3)

# %%
# The price is called a *multiplier*, and it means something: one unit more of room,
# a bound of 3, makes the best value smaller by about that much. Here :math:`f = (6
# - b)^2 / 2` for the bound b, so its slope is :math:`-(6 - b) = -4`.
#
# ``Problem.solve`` does this for constraints that are given as functions. It also
# says what is left of the conditions of Karush, Kuhn and Tucker: :math:`\nabla f +
# \mu \nabla g = 0`, :math:`g \le 0`, :math:`\mu \ge 0`, and :math:`\mu = 0` where
# there is room left.
priced = tf_gd.Problem(f, start=[-1.0, 2.0], inequality=[g])
for method in ("gradient_descent", "scipy"):
    one = priced.solve(method)
    print(f"{method:16} x {one.x}, price {one.inequality_multipliers}")

# %%
# In its natural form
# -------------------
# That is what slide 17 calls tools: they take a problem as it is written. Here a
# portfolio of three shares: no negative amount, amounts that add up to 1, a return
# of 8% at least, and as little risk as possible.
covariance = np.array(
    [[0.04, 0.006, 0.0], [0.006, 0.01, 0.002], [0.0, 0.002, 0.09]]
)
returns = tf.constant([0.08, 0.05, 0.12], tf.float64)
risk = tf_gd.objectives.quadratic(2 * covariance, start=[1 / 3, 1 / 3, 1 / 3])
enough = [lambda x: 0.08 - tf.reduce_sum(returns * x)]
portfolio = tf_gd.Problem(risk, inequality=enough, within=[constraints.Simplex()])
by_descent, by_scipy = portfolio.solve(), portfolio.solve("scipy")
print(
    "by gradient descent:", by_descent.x.round(4), " by SciPy:", by_scipy.x.round(4)
)
claim("the same portfolio", by_descent.x, by_scipy.x, within=5e-4)

# %%
# To try
# ------
# 1. What do the methods say where nothing is allowed, and where f falls for ever?
#
#    .. dropdown:: Answer
#
#       Both are answers, not errors.
#
#       >>> box = constraints.Box(2.0, 3.0)
#       >>> tf_gd.Problem("lecture_bowl", within=[box, half_plane]).solve().outcome
#       'infeasible'
#       >>> tf_gd.Problem("lecture_bowl", sense="max").solve().outcome
#       'unbounded'
#
# 2. Ask the portfolio for a return of 13%.
#
#    .. dropdown:: Answer
#
#       No share has that much: nothing is allowed.
#
#       >>> more = [lambda x: 0.13 - tf.reduce_sum(returns * x)]
#       >>> greedy = dict(inequality=more, within=portfolio.within)
#       >>> tf_gd.Problem(risk, **greedy).solve().outcome
#       'infeasible'
