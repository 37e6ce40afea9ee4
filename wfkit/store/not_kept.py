"""Which tasks ended without a result that serves: what the database has, with what the journals say beyond it.

The twin of `results.known` for what is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from wfkit.core.events import NotKept
from wfkit.store.journals.recent import Recent

if TYPE_CHECKING:
    from wfkit.store.database.database import Database


class Unkept:
    """Events about tasks without a result. `database` gives the database, or None while there is nothing in it."""

    def __init__(self, tails: Recent, database: Callable[[], Database | None]) -> None:
        self._tails = tails
        self._database = database

    def find(self, nodes: Iterable[str]) -> list[NotKept]:
        """Those of these nodes, in no order."""
        names = set(nodes)
        with self._tails.lock:
            nothing: list[NotKept] = []
            rows = self._tails.ground.ask(lambda catalog: catalog.not_kept, nothing)
            tail = self._tail() if rows is not None else []
        if rows is None:
            database = self._database() if names else None
            if database is not None:
                self._tails.align(database.watermarks())
            tail = self._tail()  # before the rows: what is folded in between is in both, not in neither
            rows = database.not_kept(names) if database is not None else []
        return [event for event in (*rows, *tail) if event.node in names]

    def _tail(self) -> list[NotKept]:
        with self._tails.lock:
            return [event for index in self._tails.newest_first() for event in index.not_kept]
