"""What the engine asks of a store, as protocols.

`store.disk` and `store.memory` keep them; one conformance kit tests both.
Interfaces only. Every digest is 32 lower-case hex characters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from wfkit.core.call import CallRecord
from wfkit.core.day import DayBook
from wfkit.core.estimate import MapSize, Past
from wfkit.core.events import Entry, NodeDefined, NotKept, RunStarted
from wfkit.core.found import Found
from wfkit.core.report import CellsRow, LineageStep, RunReport, RunRow
from wfkit.core.result import Result, Stored
from wfkit.errors import ValueFault


class Ticket(Protocol):
    """A receipt for appended entries."""

    def wait(self, timeout: float | None = None) -> bool:
        """Block until the entries are durable; False when the time ran out.

        Raises StoreFault when they cannot be made durable.
        """
        ...

    def then(self, call: Callable[[], None]) -> None:
        """Call `call` once, from any thread, when the entries are durable (or failed: `wait` then raises)."""
        ...


class Payloads(Protocol):
    """Where the values of items are, in columns as in `columns.Items`; `refused` by position what is not stored."""

    names: list[str]
    codecs: list[str]
    sizes: list[int]
    inlines: list[str | None]
    refused: dict[int, ValueFault]


class Batch(Protocol):
    """Encodes the values of many items; one thread uses it, once."""

    def add(self, value: Any, digest: str) -> bool:
        """Encode a value whose value digest is known, at once; whether its inline payload is a text that tells what it
        is.

        Raises ValueFault: then it is not in.
        """
        ...

    def finish(self) -> Payloads:
        """What was added, in order."""
        ...


class Flight(Protocol):
    """The right to make one call, held by one process and one waiter at a time."""

    def release(self) -> None:
        """Give the right back. Releasing twice is harmless."""
        ...


class Log(Protocol):
    """Where events are kept, and which runs they tell of."""

    def append(self, entries: Sequence[Entry], durable: bool = False) -> Ticket:
        """Append in this order.

        `durable` asks for an fdatasync now; others are made durable in groups. Thread-safe, never blocks on disk.
        """
        ...

    def entries(self, run_id: str, outline: bool = False) -> list[Entry]:
        """All entries of a run in the order (epoch, seq); late ones of an older epoch are left out.

        Of an `outline` also what tasks did and asked may be left out: how the run began, keys, what was skipped remain.
        """
        ...

    def orphans(self) -> list[tuple[str, int, float]]:
        """Runs that have no end because their process is gone: id, last epoch, and when it was last heard of (Unix
        time)."""
        ...

    def interrupted(self) -> list[tuple[RunStarted, int]]:
        """Runs without an end whose process is gone, or that were interrupted; newest first, with the last epoch."""
        ...


class Results(Protocol):
    """Where results, their values and the replies of models are kept."""

    def known(self, nodes: Iterable[str]) -> Found:
        """All results of these node names, by task key, newest first; one query plus the journals' tails.

        Forgotten ones are left out.
        """
        ...

    def not_kept(self, nodes: Iterable[str]) -> list[NotKept]:
        """Which tasks of these nodes ended without a result that serves, and why, in no order."""
        ...

    def result(self, key: str) -> Result | None:
        """The newest whole result under a task key."""
        ...

    def encode(self, value: Any, digest: str, codec: str = "auto") -> Stored:
        """Encode a value whose value digest is known; large payloads are durable objects when this returns.

        Raises ValueFault.
        """
        ...

    def batch(self, codec: str = "auto") -> Batch:
        """What encodes the values of many items, each as `encode` would."""
        ...

    def decode(self, stored: Stored, frozen: bool = False) -> Any:
        """A new copy of a value that `encode` stored, even before an event tells of it. Raises ValueFault.

        `frozen`: the memory of an array or frame may be shared by its readers; then nobody can write to it.
        """
        ...

    def get(self, digest: str, frozen: bool = False) -> Any:
        """A new copy of the value with this value digest. Raises ValueFault when it is missing or damaged."""
        ...

    def get_many(self, digests: Sequence[str]) -> list[Any]:
        """Like `get` for many, in order, in one query."""
        ...

    def find_call(self, request_digest: str, invalid: bool = False) -> CallRecord | None:
        """The newest valid reply to this request; or the newest `invalid` one, which never serves alone, only with the
        correction that followed."""
        ...

    def try_flight(self, key: str) -> Flight | None:
        """The single-flight right for a key, or None while somebody else holds it.

        Never blocks; freed when its process dies.
        """
        ...


class Records(Protocol):
    """What a store tells about past runs."""

    def runs(self, limit: int = 50) -> list[RunRow]:
        """The newest runs first."""
        ...

    def plain_cells(self) -> CellsRow | None:
        """What cells that are no node asked, of no run; None where none did."""
        ...

    def newest_run(self) -> str | None:
        """The id of the run that began last, None if there is none."""
        ...

    def report(self, run_id: str | None = None) -> RunReport | None:
        """What the views of a run (None: the newest) are drawn from."""
        ...

    def reasons(self, run_id: str, node: str, item: int | None = None) -> list[str]:
        """Why the tasks of a node, or one item of it, ran or not in a run; empty for what is not there."""
        ...

    def named_items(self, node: str) -> tuple[str, list[tuple[str, str]]] | None:
        """The newest run that took all items of a map which names them, and the name and digest of each, in order."""
        ...

    def sizes(self, node: str) -> list[MapSize]:
        """How many items the nodes of this name had in the newest runs that knew it (at most 100), newest first."""
        ...

    def past(self, nodes: Iterable[str]) -> list[Past]:
        """What results of these nodes took in time, money and tokens: a row a node and definition."""
        ...

    def lineage(
        self, node: str, item: int | None = None, run_id: str | None = None, depth: int = 3
    ) -> LineageStep | None:
        """How the value of a node, or of one of its items, was made."""
        ...

    def defined(self, digests: Iterable[str]) -> set[str]:
        """Those of these definitions whose text is logged; may say too few, never too many."""
        ...

    def definition(self, digest: str) -> NodeDefined | None:
        """The text of a definition that was logged, by its digest."""
        ...

    def sql(self, query: str) -> Any:
        """One read-only SELECT over the tables, as a pandas DataFrame. Raises UsageFault for anything else."""
        ...


class Store(Log, Results, Records, Protocol):
    """Where events, results, replies and values are kept. `day_book` is None where no other process can spend."""

    @property
    def day_book(self) -> DayBook | None:
        """What all processes on this store spend today."""
        ...

    def close(self) -> None:
        """Make everything durable, fold and let go of locks and files."""
        ...
