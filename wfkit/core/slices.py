"""Slices of items, found by task key and by value digest: an index over columns, made when it is first asked.

Numbers instead of objects stand for places, so 100,000 items cost two dicts at most. Who keeps what is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wfkit.core.columns import Items, cut
from wfkit.core.result import Result, Stored

_SHIFT = 24
_MASK = (1 << _SHIFT) - 1


class Slices:
    """Later slices win over earlier ones. Threads may ask at the same time; one at a time adds."""

    __slots__ = ("_all", "_by_digest", "_by_key", "_digests_to", "_keys_to")

    def __init__(self, items: Iterable[Items] = ()) -> None:
        self._all: list[Items] = list(items)
        self._by_key: dict[str, int] = {}
        self._by_digest: dict[str, int] = {}
        self._keys_to = self._digests_to = 0  # so many slices are in them

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Items]:
        return iter(self._all)

    def add(self, items: Items) -> None:
        """Keep a slice."""
        self._all.append(items)

    def result(self, key: str) -> Result | None:
        """The newest result under a task key."""
        end = len(self._all)
        for number in range(self._keys_to, end):
            self._by_key.update(_numbered(self._all[number].keys, number))
        self._keys_to = end
        place = self._by_key.get(key)
        return None if place is None else self._all[place >> _SHIFT].result(place & _MASK)

    def stored(self, digest: str) -> Stored | None:
        """Where the value with this digest is."""
        place = self._places().get(digest)
        return None if place is None else self._all[place >> _SHIFT].stored(place & _MASK)

    def __contains__(self, digest: str) -> bool:
        """Whether there is a value with this digest."""
        return digest in self._places()

    def _places(self) -> dict[str, int]:
        end = len(self._all)
        for number in range(self._digests_to, end):
            self._by_digest.update(_numbered(self._all[number].digests, number))
        self._digests_to = end
        return self._by_digest


def _numbered(column: str, number: int) -> Iterator[tuple[str, int]]:
    digests = cut(column)
    start = number << _SHIFT
    return zip(digests, range(start, start + len(digests)), strict=True)
