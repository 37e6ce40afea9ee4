"""Streams in whole runs: deadlines hold whatever stalls, only what is whole counts, and a recording says it again."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.web import StreamResponse

import wfkit
from tests.engine.clock import FAR_S, Clock
from tests.engine.lab import PATIENCE_S, Lab, did, run
from wfkit import Workflow, prompt
from wfkit.core.call import CallRecord, Message, Request
from wfkit.core.events import CallEnded
from wfkit.core.report import RunReport
from wfkit.core.terms import FailureKind, RunState, UsageSource, Verdict
from wfkit.define.cell import parse_cell
from wfkit.engine.execute import Interrupted
from wfkit.engine.outcome import Outcome
from wfkit.llm import client
from wfkit.llm.provider import Behaviour, Faults, Provider
from wfkit.llm.provider.sending import Sending

TEXT = "The sky is up, é, very high."
OPENAI, ANTHROPIC, GEMINI = "openai/gpt-4o-mini", "anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-flash"
WAYS = {"direct": (OPENAI, "auto"), "litellm": (OPENAI, "litellm"), "anthropic": (ANTHROPIC, "auto"),
        "gemini": (GEMINI, "auto")}  # fmt: skip

Serve = Callable[..., Provider]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Start a provider with these faults, one after the other, for models of every name."""
    started: list[Provider] = []

    def start(*faults: str) -> Provider:
        script = Faults(script=faults, retry_after_s=0.01)
        provider = Provider(Behaviour(faults=script, drip_s=0.05)).start()
        started.append(provider)
        for name, end in (("OPENAI", "/v1"), ("ANTHROPIC", ""), ("GEMINI", "")):
            monkeypatch.setenv(f"{name}_API_BASE", provider.url.removesuffix("/v1") + end)
            monkeypatch.setenv(f"{name}_API_KEY", "canary-of-a-key-123456")
        return provider

    yield start
    for provider in started:
        provider.stop()


def telling(workflow: Workflow, way: str = "direct", **options: Any) -> Workflow:
    """A workflow of one streamed prompt that is asked this way."""
    model, transport = WAYS[way]
    workflow.config("transport", transport)
    workflow.add(prompt("tell", TEXT, model=model, stream="on", **options))
    return workflow


def calls(workflow: Workflow, outcome: Outcome) -> list[CallRecord]:
    """The calls of a run, in order."""
    events = [entry.event for entry in workflow.store.entries(outcome.run_id)]
    return [event.call for event in events if isinstance(event, CallEnded)]


class Deaf:
    """Wants a stream and hears nothing."""

    def begins(self) -> None: ...

    def says(self, piece: str) -> None: ...


@pytest.mark.parametrize("way", ["direct", "litellm"])
def test_whole_without_an_end(lab: Lab, serve: Serve, way: str) -> None:
    """A stream that tells its finish reason and never ends is one request, booked with estimated tokens and cost, kept
    as a valid reply, and not bought again."""
    provider = serve("no_end")
    workflow = telling(lab.workflow(), way)
    outcome = run(workflow)
    assert (outcome.status, outcome["tell"]) == (RunState.SUCCESS, TEXT)
    spent = outcome.report.run.spent
    assert (spent.calls, spent.estimated, spent.unpriced, spent.unanswered) == (1, 1, 0, 0)
    assert spent.cost_usd
    (call,) = calls(workflow, outcome)
    assert (call.verdict, call.reply and call.reply.usage.source) == (Verdict.VALID, UsageSource.ESTIMATED)
    assert [(effect.outcome, effect.billed) for effect in provider.effects()] == [("no_end", True)]
    assert run(workflow, force=True).report.run.spent.calls == 0
    assert len(provider.effects()) == 1


def load(way: str) -> None:
    """What loads at the first call is none of a deadline's business."""
    model, transport = WAYS[way]

    async def ask() -> None:
        await client.ask(Request(model, (Message("user", "Load."),)), 60.0, transport, listener=Deaf())
        await client.close()

    asyncio.run(ask())


@pytest.mark.parametrize(
    ("fault", "way"),
    [
        ("hang", "direct"),
        ("drip", "direct"),
        ("mid_hang", "direct"),
        ("mid_drip", "direct"),
        ("mid_hang", "litellm"),
        ("mid_drip", "anthropic"),
        ("mid_hang", "gemini"),
    ],
)
def test_stalls(lab: Lab, serve: Serve, clock: Clock, fault: str, way: str) -> None:
    """A stream that stalls ends at the deadline of its attempt, whatever wire and transport; the retry is answered, and
    what had come may be billed and is not kept."""
    provider = serve("ok", fault)
    load(way)
    workflow = telling(lab.workflow(), way, timeout=f"{FAR_S}s", retries=1)

    def pass_by(_: RunReport) -> None:
        if not clock.ahead_s and provider.wait(2, PATIENCE_S):
            clock.forward()

    outcome = run(workflow, progress=pass_by)
    assert outcome["tell"] == TEXT
    assert [effect.outcome for effect in provider.effects()] == ["ok", fault, "ok"]
    stalled, answered = calls(workflow, outcome)
    assert stalled.failure is not None
    assert (stalled.failure.kind, stalled.failure.may_be_billed()) == (FailureKind.TIMEOUT, True)
    assert answered.reply is not None
    pools = workflow.session.guards.pools.statistics()
    assert [pool.in_use for pool in pools.values()] == [0] * len(pools)


