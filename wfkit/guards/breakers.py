"""The breaker guard: a model that keeps failing is left alone for a while, then tried with exactly one call.

`Breaker` is the state machine, without a loop; `Breakers` lets callers wait. A rate limit is no failure here (`rates`),
and neither is a request that was wrong. Source: M. Nygard, Release It!, "Circuit Breaker".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum

from wfkit.core.call import NEVER_SENT, Failure, Reply
from wfkit.core.frozen import dataclass
from wfkit.core.terms import FailureKind
from wfkit.errors import CallFailed
from wfkit.guards.queue import Queue

_FEEDS = frozenset({FailureKind.TRANSIENT, FailureKind.TIMEOUT})
_ANSWERS = frozenset(  # not the wanted one, but the model is there
    {
        FailureKind.RATE_LIMITED,
        FailureKind.INVALID_REQUEST,
        FailureKind.INVALID_OUTPUT,
        FailureKind.TRUNCATED,
        FailureKind.REFUSED,
        FailureKind.EMPTY,
    }
)
_IN_A_ROW = 5  # failures without a success between them
_WINDOW = 20  # the newest outcomes ...
_SHARE = 0.5  # ... of which so many failed
_FIRST_S, _LONGEST_S, _QUOTA_S = 2.0, 60.0, 3600.0


class State(StrEnum):
    """Closed: all pass. Open: none passes. Half-open: one is under way to find out."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """The state of one model. Times are seconds of the caller's clock."""

    def __init__(self) -> None:
        self.state = State.CLOSED
        self.opens_until = 0.0
        self.because: FailureKind | None = None
        self.opened = 0
        self._wait_s = _FIRST_S
        self._row = 0
        self._outcomes: list[bool] = []

    def admits(self, now: float) -> bool:
        """Whether one more call may be sent now. In the open state, after its time, this makes the caller the probe."""
        if self.state is State.CLOSED:
            return True
        if self.state is State.HALF_OPEN or now < self.opens_until:
            return False
        self.state = State.HALF_OPEN
        return True

    def succeeded(self) -> None:
        """A call was answered. Only the probe closes an open breaker: others were sent before it opened."""
        if self.state is State.OPEN:
            return
        self.state, self.because, self._wait_s = State.CLOSED, None, _FIRST_S
        self._row = 0
        self._outcomes = [*self._outcomes[1 - _WINDOW :], True]

    def failed(self, kind: FailureKind, now: float, retry_after_s: float | None = None) -> None:
        """A call failed. An empty quota opens at once, until it is reset or for an hour."""
        if kind is FailureKind.QUOTA:
            self._open(kind, now + (_QUOTA_S if retry_after_s is None else retry_after_s))
        elif self.state is State.HALF_OPEN:
            self._wait_s = min(self._wait_s * 2, _LONGEST_S)
            self._open(kind, now + max(self._wait_s, retry_after_s or 0.0))
        elif self.state is State.CLOSED:
            self._row += 1
            self._outcomes = [*self._outcomes[1 - _WINDOW :], False]
            full = len(self._outcomes) == _WINDOW and self._outcomes.count(False) >= _WINDOW * _SHARE
            if self._row >= _IN_A_ROW or full:
                self._open(kind, now + max(self._wait_s, retry_after_s or 0.0))

    def gave_up(self, now: float) -> None:
        """The probe ended without an outcome (cancelled, or refused by another guard): the next caller is the probe."""
        if self.state is State.HALF_OPEN:
            self.state, self.opens_until = State.OPEN, now

    def _open(self, kind: FailureKind, until: float) -> None:
        self.state, self.opens_until, self.because = State.OPEN, until, kind
        self.opened += 1
        self._row, self._outcomes = 0, []


@dataclass(frozen=True, slots=True)
class BreakerStatistics:
    """The breaker of one model: its state, seconds until the next probe, how often it opened, who waits."""

    state: State
    reopens_in_s: float
    opened: int
    waiting: int


