"""What dead processes left: which runs may be taken up again, the entries of a run, journals that become segments.

A run is taken up by the event `Adopted(epoch + 1)` in the journal of the process that goes on with it. Entries of an
older epoch that come after it in the same journal are late and left out; of two adoptions under one epoch the first
counts. Running is not done here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import orjson

from wfkit.core.events import (
    Adopted,
    CallEnded,
    CallStarted,
    Dispatched,
    Entry,
    ItemsSucceeded,
    RunStarted,
    SliceSucceeded,
    ToolEnded,
    ToolStarted,
)
from wfkit.core.terms import RunState
from wfkit.store import packs, wire
from wfkit.store.files import make_folder, read_file, write_file
from wfkit.store.journals import journal, segments
from wfkit.store.journals.journal import Log
from wfkit.store.journals.marks import SUFFIX, Mark, find, unfinished
from wfkit.store.locks import take

WORK = tuple(
    b'{"t":"%b"' % kind.__name__.encode()
    for kind in (SliceSucceeded, ItemsSucceeded, Dispatched, CallStarted, CallEnded, ToolStarted, ToolEnded)
)
_CRC = 9  # bytes of a line before its JSON
_HEAD = 64  # before the run's id there are only a checksum and the name of the event


def interrupted(marks: Mapping[Log, list[Mark]]) -> list[tuple[RunStarted, int]]:
    """Runs without an end whose process is gone, or that were interrupted, newest first, each with its last epoch."""
    runs: dict[str, list[tuple[Mark, Log]]] = {}
    for log, found in marks.items():
        for mark in found:
            runs.setdefault(mark.run_id, []).append((mark, log))
    free = [story for story in runs.values() if _resumable(story)]
    starts = [(mark.started(), story) for story in free for mark, _ in story if mark.kind == "RunStarted"]
    ready = [(event, max(mark.epoch for mark, _ in story)) for event, story in starts if event is not None]
    return sorted(ready, key=lambda pair: pair[0].at, reverse=True)


def orphans(marks: Mapping[Log, list[Mark]]) -> list[tuple[str, int, float]]:
    """Runs without an end whose process is gone: id, last epoch, and when it was last heard of (Unix time)."""
    runs: dict[str, list[tuple[Mark, Log]]] = {}
    for log, found in marks.items():
        for mark in found:
            runs.setdefault(mark.run_id, []).append((mark, log))
    gone = []
    for run_id, story in runs.items():
        epoch = max(mark.epoch for mark, _ in story)
        last = [(mark, log) for mark, log in story if mark.epoch == epoch]
        begun = any(mark.kind == "RunStarted" for mark, _ in story)
        ended = any(mark.kind == "RunEnded" for mark, _ in last)
        if begun and not ended and not any(log.live() for _, log in last):
            gone.append((run_id, epoch, max(_touched(log) for _, log in last)))
    return gone


def _touched(log: Log) -> float:
    try:
        return log.path.stat().st_mtime
    except OSError:  # collected meanwhile
        return 0.0


def _resumable(story: list[tuple[Mark, Log]]) -> bool:
    """Whether the last epoch of a run did not end for good and nobody is at it."""
    epoch = max(mark.epoch for mark, _ in story)
    last = [(mark, log) for mark, log in story if mark.epoch == epoch]
    ends = {mark.status() for mark, _ in last if mark.kind == "RunEnded"}
    if ends:
        return ends == {RunState.INTERRUPTED}
    return not any(log.live() for log in {log.journal_id: log for _, log in last}.values())


def entries(root: Path, run_id: str, without: tuple[bytes, ...] = ()) -> list[Entry]:
    """All entries of a run in the order (epoch, seq), without late ones and lines that begin like one of `without`."""
    logs = journal.list_journals(root)
    return in_order({log.journal_id: _of_run(log, run_id, without) for log in logs})


def in_order(found: Mapping[str, Iterable[Entry]]) -> list[Entry]:
    """The entries of one run, given by journal, as its one story."""
    kept: list[tuple[str, Entry]] = []
    first: dict[int, tuple[float, str]] = {}  # epoch -> when and in which journal it was adopted
    for journal_id, there in found.items():
        epoch = -1
        for entry in there:
            if isinstance(entry.event, Adopted):
                epoch = max(epoch, entry.epoch)
                adoption = (entry.event.at, journal_id)
                first[entry.epoch] = min(adoption, first.get(entry.epoch, adoption))
            if entry.epoch >= epoch:
                kept.append((journal_id, entry))
    story = [entry for name, entry in kept if entry.epoch not in first or first[entry.epoch][1] == name]
    return sorted(story, key=lambda entry: (entry.epoch, entry.seq))


def retire(root: Path, watermarks: Mapping[str, int], limit: int = 16) -> int:
    """Turn journals of dead processes that are folded to their end into segments; how many were."""
    done = 0
    for log in journal.list_live(root):
        if done == limit:
            break
        if watermarks.get(log.journal_id, 0) > 0 or log.size == 0:
            done += _retire(root, log, watermarks.get(log.journal_id, 0))
    return done


def _retire(root: Path, log: Log, folded: int) -> bool:
    lock = take(log.path, create=False)
    if lock is None:
        return False
    done = next(journal.read_entries(log.path, folded), None) is None
    try:
        if done:
            data = read_file(log.path) or b""
            data = data[: data.rfind(b"\n") + 1]  # a torn tail was never acknowledged
            if data:
                write_segment(root, log.journal_id, data)
    finally:
        lock.release(unlink=done)
    return done


def write_segment(root: Path, journal_id: str, data: bytes) -> None:
    """Make a segment, durable when this returns, with the marks of runs that may go on beside it."""
    make_folder(root / segments.FOLDER)
    left = unfinished(list(find(data)))
    if left:
        write_file(root / segments.FOLDER / f"{journal_id}{SUFFIX}", b"".join(mark.line + b"\n" for mark in left))
    segments.write(root, journal_id, data)


def _of_run(log: Log, run_id: str, without: tuple[bytes, ...]) -> Iterator[Entry]:
    """The entries of a run in a log; lines of other runs are not even looked at."""
    needle = b'"run":' + orjson.dumps(wire.escape(run_id)) + b',"epoch":'
    data = journal.read_data(log.path)
    place = data.find(needle)
    while place >= 0:
        start, stop = data.rfind(b"\n", 0, place) + 1, data.find(b"\n", place)
        if stop < 0:
            return  # a torn tail
        if place - start < _HEAD and not data.startswith(without, start + _CRC):
            yield from _decoded(log, start, data[start:stop])
        place = data.find(needle, stop)


def _decoded(log: Log, start: int, line: bytes) -> Iterator[Entry]:
    try:
        yield from packs.decode(line)
    except wire.Damaged as error:
        journal.warn(journal.Damage(log.journal_id, start, start + len(line) + 1, str(error)))
