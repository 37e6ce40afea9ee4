"""Journals: one append-only file of lines a process, and how all of them are listed and read.

`journal/<id>.jsonl` belongs to the process that holds its flock. A line counts when it is whole and its checksum
matches; a torn tail is not there, a damaged line is reported and left out. What lines say is `wire`, when they are
durable is `commit`, and folded journals are `segments`.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from wfkit.core.events import Entry
from wfkit.core.frozen import dataclass
from wfkit.store import packs, wire
from wfkit.store.files import make_folder, read_file, read_part, sync_folder
from wfkit.store.journals import segments
from wfkit.store.journals.commit import GroupCommit, Receipt
from wfkit.store.locks import FileLock, is_free, take
from wfkit.store.secrets import Secrets

FOLDER = "journal"
SUFFIX = ".jsonl"
_log = logging.getLogger(__name__)
_reported: set[tuple[str, int]] = set()

Line = tuple[int, int, Entry]  # offset, offset of the next line, entry


@dataclass(frozen=True, slots=True)
class Log:
    """A journal, or the segment that it became. `size` is its length in bytes as a journal."""

    journal_id: str
    path: Path
    size: int
    segment: bool = False

    def live(self) -> bool:
        """Whether its owner lives (perhaps in this process)."""
        return not self.segment and self.path.exists() and not is_free(self.path)


@dataclass(frozen=True, slots=True)
class Damage:
    """A line that cannot be read, in bytes [offset, next_offset) of a journal."""

    journal_id: str
    offset: int
    next_offset: int
    why: str


OnDamage = Callable[[Damage], None]


class Journal:
    """The journal of this process: locked while it lives, made when it is created. Thread-safe."""

    def __init__(self, root: Path, secrets: Secrets | None = None) -> None:
        folder = root / FOLDER
        self.id = f"{int(time.time() * 1000):012x}-{os.getpid()}-{os.urandom(4).hex()}"
        self.path = folder / f"{self.id}{SUFFIX}"
        self._secrets = secrets
        self._lock = _create_locked(folder, self.path)
        self.commit = GroupCommit(self._lock.fd, f"journal {self.path.name}", pack=self._packed)

    def append(self, entries: Sequence[Entry], durable: bool = False) -> tuple[Receipt, list[str]]:
        """Append in this order, without secrets; never blocks on the disk. With it comes what secrets made us leave
        out. Entries that can wait are encoded when they are written, with all that came meanwhile."""
        if entries and all(packs.fits(entry.event) for entry in entries):
            return self.commit.append(None, entries, durable), []
        lines: list[bytes] = []
        placed: list[tuple[int, Sequence[Entry]]] = []
        withheld: list[str] = []
        for group in packs.grouped(entries):
            line, kept = self._line(group, withheld)
            lines.append(line)
            placed.append((len(line), kept))
        return self.commit.append(b"".join(lines), placed, durable), withheld

    def take_lines(self) -> list[Line]:
        """The entries appended since the last call, with their offsets; some may not be durable yet."""
        found: list[Line] = []
        for place, _, note in self.commit.take_placed():
            start = place
            for size, entries in note:
                end = start + size
                found += [(start, end, entry) for entry in entries]
                start = end
        return found

    def close(self) -> None:
        """Make everything durable and let go of the file. Raises StoreFault when the disk refuses."""
        try:
            self.commit.close()
        finally:
            self._lock.release()

    def _packed(self, held: list[Sequence[Entry]]) -> tuple[bytes, list[tuple[int, Sequence[Entry]]]]:
        lines = [self._line(group, []) for group in packs.grouped(entry for entries in held for entry in entries)]
        return b"".join([line for line, _ in lines]), [(len(line), kept) for line, kept in lines]

    def _line(self, group: Sequence[Entry], withheld: list[str]) -> tuple[bytes, Sequence[Entry]]:
        """The line of entries that share one, and the entries as they stand there."""
        if packs.fits(group[0].event):
            if self._secrets is not None and self._secrets.may_be_in(
                text for entry in group for text in packs.texts(entry)
            ):
                group = [self._secrets.clean(entry, wire.encode(entry))[0] for entry in group]
            return (wire.encode(group[0]) if len(group) == 1 else packs.encode(group)), group
        entry, line = group[0], wire.encode(group[0])
        if self._secrets is not None and self._secrets.may_tell(entry, line):
            cleaned, what = self._secrets.clean(entry, line)
            withheld += [what] if what else []
            return (line if cleaned is entry else wire.encode(cleaned)), (cleaned,)
        return line, group


def list_journals(root: Path) -> list[Log]:
    """Every journal and segment of a store, oldest first; a journal that is also a segment counts once."""
    found = {log.journal_id: log for log in list_live(root)}
    for path, journal_id, size in segments.listed(root):
        found[journal_id] = Log(journal_id, path, size, segment=True)
    return sorted(found.values(), key=lambda log: log.journal_id)


def list_live(root: Path) -> list[Log]:
    """The journals that are no segments (yet), of living processes and of dead ones."""
    found = []
    for path in paths(root):
        with suppress(FileNotFoundError):  # a segment now
            found.append(Log(journal_id_of(path), path, path.stat().st_size))
    return found


def paths(root: Path) -> list[Path]:
    """The files of the journals that are no segments (yet)."""
    folder = root / FOLDER
    try:
        names = os.listdir(folder)  # noqa: PTH208 (as many as there were processes)
    except FileNotFoundError:
        return []
    return [folder / name for name in names if name.endswith(SUFFIX) and name[0] != "."]


def read_entries(path: Path, offset: int = 0, on_damage: OnDamage | None = None) -> Iterator[Line]:
    """The entries of `read_packs`, one by one; those of one line have its offsets."""
    for start, end, entries in read_packs(path, offset, on_damage):
        for entry in entries:
            yield start, end, entry


def read_packs(
    path: Path, offset: int = 0, on_damage: OnDamage | None = None
) -> Iterator[tuple[int, int, list[Entry]]]:
    """The whole and intact lines of a journal or segment from `offset` on: (offset, next offset, entries).

    Damaged lines go to `on_damage` (default: a logged warning, once each). Raises StoreFault for what a newer
    version wrote.
    """
    journal_id = journal_id_of(path)
    for start, line in read_lines(path, offset):
        end = start + len(line) + 1
        try:
            entries = packs.decode(line)
        except wire.Damaged as error:
            (on_damage or warn)(Damage(journal_id, start, end, str(error)))
            continue
        yield start, end, entries


def read_lines(path: Path, offset: int = 0) -> Iterator[tuple[int, bytes]]:
    """(offset, line without its newline) of every whole line, not checked. Nothing if the file is gone."""
    data = read_data(path, offset)
    start, stop = 0, data.find(b"\n")
    while stop >= 0:
        yield offset + start, data[start:stop]
        start = stop + 1
        stop = data.find(b"\n", start)


def read_data(path: Path, offset: int = 0) -> bytes:
    """The bytes of a journal or segment from `offset` on; none if it is gone. A journal may have become a segment since
    it was listed."""
    if segments.is_segment(path):
        return segments.read(path, offset)
    data = read_file(path, offset)
    if data is None and (made := segments.find(path.parents[1], journal_id_of(path))) is not None:
        return segments.read(made, offset)
    return data or b""


def read_at(root: Path, place: tuple[str, int, int]) -> Sequence[Entry]:
    """The entries of one line: (journal id, offset, length with the newline). None if it is not there, or damaged."""
    journal_id, offset, length = place
    line = read_part(root / FOLDER / f"{journal_id}{SUFFIX}", offset, length)
    if line is None:
        line = segments.part(root, journal_id, offset, length)
    try:
        return packs.decode(line[:-1])
    except wire.Damaged:
        return ()


def journal_id_of(path: Path) -> str:
    """The id of a journal by its file, or by the file of its segment."""
    return path.name.partition(".")[0]


def warn(damage: Damage) -> None:
    """Log a damaged line, once a process."""
    place = (damage.journal_id, damage.offset)
    if place not in _reported:
        _reported.add(place)
        message = "journal %s, byte %d: a damaged line is left out (%s); run `wfkit doctor`"
        _log.warning(message, damage.journal_id, damage.offset, damage.why)


def _create_locked(folder: Path, path: Path) -> FileLock:
    """A new journal is locked before it has its name, so nobody can take it for a dead process's."""
    make_folder(folder)
    hidden = path.with_name(f".{path.name}")
    lock = take(hidden)
    if lock is None:
        raise AssertionError(f"{hidden} is new and yet locked")
    hidden.rename(path)
    lock.path = path
    sync_folder(folder)
    return lock
