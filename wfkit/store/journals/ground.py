"""What the tails stand on, as far as it is known without the database: the catalog, and what was folded since.

Where that is not all there is, every method says so with None and the database has to be asked. Tails are `tails`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from wfkit.store.files import read_file
from wfkit.store.journals import journal, segments
from wfkit.store.journals.catalog import Broken, Catalog, Place, drop, open_catalog
from wfkit.store.journals.index import Index, KnownRows
from wfkit.store.journals.marks import Mark
from wfkit.store.place import DATABASE

COLLECTED = "collected"  # changes whenever something was collected
KEPT = 200_000  # results that went to the database while we ran
T = TypeVar("T")


class Ground:
    """The ground of the store at `root`, looked at once; None is a store in memory, which has nothing beneath."""

    def __init__(self, root: Path | None) -> None:
        self._root = root
        self._lock = threading.RLock()
        self._opened = root is None
        self._whole = root is None
        self._catalog: Catalog | None = None
        self._count = 0
        self._collected = b""
        self.folded = Index()  # what a plan asks for, of entries that went to the database

    @property
    def whole(self) -> bool:
        """Whether nothing is known but what is here and in the tails."""
        with self._lock:
            if not self._opened and self._root is not None:
                self._opened = True
                self._collected = read_file(self._root / COLLECTED) or b""
                self._catalog = open_catalog(self._root, journal.list_journals(self._root))
                elsewhere = any((self._root / name).exists() for name in (DATABASE, segments.FOLDER))
                self._whole = self._catalog is not None or not elsewhere
            return self._whole

    def covered(self) -> Mapping[str, int]:
        """Up to which byte the catalog covers each journal."""
        return self._catalog.head.journals if self.whole and self._catalog is not None else {}

    def known(self, names: Iterable[str]) -> KnownRows | None:
        """The results of these nodes, also forgotten ones."""
        nothing: KnownRows = [], []
        if self.whole and self._root is not None and self._collected != (read_file(self._root / COLLECTED) or b""):
            self.distrust()  # another process has collected: what is known here may be gone
        return self.ask(lambda catalog: catalog.known(names), nothing)

    def calls(self) -> Mapping[str, Place] | None:
        """Where the replies to requests are."""
        nothing: dict[str, Place] = {}
        return self.ask(lambda catalog: catalog.calls, nothing)

    def defined(self) -> frozenset[str]:
        """Whose texts are surely in the log."""
        return self.ask(lambda catalog: catalog.definitions, frozenset()) or frozenset()

    def forgotten(self) -> Mapping[str, float]:
        """Task keys whose results made until that time are no longer served."""
        return self.ask(lambda catalog: catalog.forgotten, {}) or {}

    def place(self, digest: str) -> Place | None:
        """Where a result with this value is, if its node was asked for."""
        return self.ask(lambda catalog: catalog.place(digest), None)

    def marks_of(self, journal_id: str) -> tuple[int, list[Mark]]:
        """Up to which byte a journal is covered, and the marks of unfinished runs there."""
        covered = self.covered().get(journal_id, 0)
        return covered, self._catalog.head.marks_of(journal_id) if covered and self._catalog is not None else []

    def keep(self, index: Index) -> None:
        """The database has it now."""
        with self._lock:
            if self._whole:
                self._count += self.folded.keep_known(index)
            if self._count > KEPT:
                self.distrust()

    def distrust(self) -> None:
        """The catalog is damaged, or too much was folded to keep it in memory: the database has to be asked."""
        with self._lock:
            self._catalog, self._whole = None, False
            self.folded = Index()

    def ask(self, question: Callable[[Catalog], T | None], nothing: T | None) -> T | None:
        """What the catalog says; `nothing` if there is none because nothing was written, None if it cannot tell."""
        with self._lock:
            if not self.whole:
                return None
            try:
                return question(self._catalog) if self._catalog is not None else nothing
            except Broken:
                if self._root is not None:
                    drop(self._root)
                self.distrust()
                return None
