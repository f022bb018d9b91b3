"""Are the two the same, to the bit? If not, where do they part, and why?"""
