"""A short text of any value, for lineage and tables.

Never raises, never prints a whole large value.
"""

from __future__ import annotations

import reprlib
from typing import Any

_LIMIT = 500
_short = reprlib.Repr()
_short.maxstring = _short.maxother = _LIMIT
_short.maxdict = _short.maxlist = _short.maxtuple = _short.maxset = 12
_short.maxlevel = 4


def preview(value: Any) -> str:
    """At most 500 characters that tell what the value is; frames and arrays by shape and columns."""
    try:
        kind = type(value)
        if kind is str:
            return value[:_LIMIT] if isinstance(value, str) else ""
        if kind in (int, float, bool, type(None)):
            return repr(value)[:_LIMIT]
        shape = getattr(value, "shape", None)
        if isinstance(shape, tuple):
            return _shaped(value, shape)[:_LIMIT]
        return _short.repr(value)[:_LIMIT]
    except Exception as error:  # a value's own __repr__ may do anything
        return f"<{type(value).__name__}: its repr raised {type(error).__name__}>"


def _shaped(value: Any, shape: tuple[int, ...]) -> str:
    name = type(value).__name__
    columns = getattr(value, "columns", None)
    if columns is not None:
        names = ", ".join(str(column) for column in list(columns)[:20])
        return f"{name}, {shape[0]:,} rows x {shape[1]} columns: {names}"
    if not shape:
        return repr(value)
    return f"{name} {shape} {getattr(value, 'dtype', '')}"
