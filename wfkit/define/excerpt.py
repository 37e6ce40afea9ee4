"""The line of a cell that an error is about, with a caret below the place.

Only text is made here; which error it goes into is decided by whoever found it.
"""

from __future__ import annotations

import os

from wfkit.core.secrets import masked

WIDEST = 160


def excerpt(line: str, column: int | None = None, width: int = 1) -> str:
    """The line, indented, and below it `width` carets from `column` (from 0); no caret for None.

    Long lines are cut around the column.
    """
    text = line.rstrip("\n")
    text = text if len(text) <= WIDEST else masked(text, os.environ)
    start = 0 if column is None or column < WIDEST else column - WIDEST // 2
    shown = text[start : start + WIDEST]
    if column is None:
        return f"    {shown}"
    at = min(max(column - start, 0), len(shown))
    pad = "".join("\t" if letter == "\t" else " " for letter in shown[:at])
    return f"    {shown}\n    {pad}{'^' * max(1, min(width, len(shown) - at))}"
