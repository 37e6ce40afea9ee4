"""What is recent: entries that are not in the database yet, and what they stand on. An interface.

`tails.Tails` keeps it on disk, `memory.Everything` in memory.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Protocol

from wfkit.store.journals.ground import Ground
from wfkit.store.journals.index import Index


class Recent(Protocol):
    """What was appended and is not in the database yet: `tails.Tails`, or all of a store in memory."""

    lock: threading.RLock  # held while reading what `newest_first` gives
    folds: int
    ground: Ground
    calls_folded: dict[str, int]  # request -> with which fold its reply went to the database

    def newest_first(self) -> list[Index]:
        """Everything, as of now."""
        ...

    def forgotten(self) -> Mapping[str, float]:
        """Task keys whose results made until that time are no longer served."""
        ...

    def align(self, watermarks: Mapping[str, int]) -> None:
        """Begin where the database ends."""
        ...


def newest_run(recent: Recent) -> tuple[bool, str | None]:
    """Whether it is known here which run began last, and its id (None: there is none)."""
    with recent.lock:
        found = [index.newest for index in recent.newest_first() if index.newest is not None]
        nothing: list[Any] = []
        below = recent.ground.ask(lambda catalog: catalog.head.newest, nothing)
    if below is None:
        return False, None
    return True, max([*found, *([(below[0], below[1])] if below else [])], default=(0.0, None))[1]
