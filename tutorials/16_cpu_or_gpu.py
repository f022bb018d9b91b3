"""
16 CPU or GPU?
==============

A GPU computes thousands of numbers at once, but it takes some time to ask it. This
page says where TensorFlow puts what, how to choose, when a GPU pays, and why the
same program gives other digits there. It runs on any machine; where it sees a GPU,
its table has a second column.

*Follows slide 17 "solving problems in practice". You need page 15.*
"""

# %%
import tf_gd

tf_gd.quiet_tensorflow()

import time

import numpy as np
import tensorflow as tf

from tf_gd import claim, show

# %%
# What is there, and what is placed where
# ---------------------------------------
# Without a word from us TensorFlow puts a variable on the first GPU, if there is
# one, and else on the CPU. ``tf.device`` decides for what is made inside it. An
# operation runs where its variables are.
kinds = {device.device_type for device in tf.config.list_logical_devices()}
devices = [f"{kind}:0" for kind in ("CPU", "GPU") if kind in kinds]
print("devices:", devices)
for device in devices:
    with tf.device(device):
        x = tf.Variable([3.0, 4.0])
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(x**2)
        gradient = tape.gradient(loss, x)
        x.assign_sub(0.25 * gradient)
    print(f"asked for {device}: gradient on {gradient.device}, x = {x.numpy()}")

# %%
# When does a GPU pay?
# --------------------
# Least squares, page 11, in n variables: a step multiplies a matrix of n rows and n
# columns twice. For each n, time the loop on each device.
generator = np.random.default_rng(0)


def seconds_a_step(device, n, steps=20):
    matrix = generator.normal(size=(n, n)) / np.sqrt(n)
    with tf.device(device):
        A, y = tf.constant(matrix, tf.float32), tf.ones(n)
        w = tf.Variable(tf.zeros(n))

        @tf.function
        def step():
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((tf.linalg.matvec(A, w) - y) ** 2)
            w.assign_sub(0.1 * tape.gradient(loss, w))
            return loss

        step()  # traces
        start = time.perf_counter()
        for k in range(steps):
            loss = step()
        loss.numpy()  # waits for the device
    return (time.perf_counter() - start) / steps


sizes = (2, 32, 256, 1024, 2048)
table = {}
for device in devices:
    table[device] = [1e6 * seconds_a_step(device, n) for n in sizes]
    for n, microseconds in zip(sizes, table[device], strict=True):
        print(f"{device}  n = {n:4}  {microseconds:8.0f} us a step")
ax = show.plot_losses(table, title="One step, on this machine")
ax.set(xlabel="variables n", ylabel="microseconds a step")
ax.set_xticks(range(len(sizes)), sizes)
show.save(ax, "16_devices.png")

# %%
# Up to some hundred variables the time hardly depends on n: it is the time to ask.
# Beyond, it grows as the :math:`2 n^2` products of the step. That is where a GPU
# begins to pay. So ``tf_gd`` runs toy functions on the CPU, unless it is told
# otherwise: ``device="GPU:0"``.
path = tf_gd.gradient_descent("booth", learning_rate=0.05, device="CPU:0")
print("ran on", path.settings["device"], " ended at", path.final)


# %%
# Other digits: TensorFloat-32
# ----------------------------
# Recent NVIDIA GPUs round the inputs of a matrix product to 10 bits after the point
# before they multiply, where float32 has 23. That is fast, and good enough for
# training; it is not the same number. What it does can be tried anywhere:
def tf32(a):
    bits = np.asarray(a, "float32").view("uint32")
    return ((bits + 0x1000) & 0xFFFFE000).view("float32")  # drop 13 bits, rounded


numbers = generator.uniform(1.0, 2.0, size=100_000).astype("float32")
error = np.abs(tf32(numbers) / numbers - 1).max()
claim("largest relative error, times 2^11", error * 2**11, 1.0, within=0.01)

A, B = generator.normal(size=(2, 300, 300)).astype("float32")
exact = A.astype("float64") @ B.astype("float64")
in_float32 = np.abs(A @ B - exact).max()
in_tf32 = np.abs(tf32(A) @ tf32(B) - exact).max()
print(f"error of a matrix product: {in_float32:.1e}, with TF32 {in_tf32:.1e}")
claim("TensorFloat-32 over float32", in_tf32 / in_float32, 100, at_least=True)

# %%
# So compare a CPU and a GPU with TensorFloat-32 switched off. ``exact_arithmetic``
# does that, and puts the setting back afterwards.
enabled = tf.config.experimental.tensor_float_32_execution_enabled
before = enabled()
with tf_gd.exact_arithmetic():
    inside = enabled()
print("TensorFloat-32 before, inside and after:", before, inside, enabled())

# %%
# Keras places a model on the GPU that it sees; ``with tf.device("CPU:0"):`` keeps
# it off.
#
# To try
# ------
# 1. Is 1/3 in float32 a number that TensorFloat-32 can hold? Is 0.75?
#
#    .. dropdown:: Answer
#
#       0.75 is: it has two bits. 1/3 has no end, and is cut sooner.
#
#       >>> [bool(tf32(a) == np.float32(a)) for a in (1 / 3, 0.75)]
#       [False, True]
#
# 2. How large may a whole number be that TensorFloat-32 keeps?
#
#    .. dropdown:: Answer
#
#       All up to :math:`2^{11} = 2048`. 2049 needs 12 bits.
#
#       >>> tf32([2047.0, 2048.0, 2049.0]).tolist()
#       [2047.0, 2048.0, 2050.0]
