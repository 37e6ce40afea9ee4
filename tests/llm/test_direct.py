"""OpenAI's protocol spoken directly: on the wire, in replies and in errors the same as through litellm."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.llm.conftest import Serve, run
from wfkit.core.call import Failure, Message, Reply, Request, Tool, ToolCall
from wfkit.core.terms import FailureKind, Verdict
from wfkit.errors import CallFailed
from wfkit.llm import client, direct, price_file
from wfkit.llm.messages import judge
from wfkit.llm.provider import Behaviour, Faults
from wfkit.llm.provider.faults import BODY_FAULTS

ASKED = Request("openai/gpt-4o-mini", (Message("system", "Be brief."), Message("user", "Is é a letter? \ud83d")))
SCHEMA = json.dumps({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]})
CLOSED = json.dumps({**json.loads(SCHEMA), "additionalProperties": False, "title": "An answer"})
SAMPLING = (("max_tokens", 5), ("seed", 3), ("temperature", 0.2), ("top_p", 0.5))
TOOLS = (Tool("find", "Find a word.", SCHEMA),)
TOLD = (Message("assistant", "", (ToolCall("c1", "find", '{"a":"é"}'),)), Message("tool", "found", tool_call_id="c1"))
SHAPES: list[dict[str, Any]] = [
    {},
    {"params": SAMPLING},
    {"params": (("max_tokens", 5),)},
    {"schema": SCHEMA},
    {"schema": CLOSED},
    {"schema": json.dumps({"type": "array", "items": {"type": "string"}})},
    {"schema": json.dumps({**json.loads(CLOSED), "minProperties": 1})},
    {"tools": TOOLS},
    {"tools": TOOLS, "messages": (Message("user", "Find é."), *TOLD)},
    {"tools": TOOLS, "messages": (Message("user", "Find é."), *TOLD), "params": (("tool_choice", "none"),)},
]
HEADERS = ("Authorization", "Content-Type", "Accept", "OpenAI-Organization", "OpenAI-Project")
STREAM = b"""data: {"id": "1", "model": "m", "choices": [{"index": 0, "delta": {"content": "yes"}}]}

data: {"id": "1", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}

data: [DONE]

"""
Seen = tuple[str, dict[str, str | None], Any]


@asynccontextmanager
async def listening(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[Seen]]:
    """A server that answers everything and keeps what it was sent."""
    seen: list[Seen] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        headers = {name: request.headers.get(name) for name in HEADERS}
        asked = await request.json()
        seen.append((f"{request.method} {request.path}", headers, asked))
        if asked.get("stream"):
            return web.Response(body=STREAM, content_type="text/event-stream")
        message = {"role": "assistant", "content": "yes"}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
        named = {"id": "1", "object": "chat.completion", "created": 1, "model": "m"}
        return web.json_response({**named, "choices": choices, "usage": usage})

    async with answering(answer, monkeypatch):
        yield seen


@asynccontextmanager
async def answering(
    answer: Callable[[web.BaseRequest], Awaitable[web.Response]], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    """A server of OpenAI's models that answers like this."""
    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{runner.addresses[0][1]}/v1/")
        monkeypatch.setenv("OPENAI_API_KEY", "canary-of-a-key-123456")
        yield
    finally:
        await client.close()
        await runner.cleanup()


def chat_models() -> list[str]:
    """Every chat model of OpenAI that the price file knows, and one that it does not."""
    known = (name.removeprefix("openai/") for name in price_file.models_of("openai"))
    return ["openai/benchmark", *sorted({f"openai/{name}" for name in known})]


def test_same_on_the_wire(monkeypatch: pytest.MonkeyPatch) -> None:
    """For every chat model and every shape of request that is taken: same path, same body, same headers as litellm's;
    and most models are taken."""
    monkeypatch.setenv("OPENAI_ORGANIZATION", "an-organization")
    taken: set[str] = set()

    async def compare() -> None:
        async with listening(monkeypatch) as seen:
            for model in chat_models():
                for shape in SHAPES:
                    request = replace(ASKED, model=model, **shape)
                    if not direct.takes(request):
                        continue
                    taken.add(model)
                    await client.ask(request, 60.0)
                    await client.ask(request, 60.0, "litellm")
                    assert seen[-2:] == [seen[-1]] * 2, request

    asyncio.run(compare())
    assert {"openai/benchmark", "openai/gpt-4o", "openai/gpt-4.1-mini", "openai/gpt-5-mini"} <= taken
    assert len(taken) > len(chat_models()) // 3


class Deaf:
    """Wants a stream and hears nothing."""

    def begins(self) -> None: ...

    def says(self, piece: str) -> None: ...


