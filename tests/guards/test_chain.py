"""Promises of the guard chain: every request passes all guards, unchanged, and nothing is held when it has ended."""

from __future__ import annotations

import asyncio
import random
import time
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.guards.test_breakers import Clock
from wfkit.core.call import NEVER_SENT, Cost, Failure, Message, Reply, Request, Usage
from wfkit.core.decision import Decision
from wfkit.core.terms import Act, CostSource, FailureKind, UsageSource
from wfkit.errors import CallFailed
from wfkit.guards.breakers import Breakers, State
from wfkit.guards.budgets import Amount, Budgets, Purse
from wfkit.guards.chain import About, Caller, Guards, guarded, provider_of
from wfkit.guards.pools import Pools
from wfkit.guards.rates import Rates
from wfkit.guards.retries import RetryBudget

REQUEST = Request("openai/gpt-5-mini", (Message("user", "Hello"),))


def guards(size: int = 2) -> Guards:
    return Guards(Pools(size, time.monotonic))


def on_clock(clock: Clock, size: int) -> Guards:
    return Guards(
        Pools(size, clock), Budgets(clock), Breakers(clock, clock.sleep), RetryBudget(clock),
        Rates(clock, clock.sleep, lambda: 0.0),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("model", "provider"), [("openai/gpt-5-mini", "openai"), ("offline", "offline"), ("a/b/c", "a")]
)
def test_the_provider_of_a_model(model: str, provider: str) -> None:
    """What stands before the first slash."""
    assert provider_of(model) == provider


def test_requests_pass_unchanged() -> None:
    """The request that is sent is the one that was asked; its provider's seat was taken meanwhile."""
    every, seen = guards(), []

    async def send(request: Request) -> Reply:
        seen.append((request, every.pools.statistics()["openai"].in_use))
        return Reply("yes", "model")

    assert asyncio.run(guarded(send, every, lambda _: About())(REQUEST)).text == "yes"
    assert seen == [(REQUEST, 1)]


@pytest.mark.parametrize("at_once", [1, 8, 50, 500])
def test_no_overshoot(at_once: int) -> None:
    """However many calls run at once, and whatever each of them costs up to its worst case: the purse holds."""
    every, purse = guards(at_once), Purse("the run", Decimal("1.00"))
    dice, billed = random.Random(at_once), []

    async def send(request: Request) -> Reply:
        await asyncio.sleep(0)
        usd = Decimal(dice.randrange(10, 101)) / 10_000
        billed.append(usd)
        return Reply(
            "yes", "m", usage=Usage(1, 1, source=UsageSource.PROVIDER), cost=Cost(usd, source=CostSource.LOCAL)
        )

    async def work() -> list[Reply | BaseException]:
        asked = guarded(send, every, lambda _: About((purse,), Amount(Decimal("0.01"), 10)))
        return await asyncio.gather(*(asked(REQUEST) for _ in range(2000)), return_exceptions=True)

    ended = asyncio.run(work())
    refused = [each for each in ended if isinstance(each, CallFailed)]
    assert sum(billed) == purse.spent.usd
    assert Decimal("0.98") < sum(billed) <= 1
    assert {each.failure.kind for each in refused} == {FailureKind.BUDGET}
    assert len(refused) + len(billed) == 2000
    assert purse.reserved == Amount()


