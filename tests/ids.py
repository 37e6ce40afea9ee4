"""Ids of parametrised tests that are the same in every process: texts as they are, anything else by its type.

pytest-xdist compares them between its workers; an address or the order of a set would differ.
"""

from __future__ import annotations

from typing import Any


def stable(value: Any) -> str:
    """An id for one parameter."""
    return value[:60] if isinstance(value, str) else type(value).__name__
