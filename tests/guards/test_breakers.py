"""Promises of the breaker: it opens on failures, lets exactly one probe through, and never forgets to close."""

from __future__ import annotations

import asyncio
import heapq
import itertools

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from wfkit.core.call import Failure, Reply
from wfkit.core.terms import FailureKind
from wfkit.errors import CallFailed
from wfkit.guards.breakers import Breaker, Breakers, State
from wfkit.guards.turn import Turn

MODEL = "openai/m"


class Clock:
    """Time that goes on to the next sleeper's end whenever nothing else can happen."""

    def __init__(self) -> None:
        self.now = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._driver: asyncio.Task[None] | None = None

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._numbers), woken))
        if self._driver is None or self._driver.done():
            self._driver = asyncio.ensure_future(self._drive())
        await woken

    async def _drive(self) -> None:
        while self._sleepers:
            for _ in range(20):  # whatever can happen now happens before
                await asyncio.sleep(0)
            until, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                self.now = max(self.now, until)
                woken.set_result(None)


def failing(kind: FailureKind, retry_after_s: float | None = None) -> CallFailed:
    return CallFailed(Failure(kind, "E", "no", retry_after_s=retry_after_s))


class Machine(RuleBasedStateMachine):
    """A breaker beside the simplest account of what it should do."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker, self.now, self.row, self.probing = Breaker(), 0.0, 0, False

    @rule(seconds=st.floats(0, 100))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.breaker.state is State.CLOSED)
    @rule(kind=st.sampled_from([FailureKind.TRANSIENT, FailureKind.TIMEOUT]))
    def fails(self, kind: FailureKind) -> None:
        self.row += 1
        self.breaker.failed(kind, self.now)
        assert self.breaker.state is State.OPEN or self.row < 5

    @precondition(lambda self: self.breaker.state is State.CLOSED)
    @rule()
    def succeeds(self) -> None:
        self.row = 0
        self.breaker.succeeded()
        assert self.breaker.state is State.CLOSED

    @precondition(lambda self: self.breaker.state is State.OPEN)
    @rule()
    def somebody_asks(self) -> None:
        due = self.now >= self.breaker.opens_until
        assert self.breaker.admits(self.now) is due
        self.probing = due

    @precondition(lambda self: self.probing)
    @rule(outcome=st.sampled_from(["ok", "bad", "gone"]))
    def probe_ends(self, outcome: str) -> None:
        self.probing = False
        if outcome == "ok":
            self.breaker.succeeded()
            assert self.breaker.state is State.CLOSED
            self.row = 0
        elif outcome == "bad":
            self.breaker.failed(FailureKind.TRANSIENT, self.now)
            assert self.breaker.opens_until > self.now
        else:
            self.breaker.gave_up(self.now)
            assert self.breaker.opens_until <= self.now

    @precondition(lambda self: self.breaker.state is not State.CLOSED)
    @rule()
    def an_old_call_succeeds(self) -> None:
        """What was sent before it opened says nothing of now."""
        if self.breaker.state is State.OPEN:
            self.breaker.succeeded()
            assert self.breaker.state is State.OPEN

    @invariant()
    def one_probe(self) -> None:
        assert (self.breaker.state is State.HALF_OPEN) == self.probing
        if self.probing:
            assert not self.breaker.admits(self.now)


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


def test_one_probe_for_many_who_wait() -> None:
    """With a single deployment: five failures open it; of a hundred who wait one is sent and fails; later another one,
    and its success lets all go."""

    async def work() -> tuple[list[float], int]:
        clock, sent = Clock(), []
        breakers = Breakers(clock, clock.sleep)

        async def call() -> Reply:
            sent.append(clock.now)
            await asyncio.sleep(0)
            if len(sent) <= 6:
                raise failing(FailureKind.TRANSIENT)
            return Reply("yes", "m")

        for _ in range(5):
            with pytest.raises(CallFailed):
                await breakers.through(MODEL, call, Turn())
        assert breakers.statistics()[MODEL].state is State.OPEN
        waiting = [breakers.through(MODEL, call, Turn()) for _ in range(100)]
        ended = await asyncio.gather(*waiting, return_exceptions=True)
        return sent, sum(isinstance(each, CallFailed) for each in ended)

    sent, failed = asyncio.run(work())
    assert failed == 1
    assert len(sent) == 5 + 100
    assert sent[5] - sent[4] >= 2
    assert sent[6] - sent[5] >= 4


@pytest.mark.parametrize("outage_s", [20.0, 60.0, 600.0])
def test_soon_after_an_outage(outage_s: float) -> None:
    """However long a model was away, it is asked again at most ten seconds after it is back, and ten times a minute
    before at most."""
    breaker, now, probes = Breaker(), 0.0, 0
    for _ in range(5):
        breaker.failed(FailureKind.TRANSIENT, now)
    while True:
        now = breaker.opens_until
        assert breaker.admits(now)
        if now >= outage_s:
            break
        probes += 1
        breaker.failed(FailureKind.TRANSIENT, now)
    assert now - outage_s <= 10
    assert probes <= 3 + outage_s / 10


def test_quota_is_not_waited_for() -> None:
    """An empty quota refuses all that follows at once, without a request, until it is reset."""

    async def work() -> int:
        clock, sent = Clock(), []
        breakers = Breakers(clock, clock.sleep)

        async def call() -> Reply:
            sent.append(1)
            raise failing(FailureKind.QUOTA, 100.0)

        for _ in range(10):
            with pytest.raises(CallFailed) as caught:
                await breakers.through(MODEL, call, Turn())
            assert caught.value.failure.kind is FailureKind.QUOTA
        clock.now = 101.0
        with pytest.raises(CallFailed):
            await breakers.through(MODEL, call, Turn())
        return len(sent)

    assert asyncio.run(work()) == 2


def test_patience() -> None:
    """Who waits longer than allowed is told how long the model is left alone; without patience, at once."""

    async def work() -> list[Failure]:
        clock = Clock()
        breakers = Breakers(clock, clock.sleep)

        async def call() -> Reply:
            raise failing(FailureKind.TRANSIENT, 500.0)

        told = []
        for patience_s in (60, 60, 60, 60, 60, 60, 0):
            with pytest.raises(CallFailed) as caught:
                await breakers.through(MODEL, call, Turn(patience_s=patience_s))
            told.append(caught.value.failure)
        return told[5:]

    for failure in asyncio.run(work()):
        assert failure.kind is FailureKind.UNAVAILABLE
        assert failure.retry_after_s == pytest.approx(500.0)


@pytest.mark.parametrize("kind", [FailureKind.RATE_LIMITED, FailureKind.INVALID_REQUEST, FailureKind.REFUSED])
def test_what_does_not_open_it(kind: FailureKind) -> None:
    """A model that refuses is there: a hundred refusals in a row leave the breaker closed."""

    async def work() -> State:
        clock = Clock()
        breakers = Breakers(clock, clock.sleep)

        async def call() -> Reply:
            raise failing(kind)

        for _ in range(100):
            with pytest.raises(CallFailed):
                await breakers.through(MODEL, call, Turn())
        return breakers.statistics()[MODEL].state

    assert asyncio.run(work()) is State.CLOSED
