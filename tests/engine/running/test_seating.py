"""Promises of seating: a model that takes nothing keeps nobody else off, and its places come back."""

from __future__ import annotations

import time

from wfkit.core.events import NodeSpec
from wfkit.core.terms import NodeKind
from wfkit.engine.running.seating import Seating
from wfkit.guards.chain import Guards
from wfkit.guards.pools import Pools

A, B = "openai/a", "openai/b"


def prompt(name: str, model: str, **more: object) -> NodeSpec:
    return NodeSpec(name, NodeKind.PROMPT, pool="openai", model=model, **more)


def test_places_follow_the_guards() -> None:
    """Of four places of a provider a model that is left alone gets one, its neighbour all; then all is as before."""
    guards = Guards(Pools(4, time.monotonic))
    specs = (prompt("one", A), prompt("two", B), prompt("few", A, max_parallel=2), NodeSpec("body", NodeKind.PYTHON))
    seating = Seating(specs, {"python": 3}, 4, guards)
    pool = seating.slots["openai"]
    assert seating.press() is None
    assert {lane: places.size for lane, places in pool.lanes.items()} == {
        "openai openai/a": 4, "openai openai/b": 4, "openai#few": 2,
    }  # fmt: skip
    pool.take("openai openai/a", 3)
    guards.rates.heard(A, {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "30s"})
    again_s = seating.press()
    assert again_s is not None
    assert 29 < again_s <= 30
    assert (pool.lanes["openai openai/a"].size, pool.lanes["openai openai/a"].free) == (1, -2)
    assert (pool.lanes["openai openai/b"].free, pool.lanes["openai#few"].size, pool.free) == (4, 1, 1)
    assert seating.slots["python"].free == 3
    guards.rates.heard(A, {"x-ratelimit-remaining-requests": "50", "x-ratelimit-reset-requests": "30s"})
    seating.press()
    assert (pool.lanes["openai openai/a"].size, pool.lanes["openai openai/a"].free) == (4, 1)


def test_another_model_stands_by() -> None:
    """A node with a fallback is not held back: its next model answers at once."""
    guards = Guards(Pools(4, time.monotonic))
    guards.rates.heard(A, {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "30s"})
    seating = Seating((prompt("one", A, fallbacks=1),), {}, 4, guards)
    assert seating.press() is None
    assert seating.slots["openai"].lanes == {}
