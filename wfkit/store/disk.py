"""The store on disk: a switchboard over journals, objects, results, call log, flights and the database.

It decides nothing: each promise of `core.promises.Store` is kept by one file here. One store a folder and process:
`open_store` gives the same one again.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from weakref import WeakSet

from wfkit.core.events import Entry, RunStarted
from wfkit.errors import StoreFault
from wfkit.store.asking import Asking, Projection
from wfkit.store.call_log import CallLog
from wfkit.store.database import session
from wfkit.store.database.database import FILE, Database
from wfkit.store.database.folding import Folder
from wfkit.store.database.lease import Lease
from wfkit.store.day_book import DayBook
from wfkit.store.flight import Flights
from wfkit.store.journals import adopt
from wfkit.store.journals.catalog import HEAD
from wfkit.store.journals.commit import Receipt
from wfkit.store.journals.journal import Journal, read_at
from wfkit.store.journals.marks import RunMarks
from wfkit.store.journals.recent import newest_run
from wfkit.store.journals.segments import FOLDER as SEGMENTS
from wfkit.store.journals.tails import Tails
from wfkit.store.not_kept import Unkept
from wfkit.store.payloads.objects import ObjectFiles
from wfkit.store.place import ELSEWHERE, locate, prepare
from wfkit.store.results import Results
from wfkit.store.secrets import tell
from wfkit.store.serving import Serving

__all__ = ["DiskStore", "locate", "open_store"]
_open: dict[tuple[int, Path], DiskStore] = {}
_alive: WeakSet[DiskStore] = WeakSet()
_opening = threading.Lock()


def open_store(root: Path) -> DiskStore:
    """The store in this folder, made if there is none. Opened twice in a process it is the same one, and stays open
    until it was closed as often. Raises StoreFault when it must not or cannot be used."""
    prepare(root)
    place = (os.getpid(), root.resolve())
    with _opening:
        store = _open.get(place)
        if store is None or store.closed:
            store = _open[place] = DiskStore(root.resolve())
        store.users += 1
        return store


class DiskStore(Serving, Asking):
    """A store in a folder that was prepared. `core.promises.Store` says what each method promises."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.users = 0
        self.closed = False
        self._database_used = False
        self._signs = (f"{root}/{FILE}", f"{root}/{SEGMENTS}", f"{root}/{HEAD}")
        self._guard = threading.Lock()
        self._pid = os.getpid()
        self._lease = Lease(root)
        self._database = Database(root / FILE, self._lease, fill=False)
        self._tails = Tails(root, partial(_check_open, self))
        self._newest = partial(newest_run, self._tails)
        self._marks = RunMarks(root, self._tails.ground.marks_of)
        self._folder = Folder(root, self._tails, self._lease, lambda: self._database)
        read = partial(read_at, root)
        results = Results(self._tails, self._readable, ObjectFiles(root), read, root.parent)
        self._rights = Flights(root)
        self.day_book = DayBook(root)
        unkept = Unkept(self._tails, self._readable)
        super().__init__(results, unkept, CallLog(self._tails, self._readable, read), self._rights)
        _alive.add(self)

    @property
    def notice(self) -> str | None:
        """What a user should be told about the database (who holds it), or None."""
        notice: str | None = self._database.notice
        return notice

    def append(self, entries: Sequence[Entry], durable: bool = False) -> Receipt:
        """Append in this order, without secrets. Never blocks on the disk."""
        journal = self._tails.own or self._begin()
        receipt, withheld = journal.append(entries, durable)
        self._folder.touch()
        for what in withheld:
            tell(what)
        return receipt

    def interrupted(self) -> list[tuple[RunStarted, int]]:
        """Runs without an end whose process is gone, or that were interrupted, newest first, with their last epoch."""
        self._flush()
        return adopt.interrupted(self._marks.now())

    def orphans(self) -> list[tuple[str, int, float]]:
        """Runs that have no end because their process is gone: id, last epoch, and when it was last heard of."""
        self._flush()
        return adopt.orphans(self._marks.now())

    def entries(self, run_id: str, outline: bool = False) -> list[Entry]:
        """All entries of a run in the order (epoch, seq), without late ones; for an `outline` work is not decoded."""
        self._flush()
        return adopt.entries(self.root, run_id, adopt.WORK if outline else ())

    def database(self) -> Database:
        """The database with everything in it that was appended, for the doctor."""
        self._projection()
        return self._database

    def close(self) -> None:
        """Make everything durable, fold, let go of locks and files. Raises StoreFault when the disk refuses."""
        self.users -= 1
        with self._guard:
            if self.users > 0 or self.closed or self._pid != os.getpid():
                return
            self.closed = True
        try:
            self._folder.close()
            self._database.close()
        finally:
            self._rights.close()
            self.day_book.close()
            if self._tails.own is not None:
                self._tails.own.close()

    def _begin(self) -> Journal:
        """The journal of this process, made when there is something to write."""
        with self._guard:
            _check_open(self)
            try:
                self._tails.own = self._tails.own or Journal(self.root, self._secrets)
            except OSError as error:
                what = f"no journal can be made in {self.root}: {error.strerror or error}"
                raise StoreFault(f"{what}; free space or make it writable, {ELSEWHERE}") from error
            return self._tails.own

    def _readable(self) -> Database | None:
        """The database, if there is something in it that the journals do not say; it is opened when it is asked."""
        _check_open(self)
        if not self._database_used:
            self._database_used = self._folder.folded or any(map(os.path.exists, self._signs))
        if not self._database_used:
            return None
        self._folder.touch()
        return self._database

    def _projection(self) -> Projection:
        _check_open(self)
        self._flush()
        if not self._folder.fold() and not self._folder.fold(session.READ_WAIT_S):
            self._database.session.aside = True  # it may be given away now, without what is new
        self._database_used = True
        return self._database

    def _flush(self) -> None:
        """What was appended is in the file; if the disk refuses, what is there has to do."""
        if self._tails.own is not None:
            with suppress(StoreFault):
                self._tails.own.commit.wait()


def _check_open(store: DiskStore) -> None:
    if store.closed or store._pid != os.getpid():
        raise StoreFault(f"the store {store.root} is closed, or of a process before a fork: open it again")


@atexit.register
def _close_all() -> None:
    for store in list(_alive):
        with suppress(StoreFault):
            store.users = 0
            store.close()
