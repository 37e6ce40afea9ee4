"""Promises of the guard chain: every request passes all guards, unchanged, and nothing is held when it has ended."""

from __future__ import annotations

import asyncio
import random
import time
from decimal import Decimal

import pytest

from wfkit.core.call import Cost, Failure, Message, Reply, Request, Usage
from wfkit.core.terms import CostSource, FailureKind, UsageSource
from wfkit.errors import CallFailed
from wfkit.guards.budgets import Amount, Purse
from wfkit.guards.chain import About, Guards, guarded, provider_of
from wfkit.guards.pools import Pools

REQUEST = Request("openai/gpt-5-mini", (Message("user", "Hello"),))


def guards(size: int = 2) -> Guards:
    return Guards(Pools(size, time.monotonic))


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
    """Calls that are given up anywhere on their way, waiting or sent, leave every seat and reservation free."""
    every, purse = guards(5), Purse("the run", Decimal(10))
    dice = random.Random(7)

    async def send(request: Request) -> Reply:
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
    assert purse.reserved == Amount()


async def _yes(request: Request) -> Reply:
    return Reply("yes", "m")
