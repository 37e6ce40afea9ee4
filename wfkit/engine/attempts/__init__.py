"""Attempts: one task, or a slice of the items of a map, from its inputs to the event that tells how it ended.

Bodies of Python code and prompts with their tools are carried out here. When an attempt is made is decided by the run.
"""
