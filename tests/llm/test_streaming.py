"""A streamed reply: the same as a whole one through both transports, and a failure whenever it is not whole."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

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
TRANSPORTS = ("auto", "litellm")
CUTS = ("mid_eof", "mid_reset", "mid_error")
STALLS = ("hang", "drip", "mid_hang", "mid_drip")
LONG_S = 60.0
SLACK_S = 0.5  # the promise: back within the deadline and half a second


class Ear:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.pieces: list[str] = []

    def begins(self) -> None:
        self.pieces.clear()

    def says(self, piece: str) -> None:
        assert piece
        self.pieces.append(piece)


def ask(transport: str, request: Request = ASKED, ear: Ear | None = None, deadline_s: float = LONG_S) -> Reply:
    return run(lambda: client.ask(request, deadline_s, transport, listener=ear))


def failing(serve: Serve, fault: str, transport: str) -> tuple[Failure, Ear]:
    """How a stream with this fault fails, after exactly one request, and what was heard of it."""
    ear = Ear()
    with serve(Behaviour(faults=Faults(script=(fault, "ok")))) as provider:
        with pytest.raises(CallFailed) as caught:
            ask(transport, ear=ear)
        assert [effect.outcome for effect in provider.effects()] == [fault]
        assert all(effect.stream for effect in provider.effects())
    return caught.value.failure, ear


def comparable(reply: Reply) -> Reply:
    """A reply without what tells that it was streamed. The provider's ids are made of the request's bytes."""
    return replace(reply, response_id=None, usage=replace(reply.usage, source=UsageSource.PROVIDER),
                   tool_calls=tuple(replace(call, id="") for call in reply.tool_calls))  # fmt: skip


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_same_as_whole(serve: Serve, shape: str, transport: str) -> None:
    """Text, tool calls, finish reason, model, tokens of every kind and cost are those of a whole reply, and what was
    heard is the text."""
    request, ear = replace(ASKED, **SHAPES[shape]), Ear()
    with serve(Behaviour(cached_share=0.5, reasoning_tokens=7)):
        streamed, whole = ask(transport, request, ear), ask("auto", request)
    assert streamed.usage.source is UsageSource.STREAM_FINAL
    assert comparable(streamed) == comparable(whole)
    assert "".join(ear.pieces) == streamed.text
    assert streamed.tool_calls if shape == "tools" else len(ear.pieces) > 1
    assert streamed.usage.reasoning_output_tokens == 7
    assert streamed.usage.cache_read_input_tokens


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("fault", ["renamed", "truncated", "refused", "null_content", "no_usage", "nul",
                                   "lone_surrogate"])  # fmt: skip
def test_same_though_spoilt(serve: Serve, fault: str, transport: str) -> None:
    """A stream that is whole but odd is the same odd reply; tokens that were not sent are estimated, never made up."""
    faults = Faults(script=(fault, fault))
    with serve(Behaviour(faults=faults)):
        streamed, whole = ask(transport, ear=Ear()), ask("auto")
    assert comparable(streamed) == comparable(whole)
    if fault == "no_usage":
        assert (streamed.usage.source, streamed.cost.source) == (UsageSource.ESTIMATED, CostSource.ESTIMATED)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("fault", CUTS)
def test_cut(serve: Serve, fault: str, transport: str) -> None:
    """A stream that breaks off, also with a clean end, is a transient failure that may be billed and tells what had
    come; litellm's made-up finish reason is not believed."""
    failure, ear = failing(serve, fault, transport)
    heard = "".join(ear.pieces)
    assert ASKED.messages[0].content.startswith(heard)
    assert heard
    assert (failure.kind, failure.status, failure.may_be_billed()) == (FailureKind.TRANSIENT, None, True)
    assert f"after {len(heard)} characters" in failure.message


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("fault", ["bad_json", "html", "empty_body", "empty_choices", "reset"])
def test_unusable(serve: Serve, fault: str, transport: str) -> None:
    """What is no stream is a transient failure, through both transports."""
    failure, _ = failing(serve, fault, transport)
    assert (failure.kind, failure.status) == (FailureKind.TRANSIENT, None)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("fault", ["400", "401", "404", "429", "quota", "500", "503"])
def test_refused_as_whole(serve: Serve, fault: str, transport: str) -> None:
    """An error before the stream is the failure that it is for a whole reply."""
    streamed, ear = failing(serve, fault, transport)
    with serve(Behaviour(faults=Faults(script=(fault,)))), pytest.raises(CallFailed) as caught:
        ask("auto")
    whole = caught.value.failure
    assert (streamed.kind, streamed.status, streamed.hint) == (whole.kind, whole.status, whole.hint)
    assert not ear.pieces


async def gone(provider: Provider) -> None:
    """Until the provider sees that nobody listens any more."""
    async with asyncio.timeout(LONG_S):
        while provider.in_flight:  # noqa: ASYNC110 - the provider is a thread of its own
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("fault", STALLS)
def test_deadline(serve: Serve, fault: str, transport: str) -> None:
    """However a stream stalls, the call is back within its deadline and half a second, and its connection is closed."""
    deadline_s, ear = 0.3, Ear()

    async def stalled() -> Failure:
        await client.ask(ASKED, LONG_S, transport, listener=Ear())  # what loads at the first call does not count
        began = asyncio.get_running_loop().time()
        with pytest.raises(CallFailed) as caught:
            await client.ask(ASKED, deadline_s, transport, listener=ear)
        assert asyncio.get_running_loop().time() - began < deadline_s + SLACK_S
        await gone(provider)
        return caught.value.failure

    with serve(Behaviour(faults=Faults(script=("ok", fault)), drip_s=0.05)) as provider:
        failure = run(stalled)
        assert len(provider.effects()) == 2
    assert (failure.kind, failure.may_be_billed()) == (FailureKind.TIMEOUT, True)
    assert ("characters had come" in failure.message) == bool(ear.pieces) == fault.startswith("mid")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_cancelled(serve: Serve, transport: str) -> None:
    """Cancelling in mid-stream closes the connection at once, and no failure is made of it."""

    async def cancelled() -> None:
        task = asyncio.create_task(client.ask(ASKED, LONG_S, transport, listener=ear))
        while not ear.pieces:  # noqa: ASYNC110 - until the stream is in its midst
            await asyncio.sleep(0.01)
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
    reply = ask("auto", replace(ASKED, model="offline"), ear)
    assert "".join(ear.pieces) == reply.text
    assert len(ear.pieces) > 1
