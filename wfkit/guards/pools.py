"""The pool guard: a bounded number of calls at once for each provider, fewer while it says that it is too many.

The number of seats grows by one with success and shrinks with refusals and timeouts (additive increase, multiplicative
decrease: Chiu and Jain 1989). Works on one event loop; waiting costs no request and no money.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import field
from typing import TypeVar

from wfkit.core.call import Failure
from wfkit.core.frozen import dataclass
from wfkit.core.terms import FailureKind
from wfkit.errors import CallFailed
from wfkit.guards.queue import Queue

Answer = TypeVar("Answer")
_SHRINK = {FailureKind.RATE_LIMITED: 0.5, FailureKind.TIMEOUT: 0.9}
_OVERLOADED = 529
_COOLDOWN_S = 1.0  # refusals of one burst shrink the pool once


@dataclass(frozen=True, slots=True)
class PoolStatistics:
    """Seats of one provider: how many there are at most and now, how many are taken and how many callers wait."""

    size: int
    seats: int
    in_use: int
    waiting: int


@dataclass(slots=True)
class _Pool:
    seats: float
    in_use: int = 0
    calm_until: float = 0.0
    queue: Queue = field(default_factory=Queue)


class Pools:
    """One pool a provider, made when first asked for. `size` is the most seats that one has."""

    def __init__(self, size: int, clock: Callable[[], float]) -> None:
        self.size = size
        self._clock = clock
        self._pools: dict[str, _Pool] = {}

    def resize(self, size: int) -> None:
        """Have so many seats from now on. Calls that are under way keep the seats that they took before."""
        for pool in self._pools.values():
            pool.seats = size if pool.seats >= self.size else min(pool.seats, size)
        self.size = size
        for pool in self._pools.values():
            self._fill(pool)

    async def through(self, provider: str, call: Callable[[], Awaitable[Answer]], priority: int = 0) -> Answer:
        """Make the call when a seat of the provider is free. The seat comes back however the call ends."""
        pool = self._pools.setdefault(provider, _Pool(self.size))
        while pool.in_use >= int(pool.seats):
            await pool.queue.wait(priority, self._clock())
        pool.in_use += 1
        try:
            answer = await call()
        except CallFailed as error:
            self._shrink(pool, error.failure)
            raise
        else:
            if pool.in_use >= pool.seats / 2:
                pool.seats = min(pool.seats + 1 / max(pool.seats, 1.0), self.size)
            return answer
        finally:
            pool.in_use -= 1
            self._fill(pool)

    def _shrink(self, pool: _Pool, failure: Failure) -> None:
        factor = 0.9 if failure.status == _OVERLOADED else _SHRINK.get(failure.kind)
        now = self._clock()
        if factor is not None and now >= pool.calm_until:
            pool.seats = max(1.0, pool.seats * factor)
            pool.calm_until = now + _COOLDOWN_S

    @staticmethod
    def _fill(pool: _Pool) -> None:
        free = int(pool.seats) - pool.in_use
        while free > 0 and pool.queue.admit():
            free -= 1

    def statistics(self) -> dict[str, PoolStatistics]:
        """The state of every pool that was used."""
        return {
            provider: PoolStatistics(self.size, int(pool.seats), pool.in_use, pool.queue.waiting)
            for provider, pool in self._pools.items()
        }
