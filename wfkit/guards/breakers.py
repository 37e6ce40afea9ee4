"""The breaker guard: a model that keeps failing is left alone for a while, then tried with exactly one call.

`Breaker` is the state machine, without a loop; `Breakers` lets callers wait. A rate limit is no failure here (`rates`),
and neither is a request that was wrong. Source: M. Nygard, Release It!, "Circuit Breaker".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import field
from enum import StrEnum

from wfkit.core.call import NEVER_SENT, Failure, Reply
from wfkit.core.decision import Decision
from wfkit.core.frozen import dataclass
from wfkit.core.report import GuardRow
from wfkit.core.terms import Act, FailureKind
from wfkit.errors import CallFailed
from wfkit.guards.queue import Queue
from wfkit.guards.turn import Count, Turn, TurnedBack

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
_FIRST_S, _LONGEST_S, _QUOTA_S = 2.0, 10.0, 3600.0  # a probe is one request: all else waits for it


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
    count: Count

    def row(self, guard: str, about: str) -> GuardRow:
        """As shown."""
        state = self.state.replace("_", "-")
        state += f", next probe in {self.reopens_in_s:.0f} s" if self.state is State.OPEN else ""
        state += f", opened {self.opened} times" if self.opened > 1 else ", opened once" if self.opened else ""
        count = self.count
        return GuardRow(guard, about, state, count.passed, self.waiting, count.waited_s, count.refused)


@dataclass(slots=True)
class _Watched:
    """The breaker of one model, and who waits for it."""

    model: str
    breaker: Breaker = field(default_factory=Breaker)
    queue: Queue = field(default_factory=Queue)
    count: Count = field(default_factory=Count)


class Breakers:
    """One breaker a model, for all runs of a process. `sleep` waits, `clock` tells seconds that never go back."""

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self._clock, self._sleep = clock, sleep
        self._watched: dict[str, _Watched] = {}

    async def through(self, model: str, call: Callable[[], Awaitable[Reply]], turn: Turn) -> Reply:
        """Make the call when the model's breaker lets it pass.

        While it is open, waits up to `patience_s` seconds of the turn; nobody sends meanwhile but the probe. Raises
        CallFailed: quota at once, unavailable when the patience is over.
        """
        watched = self._watched.setdefault(model, _Watched(model))
        left_s = turn.patience_s
        while True:
            if watched.breaker.state is not State.CLOSED:
                left_s -= await self._wait(watched, left_s, turn)
            watched.count.passed += 1
            try:
                return self._answered(watched, await call(), turn)
            except TurnedBack as back:
                self._gave_up(watched, turn)
                watched.count.passed -= 1
                if back.by != "breaker":
                    raise
            except CallFailed as error:
                self._failed(watched, error.failure, turn)
                raise
            except BaseException:
                self._gave_up(watched, turn)
                raise

    def stands(self, model: str, turn: Turn) -> bool:
        """Whether a call that was let pass may still be sent: it has waited for other guards since."""
        watched = self._watched.get(model)
        return watched is None or watched.breaker.state is State.CLOSED or turn.is_probe

    def room(self, model: str) -> tuple[int, float] | None:
        """How many calls may be sent now, and seconds until more may; None: no bound. An empty quota bounds nothing:
        calls are refused at once."""
        watched = self._watched.get(model)
        if watched is None or watched.breaker.state is State.CLOSED or watched.breaker.because is FailureKind.QUOTA:
            return None
        return 0, max(watched.breaker.opens_until - self._clock(), 0.0)

    def _answered(self, watched: _Watched, reply: Reply, turn: Turn) -> Reply:
        was = watched.breaker.state
        if was is not State.HALF_OPEN or turn.is_probe:
            watched.breaker.succeeded()
        self._closed(watched, was, turn)
        turn.is_probe = False
        return reply

    def _closed(self, watched: _Watched, was: State, turn: Turn) -> None:
        if was is not State.CLOSED and watched.breaker.state is State.CLOSED:
            turn.tell(Decision("breaker", watched.model, Act.CLOSED, "the probe was answered"))
            watched.queue.admit_all()

    def _gave_up(self, watched: _Watched, turn: Turn) -> None:
        if turn.is_probe:
            turn.is_probe = False
            watched.breaker.gave_up(self._clock())
            watched.queue.admit()

    def _failed(self, watched: _Watched, failure: Failure, turn: Turn) -> None:
        breaker = watched.breaker
        was = breaker.state
        late = was is State.HALF_OPEN and not turn.is_probe  # sent before it opened: the probe will tell
        if failure.kind is FailureKind.QUOTA or (failure.kind in _FEEDS and not late):
            breaker.failed(failure.kind, self._clock(), failure.retry_after_s)
        elif failure.kind in _ANSWERS and not late:
            breaker.succeeded()
        elif turn.is_probe:
            breaker.gave_up(self._clock())
        turn.is_probe = False
        if breaker.state is State.OPEN and was is not State.OPEN and breaker.because is failure.kind:
            wait_s = breaker.opens_until - self._clock()
            reason = f"{failure.kind}: {failure.error}; left alone for {wait_s:.0f} s"
            turn.tell(Decision("breaker", watched.model, Act.OPENED, reason))
        self._closed(watched, was, turn)
        if breaker.state is not State.CLOSED:
            watched.queue.admit()  # the next one finds out how long there is to wait now

    async def _wait(self, watched: _Watched, patience_s: float, turn: Turn) -> float:
        """Wait to be let pass, at most so long; seconds that it took."""
        breaker, began = watched.breaker, self._clock()
        end = began + patience_s
        with watched.count.waiting(turn, self._clock, ("breaker", watched.model, "it keeps failing and is left alone")):
            while not breaker.admits(self._clock()):
                refusal = self._refusal(watched, end)
                if refusal is not None:
                    watched.count.refused += 1
                    turn.tell(Decision("breaker", watched.model, Act.REFUSED, refusal.message))
                    raise CallFailed(refusal)
                await self._nap(watched, end, turn)
        if breaker.state is State.HALF_OPEN:
            turn.is_probe = True
            turn.tell(Decision("breaker", watched.model, Act.PROBED, "one call finds out whether it is back"))
        return self._clock() - began

    def _refusal(self, watched: _Watched, end: float) -> Failure | None:
        """Why it makes no sense to wait until then, or None."""
        breaker, now = watched.breaker, self._clock()
        if breaker.because is FailureKind.QUOTA and breaker.state is State.OPEN:
            return _no_quota(watched.model, breaker.opens_until - now)
        if now >= end or (breaker.state is State.OPEN and breaker.opens_until > end):
            return _unavailable(watched.model, max(breaker.opens_until - now, 0.0))
        return None

    async def _nap(self, watched: _Watched, end: float, turn: Turn) -> None:
        breaker, now = watched.breaker, self._clock()
        until = breaker.opens_until if breaker.state is State.OPEN else end
        await watched.queue.nap(turn.rank(now), self._sleep(max(min(until, end) - now, 0.0)))

    def statistics(self) -> dict[str, BreakerStatistics]:
        """The breaker of every model that was asked."""
        now = self._clock()
        found = {}
        for model, watched in self._watched.items():
            breaker = watched.breaker
            reopens_in_s = max(breaker.opens_until - now, 0.0) if breaker.state is State.OPEN else 0.0
            waiting = watched.queue.waiting
            found[model] = BreakerStatistics(breaker.state, reopens_in_s, breaker.opened, waiting, watched.count)
        return found


def _unavailable(model: str, wait_s: float) -> Failure:
    hint = "wait, or name another model in `fallback`"
    message = f"{model} keeps failing and is left alone for {wait_s:.0f} s more; nothing was sent; {hint}"
    return Failure(FailureKind.UNAVAILABLE, NEVER_SENT, message, retry_after_s=wait_s, hint=hint)


def _no_quota(model: str, wait_s: float) -> Failure:
    hint = "raise the limit or the balance at the provider, or choose another model"
    message = f"the quota of {model} is used up (next try in {wait_s:.0f} s); nothing was sent; {hint}"
    return Failure(FailureKind.QUOTA, NEVER_SENT, message, hint=hint)
