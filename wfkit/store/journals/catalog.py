"""The catalog: where results, replies and definitions are in the journals, read in milliseconds and without DuckDB.

A short head (`catalog.json`) says how far each journal is covered and where in a file of rows the blocks of each node
are. It is a copy of what the journals say: one that is missing, damaged or of another store is not used, and made anew.
How it is written is `cataloguing`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import Any
from zlib import crc32

import orjson

from wfkit.core.columns import KnownItems, cut
from wfkit.core.events import NotKept
from wfkit.core.result import Known, Read
from wfkit.core.terms import Reason
from wfkit.store import packs, wire
from wfkit.store.bulk import money, no_collection
from wfkit.store.files import READ, read_file
from wfkit.store.journals.index import KnownRows
from wfkit.store.journals.journal import Log
from wfkit.store.journals.marks import Mark, find

HEAD = "catalog.json"
FORMAT = 5
SLICE = "slice"  # marks a row that speaks of many items
EVENTS = " ".join(sorted((*wire.EVENTS, packs.KIND)))  # of another version: what it passed over may be news to us
_AT_ONCE = 8 << 20

Block = list[int]  # offset, length, crc, rows
Place = tuple[str, int, int]  # journal id, offset, length of the line with its newline


class Broken(Exception):
    """A block is not what was written."""


@dataclass(slots=True)
class Head:
    """What the head says. A list of blocks is None where there are too many rows: the database has to be asked."""

    rows: str = ""
    end: int = 0
    journals: dict[str, int] = field(default_factory=dict)  # covered up to this byte; rows number them in this order
    marks: dict[str, list[str]] = field(default_factory=dict)  # their lines, as Latin-1, by journal
    results: dict[str, list[Block] | None] = field(default_factory=dict)  # by node
    calls: list[Block] | None = field(default_factory=list)
    forgotten: list[Block] = field(default_factory=list)
    definitions: list[Block] = field(default_factory=list)
    not_kept: list[Block] | None = field(default_factory=list)
    newest: list[Any] = field(default_factory=list)  # the run that began last: when (Unix seconds), and its id

    def marks_of(self, journal_id: str) -> list[Mark]:
        """Where runs begin, are adopted and end in the part of a journal that is covered, if they go on beyond it."""
        lines = self.marks.get(journal_id)
        return list(find("".join(f"{line}\n" for line in lines).encode("latin-1"))) if lines else []

    def all_blocks(self) -> Iterator[list[Block]]:
        """Every list of blocks that there is."""
        lists = (*self.results.values(), self.calls, self.forgotten, self.definitions, self.not_kept)
        return (blocks for blocks in lists if blocks)


def read_head(root: Path) -> Head | None:
    """The head, if it is whole and of this version."""
    data = read_file(root / HEAD) or b""
    body = data[9:]
    try:
        if crc32(body) != int(data[:8] or b"x", 16):
            return None
        raw = loads(body)
        if raw["format"] != FORMAT or raw["events"] != EVENTS:
            return None
        return Head(**raw["head"])
    except (ValueError, TypeError, LookupError, AttributeError):
        return None


def dumps(value: Any) -> bytes:
    """JSON of plain data; strings that are no UTF-8 are escaped, and that is said."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return orjson.dumps({"esc": wire.escape(value)})


def loads(data: bytes) -> Any:
    """What `dumps` was given."""
    value = orjson.loads(data)
    return wire.unescape(value["esc"]) if type(value) is dict and "esc" in value else value


def open_catalog(root: Path, logs: Iterable[Log]) -> Catalog | None:
    """The catalog of a store with these journals and segments; None if there is none that fits them."""
    for _ in range(2):  # once more if it was written anew between a look at its head and one at its rows
        head = read_head(root)
        if head is None or not fits(head, logs):
            return None
        try:
            catalog = Catalog(head, os.open(root / head.rows, READ))
            catalog.forgotten  # noqa: B018 (whoever opens it needs it)
        except (OSError, Broken):
            continue
        return catalog
    return None


def drop(root: Path) -> None:
    """Remove the catalog of a store: it is made anew from the journals."""
    (root / HEAD).unlink(missing_ok=True)


def fits(head: Head, logs: Iterable[Log]) -> bool:
    """Whether all that the head covers is there."""
    sizes = {log.journal_id: log.size for log in logs}
    return all(covered <= sizes.get(journal_id, -1) for journal_id, covered in head.journals.items())


