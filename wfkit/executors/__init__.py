"""Where bodies run and what they print: threads now, processes and clusters later.

Nothing here decides what runs; the engine does.
"""
