"""A short text of a value for people: what `why` shows of a constant that changed. It is never part of a digest.

A `repr` that raises or is long does no harm, and a large frame is not printed.
"""

from __future__ import annotations

import os
import re
import reprlib
from typing import Any

from wfkit.core.secrets import beginning

LIMIT = 500
_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+")  # says nothing about a value, and differs each time


class _Short(reprlib.Repr):
    """A `repr` that stops early, whatever the size of the value."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = LIMIT
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = self.maxfrozenset = self.maxdeque = 40
        self.maxlevel = 5

    def repr_str(self, x: str, level: int) -> str:  # noqa: ARG002 - as reprlib calls it
        return repr(beginning(x, LIMIT, os.environ))

    def repr_instance(self, x: Any, level: int) -> str:  # noqa: ARG002 - as above
        shape = getattr(x, "shape", None)
        if isinstance(shape, tuple) and getattr(x, "size", 0) != 1:
            return f"<{type(x).__name__} {' × '.join(map(str, shape))}>"
        try:
            text = repr(x)
        except Exception:  # noqa: BLE001 - a user's own __repr__ may raise anything
            return f"<{type(x).__name__} instance>"
        return text if len(text) <= LIMIT else f"{beginning(text, LIMIT - 1, os.environ)}…"


_SHORT = _Short()


def preview(value: Any) -> str:
    """At most 500 characters that show a value."""
    try:
        text = _SHORT.repr(value)
    except Exception as error:  # noqa: BLE001 - a user's own __repr__ may raise anything
        text = f"<{type(value).__name__}; its repr raises {type(error).__name__}>"
    text = _ADDRESS.sub("", text)
    return text if len(text) <= LIMIT else f"{beginning(text, LIMIT - 1, os.environ)}…"