def test_a_thousand_cancellations() -> None:
    """Calls that are given up anywhere on their way, waiting or sent, leave every seat and reservation free; those that
    were never sent have taken nothing off the budget."""
    every, purse = guards(5), Purse("the run", Decimal(10))
    dice, sent = random.Random(7), []

    async def send(request: Request) -> Reply:
        sent.append(request)
        await asyncio.sleep(dice.random() / 100)
        if dice.random() < 0.3:
            raise CallFailed(Failure(FailureKind.RATE_LIMITED, "E", "no", 429, retry_after_s=0.001))
        return Reply("yes", "m")

    async def work() -> None:
        asked = guarded(send, every, lambda _: About((purse,), Amount(Decimal("0.001"), 10), again=dice.random() < 0.5))
        tasks = [asyncio.ensure_future(asked(REQUEST)) for _ in range(1000)]
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0.001)
            for task in dice.sample(tasks, 100):
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (
            await guarded(_yes, every, lambda _: About((purse,), Amount(Decimal("0.001"), 1)))(REQUEST)
        ).text == "yes"

    asyncio.run(work())
    pool = every.pools.statistics()["openai"]
    assert (pool.in_use, pool.waiting) == (0, 0)
    assert every.retries.statistics()[REQUEST.model].waiting == 0
    assert every.breakers.statistics()[REQUEST.model].waiting == 0
    assert every.away == {REQUEST.model: 0}
    assert purse.reserved == Amount()
    assert purse.spent.usd is not None
    assert purse.spent.usd <= Decimal("0.001") * (len(sent) + 1)


async def _yes(request: Request) -> Reply:
    return Reply("yes", "m")


class Outage:
    """A provider that fails for some seconds, and what the breaker's state was when each request reached it."""

    def __init__(self, clock: Clock, every: Guards, down: tuple[float, float], latency_s: float) -> None:
        self.clock, self.every, self.down, self.latency_s = clock, every, down, latency_s
        self.sent: list[State] = []
        self.told: list[Decision] = []

    async def send(self, request: Request) -> Reply:
        self.sent.append(self.every.breakers.statistics()[request.model].state)
        began = self.clock.now
        await self.clock.sleep(self.latency_s)
        if self.down[0] <= began < self.down[1]:
            raise CallFailed(Failure(FailureKind.TRANSIENT, "E", "no", 503))
        return Reply("yes", "m")

    async def ask(self, calls: int, patience_s: float) -> list[Reply | BaseException]:
        asked = guarded(
            self.send, self.every, lambda _: About(patience_s=patience_s), Caller(self.told.append, lambda: None)
        )
        return await asyncio.gather(*(asked(REQUEST) for _ in range(calls)), return_exceptions=True)

    def acts(self, act: Act) -> list[Decision]:
        return [each for each in self.told if each.act is act]


@given(
    seats=st.integers(1, 6),
    calls=st.integers(1, 120),
    start=st.floats(0, 3),
    lasts=st.floats(0, 90),
    latency_s=st.sampled_from([0.0, 0.2, 1.0]),
    patience_s=st.sampled_from([0.0, 10.0, 300.0]),
)
@settings(max_examples=60, deadline=None)
@example(seats=4, calls=100, start=0.0, lasts=30.0, latency_s=0.2, patience_s=300.0)
def test_nothing_is_sent_to_an_open_breaker(
    seats: int, calls: int, start: float, lasts: float, latency_s: float, patience_s: float
) -> None:
    """Also calls that wait for a seat when the breaker opens go back: until it closes, only probes are sent, one at a
    time. When all has ended, everything is free, and what was told adds up."""
    clock = Clock()
    every = on_clock(clock, seats)
    outage = Outage(clock, every, (start, start + lasts), latency_s)
    ended = asyncio.run(outage.ask(calls, patience_s))
    assert State.OPEN not in outage.sent
    assert outage.sent.count(State.HALF_OPEN) == len(outage.acts(Act.PROBED))
    assert len(outage.acts(Act.OPENED)) == every.breakers.statistics()[REQUEST.model].opened
    refused = [each for each in ended if isinstance(each, CallFailed) and not each.failure.status]
    assert len(refused) == len(outage.acts(Act.REFUSED)) == calls - len(outage.sent)
    assert all(isinstance(each, Reply | CallFailed) for each in ended)
    pool, breaker = every.pools.statistics()["openai"], every.breakers.statistics()[REQUEST.model]
    assert (pool.in_use, pool.waiting, breaker.waiting) == (0, 0, 0)
    assert breaker.count.passed == len(outage.sent)


