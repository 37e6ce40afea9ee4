"""What holds when: phases, latencies and limits, each for a given time and number, without a clock."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request

import pytest

from tests.llm.provider.test_serving import outcomes, post
from wfkit.errors import UsageFault
from wfkit.guards.rates import Rates
from wfkit.llm.provider import Behaviour, Faults, Limits, Lognormal, Phase, Provider, Uniform
from wfkit.llm.provider.faults import roll
from wfkit.llm.provider.metering import Meter


def test_phases() -> None:
    """A phase holds from its start until its end, a later one goes before, and a latency of its own counts."""
    short, open_end = Phase(10, 20, "503"), Phase(25, None, rates={"500": 1.0}, latency=Uniform(9, 9))
    behaviour = Behaviour(latency=Uniform(1, 1), phases=(short, open_end))
    assert [behaviour.phase({0: at}) for at in (0, 9.9, 10, 24.9, 25, 1000)] == [
        None,
        None,
        short,
        short,
        open_end,
        open_end,
    ]
    assert [behaviour.delay_s(phase, 0.5) for phase in (None, short, open_end)] == [1, 1, 9]


def test_phases_counted_from_a_request() -> None:
    """However fast the caller is, the outage comes with the fourth request and ends when it was told."""
    with Provider(Behaviour(phases=(Phase(0, 60, "503", after_requests=3),))) as provider:
        assert [post(provider, "hm")[0] for _ in range(5)] == [200, 200, 200, 503, 503]
    later = Phase(1, 2, "503", after_requests=3)
    behaviour = Behaviour(phases=(later,))
    assert [behaviour.phase({3: at}) for at in (0.5, 1.0, 2.9, 3.0)] == [None, later, later, None]
    assert (behaviour.phase({}), behaviour.landmarks()) == (None, {3})


def test_lognormal() -> None:
    """Half is faster than p50 and 99 of 100 than p99; the number alone decides, and no number is too much."""
    spread = Lognormal(0.1, 2.0)
    assert (spread.at(0.5), spread.at(0.99)) == (pytest.approx(0.1), pytest.approx(2.0))
    assert 0 < spread.at(0.0) < spread.at(0.3) < spread.at(1.0) < 60
    drawn = sorted(spread.at(roll(1, "x", number)) for number in range(2000))
    assert drawn[1000] == pytest.approx(0.1, rel=0.2)


def test_rates_of_a_wire_and_a_model() -> None:
    """A model's own rates hold instead of its wire's, and those instead of the general ones."""
    faults = Faults({"500": 1.0}, wires={"anthropic": {"529": 1.0}}, models={"gone": {"404": 1.0}, "well": {}})
    asked = [("openai", "any"), ("anthropic", "any"), ("anthropic", "gone"), ("openai", "well")]
    picked = [faults.pick(0, "d", 0, faults.rates_of(wire, model)) for wire, model in asked]
    assert picked == ["500", "529", "404", "ok"]


def test_requests_a_minute() -> None:
    """A burst passes, then one request for each share of a minute; the wait that is told is enough."""
    meter = Meter(Limits(requests_per_min=60, burst_s=3))
    assert [meter.refuses(0.0, 5, 1) for _ in range(3)] == [None] * 3
    assert meter.refuses(0.0, 5, 1) == ("rate_limit", pytest.approx(1.0))
    assert meter.refuses(1.0, 5, 1) is None
    ((of, limit),) = meter.told(1.0)
    assert (of, limit.size, limit.remaining, limit.reset_s) == ("requests", 60, 0, pytest.approx(3.0))


def test_tokens_a_minute() -> None:
    """Tokens of questions count when they come, those of answers when they go; one too large for all waits for all."""
    meter = Meter(Limits(tokens_per_min=600, burst_s=10))
    assert meter.refuses(0.0, 60, 1) is None
    meter.answered(60)
    assert meter.refuses(0.0, 10, 1) == ("rate_limit", pytest.approx(3.0))
    assert meter.refuses(8.0, 1000, 1) == ("rate_limit", pytest.approx(4.0))
    assert meter.refuses(12.0, 1000, 1) is None


def test_quota_and_seats() -> None:
    """So many requests or tokens are answered in all, so many at once."""
    meter = Meter(Limits(quota_requests=2, concurrency=4))
    assert meter.refuses(0.0, 5, 5) == ("busy", 1.0)
    assert [meter.refuses(0.0, 5, 4) for _ in range(3)] == [None, None, ("quota", None)]
    spent = Meter(Limits(quota_tokens=10))
    assert spent.refuses(0.0, 4, 1) is None
    spent.answered(6)
    assert spent.refuses(0.0, 1, 1) == ("quota", None)


def test_limits_are_told() -> None:
    """Replies and refusals carry the limits; a refusal says how long to wait, in two units; none of it is billed."""
    with Provider(Behaviour(limits=Limits(requests_per_min=1, burst_s=60))) as provider:
        assert post(provider, "a")[0] == 200
        status, body = post(provider, "b")
        effects = provider.effects()
    assert (status, body["error"]["code"]) == (429, "rate_limit_exceeded")
    assert [(effect.outcome, effect.billed) for effect in effects] == [("ok", True), ("rate_limit", False)]


@pytest.mark.parametrize("path", ["/chat/completions", "/messages"])
def test_headers_are_understood(path: str) -> None:
    """What headers tell of the limits is what the rate guard reads: nothing is left, and when all of it is there."""
    body = json.dumps({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}).encode()
    limits = Limits(requests_per_min=2, tokens_per_min=200, burst_s=60)
    with Provider(Behaviour(limits=limits)) as provider:
        for _ in range(2):
            with urllib.request.urlopen(f"{provider.url}{path}", body) as response:
                headers = dict(response.headers)
    rates = Rates(time.monotonic, asyncio.sleep, time.time)
    rates.heard("m", headers)
    told = rates.statistics()["m"]
    assert told.remaining_requests == 0
    assert 100 < (told.remaining_tokens or 0) < 200
    assert 0 < rates.wait_s("m", 1) <= 60


def test_an_outage_counts_for_nothing() -> None:
    """What is turned away does not use up the seeded faults of a request: after it they are the same."""
    faults = Faults({"500": 0.5}, seed=2)
    texts = [f"text {number}" for number in range(20)]
    calm = outcomes(faults, texts)
    limited = Behaviour(faults=faults, limits=Limits(requests_per_min=1200, burst_s=0.05))
    with Provider(limited) as provider:
        for text in texts:
            while post(provider, text)[0] == 429:
                assert len(provider.effects()) < 10_000
        found = [effect for effect in provider.effects() if effect.outcome != "rate_limit"]
    assert [effect.outcome for effect in found] == calm


def test_an_outage() -> None:
    """In it every request gets the same, at once; a connection may break, too."""
    for outage, outcome in (("503", ("503", 503)), ("quota", ("quota", 429))):
        with Provider(Behaviour(latency_s=30, phases=(Phase(0, None, outage),))) as provider:
            assert post(provider, "x")[0] == outcome[1]
            assert [(effect.outcome, effect.status) for effect in provider.effects()] == [outcome]


@pytest.mark.parametrize("limits", [{"requests_per_min": 0}, {"concurrency": -1}, {"burst_s": 0}])
def test_limits_that_cannot_be(limits: dict[str, int]) -> None:
    """A limit is above 0."""
    with pytest.raises(UsageFault, match="above 0"):
        Limits(**limits)


def test_time_for_each_token() -> None:
    """A long answer takes longer: so many seconds for each of its tokens, before it or within its stream."""
    slow = Behaviour(answer=lambda _: "a b c d e f g h", per_token=Uniform(0.01, 0.01))
    with Provider(slow) as provider:
        post(provider, "x")
        (effect,) = provider.effects()
    assert effect.took_s >= 0.01 * effect.output_tokens > 0
