"""An outage with many who wait for a seat, judged by the provider's own books."""

from __future__ import annotations

import asyncio
import time

import pytest

from wfkit.core.call import Message, Reply, Request
from wfkit.core.decision import Decision
from wfkit.core.terms import Act
from wfkit.guards.breakers import Breakers
from wfkit.guards.chain import About, Caller, Guards, guarded
from wfkit.guards.pools import Pools
from wfkit.llm import client
from wfkit.llm.provider import Behaviour, Faults, Provider

SEATS, CALLS, FAST = 4, 100, 50.0  # the breaker's clock goes so much faster


def _clock() -> float:
    return time.monotonic() * FAST


async def _sleep(seconds: float) -> None:
    await asyncio.sleep(seconds / FAST)


def test_an_outage_costs_few_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four seats, a hundred calls, a provider that is down: it sees five failures, at most three more that were under
    way, and one request a probe, until a probe is answered and all the others go."""
    told: list[Decision] = []
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    with Provider(Behaviour(latency_s=0.02, faults=Faults(script=("ok",) * 10 + ("503",) * 11))) as provider:
        monkeypatch.setenv("OPENAI_API_BASE", provider.url)
        guards = Guards(Pools(SEATS, time.monotonic), breakers=Breakers(_clock, _sleep))

        async def work() -> list[Reply | BaseException]:
            asked = guarded(
                lambda request: client.ask(request, 30.0),
                guards,
                lambda _: About(patience_s=600.0),
                Caller(told.append, lambda: None),
            )
            questions = [Request("openai/gpt-4o-mini", (Message("user", f"Question {n}"),)) for n in range(CALLS)]
            ended = await asyncio.gather(*map(asked, questions), return_exceptions=True)
            await client.close()
            return ended

        ended = asyncio.run(work())
        effects = provider.effects()
    probes = sum(each.act is Act.PROBED for each in told)
    failed = [each for each in effects if each.status == 503]
    assert len(failed) == 11
    assert len(failed) <= 5 + (SEATS - 1) + probes - 1
    assert sum(isinstance(each, Reply) for each in ended) == CALLS - 11
    assert len(effects) == CALLS
    assert [each.act for each in told if each.act is Act.CLOSED] == [Act.CLOSED]
    assert guards.pools.statistics()["openai"].in_use == 0
