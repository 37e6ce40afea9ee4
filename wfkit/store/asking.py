"""The half of a store that answers what people ask: runs, reports, lineage, SQL. The same on disk and in memory.

A switchboard over the projection, which is brought up to date first. The other half is `serving`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from wfkit.core.estimate import MapSize, Past
from wfkit.core.events import NodeDefined
from wfkit.core.report import CellsRow, LineageStep, RunReport, RunRow
from wfkit.store.database import past
from wfkit.store.database.plain_cells import plain_cells

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

T = TypeVar("T")


class Projection(Protocol):
    """What answers: `database.Database`, or the one in memory."""

    def runs(self, limit: int = 50) -> list[RunRow]: ...
    def report(self, run_id: str | None = None) -> RunReport | None: ...
    def ask(self, question: Callable[[DuckDBPyConnection], T]) -> T: ...
    def lineage(self, node: str, item: int | None, run_id: str | None, depth: int) -> LineageStep | None: ...
    def sql(self, query: str) -> Any: ...
    def definition(self, digest: str) -> NodeDefined | None: ...


class Asking:
    """Answers from `_projection`."""

    _newest: Callable[[], tuple[bool, str | None]]  # whether the newest run is known without the projection, and its id

    def _projection(self) -> Projection:
        """The projection, with everything in it that was appended until now."""
        raise NotImplementedError

    def runs(self, limit: int = 50) -> list[RunRow]:
        """The newest runs first."""
        return self._projection().runs(limit)

    def plain_cells(self) -> CellsRow | None:
        """What cells that are no node asked, of no run; None where none did."""
        return self._projection().ask(plain_cells)

    def newest_run(self) -> str | None:
        """The id of the run that began last; None if there is none. Quicker than asking for its row."""
        known, run_id = self._newest()
        if known:
            return run_id
        rows = self.runs(1)
        return rows[0].run_id if rows else None

    def report(self, run_id: str | None = None) -> RunReport | None:
        """What the views of a run (None: the newest) are drawn from."""
        return self._projection().report(run_id)

    def reasons(self, run_id: str, node: str, item: int | None = None) -> list[str]:
        """Why the tasks of a node, or one item of it, ran or not in a run."""
        return self._projection().ask(lambda cursor: past.reasons(cursor, run_id, node, item))

    def named_items(self, node: str) -> tuple[str, list[tuple[str, str]]] | None:
        """The newest run that took all items of a map which names them, with name and digest of each."""
        return self._projection().ask(lambda cursor: past.named_items(cursor, node))

    def sizes(self, node: str) -> list[MapSize]:
        """How many items the nodes of this name had in the newest runs that knew it (at most 100), newest first."""
        return self._projection().ask(lambda cursor: past.sizes(cursor, node))

    def past(self, nodes: Iterable[str]) -> list[Past]:
        """What results of these nodes took, by definition."""
        return self._projection().ask(lambda cursor: past.past(cursor, nodes))

    def lineage(
        self, node: str, item: int | None = None, run_id: str | None = None, depth: int = 3
    ) -> LineageStep | None:
        """How the value of a node, or of one of its items, was made."""
        return self._projection().lineage(node, item, run_id, depth)

    def definition(self, digest: str) -> NodeDefined | None:
        """The text of a definition that was logged, by its digest."""
        return self._projection().definition(digest)

    def sql(self, query: str) -> Any:
        """One read-only SELECT over the tables, as a pandas DataFrame. Raises UsageFault for anything else."""
        return self._projection().sql(query)
