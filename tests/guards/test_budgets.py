"""Promises of the budget guard: what may be billed is reserved before, counted after, and refused in clear words."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest

from wfkit.core.call import NEVER_SENT, Cost, Failure, Reply, Usage
from wfkit.core.terms import CostSource, FailureKind, UsageSource
from wfkit.errors import CallFailed
from wfkit.guards.budgets import Amount, Budgets, Purse
from wfkit.guards.turn import Turn

CENT = Amount(Decimal("0.01"), 100)


def call(outcome: Reply | Failure) -> Callable[[], Awaitable[Reply]]:
    async def made() -> Reply:
        if isinstance(outcome, Failure):
            raise CallFailed(outcome)
        return outcome

    return made


def spend(purse: Purse, outcome: Reply | Failure, worst: Amount = CENT) -> Failure | None:
    """One call through the guard; how it failed."""
    try:
        asyncio.run(Budgets(time.monotonic).through((purse,), worst, call(outcome), Turn(sent=True)))
    except CallFailed as error:
        return error.failure
    return None


PRICED = Reply(
    "yes", "m", usage=Usage(3, 4, source=UsageSource.PROVIDER), cost=Cost(Decimal("0.002"), source=CostSource.LOCAL)
)


@pytest.mark.parametrize(
    ("outcome", "usd", "tokens"),
    [
        (PRICED, "0.002", 7),
        (Reply("yes", "m"), "0.01", 100),
        (Failure(FailureKind.TIMEOUT, "TimeoutError", "late"), "0.01", 100),
        (Failure(FailureKind.TRANSIENT, "APIConnectionError", "reset"), "0.01", 100),
        (Failure(FailureKind.TRANSIENT, NEVER_SENT, "nobody listens"), "0", 0),
        (Failure(FailureKind.TRANSIENT, "InternalServerError", "500", 500), "0", 0),
        (Failure(FailureKind.RATE_LIMITED, "RateLimitError", "429", 429), "0", 0),
        (Failure(FailureKind.CANCELLED, "Interrupted", "stopped"), "0", 0),
    ],
)
def test_what_is_settled(outcome: Reply | Failure, usd: str, tokens: int) -> None:
    """A known cost counts as it is, one that is not known in full; what was refused or never sent costs nothing."""
    purse = Purse("the run", Decimal(1))
    spend(purse, outcome)
    assert purse.spent == Amount(Decimal(usd), tokens)
    assert purse.reserved == Amount()


@pytest.mark.parametrize(
    ("purse", "worst", "said"),
    [
        (Purse("the run", Decimal("0.005")), CENT, "it allows 0.005 US dollars"),
        (Purse("node 'label'", tokens=50), CENT, "it allows 50 tokens"),
        (Purse("the run", Decimal(0)), CENT, "it allows 0 US dollars"),
        (Purse("the run", Decimal(1)), Amount(None, 5), "US dollars is not known"),
        (Purse("the run", tokens=9), Amount(Decimal(0), None), "tokens is not known"),
    ],
)
def test_refusals(purse: Purse, worst: Amount, said: str) -> None:
    """A call that a purse cannot pay is refused before it is sent: whose budget, how much, what to do."""
    failure = spend(purse, PRICED, worst)
    assert failure is not None
    assert (failure.kind, failure.error) == (FailureKind.BUDGET, NEVER_SENT)
    assert purse.name in failure.message
    assert said in failure.message
    assert failure.hint
    assert purse.spent == Amount()


@pytest.mark.parametrize(
    ("purse", "said"),
    [
        (Purse("the run", Decimal("0.005")), "the call may cost up to 0.01 US dollars;"),
        (Purse("the run", Decimal(1), tokens=50), "the call may use up to 100 tokens;"),
    ],
)
def test_a_refusal_is_in_the_unit_that_is_lacking(purse: Purse, said: str) -> None:
    """Where tokens are lacking it says how many the call may use; where money is, what it may cost."""
    failure = spend(purse, PRICED, CENT)
    assert failure is not None
    assert said in failure.message


def test_amounts_without_zeros_at_their_end() -> None:
    """Sums carry zeros of the prices that they were made of; who reads a refusal does not."""
    purse = Purse("the run", Decimal("0.005"), spent=Amount(Decimal("0.000000"), 0))
    failure = spend(purse, PRICED, Amount(Decimal("0.009839100"), 100))
    assert failure is not None
    assert ": it allows 0.005 US dollars, 0 US dollars and 0 tokens are spent" in failure.message
    assert "may cost up to 0.0098391 US dollars;" in failure.message


def test_waits_for_what_others_hold() -> None:
    """A call for which the money is only reserved by others waits, and goes on when they turn out cheap."""

    async def work() -> int:
        budgets, purse, gate = Budgets(time.monotonic), Purse("the run", Decimal("0.015")), asyncio.Event()

        async def held() -> Reply:
            await gate.wait()
            return PRICED

        first = asyncio.ensure_future(budgets.through((purse,), CENT, held, Turn(sent=True)))
        await asyncio.sleep(0)
        second = asyncio.ensure_future(budgets.through((purse,), CENT, call(PRICED), Turn(sent=True)))
        await asyncio.sleep(0.01)
        assert not second.done()
        gate.set()
        return len(await asyncio.gather(first, second))

    assert asyncio.run(work()) == 2
