"""`store import`: the results, replies and finished runs of an archive become part of this store.

Everything is verified before anything is written: the zip's checksums, those of the lines, the digests of all payloads.
Lines that are here already are passed over; the others become one segment, whose rename is the moment of the import.
Nothing of an archive is executed: lines name no code, and pickles stay outside.
"""

from __future__ import annotations

import base64
import os
import re
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import orjson

from wfkit.core.events import (
    Entry,
    ItemsSucceeded,
    NodeDefined,
    RunEnded,
    SliceSucceeded,
    Succeeded,
    results_of,
)
from wfkit.core.result import Result, Stored
from wfkit.core.terms import RunState
from wfkit.errors import StoreFault
from wfkit.store import wire
from wfkit.store.collection import upkeep
from wfkit.store.collection.archive import FORMAT, HEAD, LINES, Moved
from wfkit.store.collection.survey import has_reply, is_filler
from wfkit.store.files import make_folder
from wfkit.store.journals import adopt, journal
from wfkit.store.payloads import codecs
from wfkit.store.payloads.objects import FOLDER, ObjectFiles, payload_digest

_OBJECT = re.compile(rf"{FOLDER}/([0-9a-f]{{32}})")
_UNSAFE = frozenset({"pickle"})
Identity = tuple[str, int, int, str, float]


def take_in(root: Path, path: Path) -> Moved:
    """Add what an archive holds and this store does not.

    Raises StoreFault when the archive is damaged or of a newer wfkit; the store is then as it was.
    """
    with upkeep.exclusive(root), _opened(path) as archive:
        objects = _verified(path, archive)
        here, ended = _what_is_here(root)
        entries = list(_lines(path, archive))
        ended |= {entry.run_id for entry in entries if _ended(entry)}
        news = [made for entry in entries if _identity(entry) not in here and (made := _wanted(entry, ended))]
        safe = [_made_safe(entry, objects) for entry in news]
        values = [result.value for entry in safe for result in results_of(entry.event)]
        wanted = {value.payload for value in values if value.inline is None}
        put = _put(root, archive, sorted(wanted & objects))
        if safe:
            _write(root, safe)
    left_out = sum(result.value.codec == "none" for entry in safe for result in results_of(entry.event))
    return Moved(path, len(safe), put, left_out)


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError, zlib.error) as error:
        raise _damaged(path, str(error)) from error


def _verified(path: Path, archive: zipfile.ZipFile) -> set[str]:
    """The digests of the objects in an archive, after every byte of it was checked. Raises StoreFault."""
    names = archive.namelist()
    if HEAD not in names or LINES not in names or len(names) != len(set(names)):
        raise _damaged(path, "it lacks a part, or has one twice")
    _check_format(path, archive.read(HEAD))
    objects = set()
    for name in names:
        found = _OBJECT.fullmatch(name)
        if found is None and name not in (HEAD, LINES):
            raise _damaged(path, f"{name!r} does not belong there")
        if found is not None:
            if payload_digest(archive.read(name)) != found[1]:
                raise _damaged(path, f"{name} is not what its name says")
            objects.add(found[1])
    return objects


def _check_format(path: Path, head: bytes) -> None:
    try:
        known = int(orjson.loads(head)["format"])
    except (ValueError, TypeError, LookupError) as error:
        raise _damaged(path, f"{HEAD} cannot be read") from error
    if known > FORMAT:
        raise StoreFault(f"{path} has format {known}, this wfkit knows {FORMAT}: update wfkit; nothing was imported")


def _lines(path: Path, archive: zipfile.ZipFile) -> Iterator[Entry]:
    """The entries of an archive, each checked. Raises StoreFault."""
    with archive.open(LINES) as lines:
        for number, line in enumerate(lines, 1):
            try:
                entry = wire.decode(line.removesuffix(b"\n"))
            except wire.Damaged as error:
                raise _damaged(path, f"line {number}: {error}") from error
            for result in results_of(entry.event):
                _check_value(path, number, result.value)
            if not is_filler(entry):
                yield entry


