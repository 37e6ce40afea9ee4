"""The half of a store that serves a running workflow: results, values, replies, flights.

A switchboard, the same on disk and in memory; what a store must promise is `core.promises`, the other half is `asking`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from wfkit.core.call import CallRecord
from wfkit.core.events import NotKept
from wfkit.core.found import Found
from wfkit.core.promises import Flight
from wfkit.core.result import Result, Stored
from wfkit.store.batch import Batch
from wfkit.store.call_log import CallLog
from wfkit.store.flight import Flights, LocalFlights
from wfkit.store.journals.index import rejected
from wfkit.store.not_kept import Unkept
from wfkit.store.results import Results
from wfkit.store.secrets import Secrets


class Serving:
    """Serves from these parts."""

    def __init__(self, results: Results, unkept: Unkept, calls: CallLog, flights: Flights | LocalFlights) -> None:
        self._results = results
        self._unkept = unkept
        self._calls = calls
        self._flights = flights
        self._secrets = Secrets()

    def known(self, nodes: Iterable[str]) -> Found:
        """All results of these nodes that may serve, by task key, newest first."""
        return self._results.known(nodes)

    def not_kept(self, nodes: Iterable[str]) -> list[NotKept]:
        """Which tasks of these nodes have no result that serves, and why."""
        return self._unkept.find(nodes)

    def defined(self, digests: Iterable[str]) -> set[str]:
        """Which of these definitions are in the log already. Of old ones some may be missing: asking more is not
        cheap."""
        return self._results.defined(digests)

    def result(self, key: str) -> Result | None:
        """The newest whole result under a task key."""
        return self._results.result(key)

    def encode(self, value: Any, digest: str, codec: str = "auto") -> Stored:
        """Encode a value; a large payload is a durable object when this returns. Raises ValueFault."""
        return self._results.encode(value, digest, codec)

    def batch(self, codec: str = "auto") -> Batch:
        """What encodes the values of many items."""
        return Batch(self._results.encode, self._secrets, codec)

    def decode(self, stored: Stored, frozen: bool = False) -> Any:
        """A new copy of a value that was encoded here. Raises ValueFault."""
        return self._results.decode(stored, frozen)

    def get(self, digest: str, frozen: bool = False) -> Any:
        """A new copy of a value. Raises ValueFault when it is missing or damaged."""
        return self._results.get(digest, frozen)

    def get_many(self, digests: Sequence[str]) -> list[Any]:
        """New copies of values, in order."""
        return self._results.get_many(digests)

    def find_call(self, request_digest: str, invalid: bool = False) -> CallRecord | None:
        """The newest valid reply to this request, or the newest invalid one."""
        return self._calls.find(rejected(request_digest) if invalid else request_digest)

    def try_flight(self, key: str) -> Flight | None:
        """The right to make the call of a key, or None while somebody else has it."""
        return self._flights.take(key)
