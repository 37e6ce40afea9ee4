"""Which replies were paid for already: found by the digest of their request, from the journals and the database.

Only a valid reply serves again by itself; an invalid one is found for the correction that followed it. Which digests
the database has is asked once; what stands near a reply there is fetched with it, because a run that repeats itself
asks in the same order. Nothing is sent from here.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from wfkit.core.call import CallRecord
from wfkit.core.events import CallEnded
from wfkit.store.journals.index import ReadAt
from wfkit.store.journals.recent import Recent

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from wfkit.store.database.database import Database

AHEAD = 256
_KEPT = 4096
_DIGESTS = "SELECT string_agg(name, '' ORDER BY place) FROM replies"


class CallLog:
    """The replies of a store. `database` gives the database, or None while there is nothing in it; `read` the entry of
    a line."""

    def __init__(self, tails: Recent, database: Callable[[], Database | None], read: ReadAt) -> None:
        self._tails = tails
        self._read = read
        self._database = database
        self._lock = threading.Lock()
        self._order: list[str] | None = None  # digests in the database when it was first asked, as they stand there
        self._place: dict[str, int] = {}
        self._kept: OrderedDict[str, tuple[CallRecord, int]] = OrderedDict()  # with the fold after which it was read

    def find(self, request_digest: str) -> CallRecord | None:
        """The newest valid reply to this request (an invalid one: under its name as `rejected`), whoever asked for it;
        None if it has to be bought."""
        with self._tails.lock:
            for index in self._tails.newest_first():
                if request_digest in index.calls:
                    return index.calls[request_digest]
            folded, now = self._tails.calls_folded.get(request_digest, 0), self._tails.folds
            places = self._tails.ground.calls() if not folded else None
        if places is not None:
            if request_digest not in places:
                return None
            for entry in self._read(places[request_digest]):
                if isinstance(entry.event, CallEnded):
                    return entry.event.call
        return self._in_database(request_digest, folded, now)

    def _in_database(self, request_digest: str, folded: int, now: int) -> CallRecord | None:
        database = self._database()
        if database is None:
            return None
        if self._order is None:
            self._load(database)
            with self._tails.lock:  # the tails may begin earlier now
                recent = [index.calls for index in self._tails.newest_first() if request_digest in index.calls]
            if recent:
                return recent[0][request_digest]
        with self._lock:
            record, fetched = self._kept.get(request_digest, (None, -1))
            if record is not None and fetched >= folded:
                return record
            near = self._near(request_digest)
        return self._fetch(database, [request_digest, *near], now) if near or folded else None

    def _fetch(self, database: Database, digests: list[str], now: int) -> CallRecord | None:
        """The reply to the first of these requests; those to the others are kept, they will be asked for soon."""
        found = {digest: record for digest, record in database.calls_by_digest(digests).items() if record.reply}
        with self._lock:
            self._kept.update((digest, (record, now)) for digest, record in found.items())
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return found.get(digests[0])

    def _load(self, database: Database) -> None:
        joined = database.session.run(_all_digests)
        self._tails.align(database.watermarks())
        with self._lock:
            self._order = [joined[start : start + 32] for start in range(0, len(joined), 32)]
            self._place = {digest: place for place, digest in enumerate(self._order)}

    def _near(self, request_digest: str) -> list[str]:
        place = self._place.get(request_digest)
        if place is None or self._order is None:
            return []
        return [digest for digest in self._order[place : place + AHEAD] if digest not in self._kept]


def _all_digests(cursor: DuckDBPyConnection) -> str:
    return cursor.execute(_DIGESTS).fetchall()[0][0] or ""
