"""What the journals say beyond the database: this process's own entries at once, others' as soon as they are written.

Entries are kept in generations: a fold takes the old ones away once the database has them. Folding itself is
`folding`; asking is `results` and `call_log`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from wfkit.core.events import Entry
from wfkit.store.journals import journal
from wfkit.store.journals.ground import Ground
from wfkit.store.journals.index import Index
from wfkit.store.journals.journal import Journal, Log
from wfkit.store.journals.watch import Watch


class Tails:
    """The ends of all journals of a store beyond the catalog, or the database where there is none.

    Hold `lock` while reading what `newest_first` gives.
    """

    def __init__(self, root: Path, check: Callable[[], None] = lambda: None) -> None:
        self.ground = Ground(root)
        self.lock = threading.RLock()
        self.own: Journal | None = None
        self.folds = 0
        self.calls_folded: dict[str, int] = {}  # request -> with which of our folds its reply went to the database
        self._root = root
        self._check = check
        self._frozen: list[Index] = []
        self._current = Index()
        self._read_to: dict[str, int] = {}
        self._from: dict[str, int] = {}
        self._forgotten: dict[str, float] = {}
        self._watch = Watch(root)
        self._begun = self._aligned = False
        self._gaps: list[Index] = []  # frozen ones that the ground has as well

    def newest_first(self) -> list[Index]:
        """Everything beyond the catalog, as of now; of what was folded only what a plan asks for.

        Raises StoreFault for what a newer version wrote.
        """
        self._check()
        with self.lock:
            self._refresh()
            return [self._current, *reversed(self._frozen), self.ground.folded]

    def forgotten(self) -> Mapping[str, float]:
        """Task keys whose results made until that time are no longer served; those of folded entries stay in it."""
        with self.lock:
            return {**self._forgotten, **self._current.forgotten} if self._current.forgotten else self._forgotten

    def align(self, watermarks: Mapping[str, int]) -> None:
        """Begin where the database ends; from then on, read again what a database that changed hands does not have."""
        with self.lock:
            self._begin()
            if not self._aligned and not self.ground.whole:
                self._from = {**watermarks, **self._from}
                self._read_to = {**watermarks, **self._read_to}
            self._aligned = True
            behind = {name for name, start in self._from.items() if watermarks.get(name, 0) < start}
            if behind:
                self._read_gaps(behind, watermarks)

    def freeze(self) -> list[Index]:
        """The generations to fold, oldest first; what comes from now on belongs to the next."""
        with self.lock:
            self._refresh()
            if self._current.lines:
                self._frozen.append(self._current)
                self._forgotten = dict(self.forgotten())
                self._current = Index()
            return list(self._frozen)

    def drop(self, folded: list[Index]) -> None:
        """The database has these generations."""
        with self.lock:
            self._frozen = [index for index in self._frozen if index not in folded]
            self.folds += 1
            for index in folded:
                if index not in self._gaps:
                    self.ground.keep(index)
                self.calls_folded.update(dict.fromkeys(index.calls, self.folds))
                self._from.update({journal_id: end for journal_id, _, end, _ in index.lines})
            self._gaps = [index for index in self._gaps if index not in folded]

    @property
    def pending(self) -> bool:
        """Whether there is something to fold (of what was read so far)."""
        placed = self.own is not None and self.own.commit.has_placed
        return bool(placed or self._current.lines or self._frozen)

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._from = dict(self.ground.covered())
            self._read_to = {**self._from, **self._read_to}
            _forget(self._forgotten, self.ground.forgotten())

    def _refresh(self) -> None:
        self._begin()
        if self.own is not None and self.own.commit.has_placed:
            for offset, end, entry in self.own.take_lines():
                self._note(self.own.id, offset, end, entry)
        for log in self._watch.grown(self._read_to, self.own.id if self.own is not None else ""):
            self._read(log)

    def _read(self, log: Log) -> None:
        for offset, end, entry in journal.read_entries(log.path, self._read_to.get(log.journal_id, 0)):
            self._note(log.journal_id, offset, end, entry)

    def _note(self, journal_id: str, offset: int, end: int, entry: Entry) -> None:
        self._current.lines.append((journal_id, offset, end, entry))
        self._current.add(entry)
        self._read_to[journal_id] = end

    def _read_gaps(self, behind: set[str], watermarks: Mapping[str, int]) -> None:
        gap = Index()
        for log in journal.list_journals(self._root):
            if log.journal_id not in behind:
                continue
            stop = self._from[log.journal_id]
            for offset, end, entry in journal.read_entries(log.path, watermarks.get(log.journal_id, 0)):
                if offset >= stop:
                    break
                gap.lines.append((log.journal_id, offset, end, entry))
                gap.add(entry)
            self._from[log.journal_id] = watermarks.get(log.journal_id, 0)
        if gap.lines:
            self._frozen.insert(0, gap)
            self._gaps.append(gap)
            _forget(self._forgotten, gap.forgotten)


def _forget(forgotten: dict[str, float], found: Mapping[str, float]) -> None:
    for key, until in found.items():
        forgotten[key] = max(until, forgotten.get(key, until))
