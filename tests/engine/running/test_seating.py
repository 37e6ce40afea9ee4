"""Promises of seating: a model that takes nothing keeps nobody else off, and its places come back."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.guards.test_breakers import Clock, failing
from tests.guards.test_chain import on_clock
from wfkit.core.call import Reply
from wfkit.core.events import NodeSpec
from wfkit.core.terms import FailureKind, NodeKind
from wfkit.engine.running.seating import Seating
from wfkit.errors import CallFailed
from wfkit.guards.chain import Guards
from wfkit.guards.pools import Pools
from wfkit.guards.turn import Turn

A, B = "openai/a", "openai/b"


def prompt(name: str, model: str, **more: object) -> NodeSpec:
    return NodeSpec(name, NodeKind.PROMPT, pool="model:openai", model=model, **more)


def test_places_follow_the_guards() -> None:
    """Of four places of a provider a model that is left alone gets one, its neighbour all; then all is as before."""
    clock = Clock()
    guards = on_clock(clock, 4)
    specs = (prompt("one", A), prompt("two", B), prompt("few", A, max_parallel=2), NodeSpec("body", NodeKind.PYTHON))
    seating = Seating(specs, {"python": 3}, 4, guards)
    pool = seating.slots["model:openai"]
    assert seating.press() is None
    assert {lane: places.size for lane, places in pool.lanes.items()} == {
        "model:openai openai/a": 4, "model:openai openai/b": 4, "model:openai#few": 2,
    }  # fmt: skip
    pool.take("model:openai openai/a", places=3)
    guards.rates.heard(A, {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "30s"})
    clock.now = 10.0
    assert seating.press() == 20.0
    assert (pool.lanes["model:openai openai/a"].size, pool.lanes["model:openai openai/a"].free) == (1, -2)
    assert (pool.lanes["model:openai openai/b"].free, pool.lanes["model:openai#few"].size, pool.free) == (4, 1, 1)
    assert seating.slots["python"].free == 3
    guards.rates.heard(A, {"x-ratelimit-remaining-requests": "50", "x-ratelimit-reset-requests": "30s"})
    seating.press()
    assert (pool.lanes["model:openai openai/a"].size, pool.lanes["model:openai openai/a"].free) == (4, 1)


def refuse(guards: Guards) -> None:
    """The provider says once that it is asked too much: half of its seats are gone."""

    async def call() -> Reply:
        raise failing(FailureKind.RATE_LIMITED)

    with pytest.raises(CallFailed):
        asyncio.run(guards.pools.through("openai", call, Turn()))


def test_places_follow_the_seats_of_the_provider() -> None:
    """Attempts that would only wait for a seat do not begin, whatever the engine calls the pool of their node."""
    guards = Guards(Pools(8, time.monotonic))
    seating = Seating((prompt("one", A), prompt("two", B)), {}, 8, guards)
    refuse(guards)
    seating.press()
    pool = seating.slots["model:openai"]
    assert (pool.size, {places.size for places in pool.lanes.values()}) == (4, {4})


def test_a_fallback_keeps_the_pool_open() -> None:
    """Where an attempt may ask another provider the pool keeps its places; nodes that ask only this one are held."""
    guards = Guards(Pools(8, time.monotonic))
    seating = Seating((prompt("one", A), prompt("two", B, fallbacks=1)), {}, 8, guards)
    refuse(guards)
    seating.press()
    pool = seating.slots["model:openai"]
    assert (pool.size, pool.lanes["model:openai openai/a"].size) == (8, 4)


def test_another_model_stands_by() -> None:
    """A node with a fallback is not held back: its next model answers at once."""
    guards = Guards(Pools(4, time.monotonic))
    guards.rates.heard(A, {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "30s"})
    seating = Seating((prompt("one", A, fallbacks=1),), {}, 4, guards)
    assert seating.press() is None
    assert seating.slots["model:openai"].lanes == {}


def test_retries_of_a_model_that_fails_keep_no_places() -> None:
    """Once a model mostly fails its lane is told that retries go one at a time; other models are not."""
    guards = Guards(Pools(4, time.monotonic))
    seating = Seating((prompt("one", A), prompt("two", B)), {}, 4, guards)
    lanes = seating.slots["model:openai"].lanes

    async def call() -> Reply:
        raise failing(FailureKind.TIMEOUT)

    for alone in (False, False, True):
        with pytest.raises(CallFailed):
            asyncio.run(guards.retries.through(A, False, call, Turn()))
        seating.press()
        assert (lanes["model:openai openai/a"].alone, lanes["model:openai openai/b"].alone) == (alone, False)
