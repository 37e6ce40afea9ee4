"""Promises of the guard chain: every request passes all guards, unchanged."""

from __future__ import annotations

import asyncio

import pytest

from wfkit.core.call import Message, Reply, Request
from wfkit.guards.chain import Guards, guarded, provider_of
from wfkit.guards.pools import Pools


@pytest.mark.parametrize(
    ("model", "provider"), [("openai/gpt-5-mini", "openai"), ("offline", "offline"), ("a/b/c", "a")]
)
def test_the_provider_of_a_model(model: str, provider: str) -> None:
    """What stands before the first slash."""
    assert provider_of(model) == provider


def test_requests_pass_unchanged() -> None:
    """The request that is sent is the one that was asked; its provider's seat was taken meanwhile."""
    pools, seen = Pools(2), []

    async def send(request: Request) -> Reply:
        seen.append((request, pools.statistics()["openai"].in_use))
        return Reply("yes", "model")

    request = Request("openai/gpt-5-mini", (Message("user", "Hello"),))
    assert asyncio.run(guarded(send, Guards(pools))(request)).text == "yes"
    assert seen == [(request, 1)]
