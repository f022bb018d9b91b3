"""
01 What is an optimization problem?
===================================

Choosing the best of all possible choices. To state such a problem is to name three
things: the *objective*, which is to be as small or as large as possible; the
*decision variables*, which we may choose; and the *constraints*, which a choice has
to respect.

*Follows slide 2 "why optimization matters", slide 3 "three components", slide 4
"the mathematical model" and slide 5 "equivalent forms". You need page 00.*
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow()

import numpy as np
import tensorflow as tf

from tf_gd import claim, constraints, show

# %%
# The three components
# --------------------
# A factory makes two products. A ton of the first earns 3, a ton of the second 5.
# Machine A runs 4 hours a week, and only the first product needs it, one hour a
# ton. Machine B runs 12 hours; the second product needs 2 a ton. Machine C runs 18
# hours; the products need 3 and 2 a ton. How much of each? (The example is from
# Hillier and Lieberman, *Introduction to Operations Research*.)
#
# * Decision variables: :math:`x_1` and :math:`x_2`, tons a week.
# * Objective: the profit :math:`f(x) = 3 x_1 + 5 x_2`, to be as large as possible.
# * Constraints :math:`g_i(x) \le 0`: hours used minus hours there are.


def profit(x):
    return 3.0 * x[0] + 5.0 * x[1]


def hours_over(x):
    return [x[0] - 4.0, 2.0 * x[1] - 12.0, 3.0 * x[0] + 2.0 * x[1] - 18.0]


# %%
# That is the whole problem. A computer that knows nothing else can try all choices,
# here in steps of half a ton, and keep the best that respects the constraints.
best = None
for x1 in np.arange(0.0, 8.0, 0.5):
    for x2 in np.arange(0.0, 8.0, 0.5):
        x = [x1, x2]
        allowed = max(hours_over(x)) <= 0.0
        if allowed and (best is None or profit(x) > profit(best)):
            best = x
            print(f"x = ({x1}, {x2})  profit {profit(x)}")

# %%
# The library takes the three components as they stand; ``i=i`` keeps for each
# constraint its own i. ``Box(0, inf)`` says that no amount is negative, ``domain``
# what pictures show; ``"scipy"`` names a solver, which does not try everything.
factory = tf_gd.Problem(
    tf_gd.Objective("profit", profit, start=[1.0, 1.0], domain=[(0, 8), (0, 8)]),
    inequality=[lambda x, i=i: hours_over(x)[i] for i in range(3)],
    within=[constraints.Box(0, np.inf)],
    sense="max",
)
print(factory)
solution = factory.solve("scipy")
claim("the solver's choice is the best one found", solution.x, best, within=1e-4)
show.save(solution.plot(), "01_factory.png")

# %%
# The profit :math:`3 x_1 + 5 x_2` grows to the upper right, across its level lines,
# on which it does not change. The best choice is the corner of the allowed region
# that lies farthest that way.
#
# Equivalent forms
# ----------------
# Theorems and solvers want one form: *minimise* :math:`f(x)` *subject to*
# :math:`g(x) \le 0`. Every problem has it. To maximise f is to minimise :math:`-f`;
# :math:`g \ge c` is :math:`c - g \le 0`; and :math:`h = 0` is the pair :math:`h \le
# 0`, :math:`-h \le 0`.
standard = factory.standard_form()
print(standard)
same_x = standard.solve("scipy").x
print(
    "the same choice:", same_x.round(3), " f there:", standard.solve("scipy").value
)

# %%
# So the loop of page 00, which walks downhill, can also climb. At a price p a shop
# sells :math:`12 - 2p` units and takes in :math:`r(p) = p\,(12 - 2p)`. To find the
# best price, descend on :math:`-r`:


def revenue(p):
    return p * (12.0 - 2.0 * p)


p = tf.Variable(1.0)
print(" k       p  revenue")
for k in range(50):
    with tf.GradientTape() as tape:
        loss = -revenue(p)
    gradient = tape.gradient(loss, p)
    if k < 5:
        print(f"{k:2} {p.numpy():7.4f}  {revenue(p).numpy():7.4f}")
    p.assign_sub(0.1 * gradient)

prices = np.linspace(0.0, 6.0, 6001)
claim("descent on -r finds", p, prices[np.argmax(revenue(prices))], within=1e-3)

# %%
# What has this to do with deep learning? Training a network is such a problem. The
# decision variables are its weights, the objective is its mean loss over the data,
# and mostly there is no constraint at all. But nobody can try all values of a
# million weights: we have to walk.
#
# To try
# ------
# 1. Machine A breaks down for three of its four hours. What is best now?
#
#    .. dropdown:: Answer
#
#       ``hours_over`` starts with ``x[0] - 1.0``. Machines A and B are used up now,
#       and C has time left: 1 ton and 6 tons, for a profit of 33.
#
#       >>> machines = [lambda x: x[0] - 1.0, *factory.inequality[1:]]
#       >>> rest = dict(inequality=machines, sense="max")
#       >>> tf_gd.Problem(factory.objective, **rest).solve("scipy").x.round(3)
#       array([1., 6.])
#
# 2. Leave out machines B and C. What is the best choice then?
#
#    .. dropdown:: Answer
#
#       There is none: the second product brings as much as one likes.
#
#       >>> only_a = dict(inequality=factory.inequality[:1], within=factory.within)
#       >>> one = tf_gd.Problem(factory.objective, sense="max", **only_a)
#       >>> one.solve().outcome, one.solve("scipy").outcome
#       ('unbounded', 'unbounded')
