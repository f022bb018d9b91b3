"""Gradient descent by hand, on Keras models."""
