"""The pool guard: a bounded number of calls at once for each provider, fewer while it says that it is too many.

The number of seats grows by one with success and shrinks with refusals and timeouts (additive increase, multiplicative
decrease: Chiu and Jain 1989). Works on one event loop; waiting costs no request and no money.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import field
from typing import TypeVar

from wfkit.core.call import NEVER_SENT, Failure
from wfkit.core.decision import Decision
from wfkit.core.frozen import dataclass
from wfkit.core.report import GuardRow
from wfkit.core.terms import Act, FailureKind
from wfkit.errors import CallFailed
from wfkit.guards.queue import Queue
from wfkit.guards.turn import Count, Turn

Answer = TypeVar("Answer")
_SHRINK = {FailureKind.RATE_LIMITED: 0.5, FailureKind.TIMEOUT: 0.9}
_OVERLOADED = 529
_COOLDOWN_S = 1.0  # refusals of one burst shrink the pool once
_MOST_WAITING = 10_000  # callers of one provider: each holds its prompt in memory


@dataclass(frozen=True, slots=True)
class PoolStatistics:
    """Seats of one provider: how many there are at most and now, how many are taken and how many callers wait."""

    size: int
    seats: int
    in_use: int
    waiting: int
    count: Count

    def row(self, guard: str, about: str) -> GuardRow:
        """As shown."""
        state = f"{self.in_use} of {self.seats} seats taken"
        state += f" (at most {self.size})" if self.seats < self.size else ""
        count = self.count
        return GuardRow(guard, about, state, count.passed, self.waiting, count.waited_s, count.refused)


@dataclass(slots=True)
class _Pool:
    seats: float
    in_use: int = 0
    calm_until: float = 0.0
    told: int = 0  # seats when somebody was told of them last
    queue: Queue = field(default_factory=Queue)
    count: Count = field(default_factory=Count)


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
            pool.told = int(pool.seats)
        self.size = size
        for pool in self._pools.values():
            self._fill(pool)

    def seats(self, provider: str) -> int | None:
        """How many seats a provider has now; None before it was asked."""
        pool = self._pools.get(provider)
        return None if pool is None else int(pool.seats)

    async def through(self, provider: str, call: Callable[[], Awaitable[Answer]], turn: Turn) -> Answer:
        """Make the call when a seat of the provider is free. The seat comes back however the call ends.

        Raises CallFailed (unavailable) where too many wait already.
        """
        pool = self._pools.setdefault(provider, _Pool(self.size, told=self.size))
        if pool.in_use >= int(pool.seats):
            await self._wait(pool, provider, turn)
        pool.in_use += 1
        pool.count.passed += 1
        try:
            answer = await call()
        except CallFailed as error:
            self._shrink(pool, provider, error.failure, turn)
            raise
        else:
            self._grow(pool, provider, turn)
            return answer
        finally:
            pool.in_use -= 1
            self._fill(pool)

    async def _wait(self, pool: _Pool, provider: str, turn: Turn) -> None:
        if pool.queue.waiting >= _MOST_WAITING:
            pool.count.refused += 1
            failure = _crowded(provider)
            turn.tell(Decision("pool", provider, Act.REFUSED, failure.message))
            raise CallFailed(failure)
        with pool.count.waiting(turn, self._clock, ("pool", provider, f"all {int(pool.seats)} seats were taken")):
            while pool.in_use >= int(pool.seats):
                await pool.queue.wait(turn.rank(self._clock()))

    def _shrink(self, pool: _Pool, provider: str, failure: Failure, turn: Turn) -> None:
        factor = 0.9 if failure.status == _OVERLOADED else _SHRINK.get(failure.kind)
        now = self._clock()
        if factor is None or now < pool.calm_until:
            return
        before = int(pool.seats)
        pool.seats = max(1.0, pool.seats * factor)
        pool.calm_until = now + _COOLDOWN_S
        pool.told = int(pool.seats)
        if pool.told < before:
            reason = f"from {before} to {pool.told} seats: {failure.kind.replace('_', ' ')}"
            turn.tell(Decision("pool", provider, Act.SHRUNK, reason))

    def _grow(self, pool: _Pool, provider: str, turn: Turn) -> None:
        if pool.seats >= self.size or pool.in_use < pool.seats / 2:
            return
        pool.seats = min(pool.seats + 1 / max(pool.seats, 1.0), self.size)
        seats = int(pool.seats)
        if seats > pool.told and (seats == self.size or seats >= 2 * pool.told):  # not each seat by itself
            turn.tell(Decision("pool", provider, Act.GROWN, f"from {pool.told} to {seats} seats: calls go well"))
            pool.told = seats

    @staticmethod
    def _fill(pool: _Pool) -> None:
        free = int(pool.seats) - pool.in_use
        while free > 0 and pool.queue.admit():
            free -= 1

    def statistics(self) -> dict[str, PoolStatistics]:
        """The state of every pool that was used."""
        return {
            provider: PoolStatistics(self.size, int(pool.seats), pool.in_use, pool.queue.waiting, pool.count)
            for provider, pool in self._pools.items()
        }


def _crowded(provider: str) -> Failure:
    hint = "ask fewer questions at once, for instance with `each` instead of one node that asks them all"
    message = f"{_MOST_WAITING:,} calls wait for a seat of {provider} already; nothing was sent; {hint}"
    return Failure(FailureKind.UNAVAILABLE, NEVER_SENT, message, hint=hint)
