"""The projection: one DuckDB file that answers questions.

It can be made again from the journals, and nothing is decided from it that they do not say.
"""