def test_seats_at_an_outage() -> None:
    """With four seats and a hundred who wait, an outage costs the requests that opened the breaker, at most three more
    that were under way, and one for each probe."""
    clock = Clock()
    outage = Outage(clock, on_clock(clock, 4), (0.0, 3.0), 0.2)
    ended = asyncio.run(outage.ask(100, 300.0))
    failed = sum(isinstance(each, CallFailed) for each in ended)
    assert failed <= 5 + 3 + len(outage.acts(Act.PROBED))
    assert len(outage.sent) == 100
    waited = outage.acts(Act.WAITED)
    assert {each.guard for each in waited} == {"pool", "breaker"}
    assert all(each.waited_s is not None and each.waited_s >= 0.1 for each in waited)


def test_a_pause_holds_for_those_in_the_queue() -> None:
    """A refusal with Retry-After holds for calls that wait for a seat too: they are sent when its time has passed."""
    clock, sent = Clock(), []
    every = on_clock(clock, 2)

    async def send(request: Request) -> Reply:
        sent.append(clock.now)
        await clock.sleep(0.5)
        if len(sent) <= 2:
            raise CallFailed(Failure(FailureKind.RATE_LIMITED, "E", "no", 429, retry_after_s=10.0))
        return Reply("yes", "m")

    async def work() -> None:
        asked = guarded(send, every, lambda _: About())
        await asyncio.gather(*(asked(REQUEST) for _ in range(20)), return_exceptions=True)

    asyncio.run(work())
    assert sent[:2] == [0.0, 0.0]
    assert min(sent[2:]) >= 10.5
    assert len(sent) == 20


def test_nobody_waits_for_it_any_more() -> None:
    """A call that is no longer wanted when it gets its seat is not sent, and costs nothing."""
    clock, sent, purse = Clock(), [], Purse("the run", Decimal(1))
    every = on_clock(clock, 1)
    gone = Failure(FailureKind.CANCELLED, NEVER_SENT, "the run has ended")

    async def send(request: Request) -> Reply:
        sent.append(clock.now)
        await clock.sleep(1.0)
        return Reply("yes", "m", usage=Usage(1, 1), cost=Cost(Decimal("0.001")))

    async def work() -> list[Reply | BaseException]:
        about = About((purse,), Amount(Decimal("0.01"), 10))
        caller = Caller(lambda _: None, lambda: gone if clock.now >= 1.0 else None)
        asked = guarded(send, every, lambda _: about, caller)
        return await asyncio.gather(*(asked(REQUEST) for _ in range(5)), return_exceptions=True)

    ended = asyncio.run(work())
    assert sent == [0.0]
    assert [each.failure for each in ended if isinstance(each, CallFailed)] == [gone] * 4
    assert (purse.spent, purse.reserved) == (Amount(Decimal("0.001"), 2), Amount())


def test_everything_is_told() -> None:
    """Statistics name every guard, with purses that have a limit, and say it in words as well."""
    every, purse, told = guards(), Purse("the run", Decimal("0.01")), []

    async def work() -> None:
        about = About((purse, Purse("one call")), Amount(Decimal("0.006"), 10))
        asked = guarded(_yes, every, lambda _: about, Caller(told.append, lambda: None))
        await asked(REQUEST)
        purse.spent = Amount(Decimal("0.006"), 10)
        with pytest.raises(CallFailed):
            await asked(REQUEST)

    asyncio.run(work())
    found = every.statistics()
    assert {guard: set(stands) for guard, stands in found.items()} == {
        "budget": {"the run"}, "breaker": {REQUEST.model}, "retry": {REQUEST.model}, "rate": {REQUEST.model},
        "pool": {"openai"},
    }  # fmt: skip
    assert [(each.guard, each.about, each.act) for each in told] == [("budget", "the run", Act.REFUSED)]
    rows = {row.guard: row for row in every.rows()}
    assert (rows["budget"].passed, rows["budget"].refused) == (1, 1)
    assert rows["budget"].state == "$0.006 of $0.01 spent, $0 reserved"
    assert rows["pool"].state == "0 of 2 seats taken"
    assert rows["breaker"].state == "closed"
