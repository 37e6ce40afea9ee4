"""What a run would do, and why: reasons, changes, costs, for a live workflow and for one that only the store remembers.

Everything here looks; nothing is run and nothing is written.
"""
