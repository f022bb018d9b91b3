"""Descents from many starts in one compiled program, and the minima they reach."""
