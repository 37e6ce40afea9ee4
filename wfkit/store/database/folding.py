"""When the database is brought up to date: every second while something happens, when it is quiet, and at the end.

One daemon thread folds what `tails` froze, gives the database away when another process wants it, and turns dead
journals into segments. How entries become rows is `fold`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from wfkit.errors import StoreFault
from wfkit.interrupts import held_back
from wfkit.own_threads import begin
from wfkit.store.database import fold
from wfkit.store.database.lease import LOOK_S, Lease
from wfkit.store.files import sync_file
from wfkit.store.journals import adopt, cataloguing, journal
from wfkit.store.journals.index import Index
from wfkit.store.journals.tails import Tails

if TYPE_CHECKING:
    from wfkit.store.database.database import Database

EVERY_S = 1.0
QUIET_S = 0.15
KEEP_S = 2.0
MANY = 32  # journals, from which on short processes tidy up, too
RETRY = 8  # so many times longer after the database was not to be had
_log = logging.getLogger(__name__)


class Folder:
    """Folds for one store. `database` opens the database (and makes it, if there is none)."""

    def __init__(self, root: Path, tails: Tails, lease: Lease, database: Callable[[], Database]) -> None:
        self._root = root
        self._tails = tails
        self._lease = lease
        self._database = database
        self._one = threading.Lock()
        self._wake = threading.Event()
        self.folded = False  # whether the database has something of what we looked at
        self._closing = self._busy = self._awake = False
        self._thread: threading.Thread | None = None
        self._touched = self._folded = 0.0
        self._patience = 1
        self._said = ""

    def touch(self) -> None:
        """Something was appended, or the database is in use."""
        self._busy = True  # and no look at the clock: this is called for every entry
        if not self._awake:
            with held_back():
                self._awake = True
                self._wake.set()
                if self._thread is None:
                    self._start()

    def fold(self, wait_s: float = 0.0) -> bool:
        """Fold all there is now; False when the database is not to be had for `wait_s` seconds, at its opening or after
        a step (the journals keep everything)."""
        with self._one:
            self._folded = time.monotonic()
            database = self._database()
            watermarks = database.session.run_on_file(fold.watermarks, wait_s)
            if watermarks is None:
                return False
            self._tails.align(watermarks)  # no entry between what the file has and what comes now may be left out
            frozen = self._tails.freeze()
            if not frozen:
                return True
            self._make_durable(frozen)
            if not database.fold([line for index in frozen for line in index.lines], wait_s):
                return False
            self._tails.drop(frozen)
            self.folded = True
            return True

    def close(self) -> None:
        """Stop the thread and fold what is left."""
        self._closing = True
        with held_back():
            self._wake.set()
        if self._thread is not None:
            self._thread.join()
        if self._tails.pending and self._worth_it():
            self._try(self.fold)
        if self._lease.held and len(journal.list_live(self._root)) > MANY:
            self._try(self._retire)
        if self._touched or self._busy:
            self._try(self._catalogue)

    def _worth_it(self) -> bool:
        """Whether a process that ends should open the database for what it leaves: a run that found everything in the
        store leaves its few lines to the next fold."""
        if self._lease.held or len(journal.list_live(self._root)) > MANY:
            return True
        with self._tails.lock:
            return any(index.has_results or index.calls or index.forgotten for index in self._tails.freeze())

    def _start(self) -> None:
        with self._one:
            if self._thread is None and not self._closing:
                self._folded = time.monotonic()  # not at once: what just began is busy
                self._thread = begin(self._run, "wfkit-folder")

    def _run(self) -> None:
        while not self._closing:
            self._wake.wait()
            time.sleep(LOOK_S)
            now = time.monotonic()
            if self._busy:
                self._busy, self._touched = False, now
            quiet_s = now - self._touched
            since_s = now - self._folded
            if self._tails.pending and since_s >= (QUIET_S if quiet_s >= QUIET_S else EVERY_S) * self._patience:
                self._patience = 1 if self._try(self.fold) else RETRY
            elif self._lease.held and (self._lease.wanted() or quiet_s >= KEEP_S):
                self._try(self._let_go)
            elif quiet_s >= KEEP_S and not self._lease.held and not self._closing:
                self._wake.clear()
                self._awake = False
                if self._busy:  # touched in between
                    self._wake.set()

    def _let_go(self) -> bool:
        if not self._lease.wanted():
            self._retire()
            self._catalogue()
        self._database().close()
        return True

    def _catalogue(self) -> bool:
        """Cover with the catalog what is in the journals, so that the next process need not open the database."""
        if self._tails.own is not None:
            self._tails.own.commit.wait()
        try:
            return cataloguing.update(self._root, lambda: self._database().watermarks() if self._lease.held else None)
        except OSError as error:  # a full disk
            raise StoreFault(f"the catalog of {self._root} cannot be written: {error.strerror or error}") from error

    def _retire(self) -> bool:
        return adopt.retire(self._root, self._database().watermarks()) > 0

    def _make_durable(self, frozen: list[Index]) -> None:
        """The database must not say what a journal could still lose."""
        own = self._tails.own
        if own is not None:
            own.commit.wait()
        others = {line[0] for index in frozen for line in index.lines} - {own.id if own else ""}
        for log in journal.list_live(self._root):
            if log.journal_id in others:
                sync_file(log.path)

    def _try(self, action: Callable[[], bool]) -> bool:
        try:
            return action()
        except StoreFault as fault:
            if str(fault) != self._said:
                self._said = str(fault)
                _log.warning("the database is not up to date: %s", fault)
            return False
