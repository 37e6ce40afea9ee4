"""The one background thread with an asyncio loop. The only bridge between synchronous callers and coroutines.

It is started when the first coroutine needs it, so that runs of Python nodes alone never import asyncio.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from wfkit.interrupts import held_back

if TYPE_CHECKING:
    import asyncio
    from concurrent.futures import Future
    from contextvars import Context


class LoopThread:
    """A daemon thread that runs one event loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ident: int | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop, started if it is not running."""
        with self._lock:
            if self._loop is None or self._loop.is_closed():
                with held_back():
                    self._loop = self._start()
            return self._loop

    def _start(self) -> asyncio.AbstractEventLoop:
        import asyncio  # costs 50 ms: only when a coroutine must run

        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="wfkit-loop", daemon=True)
        thread.start()
        self._ident = thread.ident
        return loop

    def is_here(self) -> bool:
        """Whether the calling thread is the loop's."""
        return threading.get_ident() == self._ident

    def spawn(self, coroutine: Coroutine[Any, Any, Any], context: Context) -> None:
        """Start a coroutine as a task in this context; its errors must be handled inside it."""
        loop = self.loop
        loop.call_soon_threadsafe(lambda: _keep(loop.create_task(coroutine, context=context)))

    def submit(self, coroutine: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Start a coroutine and return its concurrent future."""
        import asyncio  # loaded already by the loop

        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def call_at(self, delay_s: float, call: Callable[[], Any]) -> None:
        """Call from the loop's thread after so many seconds."""
        loop = self.loop
        loop.call_soon_threadsafe(lambda: loop.call_later(max(0.0, delay_s), call))


_tasks: set[Any] = set()


def _keep(task: Any) -> None:
    """Hold a reference until the task ends: the loop itself has weak ones only."""
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


shared = LoopThread()
