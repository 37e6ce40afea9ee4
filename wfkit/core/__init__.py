"""The pure core: what a workflow is, what happened to it and what to do next.

Nothing in this room reads a clock, draws a random number, makes an id, touches a file or a thread. Time, rolls and ids
are arguments.
"""
