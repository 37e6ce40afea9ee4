"""A store laid over another: it answers from the one below and keeps what is new in memory, so the one below stays as
it is.

For runs whose results nobody shall be served: bodies that are run again to see whether they give the same value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from wfkit.core.call import CallRecord
from wfkit.core.events import NodeDefined
from wfkit.core.found import Found
from wfkit.core.promises import Store
from wfkit.core.result import Result, Stored
from wfkit.errors import ValueFault
from wfkit.store.memory import MemoryStore


class Overlay(MemoryStore):
    """`core.promises.Store` over `below`, whose results under the keys `hidden` are not seen."""

    def __init__(self, below: Store, hidden: Iterable[str] = ()) -> None:
        super().__init__()
        self._below = below
        self._hidden = frozenset(hidden)

    def known(self, nodes: Iterable[str]) -> Found:
        """Results of both stores, those of this one first."""
        names = list(nodes)
        found = {key: list(results) for key, results in super().known(names).items()}
        for key, results in self._below.known(names).items():
            if key not in self._hidden:
                found.setdefault(key, []).extend(results)
        return Found(found)

    def result(self, key: str) -> Result | None:
        """The newest whole result under a task key."""
        return super().result(key) or (None if key in self._hidden else self._below.result(key))

    def decode(self, stored: Stored, frozen: bool = False) -> Any:
        """A value that either store encoded."""
        try:
            return super().decode(stored, frozen)
        except ValueFault:
            return self._below.decode(stored, frozen)

    def get(self, digest: str, frozen: bool = False) -> Any:
        """A value of either store."""
        try:
            return super().get(digest, frozen)
        except ValueFault:
            return self._below.get(digest, frozen)

    def get_many(self, digests: Sequence[str]) -> list[Any]:
        """Values of either store, in order."""
        try:
            return self._below.get_many(digests)
        except ValueFault:
            return [self.get(digest) for digest in digests]

    def find_call(self, request_digest: str, invalid: bool = False) -> CallRecord | None:
        """The newest valid reply to this request that either store has, or the newest invalid one."""
        return super().find_call(request_digest, invalid) or self._below.find_call(request_digest, invalid)

    def definition(self, digest: str) -> NodeDefined | None:
        """The text of a definition that either store has."""
        return super().definition(digest) or self._below.definition(digest)
