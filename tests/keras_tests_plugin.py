"""A pytest plugin that puts ManualSGD in the place of SGD, before Keras's own tests are imported.

It does so as a plugin only (``-p keras_tests_plugin``), not when it is merely imported.
"""


def pytest_configure(config):
    import keras
    from keras.src import optimizers
    from keras.src.optimizers import sgd

    import tf_gd

    sgd.SGD = optimizers.SGD = keras.optimizers.SGD = tf_gd.ManualSGD
