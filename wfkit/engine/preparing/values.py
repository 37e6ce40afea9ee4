"""Values in memory between tasks, by value digest. What is not here is loaded from the store when a body needs it.

Only what nobody can change is shared: numbers, texts, dates. All else is decoded anew for every reader, because whoever
made it, or reads it, may change it in place; large arrays and frames without a copy, over bytes that nobody can write
to. Values that cannot be stored live only here.
"""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any
from weakref import WeakValueDictionary

from wfkit.core.columns import Items
from wfkit.core.promises import Store
from wfkit.core.result import Stored
from wfkit.core.slices import Slices
from wfkit.errors import ValueFault
from wfkit.keys.content.files import unseen
from wfkit.keys.mutation import is_shareable

_BUDGET_BYTES = 256 * 1024 * 1024
_PER_ITEM = 200  # bytes of an item in columns besides its payload, roughly


class Held:
    """A value that the store does not have. It is there as long as the run that made it."""

    __slots__ = ("__weakref__", "value")

    def __init__(self, value: Any) -> None:
        self.value = value


class Values:
    """A bounded, thread-safe map from digest to value. Pinned values live as long as the runs that hold them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._live: OrderedDict[str, tuple[Any, int]] = OrderedDict()
        self._pinned: WeakValueDictionary[str, Held] = WeakValueDictionary()
        self._slices = Slices()
        self._bytes = 0

    def keep(self, digest: str, value: Any, stored: Stored | None = None) -> None:
        """Remember a value, or where it is stored if it must not be shared; those kept longest make room."""
        if is_shareable(value):
            kept, size = value, stored.size if stored is not None else _weight(value)
        elif stored is not None:
            kept, size = stored, len(stored.inline or "")
        else:
            return
        with self._lock:
            old = self._live.pop(digest, None)
            self._bytes += size - (old[1] if old else 0)
            self._live[digest] = (kept, size)
            while self._bytes > _BUDGET_BYTES and len(self._live) > 1:
                self._bytes -= self._live.popitem(last=False)[1][1]

    def keep_items(self, items: Items) -> None:
        """Remember where the values of a slice of items are."""
        with self._lock:
            self._slices.add(items)
            self._bytes += sum(items.sizes) + _PER_ITEM * len(items)
            if self._bytes > _BUDGET_BYTES:
                slices = list(self._slices)
                old, self._slices = slices[: len(slices) // 4], Slices(slices[len(slices) // 4 :])
                self._bytes -= sum(sum(each.sizes) + _PER_ITEM * len(each) for each in old)

    def pin(self, digest: str, value: Any) -> Held:
        """Remember a value that only this process has, as long as somebody keeps what is returned."""
        with self._lock:
            held = self._pinned[digest] = Held(value)
        return held

    def is_held(self, digest: str) -> bool:
        """Whether a value is here because it could not be stored."""
        return digest in self._pinned

    def has(self, digest: str) -> bool:
        """Whether the value is in memory."""
        return digest in self._live or digest in self._pinned or digest in self._slices

    def get(self, digest: str, frozen: bool = False) -> Any:
        """The value, from memory or the store; `frozen`: nobody writes to the memory of an array. Raises
        ValueFault.
        """
        found = self._live.get(digest)
        if found is not None:
            if type(found[0]) is not Stored:
                return found[0]
            with unseen():  # a file that is brought back is no read or write of a body that runs meanwhile
                return self._store.decode(found[0], frozen)
        held = self._pinned.get(digest)
        if held is not None:
            return held.value
        stored = self._slices.stored(digest)
        with unseen():
            if stored is not None:
                return self._store.decode(stored, frozen)
            value = self._store.get(digest, frozen)
        self.keep(digest, value)
        return value

    def loads(self, digest: str) -> bool:
        """Whether the value can be had."""
        try:
            self.get(digest)
        except ValueFault:
            return False
        return True

    def fetch(self, digests: Sequence[str]) -> None:
        """Have values that are not in memory at hand for the next `get`, in one query. Raises ValueFault."""
        absent = [digest for digest in dict.fromkeys(digests) if not self.has(digest)]
        if absent:
            self._store.get_many(absent)

    def get_many(self, digests: Sequence[str]) -> list[Any]:
        """Many values in order, those from the store in one query."""
        absent = [digest for digest in dict.fromkeys(digests) if not self.has(digest)]
        with unseen():
            loaded = dict(zip(absent, self._store.get_many(absent), strict=True)) if absent else {}
        return [loaded[digest] if digest in loaded else self.get(digest) for digest in digests]

    def copy(self, digest: str) -> Any:
        """A value for the user to keep: a new copy, except for what cannot be stored."""
        held = self._pinned.get(digest)
        if held is not None:
            return held.value
        with unseen():
            return self._store.get(digest)

    def copies(self, digests: Sequence[str]) -> list[Any]:
        """New copies of many values, in order, those of the store in one query; equal values are separate objects."""
        held = {digest: found for digest in digests if (found := self._pinned.get(digest)) is not None}
        loaded = iter(self._store.get_many([digest for digest in digests if digest not in held]))
        return [held[digest].value if digest in held else next(loaded) for digest in digests]


def _weight(value: Any) -> int:
    """Bytes that a loaded value takes, roughly: containers count without what they hold, frames with their columns."""
    size = getattr(value, "nbytes", None)
    return size if isinstance(size, int) else sys.getsizeof(value)