class Breakers:
    """One breaker a model, for all runs of a process. `sleep` waits, `clock` tells seconds that never go back."""

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self._clock, self._sleep = clock, sleep
        self._breakers: dict[str, Breaker] = {}
        self._queues: dict[str, Queue] = {}

    async def through(
        self, model: str, priority: int, patience_s: float, call: Callable[[], Awaitable[Reply]]
    ) -> Reply:
        """Make the call when the model's breaker lets it pass.

        While it is open, waits up to `patience_s` seconds; nobody sends meanwhile but the probe. Raises CallFailed:
        quota at once, unavailable when the patience is over.
        """
        breaker = self._breakers.setdefault(model, Breaker())
        if breaker.state is not State.CLOSED:
            await self._wait(model, breaker, priority, patience_s)
        try:
            reply = await call()
        except CallFailed as error:
            self._failed(model, breaker, error.failure)
            raise
        except BaseException:
            breaker.gave_up(self._clock())
            self._queue(model).admit()
            raise
        was = breaker.state
        breaker.succeeded()
        if was is not State.CLOSED and breaker.state is State.CLOSED:
            self._queue(model).admit_all()
        return reply

    def _failed(self, model: str, breaker: Breaker, failure: Failure) -> None:
        if failure.kind in _FEEDS or failure.kind is FailureKind.QUOTA:
            breaker.failed(failure.kind, self._clock(), failure.retry_after_s)
        elif failure.kind in _ANSWERS:
            breaker.succeeded()
        else:
            breaker.gave_up(self._clock())
        if breaker.state is State.CLOSED:
            self._queue(model).admit_all()
        else:
            self._queue(model).admit()  # the next one finds out how long there is to wait now

    async def _wait(self, model: str, breaker: Breaker, priority: int, patience_s: float) -> None:
        import asyncio  # costs 50 ms: the loop that runs this has loaded it

        end = self._clock() + patience_s
        while not breaker.admits(self._clock()):
            now = self._clock()
            if breaker.because is FailureKind.QUOTA and breaker.state is State.OPEN:
                raise CallFailed(_no_quota(model, breaker.opens_until - now))
            if now >= end or (breaker.state is State.OPEN and breaker.opens_until > end):
                raise CallFailed(_unavailable(model, max(breaker.opens_until - now, 0.0)))
            until = breaker.opens_until if breaker.state is State.OPEN else end
            turn = asyncio.ensure_future(self._queue(model).wait(priority, now))
            nap = asyncio.ensure_future(self._sleep(max(min(until, end) - now, 0.0)))
            try:
                await asyncio.wait({turn, nap}, return_when=asyncio.FIRST_COMPLETED)
            except asyncio.CancelledError:
                self._queue(model).admit()  # somebody must watch the clock
                raise
            finally:
                turn.cancel()
                nap.cancel()

    def _queue(self, model: str) -> Queue:
        return self._queues.setdefault(model, Queue())

    def statistics(self) -> dict[str, BreakerStatistics]:
        """The breaker of every model that was asked."""
        now = self._clock()
        return {
            model: BreakerStatistics(
                breaker.state,
                max(breaker.opens_until - now, 0.0) if breaker.state is State.OPEN else 0.0,
                breaker.opened,
                self._queue(model).waiting,
            )
            for model, breaker in self._breakers.items()
        }


def _unavailable(model: str, wait_s: float) -> Failure:
    hint = "wait, or name another model in `fallback`"
    message = f"{model} keeps failing and is left alone for {wait_s:.0f} s more; nothing was sent; {hint}"
    return Failure(FailureKind.UNAVAILABLE, NEVER_SENT, message, retry_after_s=wait_s, hint=hint)


def _no_quota(model: str, wait_s: float) -> Failure:
    hint = "raise the limit or the balance at the provider, or choose another model"
    message = f"the quota of {model} is used up (next try in {wait_s:.0f} s); nothing was sent; {hint}"
    return Failure(FailureKind.QUOTA, NEVER_SENT, message, hint=hint)
