"""Draw the pictures in the README: the two updates on Himmelblau's function, and a descent with and without momentum."""

import tf_gd

tf_gd.quiet_tensorflow()

import matplotlib.pyplot as plt

from tf_gd import show

result = tf_gd.compare("himmelblau", learning_rate=0.01, momentum=0.7, nesterov=True, steps=40)
with plt.style.context(show.STYLE):
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.6), width_ratios=[1.15, 1])
show.plot_contours(result.manual.objective, {"by hand": result.manual, "built in": result.builtin}, ax=left)
show.plot_losses({"by hand": result.manual, "built in": result.builtin}, ax=right)
right.set_title(result.verdict())
print(show.write(left, "docs/pictures/readme.png"))

run = dict(learning_rate=1e-3, steps=120)
valley = {
    "plain": tf_gd.gradient_descent("rosenbrock", **run),
    "momentum 0.9": tf_gd.gradient_descent("rosenbrock", momentum=0.9, **run),
}
print(show.animate(valley, "docs/pictures/momentum.gif", frames=60, seconds=6))
