"""Bringing the catalog up to date: what the journals say beyond it is added as new blocks.

One process at a time writes; a reader has the old head or the new one, and both point to blocks that stay. Nothing is
synced to the disk: checksums tell what a crash left behind. What is read from it is `catalog`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

import orjson

from wfkit.core.terms import Verdict
from wfkit.store import packs, wire
from wfkit.store.files import write_file
from wfkit.store.journals import journal
from wfkit.store.journals.catalog import (
    EVENTS,
    FORMAT,
    HEAD,
    SLICE,
    Block,
    Broken,
    Catalog,
    Head,
    drop,
    dumps,
    open_catalog,
)
from wfkit.store.journals.index import rejected
from wfkit.store.journals.journal import Log
from wfkit.store.journals.marks import find, unfinished
from wfkit.store.locks import take
from wfkit.store.place import DATABASE

MANY = 50_000  # results of a node, or four times as many replies: DuckDB is quicker from there on
BLOCKS = 16
_KIND = re.compile(rb'[0-9a-f]{8} \{"t":"(\w+)"')
_DEFINITION = re.compile(rb'"definition":"([0-9a-f]{32})"')
_KINDS = frozenset(name.encode() for name in (*wire.EVENTS, packs.KIND))
_MARKS = frozenset({b"RunStarted", b"RunEnded", b"Adopted"})
_WASTE = 1 << 20


class Newer(Exception):
    """A newer wfkit wrote here: it keeps the catalog."""


At = tuple[int, int, int]  # number of the journal, offset, length


@dataclass
class News:
    """Rows to add."""

    results: dict[str, list[Any]] = field(default_factory=dict)
    calls: list[Any] = field(default_factory=list)
    forgotten: list[Any] = field(default_factory=list)
    definitions: dict[str, None] = field(default_factory=dict)
    not_kept: list[Any] = field(default_factory=list)
    newest: list[Any] = field(default_factory=list)  # the run that began last: when, and its id


def update(root: Path, watermarks: Callable[[], Mapping[str, int] | None]) -> bool:
    """Cover all that is in the journals now; False when another process is at it or it cannot be done.

    Without a catalog one is begun if the journals hold all that the database has: its watermarks tell, if they can be
    had. Raises OSError.
    """
    lock = take(root / "catalog.lock")
    if lock is None:
        return False
    try:
        logs = journal.list_journals(root)
        old = open_catalog(root, logs)
        if old is not None:
            with suppress(Broken):
                _update(root, logs, old)
                return True
        drop(root)
        if not _may_begin(root, logs, watermarks):
            return False
        _update(root, logs, None)
    except Newer:
        return False
    finally:
        lock.release()
    return True


def _may_begin(root: Path, logs: list[Log], watermarks: Callable[[], Mapping[str, int] | None]) -> bool:
    if not (root / DATABASE).exists():
        return True
    folded = watermarks()
    return folded is not None and {log.journal_id for log in logs}.issuperset(folded)


def _update(root: Path, logs: list[Log], old: Catalog | None) -> None:
    head = Head() if old is None else old.head
    if old is not None and all(log.size == head.journals.get(log.journal_id, 0) for log in logs):
        return
    news = News()
    for log in logs:
        if log.size > head.journals.get(log.journal_id, 0):
            _read(head, log, news)
    _write(root, head, old, news)


def _read(head: Head, log: Log, news: News) -> None:
    start = head.journals.get(log.journal_id, 0)
    data = journal.read_data(log.path, start)
    data = data[: data.rfind(b"\n") + 1]
    if not data:
        return
    number = list(head.journals).index(log.journal_id) if start else len(head.journals)
    place, marks = 0, head.marks_of(log.journal_id)
    while place < len(data):
        end = data.index(b"\n", place) + 1
        found = _KIND.match(data, place)
        if found:
            line = data[place : end - 1]
            _take(news, found[1], line, (number, start + place, end - place))
            if found[1] in _MARKS:
                marks += find(line + b"\n")
        place = end
    head.marks.pop(log.journal_id, None)
    if marks := unfinished(marks):
        head.marks[log.journal_id] = [mark.line.decode("latin-1") for mark in marks]
    head.journals[log.journal_id] = start + len(data)


def _take(news: News, kind: bytes, line: bytes, at: At) -> None:
    """Take note of a line that is intact; another is left out here as everywhere."""
    adder = _ADDERS.get(kind)
    if adder is None and kind in _KINDS:
        return
    try:
        if crc32(line[9:]) != int(line[:8], 16):
            return
        if adder is None:
            raise Newer
        adder(news, line, at)
    except (ValueError, TypeError, LookupError):
        return


def _event(line: bytes) -> Any:
    raw = orjson.loads(line[9:])
    return (wire.unescape(raw) if "esc" in raw else raw)["event"]


def _add_result(news: News, result: Any, at: At) -> None:
    if not result["cacheable"]:
        return
    reads = [[read["kind"], read["name"], read["digest"]] for read in result["reads"]]
    value, cost = result["value"]["digest"], result["spent"]["cost_usd"]
    row = [result["key"], result["definition"], value, reads, result["created_at"], result["run_id"], result["run_s"]]
    news.results.setdefault(result["node"], []).append([*row, cost, *at])


def _succeeded(news: News, line: bytes, at: At) -> None:
    _add_result(news, _event(line)["result"], at)


def _slice_succeeded(news: News, line: bytes, at: At) -> None:
    items = _event(line)["items"]
    if items["cacheable"]:
        reads = [[[read["kind"], read["name"], read["digest"]] for read in reads] for reads in items["reads"]]
        story = [items["definition"], items["run_id"], items["created_at"]]
        columns = [items["keys"], items["digests"], items["run_s"], reads, items["read_of"]]
        news.results.setdefault(items["node"], []).append([*story, *columns, *at, SLICE])


def _items_succeeded(news: News, line: bytes, at: At) -> None:
    for result in _event(line)["results"]:
        _add_result(news, result, at)


def _packed(news: News, line: bytes, at: At) -> None:
    event = _event(line)
    for _, _, _, value, *told in event.get("s", ()):
        key, node, definition, _, _, run_s, cacheable, run_id, created_at = told
        if cacheable:
            row = [key, definition, value[0], [], created_at, run_id, run_s, "0", *at]
            news.results.setdefault(node, []).append(row)
    for row in event.get("n", ()):
        news.definitions[row[1]] = None


def _call_ended(news: News, line: bytes, at: At) -> None:
    event = _event(line)
    call = event["call"]
    if event["served"] or not call["reply"] or call["failure"] is not None:
        return
    if call["verdict"] == Verdict.VALID:
        news.calls.append([call["request_digest"], call["ended_at"], *at])
    elif call["verdict"] == Verdict.INVALID:
        news.calls.append([rejected(call["request_digest"]), call["ended_at"], *at])


def _forgotten(news: News, line: bytes, _at: At) -> None:
    event = _event(line)
    news.forgotten += [[key, event["at"]] for key in event["keys"]]


def _defined(news: News, line: bytes, _at: At) -> None:
    found = _DEFINITION.search(line)
    if found:
        news.definitions[found[1].decode()] = None


def _not_kept(news: News, line: bytes, _at: At) -> None:
    event = _event(line)
    names = ("node", "definition", "keys", "reason", "message", "at", "run_id")
    news.not_kept.append([event[name] for name in names])


def _started(news: News, line: bytes, _at: At) -> None:
    event = _event(line)
    news.newest = max(news.newest, [event["at"], event["run_id"]])


_ADDERS: dict[bytes, Callable[[News, bytes, At], None]] = {
    b"RunStarted": _started,
    b"Succeeded": _succeeded,
    b"SliceSucceeded": _slice_succeeded,
    b"ItemsSucceeded": _items_succeeded,
    packs.KIND.encode(): _packed,
    b"CallEnded": _call_ended,
    b"Forgotten": _forgotten,
    b"NodeDefined": _defined,
    b"NotKept": _not_kept,
}


class _Rows:
    """Blocks to be written from `base` on."""

    def __init__(self, base: int) -> None:
        self._base = base
        self.data = bytearray()

    def add(self, rows: list[Any]) -> Block:
        data = dumps(rows)
        at = self._base + len(self.data)
        self.data += data
        return [at, len(data), crc32(data), len(rows)]


def _write(root: Path, head: Head, old: Catalog | None, news: News) -> None:
    anew = old is None or head.end > 2 * sum(size for blocks in head.all_blocks() for _, size, *_ in blocks) + _WASTE
    rows = _Rows(0 if anew else head.end)
    read = old.read if old is not None else list
    most = 0 if anew else BLOCKS  # blocks of a kind, before they are made one
    for node in {**head.results, **news.results} if anew else news.results:
        head.results[node] = _added(rows, read, (head.results.get(node, []), most, MANY), news.results.get(node, []))
    known = old.definitions if old is not None else frozenset()
    defined = [digest for digest in news.definitions if digest not in known]
    head.calls = _added(rows, read, (head.calls, most, 4 * MANY), news.calls)
    head.forgotten = _added(rows, read, (head.forgotten, most, None), news.forgotten) or []
    head.definitions = _added(rows, read, (head.definitions, most, None), defined) or []
    head.not_kept = _added(rows, read, (head.not_kept, most, MANY), news.not_kept)
    head.newest = max(head.newest, news.newest)
    _write_rows(root, head, rows, anew)
    body = dumps({"format": FORMAT, "events": EVENTS, "head": head})
    write_file(root / HEAD, b"%08x %b" % (crc32(body), body), durable=False)
    if anew:
        for path in root.glob("catalog.*.rows"):
            if path.name != head.rows:
                path.unlink(missing_ok=True)


def _added(
    rows: _Rows, read: Callable[[Block], list[Any]], to: tuple[list[Block] | None, int, int | None], new: list[Any]
) -> list[Block] | None:
    """These blocks with new rows behind them, in at most so many blocks; None when there are more rows than allowed."""
    blocks, most, limit = to
    if blocks is None or (limit is not None and sum(block[3] for block in blocks) + len(new) > limit):
        return None
    if len(blocks) >= max(most, 1):
        new, blocks = [row for block in blocks for row in read(block)] + new, []
    return [*blocks, rows.add(new)] if new else blocks


def _write_rows(root: Path, head: Head, rows: _Rows, anew: bool) -> None:
    if anew:
        head.rows = f"catalog.{os.urandom(4).hex()}.rows"
    flags = os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC | (os.O_CREAT | os.O_EXCL if anew else 0)
    fd = os.open(root / head.rows, flags, 0o600)
    with os.fdopen(fd, "wb") as file:
        head.end = file.seek(0 if anew else head.end)  # over what a crash left behind
        head.end += file.write(rows.data)
