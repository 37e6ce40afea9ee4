"""Where values are: in the tails, in lines of journals that the catalog knows, in the database. Asked in that order.

What the bytes mean is `codecs`, large ones are `objects`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from wfkit.core.result import Stored
from wfkit.store.journals.index import Index, ReadAt
from wfkit.store.journals.recent import Recent

if TYPE_CHECKING:
    from wfkit.store.database.database import Database

FEW = 256  # lines that are read one by one; more are had quicker from the database


class Whereabouts:
    """Finds values by their digests. `joined` gives the database with tails that begin where it ends, or None."""

    def __init__(self, tails: Recent, joined: Callable[[], Database | None], read: ReadAt) -> None:
        self._tails = tails
        self._joined = joined
        self._read = read

    def find(self, digests: list[str]) -> dict[str, Stored]:
        """Those that are somewhere."""
        found = self._recent(digests)
        rest = [digest for digest in digests if digest not in found]
        found |= self._in_journals(rest)
        rest = [digest for digest in rest if digest not in found]
        if rest and (database := self._joined()):
            found |= database.stored(rest) | self._recent(rest)
        return found

    def _recent(self, digests: list[str]) -> dict[str, Stored]:
        found: dict[str, Stored] = {}
        with self._tails.lock:
            for index in reversed(self._tails.newest_first()):
                found.update(index.find_stored(digests))
        return found

    def _in_journals(self, digests: list[str]) -> dict[str, Stored]:
        places = {place for digest in digests if (place := self._tails.ground.place(digest))}
        if len(places) > FEW:
            return {}
        index = Index()
        for place in places:
            for entry in self._read(place):
                index.add(entry)
        return index.find_stored(digests)