@pytest.mark.parametrize("model", ["openai/gpt-4o-mini", "openai/gpt-5-mini"])
def test_same_on_the_wire_when_streamed(monkeypatch: pytest.MonkeyPatch, model: str) -> None:
    """A request whose reply is streamed is litellm's too: the stream asks for its tokens, nothing else differs."""

    async def compare() -> None:
        async with listening(monkeypatch) as seen:
            for request in (replace(ASKED, model=model, **shape) for shape in SHAPES):
                if not direct.takes(request):
                    continue
                await client.ask(request, 60.0, listener=Deaf())
                await client.ask(request, 60.0, "litellm", listener=Deaf())
                assert seen[-2:] == [seen[-1]] * 2, request
                assert seen[-1][2]["stream_options"] == {"include_usage": True}

    asyncio.run(compare())


def test_one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """One stream after the other comes over the same connection."""
    connections: list[web.BaseRequest] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        connections.append(request)
        return web.Response(body=STREAM, content_type="text/event-stream")

    async def several() -> None:
        async with answering(answer, monkeypatch):
            for _ in range(3):
                await client.ask(ASKED, 60.0, listener=Deaf())

    asyncio.run(several())
    assert len(connections) == 3
    assert len({id(request.protocol) for request in connections}) == 1


def outcome(transport: str, request: Request = ASKED) -> Reply | Failure:
    """What comes of a request: a reply, or how it failed."""
    try:
        return run(lambda: client.ask(request, 60.0, transport))
    except CallFailed as error:
        return error.failure


@pytest.mark.parametrize("fault", ["ok", *BODY_FAULTS])
def test_same_replies(serve: Serve, fault: str) -> None:
    """Every 200, whole or spoilt, becomes the same reply, or the same kind of failure, as through litellm."""
    answered = []
    for transport in ("auto", "litellm"):
        with serve(Behaviour(answer=lambda _: "The sky is up.", faults=Faults(script=(fault,)))):
            answered.append(outcome(transport))
    ours, theirs = answered
    if isinstance(ours, Failure):
        assert isinstance(theirs, Failure)
        assert (ours.kind, ours.status) == (theirs.kind, theirs.status)
    else:
        assert ours == theirs


@pytest.mark.parametrize("fault", [*map(str, (400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 529)),
                                   "quota", "reset"])  # fmt: skip
def test_same_failures(serve: Serve, fault: str) -> None:
    """Every error status becomes the same failure as through litellm: kind, status, wait and advice."""
    found = []
    for transport in ("auto", "litellm"):
        with serve(Behaviour(faults=Faults(script=(fault,), retry_after_s=3))) as provider:
            failure = outcome(transport)
            assert isinstance(failure, Failure)
            assert len(provider.effects()) == 1
            found.append((failure.kind, failure.status, failure.retry_after_s, failure.hint))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("model", "params"),
    [
        ("anthropic/claude-sonnet-4-5", ()),
        ("openai/o3-mini", ()),
        ("openai/gpt-5-mini", (("temperature", 0.2),)),
        ("openai/gpt-4o", (("logit_bias", {}),)),
        ("gpt-4o", ()),
    ],
)
def test_out_of_the_ordinary(model: str, params: tuple[tuple[str, Any], ...]) -> None:
    """What is not proven to be the same goes through litellm."""
    assert not direct.takes(Request(model, ASKED.messages, params))


PROXIES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPENAI_BASE_URL", "no url"),
        ("OPENAI_BASE_URL", "http://"),
        ("OPENAI_BASE_URL", "ftp://x/v1"),
        ("OPENAI_BASE_URL", "http://[::1/v1"),
        ("OPENAI_API_KEY", "sk-one\n"),
    ],
)
def test_what_cannot_be_sent(serve: Serve, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """An address or a key that cannot be used is told as such: nothing is sent or billed, and none tries again."""
    with serve(Behaviour()) as provider:
        monkeypatch.setenv(name, value)
        failure = outcome("auto")
        assert not provider.effects()
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.may_be_billed()) == (FailureKind.INVALID_REQUEST, False)
    assert name in failure.message


