"""Promises of the rate guard: a provider is not asked again before the time it named."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from tests.guards.test_breakers import Clock
from wfkit.core.call import Failure, Reply
from wfkit.core.terms import FailureKind
from wfkit.errors import CallFailed
from wfkit.guards.rates import Rates
from wfkit.guards.turn import Turn, TurnedBack

MODEL = "openai/m"


def rates(clock: Clock) -> Rates:
    return Rates(clock, clock.sleep, lambda: 1_000_000_000.0)


@pytest.mark.parametrize(("retry_after_s", "waits_s"), [(7.5, 7.5), (None, 1.0), (0.0, 0.0)])
def test_after_a_refusal(retry_after_s: float | None, waits_s: float) -> None:
    """All calls to the model wait as long as Retry-After says, a second where it says nothing; other models do not."""
    clock = Clock()
    guard = rates(clock)

    async def refused() -> Reply:
        raise CallFailed(Failure(FailureKind.RATE_LIMITED, "E", "no", 429, retry_after_s))

    async def work() -> float:
        with pytest.raises(CallFailed):
            await guard.through(MODEL, 1, refused, Turn())
        await guard.through("openai/other", 1, _yes, Turn())
        assert clock.now == 0.0
        await guard.through(MODEL, 1, _yes, Turn())
        return clock.now

    assert asyncio.run(work()) == pytest.approx(waits_s)


@pytest.mark.parametrize(
    ("headers", "tokens", "waits_s"),
    [
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, 1, 360.0),
        ({"X-RateLimit-Remaining-Requests": "0", "X-RateLimit-Reset-Requests": "120ms"}, 1, 0.12),
        ({"x-ratelimit-remaining-requests": "1", "x-ratelimit-reset-requests": "9s"}, 1, 0.0),
        ({"x-ratelimit-remaining-tokens": "50", "x-ratelimit-reset-tokens": "1m30s"}, 51, 90.0),
        ({"x-ratelimit-remaining-tokens": "50", "x-ratelimit-reset-tokens": "1m30s"}, 50, 0.0),
        (
            {
                "anthropic-ratelimit-input-tokens-remaining": "0",
                "anthropic-ratelimit-input-tokens-reset": "2001-09-09T01:46:55+00:00",
            },
            5,
            15.0,
        ),
        ({"llm_provider-x-ratelimit-remaining-requests": "0", "llm_provider-x-ratelimit-reset-requests": "2"}, 1, 2.0),
        ({"x-ratelimit-remaining-requests": "none", "x-ratelimit-reset-requests": "soon"}, 1, 0.0),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1000000003"}, 1, 3.0),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1000000003500"}, 1, 3.5),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "9999999h"}, 1, 86_400.0),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "9999-12-31T00:00Z"}, 1, 86_400.0),
        ({}, 1, 0.0),
    ],
)
def test_what_headers_say(headers: dict[str, str], tokens: int, waits_s: float) -> None:
    """Remaining requests and tokens, with their reset as a span, a date, seconds or a time since 1970; nonsense is not
    believed, and nobody waits for longer than a day."""
    guard = rates(Clock())
    guard.heard(MODEL, headers)
    assert guard.wait_s(MODEL, tokens) == pytest.approx(waits_s)


def test_what_is_sent_is_taken_off() -> None:
    """Of two requests that are left, the third waits until the reset, although no reply has come yet; also if it finds
    that out at its seat."""
    clock = Clock()
    guard = rates(clock)
    guard.heard(MODEL, {"x-ratelimit-remaining-requests": "2", "x-ratelimit-reset-requests": "10s"})

    async def work() -> list[float]:
        sent = []

        async def call() -> Reply:
            await asyncio.sleep(0)  # a seat
            if not guard.takes(MODEL, 1):
                raise TurnedBack("rate")
            sent.append(clock.now)
            return Reply("yes", "m")

        await asyncio.gather(*(guard.through(MODEL, 1, call, Turn()) for _ in range(3)))
        return sent

    assert asyncio.run(work()) == [0.0, 0.0, 10.0]


async def _yes() -> Reply:
    return Reply("yes", "m")


async def settled() -> None:
    """All that can happen now has happened."""
    for _ in range(9):
        await asyncio.sleep(0)


def test_who_waits_goes_on_when_a_reply_tells_of_more() -> None:
    """A reply that says that two more may be sent lets two of those who wait go on, in their order and at once: not
    everybody, and not at the reset."""
    clock, order = Clock(), []
    guard = Rates(clock, lambda _: asyncio.sleep(3600), lambda: 0.0)
    guard.heard(MODEL, {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "60s"})

    async def call(name: str) -> Reply:
        assert guard.takes(MODEL, 1)
        order.append(name)
        return Reply("yes", "m")

    async def work() -> None:
        wished = {"new": Turn(), "newer": Turn(), "begun": Turn(age_s=3.0), "urgent": Turn(1)}
        asked = [
            asyncio.ensure_future(guard.through(MODEL, 1, partial(call, name), turn)) for name, turn in wished.items()
        ]
        await settled()
        guard.heard(MODEL, {"x-ratelimit-remaining-requests": "2", "x-ratelimit-reset-requests": "60s"})
        await settled()
        assert (order, guard.statistics()[MODEL].waiting) == (["urgent", "begun"], 2)
        for one in asked:
            one.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        assert guard.statistics()[MODEL].waiting == 0

    asyncio.run(work())
