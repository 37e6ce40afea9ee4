"""A short text of a value for people: what `why` shows of a constant that changed. It is never part of a digest.

A `repr` that raises or is long does no harm, and a large frame is not printed.
"""

from __future__ import annotations

import os
import re
import reprlib
import sys
from typing import Any

from wfkit.core.secrets import beginning

LIMIT = 500
_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+")  # says nothing about a value, and differs each time


class Short(reprlib.Repr):
    """A `repr` that stops early, whatever the size of the value: after `items` of a container, `level` containers deep.

    Texts are cut here, where they are redacted before: reprlib takes out the middle, and with it half of a secret.
    """

    def __init__(self, items: int, level: int) -> None:
        super().__init__()
        self.maxstring = self.maxother = sys.maxsize
        self.maxlong = LIMIT
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = self.maxfrozenset = self.maxdeque = items
        self.maxlevel = level

    def repr_str(self, x: str, level: int) -> str:
        """A text, or its beginning."""
        return super().repr_str(beginning(x, LIMIT, os.environ), level)

    def repr_instance(self, x: Any, level: int) -> str:
        """Any other value, a large one by its shape. One whose `repr` raises is told by reprlib."""
        shape = getattr(x, "shape", None)
        if isinstance(shape, tuple) and getattr(x, "size", 0) != 1:
            return f"<{type(x).__name__} {' × '.join(map(str, shape))}>"
        text = super().repr_instance(x, level)
        return text if len(text) <= LIMIT else f"{beginning(text, LIMIT - 1, os.environ)}…"


_SHORT = Short(items=40, level=5)


def preview(value: Any) -> str:
    """At most 500 characters that show a value."""
    try:
        text = _SHORT.repr(value)
    except Exception as error:  # noqa: BLE001 - a user's own __repr__ may raise anything
        text = f"<{type(value).__name__}; its repr raises {type(error).__name__}>"
    text = _ADDRESS.sub("", text)
    return text if len(text) <= LIMIT else f"{beginning(text, LIMIT - 1, os.environ)}…"
