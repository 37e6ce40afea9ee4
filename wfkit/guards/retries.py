"""The retry guard: when a model mostly fails, retries do not multiply the load on it.

A bucket of 100 tokens a model: a transient failure takes 10, a timeout 20, a success gives 1 back. Below half, retries
go one at a time; first questions always pass. The answer to the probe of a breaker fills it: the outage is over.
Source: gRPC proposal A6, "gRPC Retry Design", with costs like AWS's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import field

from wfkit.core.call import Reply
from wfkit.core.frozen import dataclass
from wfkit.core.report import GuardRow
from wfkit.core.terms import FailureKind
from wfkit.errors import CallFailed
from wfkit.guards.queue import Queue
from wfkit.guards.turn import Count, Turn

_FULL = 100.0
_COSTS = {FailureKind.TRANSIENT: 10.0, FailureKind.TIMEOUT: 20.0}


@dataclass(slots=True)
class RetryBucket:
    """The tokens of one model, and whether a retry is under way while they are few."""

    tokens: float = _FULL
    busy: bool = False
    queue: Queue = field(default_factory=Queue)
    count: Count = field(default_factory=Count)

    def admits(self) -> bool:
        """Whether a retry may be sent now."""
        return self.tokens > _FULL / 2 or not self.busy

    def failed(self, kind: FailureKind) -> None:
        """A request failed."""
        self.tokens = max(self.tokens - _COSTS.get(kind, 0.0), 0.0)

    def succeeded(self, probe: bool) -> None:
        """A request was answered; if it was the probe of a breaker, the failures before it say nothing of now."""
        self.tokens = _FULL if probe else min(self.tokens + 1.0, _FULL)


@dataclass(frozen=True, slots=True)
class RetryStatistics:
    """Tokens of one model's bucket (retries are free above 50 of 100), and how many retries wait."""

    tokens: float
    waiting: int
    count: Count

    def row(self, guard: str, about: str) -> GuardRow:
        """As shown."""
        state = f"{self.tokens:.0f} of {_FULL:.0f} tokens"
        state += "" if self.tokens > _FULL / 2 else ", retries go one at a time"
        return GuardRow(guard, about, state, self.count.passed, self.waiting, self.count.waited_s)


class RetryBudget:
    """One bucket a model, for all runs of a process."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buckets: dict[str, RetryBucket] = {}

    def alone(self, model: str) -> bool:
        """Whether retries of this model go one at a time now."""
        bucket = self._buckets.get(model)
        return bucket is not None and bucket.tokens <= _FULL / 2

    async def through(self, model: str, is_retry: bool, call: Callable[[], Awaitable[Reply]], turn: Turn) -> Reply:
        """Make the call; a retry when the model's bucket allows it."""
        bucket = self._buckets.setdefault(model, RetryBucket())
        if is_retry and not bucket.admits():
            await self._wait(model, bucket, turn)
        alone = is_retry and bucket.tokens <= _FULL / 2
        bucket.busy = bucket.busy or alone
        bucket.count.passed += is_retry
        try:
            reply = await call()
            bucket.succeeded(turn.is_probe)
            return reply
        except CallFailed as error:
            bucket.failed(error.failure.kind)
            raise
        finally:
            if alone:
                bucket.busy = False
            if bucket.tokens > _FULL / 2:
                bucket.queue.admit_all()
            elif not bucket.busy:
                bucket.queue.admit()

    async def _wait(self, model: str, bucket: RetryBucket, turn: Turn) -> None:
        with bucket.count.waiting(turn, self._clock, ("retry", model, "it mostly fails: retries go one at a time")):
            while not bucket.admits():
                await bucket.queue.wait(turn.rank(self._clock()))

    def statistics(self) -> dict[str, RetryStatistics]:
        """The bucket of every model that was asked; what has passed are retries only."""
        return {
            model: RetryStatistics(bucket.tokens, bucket.queue.waiting, bucket.count)
            for model, bucket in self._buckets.items()
        }