class Catalog:
    """One state of the catalog, read from when it was opened, by many threads. Methods raise Broken."""

    def __init__(self, head: Head, fd: int) -> None:
        self.head = head
        self._fd = fd
        self._names = tuple(head.journals)
        self._all = os.pread(fd, head.end, 0) if head.end <= _AT_ONCE else None
        self._known: dict[str, KnownRows] = {}
        self._places: dict[str, Place] = {}  # by value digest, of the nodes that were asked for
        self._unplaced: list[tuple[str, Place]] = []  # joined digests that are not there yet

    def __del__(self) -> None:
        os.close(self._fd)

    def known(self, names: Iterable[str]) -> KnownRows | None:
        """The results of these nodes that may serve, also forgotten ones; None if there are too many."""
        results = self.head.results
        asked = [name for name in dict.fromkeys(names) if name in results]
        if any(results[name] is None for name in asked):
            return None
        with no_collection():
            rows = [self._of(name) for name in asked]
            found = [item for singles, _ in rows for item in singles]
        found.reverse()
        found.sort(key=attrgetter("created_at"), reverse=True)
        return found, [items for _, columns in rows for items in columns]

    def place(self, digest: str) -> Place | None:
        """Where a result with this value is, if its node was asked for."""
        while self._unplaced:
            digests, place = self._unplaced.pop()
            self._places.update(dict.fromkeys(cut(digests), place))
        return self._places.get(digest)

    @cached_property
    def calls(self) -> dict[str, Place] | None:
        """Where the newest valid reply to each request is, and the newest `rejected` one; None: too many."""
        blocks = self.head.calls
        if blocks is None:
            return None
        found = sorted((row for block in blocks for row in self.read(block)), key=lambda row: row[1])
        return {digest: (self._names[journal], at, size) for digest, _, journal, at, size in found}

    @cached_property
    def forgotten(self) -> dict[str, float]:
        """Task keys whose results made until that time are no longer served."""
        until: dict[str, float] = {}
        for block in self.head.forgotten:
            for key, at in self.read(block):
                until[key] = max(at, until.get(key, at))
        return until

    @cached_property
    def not_kept(self) -> list[NotKept] | None:
        """Which tasks have no result that serves, and why; None if there are too many."""
        blocks = self.head.not_kept
        if blocks is None:
            return None
        rows = (row for block in blocks for row in self.read(block))
        return [
            NotKept(node, definition, tuple(keys), Reason(reason), message, at, run_id)
            for node, definition, keys, reason, message, at, run_id in rows
        ]

    @cached_property
    def definitions(self) -> frozenset[str]:
        """The digests of all definitions whose texts were logged."""
        return frozenset(digest for block in self.head.definitions for digest in self.read(block))

    def read(self, block: Block) -> list[Any]:
        """The rows of a block."""
        at, size, crc, _ = block
        data = os.pread(self._fd, size, at) if self._all is None else self._all[at : at + size]
        if len(data) != size or crc32(data) != crc:
            raise Broken
        rows: list[Any] = loads(data)
        return rows

    def _of(self, name: str) -> KnownRows:
        found = self._known.get(name)
        if found is None:
            rows = [row for block in self.head.results[name] or () for row in self.read(block)]
            singles = [self._single(name, row) for row in rows if row[-1] != SLICE]
            found = self._known[name] = singles, [self._slice(name, row) for row in rows if row[-1] == SLICE]
        return found

    def _single(self, name: str, row: list[Any]) -> Known:
        key, definition, digest, reads, at, run_id, run_s, cost, journal, offset, size = row
        self._places[digest] = (self._names[journal], offset, size)
        price = None if cost is None else money(cost)
        return Known(key, name, definition, digest, _reads(reads), at, run_id, run_s, price)

    def _slice(self, name: str, row: list[Any]) -> KnownItems:
        definition, run_id, at, keys, digests, run_s, reads, read_of, journal, offset, size, _ = row
        self._unplaced.append((digests, (self._names[journal], offset, size)))
        sets = tuple(map(_reads, reads))
        return KnownItems(name, definition, run_id, at, keys, digests, tuple(run_s), sets, tuple(read_of))


def _reads(reads: list[list[str]]) -> tuple[Read, ...]:
    return tuple(Read(*each) for each in reads)
