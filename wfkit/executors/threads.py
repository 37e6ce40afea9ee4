"""Worker threads for Python bodies: started on demand, kept, daemonic. Which body runs where is decided elsewhere.

A thread cannot be killed: `replace` lets the pool grow by one when a body is abandoned past its deadline.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue


class Threads:
    """At most `size` threads that take jobs from one queue. A job must not raise."""

    def __init__(self, size: int, name: str = "wfkit") -> None:
        self.size = size
        self._name = name
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0
        self._alive = 0

    def submit(self, job: Callable[[], None]) -> None:
        """Run a job on an idle thread, or on a new one while there are fewer than `size`, else when one gets free."""
        with self._lock:
            if self._idle > 0:
                self._idle -= 1
            elif self._alive < self.size:
                self._alive += 1
                threading.Thread(target=self._work, name=f"{self._name}-{self._alive}", daemon=True).start()
        self._jobs.put(job)

    def replace(self) -> None:
        """Allow one more thread, because one is held by a body that was given up."""
        with self._lock:
            self.size += 1

    def close(self) -> None:
        """Let idle threads end; busy ones end after their job."""
        with self._lock:
            alive, self._alive = self._alive, 0
        for _ in range(alive):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            with self._lock:
                self._idle += 1
