"""Gradient descent by hand, on functions you can draw."""
