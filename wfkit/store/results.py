"""Results and values: what the database has, merged with what the journals say beyond it.

Every value handed out is decoded anew, so nobody can spoil what others get. Where payloads lie is `objects`, how they
are decoded `codecs`.
"""

from __future__ import annotations

import base64
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wfkit.core.found import Found, newest_first
from wfkit.core.result import Known, Result, Stored
from wfkit.errors import ValueFault
from wfkit.store.batch import INLINE_BYTES
from wfkit.store.journals.index import KnownRows, ReadAt
from wfkit.store.journals.recent import Recent
from wfkit.store.payloads import codecs
from wfkit.store.payloads.artifacts import at_home
from wfkit.store.payloads.objects import Objects, payload_digest
from wfkit.store.secrets import Secrets
from wfkit.store.whereabouts import Whereabouts

if TYPE_CHECKING:
    from wfkit.store.database.database import Database

_KEPT_BYTES = 256 << 20


class Results:
    """The results of a store. `database` gives the database, or None while there is nothing in it; `read` the entry of
    a line."""

    def __init__(
        self,
        tails: Recent,
        database: Callable[[], Database | None],
        objects: Objects,
        read: ReadAt,
        project: Path | None = None,
    ) -> None:
        self._project = project
        self._tails = tails
        self._whereabouts = Whereabouts(tails, self._joined, read)
        self._database = database
        self._objects = objects
        self._payloads = _Payloads()
        self._secrets = Secrets()

    def known(self, nodes: Iterable[str]) -> Found:
        """All results of these nodes that may serve, by task key, newest first."""
        names = list(nodes)
        with self._tails.lock:
            stored = self._tails.ground.known(names)
            tail, columns = self._tail(names) if stored is not None else ([], [])
        if stored is None:
            database = self._joined() if names else None
            tail, columns = self._tail(names)  # before the rows: what is folded in between is in both, not in neither
            stored = (database.known(names) if database is not None else []), []
        forgotten = dict(self._tails.forgotten())
        found: dict[str, list[Known]] = {}
        for item in chain(tail, stored[0]):
            if not forgotten or item.created_at > forgotten.get(item.key, float("-inf")):
                found.setdefault(item.key, []).append(item)
        for key in {item.key for item in tail}:
            if len(found.get(key, ())) > 1:
                found[key] = newest_first(found[key])
        return Found(found, sorted([*stored[1], *columns], key=attrgetter("created_at")), forgotten)

    def _tail(self, names: list[str]) -> KnownRows:
        with self._tails.lock:
            newest = self._tails.newest_first()
            found = [index.known for index in newest if index.known]
            slices = [index.known_items for index in reversed(newest) if index.known_items]
            columns = [items for known in slices for name in names for items in known.get(name, ())]
            return [item for known in found for name in names for item in reversed(known.get(name, ()))], columns

    def _joined(self) -> Database | None:
        """The database, if there is something in it, with tails that begin where it ends."""
        database = self._database()
        if database is not None:
            self._tails.align(database.watermarks())
        return database

    def result(self, key: str) -> Result | None:
        """The newest whole result under a task key, unless it is forgotten."""
        found = self._in_tails(key)
        if found is None and (database := self._joined()):
            found = self._in_tails(key) or database.result(key)
        until = self._tails.forgotten().get(key, float("-inf"))
        return found if found is not None and found.created_at > until else None

    def _in_tails(self, key: str) -> Result | None:
        with self._tails.lock:
            return next((found for index in self._tails.newest_first() if (found := index.result(key))), None)

    def defined(self, digests: Iterable[str]) -> set[str]:
        """Which of these definitions were logged, as far as that can be told without the database."""
        wanted = set(digests)
        with self._tails.lock:
            found = {digest for index in self._tails.newest_first() for digest in wanted & index.definitions}
        return found | (wanted & self._tails.ground.defined())

    def encode(self, value: Any, digest: str, codec: str = "auto") -> Stored:
        """Encode a value whose value digest is known; a large payload is a durable object when this returns.

        Raises ValueFault for what no codec keeps, or for a value that holds a known secret.
        """
        encoded = codecs.encode(value, codec)
        payload = encoded.payload
        large = len(payload) > INLINE_BYTES
        for text in codecs.texts(encoded.codec, payload) if large else (payload,):
            self._secrets.refuse(text, "a value")
        name = payload_digest(payload)
        if large:
            self._objects.put(name, payload)
            if encoded.codec in codecs.FREEZES:  # frames and arrays: the next node reads them from here
                self._payloads.keep(digest, (encoded.codec, payload))
            return Stored(digest, encoded.codec, name, len(payload))
        inline = payload.decode() if encoded.codec in codecs.TEXT_CODECS else base64.b64encode(payload).decode("ascii")
        return Stored(digest, encoded.codec, name, len(payload), inline)

    def decode(self, stored: Stored, frozen: bool = False) -> Any:
        """A new copy of a value that was encoded here. Raises ValueFault when it is missing or damaged."""
        if stored.inline is not None:
            return _decode(self._project, stored.codec, self._payload(stored), frozen)
        kept = self._payloads.get(stored.digest)
        if kept is None:
            kept = stored.codec, self._payload(stored)
            self._payloads.keep(stored.digest, kept)
        return _decode(self._project, *kept, frozen)

    def get(self, digest: str, frozen: bool = False) -> Any:
        """A new copy of the value with this value digest. Raises ValueFault when it is missing or damaged."""
        return self.get_many((digest,), frozen)[0]

    def get_many(self, digests: Sequence[str], frozen: bool = False) -> list[Any]:
        """New copies of the values with these digests, in order; those not at hand in one query."""
        found = {digest: kept for digest in digests if (kept := self._payloads.get(digest)) is not None}
        missing = [digest for digest in dict.fromkeys(digests) if digest not in found]
        places = self._whereabouts.find(missing) if missing else {}
        for digest in missing:
            if digest not in places:
                raise ValueFault(f"no value with the digest {digest} is stored here: run its node again")
            found[digest] = places[digest].codec, self._payload(places[digest])
            self._payloads.keep(digest, found[digest])
        return [_decode(self._project, *found[digest], frozen) for digest in digests]

    def _payload(self, stored: Stored) -> bytes:
        """The verified bytes of a value."""
        if stored.inline is None:
            payload = self._objects.get(stored.payload)
        else:
            text = stored.codec in codecs.TEXT_CODECS
            payload = stored.inline.encode("utf-8", "surrogatepass") if text else _unbase64(stored.inline)
            if payload is not None and payload_digest(payload) != stored.payload:
                payload = None
        if payload is None:
            raise ValueFault(f"the stored value {stored.digest} is missing or damaged: run its node again")
        return payload


class _Payloads:
    """The payloads that were asked for last, as (codec, bytes), up to a size. Bytes, so nobody can change them."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[str, bytes]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, digest: str) -> tuple[str, bytes] | None:
        with self._lock:
            found = self._kept.get(digest)
            if found is not None:
                self._kept.move_to_end(digest)
            return found

    def keep(self, digest: str, payload: tuple[str, bytes]) -> None:
        with self._lock:
            if digest in self._kept or len(payload[1]) > _KEPT_BYTES:
                return
            self._kept[digest] = payload
            self._bytes += len(payload[1])
            while self._bytes > _KEPT_BYTES:
                self._bytes -= len(self._kept.popitem(last=False)[1][1])


def _unbase64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None


def _decode(project: Path | None, codec: str, payload: bytes, frozen: bool) -> Any:
    with at_home(project):
        return codecs.decode(codec, payload, frozen)
