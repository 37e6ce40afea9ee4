"""Doors: the places where libraries that open files in C are told which ones, watched while a body runs.

An audit hook cannot see what Arrow, DuckDB or Polars open, a profile hook sees it but makes all code slower, and names
in the text miss every path that is put together. So a thin wrapper stands at the narrowest place of each library that
all its readers pass with the path in hand; it looks only while a body is watched, and calls what was there before.
What passes a door and cannot be told is no guess: it makes the result uncacheable.
"""
