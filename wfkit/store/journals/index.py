"""What entries say, by what is asked: results by node, key and digest, replies by request, what was forgotten.

An Index is in memory and holds the entries of a stretch of journals. Reading journals is `tails`, asking is
`results` and `call_log`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from wfkit.core.call import CallRecord
from wfkit.core.events import CallEnded, Entry, Forgotten, ItemsSucceeded, NodeDefined, NotKept, Succeeded
from wfkit.core.result import Known, Result, Stored
from wfkit.core.terms import Verdict

Placed = tuple[str, int, int, Entry]  # journal id, offset, offset of the next line, entry


ReadAt = Callable[[tuple[str, int, int]], Sequence[Entry]]  # journal id, offset, length -> the entries of that line


class Index:
    """Not thread-safe: whoever shares it locks it. Later entries win over earlier ones of the same time."""

    __slots__ = ("calls", "definitions", "forgotten", "known", "lines", "not_kept", "results", "stored")

    def __init__(self) -> None:
        self.lines: list[Placed] = []
        self.known: dict[str, list[Known]] = {}  # by node, oldest first
        self.results: dict[str, Result] = {}  # by task key
        self.stored: dict[str, Stored] = {}  # by value digest
        self.calls: dict[str, CallRecord] = {}  # by request digest; valid replies only
        self.forgotten: dict[str, float] = {}  # task key -> until when
        self.definitions: set[str] = set()  # whose texts are here
        self.not_kept: list[NotKept] = []  # oldest first

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

    def keep_known(self, other: Index) -> int:
        """Take over what a plan asks for, and nothing that is large; how many results that were."""
        for node, found in other.known.items():
            self.known.setdefault(node, []).extend(found)
        self.definitions |= other.definitions
        self.not_kept += other.not_kept
        return sum(map(len, other.known.values()))

    def add_call(self, call: CallRecord) -> None:
        """Take note of a call, if its reply may serve again."""
        if call.reply is not None and call.verdict is Verdict.VALID and call.failure is None:
            self.calls[call.request_digest] = call


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


_ADDERS: dict[type, Any] = {
    NodeDefined: lambda index, event: index.definitions.add(event.definition),
    Succeeded: lambda index, event: index.add_result(event.result),
    ItemsSucceeded: _add_items,
    CallEnded: _add_call,
    Forgotten: _forget,
    NotKept: lambda index, event: index.not_kept.append(event),
}
