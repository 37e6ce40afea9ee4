"""The pool guard: a bounded number of calls at once for each provider, so that a slow one cannot take every seat.

Works on one event loop; waiting costs no request and no money.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from wfkit.core.frozen import dataclass

if TYPE_CHECKING:
    import asyncio

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class PoolStatistics:
    """Seats of one provider: how many there are, how many are taken and how many callers wait."""

    size: int
    in_use: int
    waiting: int


class Pools:
    """One semaphore a provider, made when first asked for. `resize` holds for calls that come after it."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._seats: dict[str, asyncio.Semaphore] = {}
        self._in_use: dict[str, int] = {}
        self._waiting: dict[str, int] = {}

    def resize(self, size: int) -> None:
        """Have so many seats from now on. Calls that are under way keep the seats that they took before."""
        if size != self.size:
            self.size = size
            self._seats = {}

    async def through(self, provider: str, call: Callable[[], Awaitable[Answer]]) -> Answer:
        """Make the call when a seat of the provider is free. The seat comes back however the call ends."""
        import asyncio  # costs 50 ms: the loop that runs this has loaded it

        seats = self._seats.setdefault(provider, asyncio.Semaphore(self.size))
        self._waiting[provider] = self._waiting.get(provider, 0) + 1
        try:
            await seats.acquire()
        finally:
            self._waiting[provider] -= 1
        self._in_use[provider] = self._in_use.get(provider, 0) + 1
        try:
            return await call()
        finally:
            self._in_use[provider] -= 1
            seats.release()

    def statistics(self) -> dict[str, PoolStatistics]:
        """The state of every pool that was used."""
        return {
            provider: PoolStatistics(self.size, self._in_use.get(provider, 0), self._waiting.get(provider, 0))
            for provider in self._seats
        }
