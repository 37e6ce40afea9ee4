"""Values as bytes and back: codecs by type, and the objects that hold what is too large for a line.

Nothing here knows of runs, journals or the database.
"""
