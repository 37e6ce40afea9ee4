"""What a value depends on: digests of values and of code, what a body reads and changes, and why a key is not what it
was.

Nothing here runs a node, stores anything or knows of runs. What cannot be digested is refused by name; nothing is ever
guessed.
"""
