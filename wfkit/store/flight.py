"""Single flight: of all processes and threads, one at a time may make the call of a key.

A key is a byte of one file that is locked while its flight lasts, so a right is gone with its process; where there are
no such locks it is a file of its own. Nothing waits here, and what a key means is not known.
"""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Protocol

from blake3 import blake3

from wfkit.store.files import make_folder
from wfkit.store.locks import FileLock, Ranges, open_ranges, take

FILE = "flights.lock"
FOLDER = "flights"
_PLAIN = re.compile(r"[0-9a-f]{32}")
_PLACES = 2**62


class _Keys(Protocol):
    def put_back(self, key: str) -> None: ...


class HeldFlight:
    """The right to a key."""

    __slots__ = ("_keys", "key")

    def __init__(self, keys: _Keys, key: str) -> None:
        self._keys: _Keys | None = keys
        self.key = key

    def release(self) -> None:
        """Give the right back. Twice is harmless."""
        keys, self._keys = self._keys, None
        if keys is not None:
            keys.put_back(self.key)


class Flights:
    """The flights of a store on disk: first within this process, then among all."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._guard = threading.Lock()
        self._bytes: Ranges | None = None
        self._has_bytes = True
        self._held: dict[str, FileLock | int] = {}

    def take(self, key: str) -> HeldFlight | None:
        """The right to a key, or None while somebody else (another thread of ours, too) has it. About 4 µs."""
        name = key if _PLAIN.fullmatch(key) else str(blake3(key.encode("utf-8", "surrogatepass")).hexdigest(length=16))
        with self._guard:
            if self._bytes is None or not self._bytes.ours:
                self._open()
            if name in self._held:
                return None
            lock = self._lock(name)
            if lock is None:
                return None
            self._held[name] = lock
        return HeldFlight(self, name)

    def put_back(self, key: str) -> None:
        """Free a key."""
        with self._guard:
            lock = self._held.pop(key, None)
            if isinstance(lock, FileLock):
                lock.release(unlink=True)
            elif lock is not None and self._bytes is not None:
                self._bytes.free(lock)

    def close(self) -> None:
        """Let go of the file, and of all rights."""
        with self._guard:
            for lock in self._held.values():
                if isinstance(lock, FileLock):
                    lock.release(unlink=True)
            self._held.clear()
            if self._bytes is not None:
                self._bytes.close()
                self._bytes = None

    def _open(self) -> None:
        """At the first flight, and in a forked child, which has none of its parent's."""
        if self._bytes is not None:
            self._held.clear()
        self._bytes = open_ranges(self._root / FILE) if self._has_bytes else None
        if self._bytes is None and self._has_bytes:
            self._has_bytes = False
            make_folder(self._root / FOLDER)

    def _lock(self, name: str) -> FileLock | int | None:
        if self._bytes is None:
            return take(f"{self._root}/{FOLDER}/{name}")
        place = int(name, 16) % _PLACES  # two keys on one place only wait for one another
        return place if self._bytes.take(place) else None


class LocalFlights:
    """The flights of a store in memory."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held: set[str] = set()

    def take(self, key: str) -> HeldFlight | None:
        """The right to a key, or None while somebody else has it."""
        with self._guard:
            if key in self._held:
                return None
            self._held.add(key)
        return HeldFlight(self, key)

    def put_back(self, key: str) -> None:
        """Free a key."""
        with self._guard:
            self._held.discard(key)
