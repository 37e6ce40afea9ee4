"""A streamed reply: the same as a whole one whoever is asked, and a failure whenever it is not whole."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from tests.engine.clock import FAR_S, Clock
from tests.llm.conftest import Serve, run
from wfkit.core.call import Failure, Message, Reply, Request, Tool
from wfkit.core.terms import CostSource, FailureKind, UsageSource
from wfkit.errors import CallFailed
from wfkit.llm import client
from wfkit.llm.provider import Behaviour, Faults, Provider

ASKED = Request("openai/gpt-4o-mini", (Message("user", "The sky is up, é, very high."),))
SCHEMA = json.dumps({"type": "object", "properties": {"sky": {"type": "string"}}, "required": ["sky"]})
SHAPES: dict[str, dict[str, Any]] = {
    "plain": {},
    "cut": {"params": (("max_tokens", 3),)},
    "schema": {"schema": SCHEMA},
    "tools": {"tools": (Tool("find", "Find a sky.", SCHEMA),), "messages": (Message("user", 'find {"sky": "é"}'),)},
}
# How a request goes: by which model and transport. OpenAI's models go directly or through litellm, others through it.
WAYS = {
    "direct": (ASKED.model, "auto"),
    "litellm": (ASKED.model, "litellm"),
    "anthropic": ("anthropic/claude-sonnet-4-5", "auto"),
    "gemini": ("gemini/gemini-2.5-flash", "auto"),
}
OPENAI = ("direct", "litellm")
CUTS = ("mid_eof", "mid_reset", "mid_error")
STALLS = ("hang", "drip", "mid_hang", "mid_drip")
LONG_S = 60.0


class Ear:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.heard = asyncio.Event()

    def begins(self) -> None:
        self.pieces.clear()

    def says(self, piece: str) -> None:
        assert piece
        self.heard.set()
        self.pieces.append(piece)


async def asked(way: str, request: Request = ASKED, ear: Ear | None = None, deadline_s: float = LONG_S) -> Reply:
    model, transport = WAYS[way]
    return await client.ask(replace(request, model=model), deadline_s, transport, listener=ear)


def ask(way: str, request: Request = ASKED, ear: Ear | None = None) -> Reply:
    return run(lambda: asked(way, request, ear))


def failing(serve: Serve, fault: str, way: str) -> tuple[Failure, Ear]:
    """How a stream with this fault fails, after exactly one request, and what was heard of it."""
    ear = Ear()
    with serve(Behaviour(faults=Faults(script=(fault, "ok"), retry_after_s=3))) as provider:
        with pytest.raises(CallFailed) as caught:
            ask(way, ear=ear)
        assert [effect.outcome for effect in provider.effects()] == [fault]
        assert all(effect.stream for effect in provider.effects())
    return caught.value.failure, ear


def comparable(reply: Reply) -> Reply:
    """A reply without what tells that it was streamed. Ids are made of the request's bytes, and litellm writes the
    arguments of tools that came as an object in two ways."""
    usage = replace(reply.usage, source=UsageSource.PROVIDER)
    calls = (replace(call, id="", arguments=json.dumps(json.loads(call.arguments))) for call in reply.tool_calls)
    return replace(reply, response_id=None, usage=usage, tool_calls=tuple(calls))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shape", SHAPES)
def test_same_as_whole(serve: Serve, shape: str, way: str) -> None:
    """Text, tool calls, finish reason, model, tokens of every kind and cost are those of a whole reply, and what was
    heard is the text."""
    request, ear = replace(ASKED, **SHAPES[shape]), Ear()
    with serve(Behaviour(cached_share=0.5, reasoning_tokens=7)):
        streamed, whole = ask(way, request, ear), ask(way, request)
    assert streamed.usage.source is UsageSource.STREAM_FINAL
    assert comparable(streamed) == comparable(whole)
    assert "".join(ear.pieces) == streamed.text
    assert streamed.tool_calls if shape == "tools" else len(ear.pieces) > 1
    assert streamed.usage.cache_read_input_tokens
    assert streamed.usage.reasoning_output_tokens == (0 if way == "anthropic" else 7)  # Anthropic does not tell them


@pytest.mark.parametrize("way", OPENAI)
@pytest.mark.parametrize("fault", ["renamed", "truncated", "refused", "null_content", "no_usage", "nul",
                                   "lone_surrogate"])  # fmt: skip
def test_same_though_spoilt(serve: Serve, fault: str, way: str) -> None:
    """A stream that is whole but odd is the same odd reply; tokens that were not sent are estimated, never made up."""
    faults = Faults(script=(fault, fault))
    with serve(Behaviour(faults=faults)):
        streamed, whole = ask(way, ear=Ear()), ask(way)
    assert comparable(streamed) == comparable(whole)
    if fault == "no_usage":
        assert (streamed.usage.source, streamed.cost.source) == (UsageSource.ESTIMATED, CostSource.ESTIMATED)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", CUTS)
def test_cut(serve: Serve, fault: str, way: str) -> None:
    """A stream that breaks off, also with a clean end, is a transient failure that may be billed and tells what had
    come; litellm's made-up finish reason is not believed."""
    failure, ear = failing(serve, fault, way)
    heard = "".join(ear.pieces)
    assert ASKED.messages[0].content.startswith(heard)
    assert heard
    assert (failure.kind, failure.status, failure.may_be_billed()) == (FailureKind.TRANSIENT, None, True)
    assert f"after {len(heard)} characters" in failure.message


