"""
04 Which way is down?
=====================

Of a curve we see only value and slope where we stand. The slope is enough to find
the lowest point: its sign says which way to go, its size how much a step gains.

*Follows slide 11 "descent direction in one dimension" and slide 12 "gradient
descent". You need page 00.*
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow()

import scipy.optimize
import tensorflow as tf

from tf_gd import claim, show


def f(x):
    return tf.exp(x) - 2.0 * x


# %%
# The sign of the slope
# ---------------------
# Ask the tape at three places. A positive slope: the curve rises to the right, so
# down is to the left. A negative slope: down is to the right. One rule: go
# *against* it.
for place in (-2.0, 0.0, 3.0):
    x = tf.Variable(place)
    with tf.GradientTape() as tape:
        loss = f(x)
    slope = tape.gradient(loss, x)
    way = "left" if slope > 0 else "right"
    print(f"x = {place:4}  f'(x) = {slope.numpy():8.4f}  so go {way}")


# %%
# The walk
# --------
# One step goes against the slope by ``learning_rate * slope``: far where it is
# steep, not far where it is nearly flat. The walk is that step, again and again.
def walk(start, learning_rate, steps):
    x = tf.Variable(start)
    path = [x.numpy()]
    for k in range(steps):
        with tf.GradientTape() as tape:
            loss = f(x)
        slope = tape.gradient(loss, x)
        if k < 5:
            print(
                f"{k:2} {x.numpy():9.4f} {loss.numpy():9.4f} {slope.numpy():9.4f}"
            )
        x.assign_sub(learning_rate * slope)
        path.append(x.numpy())
    return path


print(" k         x      f(x)     f'(x)")
from_the_right = walk(3.0, 0.05, 100)
from_the_left = walk(-2.0, 0.05, 100)

# %%
# Both arrive where the slope is zero. SciPy, which knows nothing of our loop, finds
# the same place: :math:`e^x = 2`, so :math:`x = \ln 2`.
lowest = scipy.optimize.minimize_scalar(lambda x: f(x).numpy(), (-2.0, 3.0)).x
ends = [from_the_right[-1], from_the_left[-1]]
claim("both walks end at the minimum", ends, [lowest, lowest], within=5e-3)

# %%
# The library runs this loop and keeps every step; ``plot`` draws it.
about = dict(start=[3.0], domain=[-2.5, 3.3], formula="exp(x) - 2 x")
valley = tf_gd.Objective("valley", lambda x: f(x[..., 0]), **about)
path = tf_gd.gradient_descent(valley, learning_rate=0.05, steps=100, mode="eager")
same = bool((path.points[:, 0] == from_the_right).all())
print("the same bits as the walk:", same)
show.save(path.plot(tangents=4), "04_walk.png")

# %%
# Each step goes down its tangent, of slope :math:`f'(x_k)`. Where the curve is
# flat, the steps :math:`0.05\,f'(x_k)` are short.
#
# What a step gains
# -----------------
# At x = 3, where we stood last: along the tangent a step of length :math:`\eta
# f'(x)` goes down by :math:`\eta f'(x)^2`. The curve is not its tangent, so the
# true gain is another. The shorter the step, the better the promise.
kept = []
print("  rate   promised     gained")
for rate in (0.1, 0.01, 0.001, 0.0001):
    promised = rate * slope**2
    gained = loss - f(x - rate * slope)
    kept.append(float(gained / promised))
    print(f"{rate:6} {promised.numpy():10.5f} {gained.numpy():10.5f}")
claim(
    "a short step keeps its promise: gained / promised", kept[-1], 1.0, within=0.01
)

# %%
# So a step that is short enough goes down, unless the slope is zero. That is why
# minus the slope is called a *descent direction*. How short is short enough is page
# 06.
#
# Where the slope is nearly zero, little is left to gain: ``tolerance`` stops there.
# In Keras the update is ``optimizer.apply([slope], [x])``, as on page 00.
run = dict(learning_rate=0.05, tolerance=1e-3)
stopped = tf_gd.gradient_descent(valley, **run)
print(f"{stopped.outcome} after {stopped.steps} steps")

# %%
# To try
# ------
# 1. Is a point where the slope is zero always a minimum? Walk on :math:`2x^4 + 3x^3
#    + 2` from 0.5.
#
#    .. dropdown:: Answer
#
#       No. The walk creeps up to 0, where the slope is zero, and the curve goes on
#       down behind it. The minimum is at :math:`-9/8`. From the other side, it is
#       found.
#
#       >>> slow = tf_gd.gradient_descent("quartic", [0.5], learning_rate=0.05)
#       >>> good = tf_gd.gradient_descent("quartic", [-0.5], learning_rate=0.05)
#       >>> slow.final.round(2), good.final.round(3)
#       (array([0.], dtype=float32), array([-1.125], dtype=float32))
#
# 2. Type the loop so that it stops by itself where the slope is below 0.001. How
#    many steps does the rate 0.025 take, how many 0.05?
#
#    .. dropdown:: Answer
#
#       About twice as many.
#
#       >>> def steps_needed(learning_rate):
#       ...     x, k, slope = tf.Variable(3.0), 0, 1.0
#       ...     while abs(slope) > 1e-3:
#       ...         with tf.GradientTape() as tape:
#       ...             loss = f(x)
#       ...         slope = tape.gradient(loss, x)
#       ...         x.assign_sub(learning_rate * slope)
#       ...         k += 1
#       ...     return k
#       >>> round(steps_needed(0.025) / steps_needed(0.05))
#       2
