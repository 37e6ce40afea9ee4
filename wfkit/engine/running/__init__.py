"""A run under way: what its attempts share, the loop and the baton that carry it on, its seats, taking it up again.

No body is run from here and no model is asked: that is what `attempts` do.
"""
