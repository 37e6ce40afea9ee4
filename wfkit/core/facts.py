"""What is found out by reading a text alone, so that it need not be read again.

An interface only; `store.facts` keeps it.
"""

from __future__ import annotations

from typing import Protocol


class Facts(Protocol):
    """Facts about texts. They hold for ever and may be lost at any time."""

    def recall(self, subject: str) -> str | None:
        """What was found out about this, if it is known."""
        ...

    def remember(self, subject: str, fact: str) -> None:
        """Keep what was found out. `fact` is one line of ASCII."""
        ...
