"""
03 Solve by formula, or walk?
=============================

With several variables there is a slope along each of them; all of them together are
the *gradient*. At a minimum the gradient is zero. For a quadratic function that is
a system of linear equations, which a formula solves. For nearly everything else we
walk. This page does both, and shows where the formula ends.

*Follows slides 9 and 10 "how that is done". You need page 00, and what a matrix
is.*
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow()

import numpy as np
import tensorflow as tf

from tf_gd import claim, show

A = [[4.0, 1.0], [1.0, 2.0]]
b = [6.0, 5.0]


def f(x):
    x1, x2 = x[..., 0], x[..., 1]
    curved = A[0][0] * x1**2 / 2 + A[0][1] * x1 * x2 + A[1][1] * x2**2 / 2
    return curved - b[0] * x1 - b[1] * x2


# %%
# By formula
# ----------
# Written out, this is :math:`f(x) = 2 x_1^2 + x_1 x_2 + x_2^2 - 6 x_1 - 5 x_2`, the
# quadratic of the lecture. Its gradient is :math:`A x - b`, that is :math:`(4 x_1 +
# x_2 - 6,\; x_1 + 2 x_2 - 5)`. It is zero where :math:`A x = b`:
solved = np.linalg.solve(A, b)
print("gradient = 0 at", solved)

# %%
# By walking
# ----------
# The loop is that of page 00. Only the variable has two numbers now, and so has the
# gradient.
x = tf.Variable([-2.0, 4.5])
points = [x.numpy()]
print(" k       x1       x2     f(x)    df/dx1   df/dx2")
for k in range(60):
    with tf.GradientTape() as tape:
        loss = f(x)
    gradient = tape.gradient(loss, x)
    if k < 5:
        numbers = [*x.numpy(), loss.numpy(), *gradient.numpy()]
        print(f"{k:2} " + " ".join(f"{number:8.4f}" for number in numbers))
    x.assign_sub(0.2 * gradient)
    points.append(x.numpy())
claim("the walk ends where A x = b", x, solved, within=1e-5)

# %%
# The library has both: the formula as ``Problem.solve("analytic")``, the walk as
# ``gradient_descent``. With ``mode="eager"`` it runs line by line, as ours does,
# and comes to the same bits: equal in every digit. (The other modes are on page
# 15.)
run = dict(learning_rate=0.2, steps=60)
path = tf_gd.gradient_descent(f, [-2.0, 4.5], mode="eager", **run)
same = bool((path.points == points).all())
exact = tf_gd.Problem(f, start=[-2.0, 4.5]).solve("analytic")
print("the same bits as the loop:", same, "  by formula:", exact.x)

errors = np.linalg.norm(path.points - solved, axis=1)
ax = show.plot_losses(
    {"by hand": errors}, title="A walk on the lecture's quadratic"
)
ax.set(ylabel="distance to the solution")
show.save(ax, "03_distance.png")

# %%
# The distance :math:`|x_k - A^{-1} b|` on a logarithmic scale is a straight line,
# while float32 has digits. Its slope: page 07.
#
# Least squares
# -------------
# The most used quadratic of all: given a table X and wanted outputs y, find weights
# w with :math:`X w \approx y`. The objective is the mean of the squared errors.
# Gradient = 0 reads :math:`X^\top X\, w = X^\top y`; NumPy solves that as
# ``lstsq``.
generator = np.random.default_rng(0)
X = generator.normal(size=(50, 3)).astype("float32")
y = (X @ [1.0, -2.0, 0.5] + 0.1 * generator.normal(size=50)).astype("float32")
w = tf.Variable([0.0, 0.0, 0.0])
for k in range(100):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((tf.linalg.matvec(X, w) - y) ** 2)
    w.assign_sub(0.2 * tape.gradient(loss, w))
by_formula = np.linalg.lstsq(X, y)[0]
print("by walking:", w.numpy(), " by formula:", by_formula)
claim("the same weights", w, by_formula, within=1e-5)

# %%
# Where the formula ends
# ----------------------
# The gradient of Himmelblau's function, :math:`(x_1^2 + x_2 - 11)^2 + (x_1 + x_2^2
# - 7)^2`, is a pair of cubics. No formula, but the walk does not mind.
try:
    tf_gd.Problem("himmelblau").solve("analytic")
except ValueError as error:
    refused = str(error)
    print("by formula:", refused)
found = tf_gd.gradient_descent("himmelblau", learning_rate=0.01, steps=300)
print("by walking:", found.final, " f =", found.losses[-1])

# %%
# And where there is a formula, it can be too dear. Solving n linear equations takes
# about :math:`n^3 / 3` multiplications and room for :math:`n^2` numbers. For a
# million weights that is four terabytes. A step of the walk costs a few evaluations
# of f, and room for n numbers and the tape.
#
# To try
# ------
# 1. Without looking, type the loop again, and walk 100 steps with the rates 0.4 and
#    0.5. What happens at each?
#
#    .. dropdown:: Answer
#
#       At 0.4 it gets there in jumps; at 0.5 it comes nearer once, then flies away.
#       Pages 06 and 07 explain why: the border is at 0.453.
#
#       >>> for rate in (0.4, 0.5):
#       ...     x = tf.Variable([-2.0, 4.5])
#       ...     for k in range(100):
#       ...         with tf.GradientTape() as tape:
#       ...             loss = f(x)
#       ...         _ = x.assign_sub(rate * tape.gradient(loss, x))
#       ...     print(rate, x.numpy().round(3), float(loss) > 1e9)
#       0.4 [1. 2.] False
#       0.5 [...] True
#
# 2. Himmelblau's function has four minima. How do you get to another one?
#
#    .. dropdown:: Answer
#
#       Start elsewhere. Page 09 is about that.
#
#       >>> start = [-3.0, -3.0]
#       >>> tf_gd.gradient_descent("himmelblau", start, steps=300).final.round(3)
#       array([-3.779, -3.283], dtype=float32)
