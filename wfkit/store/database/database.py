"""The queryable projection of a store: everything that is asked of DuckDB goes through here.

A switchboard: each method is one question in one file (`lookups`, `reports`, `lineage`, `sql`, `fold`). Opening,
sharing and repairing the file is `session`. Nothing is decided from it that the journals do not say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from wfkit.core.call import CallRecord
from wfkit.core.events import NodeDefined, NotKept
from wfkit.core.report import LineageStep, RunReport, RunRow
from wfkit.core.result import Known, Result, Stored
from wfkit.store.database import fold, lineage, lookups, reports, sql
from wfkit.store.database.door import Lease
from wfkit.store.database.session import Session
from wfkit.store.place import DATABASE

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

T = TypeVar("T")
FILE = DATABASE


class Projection:
    """`wfkit.duckdb` of a store, for all threads of a process: filled, closed, opened again on the next use.

    With `fill` a missing file is filled from the journals when it is opened; without, whoever folds does it. `notice`
    is what a user should be told: who holds the file when answers come from the journals, or None.
    """

    notice = property(attrgetter("session.door.notice"))

    def __init__(self, path: Path, lease: Lease, fill: bool = True) -> None:
        self.session = Session(path, lease, fill)

    def fold(self, batch: Sequence[fold.Placed], wait_s: float = 0.0) -> bool:
        """Add journal entries (journal id, offset, offset of the next, entry), each once however often it is given.

        False when the file is not to be had for `wait_s` seconds or the disk is full: the journals keep them, try again
        later.
        """
        return self.session.run_on_file(lambda cursor: fold.fold(cursor, batch), wait_s) is not None

    def watermarks(self) -> dict[str, int]:
        """Up to which byte each journal is in the tables that answer now."""
        return self.session.run(fold.watermarks)

    def close(self) -> None:
        """Close the file and give the lease back; the next question opens it again."""
        self.session.close()


class Database(Projection):
    """What is asked of the projection. Methods raise StoreFault when the database cannot answer."""

    def known(self, nodes: Iterable[str]) -> list[Known]:
        """The results of these nodes that may serve, newest first; forgotten ones are left out. One query."""
        return self.session.run(lambda cursor: lookups.known(cursor, nodes))

    def not_kept(self, nodes: Iterable[str]) -> list[NotKept]:
        """Which tasks of these nodes ended without a result that serves, and why."""
        return self.session.run(lambda cursor: lookups.not_kept(cursor, nodes))

    def result(self, key: str) -> Result | None:
        """The newest whole result under a task key."""
        return self.session.run(lambda cursor: lookups.result(cursor, key))

    def stored(self, digests: Iterable[str]) -> dict[str, Stored]:
        """Where the values with these digests are, in one query; unknown digests are left out."""
        return self.session.run(lambda cursor: lookups.stored(cursor, digests))

    def calls_by_digest(self, digests: Iterable[str]) -> dict[str, CallRecord]:
        """The newest valid reply to each of these requests, or under names of `rejected` ones, in one query."""
        return self.session.run(lambda cursor: lookups.calls_by_digest(cursor, digests))

    def definition(self, digest: str) -> NodeDefined | None:
        """The text of a definition, by its digest."""
        return self.session.run(lambda cursor: lookups.definition(cursor, digest))

    def runs(self, limit: int = 50) -> list[RunRow]:
        """The newest runs first, with their totals."""
        return self.session.run(lambda cursor: reports.runs(cursor, limit))

    def report(self, run_id: str | None = None) -> RunReport | None:
        """What the views of a run (None: the newest) are drawn from; None when there is no such run."""
        return self.session.run(lambda cursor: reports.report(cursor, run_id))

    def ask(self, question: Callable[[DuckDBPyConnection], T]) -> T:
        """What a question about the past, one of `past`, finds in the tables."""
        return self.session.run(question)

    def lineage(
        self, node: str, item: int | None = None, run_id: str | None = None, depth: int = 3
    ) -> LineageStep | None:
        """How the value of a node or of one of its items was made, `depth` steps back; None when there is none."""
        return self.session.run(lambda cursor: lineage.lineage(cursor, node, item, run_id, depth))

    def sql(self, query: str) -> Any:
        """One SELECT over the tables as a pandas DataFrame. Raises UsageFault for anything else."""
        return self.session.run(lambda cursor: sql.select(cursor, query))
