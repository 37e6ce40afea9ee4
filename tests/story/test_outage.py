"""An outage with many who wait for a seat, judged by the provider's own books."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.engine.clock import Clock
from tests.engine.lab import PATIENCE_S
from wfkit import Workflow, prompt
from wfkit.core.call import Message, Reply, Request
from wfkit.core.decision import Decision
from wfkit.core.report import RunReport
from wfkit.core.terms import Act
from wfkit.guards.breakers import Breakers
from wfkit.guards.chain import About, Caller, Guards, guarded
from wfkit.guards.pools import Pools
from wfkit.llm import client
from wfkit.llm.provider import Behaviour, Faults, Provider

LONG_S = 50.0  # within the patience of a question, and longer than any machine needs to come to the guard
SEATS, CALLS, BEFORE, DOWN = 4, 100, 10, 11
FAST = 50.0  # the breaker's clock goes so much faster


def _clock() -> float:
    return time.monotonic() * FAST


async def _sleep(seconds: float) -> None:
    await asyncio.sleep(seconds / FAST)


def test_an_outage_costs_few_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four seats, a hundred calls, a provider that is down: it sees five failures, at most three more that were under
    way, and one request a probe, until a probe is answered and all the others go. (Ten calls were answered before: a
    late success among the failures would have the breaker count anew.)
    """
    told: list[Decision] = []
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    faults = Faults(script=("ok",) * BEFORE + ("503",) * DOWN)
    with Provider(Behaviour(latency_s=0.02, faults=faults)) as provider:
        monkeypatch.setenv("OPENAI_API_BASE", provider.url)
        guards = Guards(Pools(SEATS, time.monotonic), breakers=Breakers(_clock, _sleep))

        async def work() -> list[Reply | BaseException]:
            asked = guarded(
                lambda request: client.ask(request, PATIENCE_S),
                guards,
                lambda _: About(patience_s=60_000.0),
                Caller(told.append, lambda: None),
            )
            questions = [Request("openai/gpt-4o-mini", (Message("user", f"Question {n}"),)) for n in range(CALLS)]
            before = await asyncio.gather(*map(asked, questions[:BEFORE]))
            after = await asyncio.gather(*map(asked, questions[BEFORE:]), return_exceptions=True)
            await client.close()
            return [*before, *after]

        ended = asyncio.run(work())
        effects = provider.effects()
    probes = sum(each.act is Act.PROBED for each in told)
    failed = [each for each in effects if each.status == 503]
    assert len(failed) == DOWN
    assert len(failed) <= 5 + (SEATS - 1) + probes - 1
    assert sum(isinstance(each, Reply) for each in ended) == CALLS - DOWN
    assert len(effects) == CALLS
    assert [each.act for each in told if each.act is Act.CLOSED] == [Act.CLOSED]
    assert guards.pools.statistics()["openai"].in_use == 0


def test_a_run_tells_what_held_it_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """A refusal with Retry-After in a run is told everywhere: show guards, log, sql, events, the report."""
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    faults = Faults(script=("ok", "ok", "429"), retry_after_s=LONG_S)
    with Provider(Behaviour(latency_s=0.02, faults=faults)) as provider:
        monkeypatch.setenv("OPENAI_API_BASE", provider.url)
        workflow = Workflow("held", store=tmp_path / ".wfkit", namespace={})
        workflow.config("concurrency", 2)
        options = {"model": "openai/gpt-4o-mini", "each": "item in items", "retries": 2}
        workflow.add(prompt("label", "Label {{ item }}", **options))

        def pass_by(_: RunReport) -> None:
            rate = workflow.session.guards.rates.statistics().get("openai/gpt-4o-mini")
            if not clock.ahead_s and rate is not None and rate.waiting:
                clock.forward(LONG_S)

        assert workflow.run("label", inputs={"items": list("abcdef")}, progress=pass_by).status == "success"
        decided = workflow.sql("SELECT node, guard, act, waited_s FROM guard_decisions WHERE act = 'waited'")
        events = workflow.sql("SELECT event, subject FROM events WHERE event LIKE 'guard_%'")
        view, log = workflow.show("guards"), workflow.log("label").text()
        report = workflow.report(tmp_path / "report.html").read_text("utf-8")
        standing = {row.guard: row for row in workflow.session.guards.rows()}
        workflow.close()
    assert set(zip(decided["node"], decided["guard"], strict=True)) == {("label", "rate")}
    assert decided["waited_s"].max() >= LONG_S / 2
    assert ("guard_waited", "openai/gpt-4o-mini") in set(events.itertuples(index=False, name=None))
    assert "rate openai/gpt-4o-mini waited" in " ".join(view.text().split())
    assert "now rate openai/gpt-4o-mini" in view.text()
    assert "rate of openai/gpt-4o-mini: waited" in log
    assert "the provider takes no more for now" in report
    assert standing["pool"].passed == standing["rate"].passed == 7
    assert {"breaker", "retry", "rate", "pool"} == set(standing)


def test_other_models_of_the_provider_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """A model that is left alone waits with one question, however urgent its node is; the provider's other model gets
    the seats, and both nodes end well."""
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    with Provider(Behaviour(latency_s=0.005)) as provider:
        monkeypatch.setenv("OPENAI_API_BASE", provider.url)
        workflow = Workflow("aside", store=tmp_path / ".wfkit", namespace={})
        workflow.config("concurrency", 4)
        workflow.add(prompt("urgent", "A {{ item }}", model="openai/gpt-4o", each="item in items", priority=9))
        workflow.add(prompt("patient", "B {{ item }}", model="openai/gpt-4o-mini", each="item in items"))
        left_alone = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": f"{LONG_S}s"}
        workflow.session.guards.rates.heard("openai/gpt-4o", left_alone)

        def pass_by(_: RunReport) -> None:
            if not clock.ahead_s and len(provider.effects()) == 20:
                clock.forward(LONG_S)

        outcome = workflow.run("urgent", "patient", inputs={"items": list(range(20))}, progress=pass_by)
        waited = workflow.sql("SELECT node FROM guard_decisions WHERE act = 'waited' AND guard = 'rate'")
        workflow.close()
        models = [effect.model for effect in provider.effects()]
    assert outcome.status == "success"
    assert models == ["gpt-4o-mini"] * 20 + ["gpt-4o"] * 20
    assert list(waited["node"]) == ["urgent"]
