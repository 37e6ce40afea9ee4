"""Single flight: of all processes and threads, one at a time may make the call of a key.

A key is a file with a flock, so a right is gone with its process. Nothing waits here, and what a key means is not
known.
"""

from __future__ import annotations

import re
import threading
from pathlib import Path

from blake3 import blake3

from wfkit.store.files import make_folder
from wfkit.store.locks import FileLock, take

FOLDER = "flights"
_PLAIN = re.compile(r"[0-9a-f]{32}")


class FileFlight:
    """The right to a key, among all processes."""

    __slots__ = ("_lock",)

    def __init__(self, lock: FileLock) -> None:
        self._lock = lock

    def release(self) -> None:
        """Give the right back. Twice is harmless."""
        self._lock.release(unlink=True)


class Flights:
    """The flights of a store on disk."""

    def __init__(self, root: Path) -> None:
        self._folder = root / FOLDER
        self._made = False

    def take(self, key: str) -> FileFlight | None:
        """The right to a key, or None while somebody else (another thread of ours, too) has it. About 20 µs."""
        if not self._made:
            make_folder(self._folder)
            self._made = True
        name = key if _PLAIN.fullmatch(key) else str(blake3(key.encode("utf-8", "surrogatepass")).hexdigest(length=16))
        lock = take(f"{self._folder}/{name}")
        return FileFlight(lock) if lock else None


class LocalFlight:
    """The right to a key, within this process."""

    __slots__ = ("_flights", "_key")

    def __init__(self, flights: LocalFlights, key: str) -> None:
        self._flights: LocalFlights | None = flights
        self._key = key

    def release(self) -> None:
        """Give the right back. Twice is harmless."""
        flights, self._flights = self._flights, None
        if flights is not None:
            flights.put_back(self._key)


class LocalFlights:
    """The flights of a store in memory."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held: set[str] = set()

    def take(self, key: str) -> LocalFlight | None:
        """The right to a key, or None while somebody else has it."""
        with self._guard:
            if key in self._held:
                return None
            self._held.add(key)
        return LocalFlight(self, key)

    def put_back(self, key: str) -> None:
        """Free a key."""
        with self._guard:
            self._held.discard(key)