@pytest.mark.parametrize("way", ["direct", "litellm"])
@pytest.mark.parametrize("fault", ["mid_eof", "mid_reset", "mid_error"])
def test_cut(lab: Lab, serve: Serve, fault: str, way: str) -> None:
    """A stream that breaks off, also with a clean end, fails and is not kept: the next run asks again, and what that is
    answered is whole, and kept for requests that are not streamed too."""
    provider = serve(fault)
    workflow = telling(lab.workflow(), way, retries=0)
    outcome = run(workflow)
    assert outcome.status is RunState.FAILED
    (failure,) = outcome.failures
    assert failure.failure.kind is FailureKind.TRANSIENT
    assert failure.failure.may_be_billed()
    assert "The sky" in failure.failure.message
    assert run(workflow)["tell"] == TEXT
    workflow.add(prompt("tell", TEXT, model=OPENAI))
    again = run(workflow, force=["tell"])
    assert did(again) == {"tell": "run"}
    assert [effect.outcome for effect in provider.effects()] == [fault, "ok"]


@pytest.mark.parametrize("way", WAYS)
def test_interrupted(lab: Lab, serve: Serve, way: str) -> None:
    """Ctrl-C in mid-stream closes the connection: nobody waits, at the provider, for what nobody will read."""

    def stop(report: RunReport) -> None:
        if any(row.saying for row in report.nodes):
            raise KeyboardInterrupt

    provider = serve("mid_hang")
    workflow = telling(lab.workflow(), way)
    with pytest.raises(Interrupted):
        workflow.run(progress=stop)
    assert provider.idle.wait(PATIENCE_S)
    assert run(workflow)["tell"] == TEXT
    assert [effect.outcome for effect in provider.effects()] == ["mid_hang", "ok"]


def test_recorded(lab: Lab, serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A stream that was recorded, with what was refused and what was cut before it, is said again without key and
    socket: equal values, streamed or not."""
    tape = str(tmp_path / "tape.jsonl")
    provider = serve("429", "mid_eof")
    first = run(telling(lab.workflow(), retries=2), record=tape)
    assert first["tell"] == TEXT
    assert len(provider.effects()) == 3
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.setattr(socket.socket, "connect", _closed)
    for stream in ("on", "off"):
        workflow = Workflow("again", store=tmp_path / stream / ".wfkit", namespace={})
        workflow.add(prompt("tell", TEXT, model=OPENAI, stream=stream, retries=2))
        outcome = workflow.run(replay=tape)
        assert outcome["tell"] == TEXT
        assert outcome.unused_recordings == 0
        workflow.close()


def _closed(*_: object) -> None:
    raise AssertionError("a socket was opened")


def hearing(lab: Lab, body: str) -> Workflow:
    """A Python node that hears an answer word by word."""
    return lab.cells({"heard": body}, {"wfkit": wfkit})


def test_heard_in_python(lab: Lab, serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Python code hears the words of an answer; after the code was changed the call log says the same words, and a
    cassette too, without key and socket."""
    tape, words = str(tmp_path / "tape.jsonl"), ["The", " sky", " is", " up,", " é,", " very", " high."]
    body = f"[word async for word in wfkit.ask({TEXT!r}, model={OPENAI!r}, stream=True)]"
    provider = serve()
    assert run(hearing(lab, body), record=tape)["heard"] == words
    assert run(hearing(lab, f"1\n{body}"))["heard"] == words
    assert [effect.stream for effect in provider.effects()] == [True]
    monkeypatch.setattr(socket.socket, "connect", _closed)
    workflow = Workflow("again", store=tmp_path / "again" / ".wfkit", namespace={"wfkit": wfkit})
    workflow.add(parse_cell("heard", body, workflow.namespace))
    assert workflow.run(replay=tape)["heard"] == words
    workflow.close()


def test_cut_while_heard(lab: Lab, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that breaks off after words were handed out raises in the loop, is not asked again behind its back, and
    nothing of it is kept; one that breaks off before is asked again unheard."""
    provider, heard, stop = serve("reset", "mid_eof"), threading.Event(), Sending._stop

    async def when_heard(sending: Sending, response: StreamResponse, fault: str) -> StreamResponse:
        await asyncio.to_thread(heard.wait, PATIENCE_S)
        return await stop(sending, response, fault)

    monkeypatch.setattr(Sending, "_stop", when_heard)
    ask = f"wfkit.ask({TEXT!r}, model={OPENAI!r}, stream=True, retries=3)"
    body = f"words = []\nasync for word in {ask}:\n    words.append(word)\n    heard.set()\nwords"
    workflow = lab.cells({"told --ignore heard": body}, {"wfkit": wfkit, "heard": heard})
    outcome = run(workflow)
    assert outcome.status is RunState.FAILED
    assert "without a finish reason" in outcome.failures[0].failure.message
    assert "".join(run(workflow)["told"]) == TEXT
    assert [effect.outcome for effect in provider.effects()] == ["reset", "mid_eof", "ok"]
