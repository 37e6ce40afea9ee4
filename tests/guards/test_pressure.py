"""Promises of pressure: nobody begins what would only wait, and something always goes on."""

from __future__ import annotations

import asyncio

import pytest

from tests.guards.test_breakers import Clock, failing
from tests.guards.test_chain import REQUEST, on_clock
from wfkit.core.call import Reply, Request
from wfkit.core.terms import FailureKind
from wfkit.errors import CallFailed
from wfkit.guards.chain import About, Guards, guarded
from wfkit.guards.pressure import FREE, Room, room, seats

MODEL = REQUEST.model


async def fail(every: Guards, kind: FailureKind, times: int, retry_after_s: float | None = None) -> None:
    """Calls that fail like this."""

    async def send(request: Request) -> Reply:
        raise failing(kind, retry_after_s)

    for _ in range(times):
        with pytest.raises(CallFailed):
            await guarded(send, every, lambda _: About())(REQUEST)


def test_room_for_all() -> None:
    """A model that was never asked, or does well, bounds nothing; neither does an empty quota: it refuses at once."""
    clock = Clock()
    every = on_clock(clock, 4)
    assert room(every, MODEL) == FREE
    assert seats(every, "openai") is None
    asyncio.run(fail(every, FailureKind.INVALID_REQUEST, 3))
    assert room(every, MODEL) == FREE
    assert seats(every, "openai") == 4
    asyncio.run(fail(every, FailureKind.QUOTA, 1, 100.0))
    assert room(every, MODEL) == FREE


def test_an_open_breaker_has_room_for_one() -> None:
    """The one that waits to be the probe, and those that are under way; until the breaker may be tried again."""
    clock = Clock()
    every = on_clock(clock, 4)
    asyncio.run(fail(every, FailureKind.TRANSIENT, 5, 30.0))
    assert room(every, MODEL) == Room(1, pytest.approx(30.0))
    every.away[MODEL] = 3
    assert room(every, MODEL).places == 4
    assert room(every, "openai/other") == FREE


def test_a_pause_and_a_limit() -> None:
    """While a provider says to wait there is room for one; else for the requests that it still takes."""
    clock = Clock()
    every = on_clock(clock, 4)
    every.rates.heard(MODEL, {"x-ratelimit-remaining-requests": "7", "x-ratelimit-reset-requests": "20s"})
    assert room(every, MODEL) == Room(7, 20.0)
    every.rates.heard(MODEL, {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "40s"})
    assert room(every, MODEL) == Room(1, 40.0)
    clock.now = 41.0
    assert room(every, MODEL) == FREE
    asyncio.run(fail(every, FailureKind.RATE_LIMITED, 1, 5.0))
    assert room(every, MODEL) == Room(1, pytest.approx(5.0))
    assert seats(every, "openai") == 2  # a refusal takes seats away
