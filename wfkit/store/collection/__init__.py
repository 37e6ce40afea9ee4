"""Keeping a store in shape: what is collected, pinned, measured, exported and taken in.

No running workflow needs anything from here.
"""
