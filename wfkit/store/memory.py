"""A store in memory: the same promises without a disk, for tests, tries and read-only folders.

"Durable" is as soon as it is appended, and nothing outlives the process. What people ask is answered by a DuckDB in
memory, made when it is first asked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from wfkit.core.day import DayBook
from wfkit.core.events import Adopted, Entry, NodeDefined, RunEnded, RunStarted
from wfkit.core.report import LineageStep, RunReport, RunRow
from wfkit.core.terms import RunState
from wfkit.errors import StoreFault
from wfkit.store import wire
from wfkit.store.asking import Asking
from wfkit.store.call_log import CallLog
from wfkit.store.database import fold, lineage, lookups, opening, reports, sql
from wfkit.store.flight import LocalFlights
from wfkit.store.journals.adopt import in_order
from wfkit.store.journals.ground import Ground
from wfkit.store.journals.index import Index
from wfkit.store.journals.recent import newest_run
from wfkit.store.not_kept import Unkept
from wfkit.store.payloads.objects import ObjectDict
from wfkit.store.results import Results
from wfkit.store.secrets import tell
from wfkit.store.serving import Serving

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

T = TypeVar("T")
JOURNAL = "memory"


class Done:
    """A ticket of entries that are as durable as they will get."""

    __slots__ = ()

    def wait(self, timeout: float | None = None) -> bool:
        """True at once."""
        del timeout  # nothing to wait for
        return True

    def then(self, call: Callable[[], None]) -> None:
        """Call now."""
        call()


class Everything:
    """All entries of a store in memory, as if they were the unfolded end of a journal (`recent.Recent`)."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.ground = Ground(None)
        self.folds = 0
        self.calls_folded: dict[str, int] = {}
        self.entries: list[Entry] = []
        self._index = Index()

    def add(self, entry: Entry) -> None:
        """Take note of an entry."""
        self.entries.append(entry)
        self._index.add(entry)

    def newest_first(self) -> list[Index]:
        """All there is."""
        return [self._index]

    def forgotten(self) -> dict[str, float]:
        """Task keys whose results made until that time are no longer served."""
        return self._index.forgotten

    def align(self, watermarks: object) -> None:
        """There is no database to align with."""


class MemoryStore(Serving, Asking):
    """A store in memory. `core.promises.Store` says what each method promises."""

    def __init__(self) -> None:
        self.closed = False
        self.day_book: DayBook | None = None
        self._recent = Everything()
        self._newest = partial(newest_run, self._recent)
        self._answers: MemoryDatabase | None = None
        results = Results(self._recent, lambda: None, ObjectDict(), lambda _: ())
        calls = CallLog(self._recent, lambda: None, lambda _: ())
        super().__init__(results, Unkept(self._recent, lambda: None), calls, LocalFlights())

    def append(self, entries: Sequence[Entry], durable: bool = False) -> Done:  # noqa: ARG002 (a Store's signature)
        """Append in this order, without secrets."""
        if self.closed:
            raise StoreFault("this store in memory is closed: make a new one")
        cleaned = [self._secrets.clean(entry, wire.encode(entry)) for entry in entries]
        with self._recent.lock:
            for entry, _ in cleaned:
                self._recent.add(entry)
        for _, withheld in cleaned:
            if withheld is not None:
                tell(withheld)
        return Done()

    def interrupted(self) -> list[tuple[RunStarted, int]]:
        """Runs that were interrupted, newest first, each with its last epoch."""
        runs: dict[str, list[Entry]] = {}
        with self._recent.lock:
            for entry in self._recent.entries:
                if isinstance(entry.event, RunStarted | Adopted | RunEnded):
                    runs.setdefault(entry.run_id, []).append(entry)
        ready = [(story[0].event, story[-1].epoch) for story in runs.values() if _was_interrupted(story[-1])]
        starts = [(event, epoch) for event, epoch in ready if isinstance(event, RunStarted)]
        return sorted(starts, key=lambda pair: pair[0].at, reverse=True)

    def orphans(self) -> list[tuple[str, int, float]]:
        """None: these runs end with their process."""
        return []

    def entries(self, run_id: str, outline: bool = False) -> list[Entry]:  # noqa: ARG002 - nothing has to be read
        """All entries of a run in the order (epoch, seq), without late ones."""
        with self._recent.lock:
            return in_order({JOURNAL: [entry for entry in self._recent.entries if entry.run_id == run_id]})

    def close(self) -> None:
        """Let go of the answers. Twice is harmless."""
        self.closed = True
        if self._answers is not None:
            self._answers.close()
            self._answers = None

    def _projection(self) -> MemoryDatabase:
        with self._recent.lock:
            if self._answers is None:
                self._answers = MemoryDatabase()
            self._answers.catch_up(self._recent.entries)
            return self._answers


class MemoryDatabase:
    """The projection of a store in memory."""

    def __init__(self) -> None:
        self._connection = opening.connect(None)
        opening.create_tables(self._connection)
        self._folded = 0

    def catch_up(self, entries: list[Entry]) -> None:
        """Fold what is new; an entry's place in the list is its offset."""
        new = [(JOURNAL, place, place + 1, entries[place]) for place in range(self._folded, len(entries))]
        if new:
            fold.fold(self._connection.cursor(), new)
            self._folded = len(entries)

    def runs(self, limit: int = 50) -> list[RunRow]:
        """The newest runs first."""
        return reports.runs(self._connection.cursor(), limit)

    def report(self, run_id: str | None = None) -> RunReport | None:
        """What the views of a run are drawn from."""
        return reports.report(self._connection.cursor(), run_id)

    def ask(self, question: Callable[[DuckDBPyConnection], T]) -> T:
        """What a question about the past, one of `database.past`, finds in the tables."""
        return question(self._connection.cursor())

    def lineage(self, node: str, item: int | None, run_id: str | None, depth: int) -> LineageStep | None:
        """How a value was made."""
        return lineage.lineage(self._connection.cursor(), node, item, run_id, depth)

    def definition(self, digest: str) -> NodeDefined | None:
        """The text of a definition that was logged."""
        return lookups.definition(self._connection.cursor(), digest)

    def sql(self, query: str) -> Any:
        """One SELECT."""
        return sql.select(self._connection.cursor(), query)

    def close(self) -> None:
        """Close the database."""
        self._connection.close()


def _was_interrupted(last: Entry) -> bool:
    return isinstance(last.event, RunEnded) and last.event.status == RunState.INTERRUPTED
