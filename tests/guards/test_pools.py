"""Promises of the pool guard: no provider is asked more often at once than it has seats, and every seat comes back."""

from __future__ import annotations

import asyncio
import time
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfkit.core.call import Failure
from wfkit.core.terms import FailureKind
from wfkit.errors import CallFailed
from wfkit.guards.pools import Pools
from wfkit.guards.turn import Turn


class Meter:
    """A call that counts how many of it are under way."""

    def __init__(self) -> None:
        self.now = self.most = 0

    async def __call__(self) -> int:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.001)
        self.now -= 1
        return self.most


def test_no_more_than_the_seats() -> None:
    """Twenty calls through three seats: three at once, and all of them are made."""

    async def work() -> int:
        pools, meter = Pools(3, time.monotonic), Meter()
        await asyncio.gather(*[pools.through("openai", meter, Turn()) for _ in range(20)])
        assert pools.statistics()["openai"].in_use == 0
        assert pools.statistics()["openai"].waiting == 0
        return meter.most

    assert asyncio.run(work()) == 3


def test_providers_do_not_wait_for_each_other() -> None:
    """A provider whose seats are all taken keeps nobody from asking another."""

    async def work() -> None:
        pools, gate = Pools(1, time.monotonic), asyncio.Event()
        slow = asyncio.ensure_future(pools.through("slow", gate.wait, Turn()))
        await asyncio.sleep(0)
        await pools.through("quick", Meter(), Turn())
        assert pools.statistics()["slow"].in_use == 1
        gate.set()
        await slow

    asyncio.run(work())


def test_seats_come_back() -> None:
    """A call that fails, one that is cancelled, and a caller that gives up waiting leave the seat free."""

    async def work() -> None:
        pools, gate = Pools(1, time.monotonic), asyncio.Event()

        async def broken() -> None:
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            await pools.through("openai", broken, Turn())
        held = asyncio.ensure_future(pools.through("openai", gate.wait, Turn()))
        await asyncio.sleep(0)
        impatient = asyncio.ensure_future(pools.through("openai", Meter(), Turn()))
        await asyncio.sleep(0)
        assert pools.statistics()["openai"].waiting == 1
        for task in (impatient, held):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert await pools.through("openai", Meter(), Turn()) == 1
        assert pools.statistics()["openai"].in_use == 0

    asyncio.run(work())


def test_another_size() -> None:
    """`resize` holds for the calls that come after it."""

    async def work() -> int:
        pools, meter = Pools(1, time.monotonic), Meter()
        await pools.through("openai", meter, Turn())
        pools.resize(5)
        await asyncio.gather(*[pools.through("openai", meter, Turn()) for _ in range(20)])
        return meter.most

    assert asyncio.run(work()) == 5


def test_a_refusal_takes_seats_away() -> None:
    """A burst of refusals halves the seats once; success gives them back, up to the size."""

    async def work() -> list[int]:
        now = [0.0]
        pools, seats = Pools(8, lambda: now[0]), []

        async def refused() -> int:
            await asyncio.sleep(0)
            raise CallFailed(Failure(FailureKind.RATE_LIMITED, "E", "no", 429))

        for _ in range(2):
            await asyncio.gather(*[pools.through("openai", refused, Turn()) for _ in range(8)], return_exceptions=True)
            seats.append(pools.statistics()["openai"].seats)
            now[0] += 2
        meter = Meter()
        for _ in range(40):
            await asyncio.gather(*[pools.through("openai", meter, Turn()) for _ in range(8)])
        return [*seats, pools.statistics()["openai"].seats]

    assert asyncio.run(work()) == [4, 2, 8]


def test_the_urgent_go_first() -> None:
    """Of those who wait the highest priority is let in first, among equals the one who came first."""

    async def work() -> list[str]:
        pools, gate, order = Pools(1, lambda: 0.0), asyncio.Event(), []

        async def note(name: str) -> None:
            order.append(name)

        held = asyncio.ensure_future(pools.through("openai", gate.wait, Turn()))
        await asyncio.sleep(0)
        wished = [("a", 0), ("b", 0), ("c", 5), ("d", -1)]
        waiting = [
            asyncio.ensure_future(pools.through("openai", lambda name=name: note(name), Turn(priority)))
            for name, priority in wished
        ]
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(held, *waiting)
        return order

    assert asyncio.run(work()) == ["c", "a", "b", "d"]


def test_what_was_begun_is_finished_first() -> None:
    """Among equals of priority the questions of a task that is at work go before the first ones of others, the longer
    it is the sooner; a step of priority weighs more."""

    async def work() -> list[str]:
        pools, gate, order = Pools(1, lambda: 100.0), asyncio.Event(), []

        async def note(name: str) -> None:
            order.append(name)

        held = asyncio.ensure_future(pools.through("openai", gate.wait, Turn()))
        await asyncio.sleep(0)
        wished = {
            "new": Turn(), "begun": Turn(age_s=1.0), "long begun": Turn(age_s=4.0), "urgent": Turn(1),
            "unhurried": Turn(-1, age_s=60.0),
        }  # fmt: skip
        waiting = [
            asyncio.ensure_future(pools.through("openai", partial(note, name), turn)) for name, turn in wished.items()
        ]
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(held, *waiting)
        return order

    assert asyncio.run(work()) == ["urgent", "long begun", "begun", "new", "unhurried"]


@given(
    waits=st.lists(st.tuples(st.integers(-3, 3), st.floats(0, 1000), st.floats(0, 1000)), min_size=1, max_size=20),
    later=st.lists(st.tuples(st.integers(-3, 3), st.floats(0, 1000), st.floats(0, 1000)), max_size=20),
)
def test_nothing_starves(waits: list[tuple[int, float, float]], later: list[tuple[int, float, float]]) -> None:
    """Whatever comes more than 5 s, and 10 s for each step of priority that it is above, after a question stands behind
    it: no stream of begun or urgent ones keeps it off for ever. Where it stands does not change while it waits."""
    for priority, age_s, now in waits:
        turn = Turn(priority, age_s=age_s)
        rank = turn.rank(now)
        assert turn.rank(now + 500.0) == rank
        for other, their_age_s, after_s in later:
            came = now + after_s
            if after_s > 5.0 + 10.0 * max(other - priority, 0):
                assert Turn(other, age_s=their_age_s).rank(came) > rank - 1e-6
