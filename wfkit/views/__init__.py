"""Pictures of runs, plans and values: each a frozen view model with data, a figure, static HTML and plain text.

A view draws rows that somebody else fetched. It reads no store, no clock and no setting, and it knows no other room
but core.
"""
