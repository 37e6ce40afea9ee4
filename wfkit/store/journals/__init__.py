"""The truth: append-only journals of processes, and the segments they become.

What is known of them without DuckDB (catalog, tails) lives here too. Nothing here imports the database.
"""
