"""What entries say, by what is asked: results by node, key and digest, replies by request, what was forgotten.

An Index is in memory and holds the entries of a stretch of journals. Reading journals is `tails`, asking is
`results` and `call_log`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from wfkit.core.call import CallRecord
from wfkit.core.columns import Items, KnownItems
from wfkit.core.events import (
    CallEnded,
    Entry,
    Forgotten,
    ItemsSucceeded,
    NodeDefined,
    NotKept,
    RunStarted,
    SliceSucceeded,
    Succeeded,
)
from wfkit.core.result import Known, Result, Stored
from wfkit.core.slices import Slices
from wfkit.core.terms import Verdict

Placed = tuple[str, int, int, Entry]  # journal id, offset, offset of the next line, entry
KnownRows = tuple[list[Known], list[KnownItems]]  # newest first; oldest first
ReadAt = Callable[[tuple[str, int, int]], Sequence[Entry]]  # journal id, offset, length -> the entries of that line


class Index:
    """Not thread-safe: whoever shares it locks it. Later entries win over earlier ones of the same time."""

    __slots__ = (
        "calls",
        "definitions",
        "forgotten",
        "known",
        "known_items",
        "lines",
        "newest",
        "not_kept",
        "results",
        "slices",
        "stored",
    )

    def __init__(self) -> None:
        self.lines: list[Placed] = []
        self.known: dict[str, list[Known]] = {}  # by node, oldest first
        self.known_items: dict[str, list[KnownItems]] = {}  # by node, oldest first
        self.results: dict[str, Result] = {}  # by task key; those of slices are in `slices`
        self.stored: dict[str, Stored] = {}  # by value digest; the same
        self.slices = Slices()
        self.calls: dict[str, CallRecord] = {}  # by request digest; invalid replies under `rejected`
        self.forgotten: dict[str, float] = {}  # task key -> until when
        self.definitions: set[str] = set()  # whose texts are here
        self.not_kept: list[NotKept] = []  # oldest first
        self.newest: tuple[float, str] | None = None  # the run that began last: when, and its id

    def add(self, entry: Entry) -> None:
        """Take note of an entry."""
        adder = _ADDERS.get(type(entry.event))
        if adder is not None:
            adder(self, entry.event)

    def add_result(self, result: Result) -> None:
        """Take note of a result."""
        self.stored[result.value.digest] = result.value
        self.results[result.key] = result
        if result.cacheable:
            self.known.setdefault(result.node, []).append(known_of(result))

    def add_items(self, items: Items) -> None:
        """Take note of the results of a slice."""
        self.slices.add(items)
        if items.cacheable:
            self.known_items.setdefault(items.node, []).append(items.known())

    @property
    def has_results(self) -> bool:
        """Whether anything was made here."""
        return bool(self.results or self.slices)

    def result(self, key: str) -> Result | None:
        """The newest whole result under a task key."""
        found, other = self.results.get(key), self.slices.result(key)
        if found is None or other is None:
            return found or other
        return found if found.created_at > other.created_at else other

    def find_stored(self, digests: Iterable[str]) -> dict[str, Stored]:
        """Where those of these values are that are here."""
        stored, of_slice = self.stored, self.slices.stored
        found = ((digest, stored.get(digest) or of_slice(digest)) for digest in digests)
        return {digest: place for digest, place in found if place is not None}

    def keep_known(self, other: Index) -> int:
        """Take over what a plan asks for, and nothing that is large; how many results that were."""
        for node, found in other.known.items():
            self.known.setdefault(node, []).extend(found)
        for node, slices in other.known_items.items():
            self.known_items.setdefault(node, []).extend(slices)
        self.definitions |= other.definitions
        self.not_kept += other.not_kept
        self.newest = max(filter(None, (self.newest, other.newest)), default=None)
        columns = sum(len(items) for slices in other.known_items.values() for items in slices)
        return sum(map(len, other.known.values())) + columns // 4

    def add_call(self, call: CallRecord) -> None:
        """Take note of a call, if its reply may serve again: alone, or as the beginning of a correction."""
        if call.reply is None or call.failure is not None:
            return
        if call.verdict is Verdict.VALID:
            self.calls[call.request_digest] = call
        elif call.verdict is Verdict.INVALID:
            self.calls[rejected(call.request_digest)] = call


def rejected(request_digest: str) -> str:
    """The name under which the newest invalid reply to a request is found: as long as a digest, and never one."""
    return f"x{request_digest[1:]}"


def known_of(result: Result) -> Known:
    """What a plan needs of a result."""
    return Known(
        result.key,
        result.node,
        result.definition,
        result.value.digest,
        result.reads,
        result.created_at,
        result.run_id,
        result.run_s,
        result.spent.cost_usd,
    )


def _add_items(index: Index, event: ItemsSucceeded) -> None:
    for result in event.results:
        index.add_result(result)


def _add_call(index: Index, event: CallEnded) -> None:
    if not event.served:
        index.add_call(event.call)


def _forget(index: Index, event: Forgotten) -> None:
    for key in event.keys:
        index.forgotten[key] = max(event.at, index.forgotten.get(key, event.at))


def _start(index: Index, event: RunStarted) -> None:
    index.newest = max(index.newest or (event.at, event.run_id), (event.at, event.run_id))


_ADDERS: dict[type, Any] = {
    RunStarted: _start,
    NodeDefined: lambda index, event: index.definitions.add(event.definition),
    Succeeded: lambda index, event: index.add_result(event.result),
    SliceSucceeded: lambda index, event: index.add_items(event.items),
    ItemsSucceeded: _add_items,
    CallEnded: _add_call,
    Forgotten: _forget,
    NotKept: lambda index, event: index.not_kept.append(event),
}
