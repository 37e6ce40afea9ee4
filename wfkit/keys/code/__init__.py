"""The definition of a node: everything that its code reaches, in a form without comments and layout.

What a body reads while it runs does not belong here.
"""
