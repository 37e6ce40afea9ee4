"""The lease of the database: who may open `wfkit.duckdb`, one process at a time.

The holder has the flock of `store.lock`; who waits for it has the flock of `want.lock`, which the holder looks for
(at most every 50 ms) so that it can give way. The database itself is not touched here.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

from wfkit.store.files import read_file
from wfkit.store.locks import FileLock, is_free, take

LOOK_S = 0.05
_POLL_S = 0.01


class Lease:
    """The right to open the database of a store. Thread-safe; counts nothing: one `release` gives it back."""

    def __init__(self, root: Path) -> None:
        self._path = root / "store.lock"
        self._want = root / "want.lock"
        self._guard = threading.Lock()
        self._lock: FileLock | None = None
        self._looked = 0.0
        self._wanted = False

    @property
    def held(self) -> bool:
        """Whether this process has it."""
        return self._lock is not None and self._lock.held

    def acquire(self, timeout: float = 0.0) -> bool:
        """Get it (again); False when somebody else kept it for `timeout` seconds. Says meanwhile that we want it."""
        if self._try():
            return True
        until = time.monotonic() + timeout
        want: FileLock | None = None
        try:
            while time.monotonic() < until:
                want = want or take(self._want)
                time.sleep(_POLL_S)
                if self._try():
                    return True
        finally:
            if want is not None:
                want.release()
        return False

    def release(self) -> None:
        """Give it back. Twice is harmless."""
        with self._guard:
            if self._lock is not None and self._lock.held:
                os.ftruncate(self._lock.fd, 0)
                self._lock.release()
            self._lock = None

    def wanted(self) -> bool:
        """Whether another process waits for it; looked up at most every 50 ms."""
        now = time.monotonic()
        if now - self._looked >= LOOK_S:
            self._looked = now
            self._wanted = self._want.exists() and not is_free(self._want)
        return self._wanted

    def holder(self) -> int | None:
        """The PID of the process that holds it, as it wrote it; None when nobody does, or it is not known."""
        if is_free(self._path):
            return None
        with suppress(ValueError):
            return int(read_file(self._path) or b"")
        return None

    def _try(self) -> bool:
        with self._guard:
            if self.held:
                return True
            self._lock = take(self._path)
            if self._lock is None:
                return False
            with suppress(OSError):  # on a full disk the lock still holds, only the holder's number is not known
                os.ftruncate(self._lock.fd, 0)
                os.write(self._lock.fd, b"%d\n" % os.getpid())
            self._looked, self._wanted = time.monotonic(), False
            return True
