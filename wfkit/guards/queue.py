"""Waiting for a turn: whoever has the lowest rank is let in first (`Turn.rank`), among equals the one who came first.

Works on one event loop. Who may be let in is decided by the guard that owns the queue.
"""

from __future__ import annotations

import heapq
from collections.abc import Awaitable
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio


class Queue:
    """Callers that wait. `wait` ends when `admit` reaches the caller; a caller that gives up leaves no trace."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = count()
        self.waiting = 0

    async def wait(self, rank: float) -> None:
        """Wait until let in. Raises CancelledError when the caller gives up; a turn that it was given is passed on."""
        import asyncio  # costs 50 ms: the loop that runs this has loaded it

        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._heap, (rank, next(self._numbers), turn))
        self.waiting += 1
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.admit()
            raise
        finally:
            self.waiting -= 1

    async def nap(self, rank: float, sleep: Awaitable[None]) -> None:
        """Wait until let in, or until the sleep has ended. Whoever gives up has the next one look at the clock."""
        import asyncio  # the loop that runs this has loaded it

        let_in, slept = asyncio.ensure_future(self.wait(rank)), asyncio.ensure_future(sleep)
        try:
            await asyncio.wait({let_in, slept}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self.admit()
            raise
        finally:
            let_in.cancel()
            slept.cancel()

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
