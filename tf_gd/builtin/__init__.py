"""The same update, inside ``keras.optimizers.SGD``."""
