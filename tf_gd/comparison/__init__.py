"""Do the two agree to the bit? If not, where do they first differ, and why?"""
