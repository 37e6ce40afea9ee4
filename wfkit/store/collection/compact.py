"""Rewriting a segment without what was collected, and the marks beside it.

Every line that stays keeps its offset: lines that say nothing (`Forgotten` without keys) fill the gaps, so watermarks
and catalogs of others stay right, and one rename makes the change. What goes is decided in `keeping`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from wfkit.core.columns import pick
from wfkit.core.events import Entry, Forgotten, ItemsSucceeded, NodeDefined, SliceSucceeded, Succeeded, results_of
from wfkit.store import packs, wire
from wfkit.store.collection.keeping import Fate
from wfkit.store.collection.survey import has_reply, is_filler
from wfkit.store.files import read_file, write_file
from wfkit.store.journals import journal, segments
from wfkit.store.journals.journal import Log
from wfkit.store.journals.marks import SUFFIX, Mark, find, unfinished

_CHUNK = 1 << 20
SMALLEST = len(wire.encode(Entry("", 0, 0, Forgotten("", (), 0.0))))


@dataclass(frozen=True, slots=True)
class Compacted:
    """A segment after the collection. `lines` is what stays of it, 0 if nothing; `changed` whether something went."""

    log: Log
    data: bytes
    lines: int
    changed: bool


def kept(fate: Fate, entry: Entry) -> Entry | None:
    """What stays of an entry: itself, a part of its results, or nothing."""
    event = entry.event
    if is_filler(entry):
        return None
    if isinstance(event, Forgotten):
        return entry if fate.keys.intersection(event.keys) else None
    if isinstance(event, NodeDefined):
        return entry if event.definition in fate.definitions else None
    if entry.run_id not in fate.gone:
        return entry
    if isinstance(event, Succeeded):
        result = event.result
        return entry if fate.keeps(entry.run_id, result.node, (result.key, result.value.digest)) else None
    if isinstance(event, SliceSucceeded | ItemsSucceeded):
        return _trimmed(fate, entry, event)
    return entry if has_reply(entry) and not fate.replies else None


def compact(log: Log, keep: Callable[[Entry], Entry | None]) -> Compacted:
    """The bytes of a segment after the collection; damaged lines stay as they are."""
    made = _Lines()
    for offset, line in journal.read_lines(log.path):
        raw = line + b"\n"
        try:
            entries = packs.decode(line)
        except wire.Damaged as error:
            journal.warn(journal.Damage(log.journal_id, offset, offset + len(raw), str(error)))
            made.keep(raw)
            continue
        stay = [kept for entry in entries if (kept := keep(entry)) is not None]
        if not stay:
            made.drop(raw, filler=all(map(is_filler, entries)))
        elif len(stay) == len(entries) and all(map(operator.is_, stay, entries)):
            made.keep(raw)
        else:
            made.shorten(raw, packs.encode(stay) if len(entries) > 1 else wire.encode(stay[0]))
    data = made.end()  # of a damaged segment not all is there: it stays as it is
    return Compacted(log, data, made.lines, made.changed and len(data) == log.size)


def write(root: Path, done: Compacted) -> None:
    """Put a compacted segment in the place of the old one, in one rename."""
    segments.write(root, done.log.journal_id, done.data)


def drop_starts(root: Path, log: Log, gone: frozenset[str]) -> None:
    """Take the starts of collected runs out of the marks: from here on none of them can be taken up."""
    path = _marks_of(root, log)
    found = list(find(read_file(path) or b""))
    left = [mark for mark in found if mark.run_id not in gone or mark.kind != "RunStarted"]
    _write_marks(path, found, left)


def write_marks(root: Path, done: Compacted) -> None:
    """Make the marks beside a segment those that it has now."""
    path = _marks_of(root, done.log)
    _write_marks(path, list(find(read_file(path) or b"")), unfinished(list(find(done.data))))


def remove(root: Path, log: Log) -> None:
    """Remove a segment that says nothing any more."""
    log.path.unlink(missing_ok=True)
    _marks_of(root, log).unlink(missing_ok=True)


class _Lines:
    """The lines of a segment as they are decided, gaps filled."""

    def __init__(self) -> None:
        self.lines = 0
        self.changed = False
        self._data: list[bytes] = []
        self._gap: list[bytes] = []
        self._news = False  # in the gap

    def keep(self, raw: bytes) -> None:
        self._fill()
        self._data.append(raw)
        self.lines += 1

    def drop(self, raw: bytes, filler: bool) -> None:
        self._gap.append(raw)
        self._news |= not filler

    def shorten(self, raw: bytes, short: bytes) -> None:
        """A shorter line and a gap behind it; the line as it was, if what is left is no room for a filler."""
        rest = len(raw) - len(short)
        if rest < SMALLEST:
            self.keep(raw)
            return
        self.keep(short)
        self.changed = True
        self._data.append(_filler(rest))

    def end(self) -> bytes:
        self._fill()
        return b"".join(self._data)

    def _fill(self) -> None:
        gap, self._gap = self._gap, []
        news, self._news = self._news, False
        size = sum(map(len, gap))
        if news and size < SMALLEST:  # no room for a filler: they stay
            self.lines += len(gap)
        elif news:
            self.changed = True
            gap = [_filler(size)]
        self._data += gap


def _filler(size: int) -> bytes:
    """Lines that say nothing, `size` bytes of them (at least SMALLEST)."""
    made = []
    while size > 2 * _CHUNK:
        made.append(_filler_line(_CHUNK))
        size -= _CHUNK
    return b"".join([*made, _filler_line(size)])


def _filler_line(size: int) -> bytes:
    return wire.encode(Entry("", 0, 0, Forgotten(" " * (size - SMALLEST), (), 0.0)))


def _trimmed(fate: Fate, entry: Entry, event: SliceSucceeded | ItemsSucceeded) -> Entry | None:
    stays = [
        i
        for i, result in enumerate(results_of(event))
        if fate.keeps(entry.run_id, result.node, (result.key, result.value.digest))
    ]
    if len(stays) == len(event.tasks):
        return entry
    if not stays:
        return None
    tasks = tuple(event.tasks[i] for i in stays)
    if isinstance(event, SliceSucceeded):
        return replace(entry, event=replace(event, tasks=tasks, items=pick(event.items, stays)))
    return replace(entry, event=replace(event, tasks=tasks, results=tuple(event.results[i] for i in stays)))


def _marks_of(root: Path, log: Log) -> Path:
    return root / segments.FOLDER / f"{log.journal_id}{SUFFIX}"


def _write_marks(path: Path, old: list[Mark], new: list[Mark]) -> None:
    if [mark.line for mark in old] == [mark.line for mark in new]:
        return
    if new:
        write_file(path, b"".join(mark.line + b"\n" for mark in new))
    else:
        path.unlink(missing_ok=True)