@pytest.mark.parametrize(
    ("fault", "way"),
    [*((fault, way) for fault in ("bad_json", "html", "empty_body") for way in WAYS),
     *(("empty_choices", way) for way in OPENAI)],
)  # fmt: skip
def test_unusable(serve: Serve, fault: str, way: str) -> None:
    """What is no stream is a transient failure, and so is one with an event that cannot be read: litellm drops it."""
    failure, _ = failing(serve, fault, way)
    assert (failure.kind, failure.status) == (FailureKind.TRANSIENT, None)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", ["400", "401", "429", "500", "503", "reset"])
def test_refused_as_whole(serve: Serve, fault: str, way: str) -> None:
    """An error before the stream is the failure that it is for a whole reply."""
    streamed, ear = failing(serve, fault, way)
    with serve(Behaviour(faults=Faults(script=(fault, "ok"), retry_after_s=3))) as provider:
        with pytest.raises(CallFailed) as caught:
            ask(way)
        assert len(provider.effects()) == 1
    whole = caught.value.failure
    assert (streamed.kind, streamed.status, streamed.hint) == (whole.kind, whole.status, whole.hint)
    assert streamed.retry_after_s == whole.retry_after_s == (3.0 if fault in {"429", "503"} else None)
    assert not ear.pieces


async def gone(provider: Provider) -> None:
    """Until the provider sees that nobody listens any more."""
    assert await asyncio.to_thread(provider.idle.wait, LONG_S)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", STALLS)
def test_deadline(serve: Serve, clock: Clock, fault: str, way: str) -> None:
    """However a stream stalls, the call is back at its deadline, and its connection is closed."""
    ear = Ear()

    async def stalled() -> Failure:
        await asked(way, ear=Ear())  # what loads at the first call does not count
        question = asyncio.create_task(asked(way, ear=ear, deadline_s=FAR_S))
        assert await asyncio.to_thread(provider.wait, 2)
        if fault.startswith("mid"):
            await ear.heard.wait()
        clock.forward()
        with pytest.raises(CallFailed) as caught:
            await question
        await gone(provider)
        return caught.value.failure

    with serve(Behaviour(faults=Faults(script=("ok", fault)), drip_s=0.05)) as provider:
        failure = run(stalled)
        assert len(provider.effects()) == 2
    assert (failure.kind, failure.may_be_billed()) == (FailureKind.TIMEOUT, True)
    assert ("characters had come" in failure.message) == bool(ear.pieces) == fault.startswith("mid")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shape", ["plain", "tools"])
def test_whole_without_an_end(serve: Serve, clock: Clock, shape: str, way: str) -> None:
    """A stream that tells its finish reason, and then neither usage nor its end, is a reply well before its deadline:
    the one of a stream without usage, with estimated tokens. Its connection is closed."""
    request, ear = replace(ASKED, **SHAPES[shape]), Ear()

    async def both() -> tuple[Reply, Reply]:
        known = await asked(way, request, Ear())
        question = asyncio.create_task(asked(way, request, ear, deadline_s=10 * FAR_S))
        assert await asyncio.to_thread(provider.wait, 2)
        while not question.done():
            clock.forward(1.0)
            await asyncio.to_thread(provider.idle.wait, 0.05)
        await gone(provider)
        return known, await question

    with serve(Behaviour(faults=Faults(script=("no_usage", "no_end")))) as provider:
        known, found = run(both)
        assert [effect.outcome for effect in provider.effects()] == ["no_usage", "no_end"]
    assert comparable(found) == comparable(known)
    assert (found.usage.source, found.cost.source) == (UsageSource.ESTIMATED, CostSource.ESTIMATED)
    assert "".join(ear.pieces) == found.text


@pytest.mark.parametrize("way", WAYS)
def test_cancelled(serve: Serve, way: str) -> None:
    """Cancelling in mid-stream closes the connection at once, and no failure is made of it."""

    async def cancelled() -> None:
        task = asyncio.create_task(asked(way, ear=ear))
        await ear.heard.wait()  # the stream is in its midst
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await gone(provider)

    ear = Ear()
    with serve(Behaviour(faults=Faults(script=("mid_hang",)))) as provider:
        run(cancelled)


def test_local_models() -> None:
    """The offline model is heard word by word too."""
    ear = Ear()
    reply = run(lambda: client.ask(replace(ASKED, model="offline"), LONG_S, listener=ear))
    assert "".join(ear.pieces) == reply.text
    assert len(ear.pieces) > 1