def test_an_address_that_leads_in_a_circle(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few redirects are followed, with the question; one that comes back again and again fails for good."""
    seen: list[str] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        seen.append(request.path)
        again = len(seen) < 3 or not ends
        return web.Response(status=307, headers={"Location": "/v1/there"}) if again else web.Response(body=STREAM)

    async def ask() -> Reply:
        async with answering(answer, monkeypatch):
            return await client.ask(ASKED, 60.0, listener=Deaf())

    ends = True
    assert asyncio.run(ask()).text == "yes"
    assert seen == ["/v1/chat/completions", "/v1/there", "/v1/there"]
    ends = False
    seen.clear()
    with pytest.raises(CallFailed, match="OPENAI_BASE_URL") as caught:
        asyncio.run(ask())
    assert caught.value.failure.kind is FailureKind.INVALID_REQUEST
    assert not caught.value.failure.may_be_billed()
    assert len(seen) <= 4


@pytest.mark.parametrize("transport", ["auto", "litellm"])
def test_an_answer_that_ends_with_an_error(monkeypatch: pytest.MonkeyPatch, transport: str) -> None:
    """A gateway whose model broke off sends what it has, and an error as the finish reason: a failure on both ways."""

    async def answer(_request: web.BaseRequest) -> web.Response:
        choice = {"index": 0, "message": {"role": "assistant", "content": "hal"}, "finish_reason": "error"}
        return web.json_response({"id": "1", "model": "m", "choices": [choice], "usage": {"prompt_tokens": 3}})

    async def ask() -> Reply:
        async with answering(answer, monkeypatch):
            return await client.ask(ASKED, 60.0, transport)

    with pytest.raises(CallFailed) as caught:
        asyncio.run(ask())
    assert caught.value.failure.kind is FailureKind.TRANSIENT
    assert caught.value.failure.may_be_billed()


def test_a_stop_reason_that_litellm_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that Anthropic cut because the context was full is cut, though litellm would say "stop"."""
    said = {"content": [{"type": "text", "text": "hal"}], "stop_reason": "model_context_window_exceeded"}
    named = {"id": "1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5"}

    async def answer(_request: web.BaseRequest) -> web.Response:
        return web.json_response({**named, **said, "usage": {"input_tokens": 3, "output_tokens": 1}})

    async def ask() -> Reply:
        async with answering(answer, monkeypatch):
            monkeypatch.setenv("ANTHROPIC_API_BASE", os.environ["OPENAI_BASE_URL"].removesuffix("/v1/"))
            monkeypatch.setenv("ANTHROPIC_API_KEY", "canary-of-a-key-123456")
            return await client.ask(replace(ASKED, model="anthropic/claude-haiku-4-5"), 60.0)

    assert judge(asyncio.run(ask())) is Verdict.TRUNCATED


@pytest.mark.parametrize("transport", ["auto", "litellm"])
def test_proxy_of_the_environment(serve: Serve, monkeypatch: pytest.MonkeyPatch, transport: str) -> None:
    """A proxy that the environment names is asked, for hosts that it does not except; also when it is set later."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
    with serve(Behaviour()) as provider:
        assert isinstance(outcome(transport), Reply)
        monkeypatch.setenv("HTTP_PROXY", provider.url.removesuffix("/v1"))
        monkeypatch.setenv("OPENAI_API_BASE", "http://models.invalid/v1")
        assert isinstance(outcome(transport), Reply)
        monkeypatch.setenv("NO_PROXY", "models.invalid")
        monkeypatch.setenv("OPENAI_API_BASE", "http://models.invalid:1/v1")
        assert isinstance(outcome(transport), Failure)
        assert len(provider.effects()) == 2


def test_no_netrc(serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A password that ~/.netrc has for the host neither replaces the key nor stops the request."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with serve(Behaviour()):
        assert isinstance(outcome("auto"), Reply)


def test_litellm_that_is_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who watches litellm, or sets it up, keeps getting every call through it."""
    import litellm

    assert direct.takes(ASKED)
    monkeypatch.setattr(litellm, "success_callback", ["langfuse"])
    assert not direct.takes(ASKED)
    monkeypatch.setattr(litellm, "success_callback", ["cache"])  # litellm does so itself, once Gemini was asked
    assert direct.takes(ASKED)
    monkeypatch.setattr(litellm, "cache", object())
    assert not direct.takes(ASKED)
    monkeypatch.undo()
    monkeypatch.setenv("SSL_VERIFY", "False")
    assert not direct.takes(ASKED)


BODIES = [b"", b"null", b"[]", b'"text"', b"{}", b'{"choices": 5}', b'{"choices": [5]}', b"\xff\xfe", b"[" * 3000,
          b'{"choices": [{"message": {"content": 5}}]}', b'{"choices": [{}]}']  # fmt: skip


@pytest.mark.parametrize("body", BODIES)
def test_hostile_bodies(body: bytes) -> None:
    """A body of another protocol is a failure that says so, never an exception of ours."""
    with pytest.raises(CallFailed) as caught:
        direct._reply(body, ASKED)
    assert caught.value.failure.kind in {FailureKind.TRANSIENT, FailureKind.EMPTY}


def test_lone_surrogates_and_nul() -> None:
    """Text that is JSON for Python arrives as it was sent."""
    body = b'{"model": "m", "choices": [{"message": {"content": "a\\u0000b \\ud83d"}, "finish_reason": "stop"}]}'
    assert direct._reply(body, ASKED).text == "a\0b \ud83d"