def _check_value(path: Path, number: int, value: Stored) -> None:
    if value.inline is None:
        return
    try:
        text = value.codec in codecs.TEXT_CODECS
        payload = (
            value.inline.encode("utf-8", "surrogatepass") if text else base64.b64decode(value.inline, validate=True)
        )
    except ValueError as error:
        raise _damaged(path, f"line {number}: a value is not base64") from error
    if payload_digest(payload) != value.payload:
        raise _damaged(path, f"line {number}: a value is not what its digest says")


def _what_is_here(root: Path) -> tuple[set[Identity], set[str]]:
    """Which lines are here, and which runs ended for good."""
    here: set[Identity] = set()
    ended: set[str] = set()
    for log in journal.list_journals(root):
        for _, _, entry in journal.read_entries(log.path):
            here.add(_identity(entry))
            if _ended(entry):
                ended.add(entry.run_id)
    return here, ended


def _identity(entry: Entry) -> Identity:
    """What makes a line the same line, whichever journal it is in and however much of it was collected."""
    kind = type(entry.event).__name__
    name = f"{kind} {getattr(entry.event, 'node', '')} {getattr(entry.event, 'definition', '')}"
    return entry.run_id, entry.epoch, entry.seq, name, getattr(entry.event, "at", 0.0)


def _ended(entry: Entry) -> bool:
    return isinstance(entry.event, RunEnded) and entry.event.status is not RunState.INTERRUPTED


def _wanted(entry: Entry, ended: set[str]) -> Entry | None:
    """A run that goes on elsewhere brings what it has made and paid for, not itself: nobody here may take it up."""
    brings = isinstance(entry.event, Succeeded | SliceSucceeded | ItemsSucceeded | NodeDefined) or has_reply(entry)
    return entry if not entry.run_id or entry.run_id in ended or brings else None


def _made_safe(entry: Entry, objects: set[str]) -> Entry:
    """An entry whose results have no pickle and no value that the archive lacks: those are made again when needed."""
    event = entry.event
    if isinstance(event, Succeeded):
        result = _safe(event.result, objects)
        return entry if result is event.result else replace(entry, event=replace(event, result=result))
    if isinstance(event, SliceSucceeded):
        results = tuple(event.items)
        safe = tuple(_safe(result, objects) for result in results)
        plain = ItemsSucceeded(event.tasks, event.attempt, safe, event.at)
        return entry if results == safe else replace(entry, event=plain)
    if isinstance(event, ItemsSucceeded):
        results = tuple(_safe(result, objects) for result in event.results)
        return entry if results == event.results else replace(entry, event=replace(event, results=results))
    return entry


def _safe(result: Result, objects: set[str]) -> Result:
    value = result.value
    if value.codec not in _UNSAFE and (value.inline is not None or value.payload in objects or not value.payload):
        return result
    name = payload_digest(f"left out {value.digest}".encode())  # another value of this digest may be here
    return replace(result, value=Stored(name, "none", "", 0), cacheable=False)


def _put(root: Path, archive: zipfile.ZipFile, names: list[str]) -> int:
    objects = ObjectFiles(root)
    for name in names:
        objects.put(name, archive.read(f"{FOLDER}/{name}"))
    return len(names)


def _write(root: Path, entries: list[Entry]) -> None:
    make_folder(root / journal.FOLDER)
    journal_id = f"{int(time.time() * 1000):012x}-{os.getpid()}-{os.urandom(4).hex()}"
    adopt.write_segment(root, journal_id, b"".join(map(wire.encode, entries)))
    os.utime(root / journal.FOLDER)  # who has the store open looks for new journals when this changes


def _damaged(path: Path, why: str) -> StoreFault:
    return StoreFault(f"{path} is no whole archive of a store ({why}): export it again; nothing was imported")
