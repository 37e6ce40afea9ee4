"""Waiting for a turn: whoever is let in first is the most urgent, among equals the one who has waited longest.

Works on one event loop. Who may be let in is decided by the guard that owns the queue.
"""

from __future__ import annotations

import heapq
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

_AGE = 10.0  # seconds of waiting that weigh as much as one step of priority: nothing starves


class Queue:
    """Callers that wait. `wait` ends when `admit` reaches the caller; a caller that gives up leaves no trace."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = count()
        self.waiting = 0

    async def wait(self, priority: int, now: float) -> None:
        """Wait until let in. Raises CancelledError when the caller gives up; a turn that it was given is passed on."""
        import asyncio  # costs 50 ms: the loop that runs this has loaded it

        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._heap, (now - priority * _AGE, next(self._numbers), turn))
        self.waiting += 1
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.admit()
            raise
        finally:
            self.waiting -= 1

    def admit(self) -> bool:
        """Let the next one in; False if nobody waits."""
        while self._heap:
            turn = heapq.heappop(self._heap)[2]
            if not turn.done():
                turn.set_result(None)
                return True
        return False

    def admit_all(self) -> None:
        """Let everybody in, in order."""
        while self.admit():
            pass
