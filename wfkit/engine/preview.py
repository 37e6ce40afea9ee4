"""A short text of any value, for lineage and tables.

Never raises, never prints a whole large value. What is cut is redacted before: a secret at the cut would leave a piece
that nobody could find afterwards.
"""

from __future__ import annotations

from typing import Any

from wfkit.keys.preview import LIMIT, Short
from wfkit.store.secrets import Secrets

_LINE = 160
_SECRETS = Secrets()
_SHORT = Short(items=12, level=4)


def preview(value: Any) -> str:
    """At most 500 characters that tell what the value is; frames and arrays by shape and columns."""
    try:
        kind = type(value)
        if kind is str:
            return _fit(value) if isinstance(value, str) else ""
        if kind in (int, float, bool, type(None)):
            return repr(value)[:LIMIT]
        shape = getattr(value, "shape", None)
        if isinstance(shape, tuple):
            return _fit(_shaped(value, shape))
        return _fit(_SHORT.repr(value))
    except Exception as error:  # a value's own __repr__ may do anything
        return f"<{type(value).__name__}: its repr raised {type(error).__name__}>"


def shortened(text: str) -> str:
    """One line of at most 160 characters of a text that a model or a user wrote, without secrets."""
    line = " ".join(_SECRETS.redact(text).split())
    return line if len(line) <= _LINE else f"{line[:_LINE]}..."


def _fit(text: str) -> str:
    """The text, or its beginning without secrets. A text that is not cut is redacted where it is written."""
    return text if len(text) <= LIMIT else _SECRETS.redact(text)[:LIMIT]


def _shaped(value: Any, shape: tuple[int, ...]) -> str:
    name = type(value).__name__
    columns = getattr(value, "columns", None)
    if columns is not None:
        names = ", ".join(str(column) for column in list(columns)[:20])
        return f"{name}, {shape[0]:,} rows x {shape[1]} columns: {names}"
    if not shape:
        return repr(value)
    return f"{name} {shape} {getattr(value, 'dtype', '')}"
