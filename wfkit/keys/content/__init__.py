"""The digest of any value: how each kind of value is taken apart, so that equal values have equal digests.

No code and no file is read here.
"""
