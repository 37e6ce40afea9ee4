"""Worker threads for Python bodies: started on demand, kept, daemonic. Which body runs where is decided elsewhere.

A thread cannot be killed: `replace` lets the pool grow by one when a body is abandoned past its deadline.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import copy_context
from queue import SimpleQueue
from typing import TYPE_CHECKING, TypeVar

from wfkit.interrupts import held_back

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")


class Threads:
    """At most `size` threads that take jobs from one queue. A job must not raise."""

    def __init__(self, size: int, name: str = "wfkit") -> None:
        self.size = size
        self._name = name
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0  # threads that wait for a job
        self._queued = 0  # jobs that wait for a thread
        self._alive = 0

    def submit(self, job: Callable[[], None]) -> None:
        """Run a job on an idle thread, or on a new one while there are fewer than `size`, else when one gets free."""
        with held_back(), self._lock:
            if self._queued >= self._idle and self._alive < self.size:
                name = f"{self._name}-{self._alive + 1}"
                threading.Thread(target=self._work, args=(self._jobs,), name=name, daemon=True).start()
                self._alive += 1
                self._idle += 1
            self._queued += 1
            self._jobs.put(job)

    def grow(self, size: int) -> None:
        """Allow at least so many threads. How many bodies run at once is decided elsewhere."""
        with self._lock:
            self.size = max(self.size, size)

    def replace(self) -> None:
        """Allow one more thread, because one is held by a body that was given up."""
        with self._lock:
            self.size += 1

    def close(self) -> None:
        """Let idle threads end; busy ones end after their job."""
        with self._lock:
            for _ in range(self._alive):
                self._jobs.put(None)
            self._alive = self._idle = self._queued = 0
            self._jobs = SimpleQueue()  # whoever submits from now on starts threads of its own

    def _work(self, jobs: SimpleQueue[Callable[[], None] | None]) -> None:
        while (job := jobs.get()) is not None:
            self._count(jobs, idle=-1, queued=-1)
            job()
            del job  # it leads to all values of its run, and the next one may be long in coming
            self._count(jobs, idle=1)

    def _count(self, jobs: SimpleQueue[Callable[[], None] | None], idle: int, queued: int = 0) -> None:
        with self._lock:
            if jobs is self._jobs:  # else it was closed, and this thread is about to end
                self._idle += idle
                self._queued += queued


async def on_own_thread(job: Callable[[], T], name: str) -> T:
    """What a job returns that a thread of its own does, in a copy of this context. It must not raise. A thread that
    nobody waits for any more goes on by itself, and holds up nobody."""
    import asyncio  # the loop that runs this has loaded it

    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()
    context = copy_context()

    def work() -> None:
        loop.call_soon_threadsafe(_resolve, done, context.run(job))

    threading.Thread(target=work, name=name, daemon=True).start()
    return await done


def _resolve(done: asyncio.Future[T], value: T) -> None:
    if not done.done():
        done.set_result(value)
