"""A pytest plugin that puts ManualSGD in the place of SGD, before Keras's own tests are imported."""

import keras
from keras.src import optimizers
from keras.src.optimizers import sgd

import tf_gd

sgd.SGD = optimizers.SGD = keras.optimizers.SGD = tf_gd.ManualSGD
