"""If a loop differs from Keras's, why? Experiments with one mistake each, and the search among them."""
