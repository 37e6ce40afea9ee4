"""Promises of the retry guard: while a model mostly fails, retries go one at a time; nothing waits for ever."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfkit.core.call import Failure, Reply
from wfkit.core.terms import FailureKind
from wfkit.errors import CallFailed
from wfkit.guards.retries import RetryBucket, RetryBudget
from wfkit.guards.turn import Turn

MODEL = "openai/m"


@given(st.lists(st.sampled_from(["ok", FailureKind.TRANSIENT, FailureKind.TIMEOUT, FailureKind.RATE_LIMITED])))
def test_tokens(outcomes: list[str]) -> None:
    """The bucket stays from 0 to 100; a transient failure takes 10, a timeout 20, a success gives 1, others nothing."""
    bucket, expected = RetryBucket(), 100.0
    for outcome in outcomes:
        if outcome == "ok":
            bucket.succeeded(False)
            expected = min(expected + 1, 100)
        else:
            bucket.failed(FailureKind(outcome))
            expected = max(expected - {"transient": 10, "timeout": 20}.get(outcome, 0), 0)
        assert bucket.tokens == expected
    assert bucket.admits() == (True if expected > 50 else not bucket.busy)


def test_retries_go_one_at_a_time() -> None:
    """After six failures, of fifty retries one is under way at a time, and a first question passes beside them."""

    async def work() -> tuple[int, int]:
        budget, under_way, most = RetryBudget(time.monotonic), [0], [0]

        async def fail() -> Reply:
            raise CallFailed(Failure(FailureKind.TRANSIENT, "E", "no"))

        async def call() -> Reply:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
            await asyncio.sleep(0.001)
            under_way[0] -= 1
            raise CallFailed(Failure(FailureKind.RATE_LIMITED, "E", "no"))

        async def first() -> Reply:
            return Reply("yes", "m")

        for _ in range(6):
            with pytest.raises(CallFailed):
                await budget.through(MODEL, False, fail, Turn())
        retries = [asyncio.ensure_future(budget.through(MODEL, True, call, Turn())) for _ in range(50)]
        await asyncio.sleep(0)
        await budget.through(MODEL, False, first, Turn())
        ended = await asyncio.gather(*retries, return_exceptions=True)
        return most[0], sum(isinstance(each, CallFailed) for each in ended)

    most, ended = asyncio.run(work())
    assert ended == 50
    assert most == 1
