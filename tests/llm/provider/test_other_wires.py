"""Embeddings, Anthropic's and Google's wires are understood by the real litellm, led here by the environment alone."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
import pytest
from openai import OpenAIError

from tests.llm.conftest import run
from tests.llm.provider.test_openai_wire import SENT, TEXT, WEATHER, text_of, user
from tests.llm.provider.test_serving import post
from wfkit.llm import door
from wfkit.llm.failures import failure_of
from wfkit.llm.provider import Behaviour, Faults, Provider, ToolCall

MODELS = ["anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-flash"]
SCHEMA = {"type": "object", "properties": {"mood": {"enum": ["good", "bad"]}}, "required": ["mood"],
          "additionalProperties": False}  # fmt: skip


OPENED: list[aiohttp.ClientSession] = []


@pytest.fixture(autouse=True)
def _sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    """See every session that is opened: litellm forgets some of its own."""
    init = aiohttp.ClientSession.__init__

    def seen(session: aiohttp.ClientSession, *args: Any, **kwargs: Any) -> None:
        init(session, *args, **kwargs)
        OPENED.append(session)

    monkeypatch.setattr(aiohttp.ClientSession, "__init__", seen)


def closing(work: Callable[[], Awaitable[Any]]) -> Any:
    """Run it, and close what was opened."""

    async def whole() -> Any:
        try:
            return await work()
        finally:
            while OPENED:
                await OPENED.pop().close()

    return run(whole)


@pytest.fixture
def led(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Serve, and lead litellm there as a user would."""

    @contextmanager
    def served(behaviour: Behaviour) -> Iterator[Provider]:
        with Provider(behaviour) as provider:
            for name, value in provider.environment.items():
                monkeypatch.setenv(name, value)
            for name in ("OPENAI", "ANTHROPIC", "GEMINI"):
                monkeypatch.setenv(f"{name}_API_KEY", "canary-of-a-key-123456")
            yield provider

    return served


def asked(model: str, *messages: dict[str, Any], **more: Any) -> Any:
    """A reply of litellm, in one piece."""

    async def ask() -> Any:
        litellm = await door.litellm_loaded()
        return await litellm.acompletion(model, list(messages), **SENT, **more)

    return closing(ask)


def chunks(model: str, **more: Any) -> tuple[list[Any], Any]:
    """The chunks of a stream, and what ended it: the finish reason that was received, or an exception."""

    async def ask() -> tuple[list[Any], Any]:
        litellm = await door.litellm_loaded()
        found: list[Any] = []
        keep = found.append  # one by one: those that came before an error are wanted too
        stream = await litellm.acompletion(model, [user("Oslo weather?")], stream=True, **SENT, **more)
        try:
            async with asyncio.timeout(60):
                async for chunk in stream:
                    keep(chunk)
        except (litellm.exceptions.APIError, litellm.exceptions.MidStreamFallbackError, TimeoutError) as error:
            return found, error
        finally:
            await stream.aclose()
        return found, stream.received_finish_reason

    return closing(ask)


@pytest.mark.parametrize("model", MODELS)
def test_whole(led: Any, model: str) -> None:
    """Text, who answered, the finish reason and all kinds of tokens arrive."""
    with led(Behaviour(answer=lambda _: TEXT, cached_share=0.5, reasoning_tokens=7)) as provider:
        reply = asked(model, {"role": "system", "content": "Be kind. " * 20}, user("Where is the sky?"), max_tokens=50)
        (effect,) = provider.effects()
    assert (reply.choices[0].message.content, reply.choices[0].finish_reason) == (TEXT, "stop")
    assert (effect.wire, effect.model, effect.prompt) == (*model.split("/"), "Where is the sky?")
    usage = reply.usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (effect.input_tokens, effect.output_tokens)
    assert usage.prompt_tokens_details.cached_tokens == effect.input_tokens // 2


@pytest.mark.parametrize("model", MODELS)
def test_stream(led: Any, model: str) -> None:
    """A stream comes in pieces, with its finish reason and its tokens."""
    with led(Behaviour(answer=lambda _: TEXT)) as provider:
        found, finish = chunks(model, stream_options={"include_usage": True})
        (effect,) = provider.effects()
    assert (text_of(found), len(found) > 5) == (TEXT, True)
    assert finish == ("stop" if model.startswith("anthropic") else None)  # litellm does not look at Google's
    assert found[-1].usage.completion_tokens == effect.output_tokens


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("fault", ["mid_eof", "mid_reset", "mid_error"])
def test_cut_streams(led: Any, model: str, fault: str) -> None:
    """Half of the text comes; no finish reason of the provider is received."""
    with led(Behaviour(answer=lambda _: TEXT, faults=Faults(script=(fault,)))):
        found, end = chunks(model)
    assert 0 < len(text_of(found)) < len(TEXT)
    assert end is None or isinstance(end, Exception)


@pytest.mark.parametrize("model", MODELS)
def test_tools(led: Any, model: str) -> None:
    """A tool is called, its result is read; a stream carries the call, too."""
    with led(Behaviour()):
        message = asked(model, user("What is the weather in Oslo?"), tools=[WEATHER]).choices[0].message
        (call,) = message.tool_calls
        assert (call.function.name, json.loads(call.function.arguments)) == ("weather_in", {"city": "Oslo"})
        result = {"role": "tool", "tool_call_id": call.id, "name": call.function.name, "content": "Snow until noon."}
        told = [user("What is the weather in Oslo?"), message.model_dump(), result]
        reply = asked(model, *told, tools=[WEATHER]).choices[0]
        found, finish = chunks(model, tools=[WEATHER])
    assert "Snow" in reply.message.content
    calls = [call for chunk in found for call in (chunk.choices[0].delta.tool_calls or ()) if chunk.choices]
    assert json.loads("".join(call.function.arguments for call in calls)) == {"city": "Oslo"}
    assert finish == "tool_calls" or model.startswith("gemini")


@pytest.mark.parametrize("model", MODELS)
def test_shape(led: Any, model: str) -> None:
    """Structured output is asked for in the model's own way, and comes in that shape."""
    wanted = {"type": "json_schema", "json_schema": {"name": "mood", "schema": SCHEMA, "strict": True}}
    with led(Behaviour()):
        reply = asked(model, user("Label this: it is awful and bad"), response_format=wanted)
    assert json.loads(reply.choices[0].message.content) == {"mood": "bad"}


KINDS = {"429": "rate_limited", "503": "transient", "529": "transient", "quota": "quota", "401": "invalid_request"}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("fault", KINDS)
def test_refusals(led: Any, model: str, fault: str) -> None:
    """Errors are told as this provider tells them, and are understood; how long to wait is heard."""
    with led(Behaviour(faults=Faults(script=(fault,), retry_after_s=3))), pytest.raises(OpenAIError) as caught:
        asked(model, user("x"))
    failure = failure_of(caught.value, model)
    assert failure.kind == KINDS[fault]
    assert failure.retry_after_s == (3 if fault in {"429", "503", "529"} else None)


@pytest.mark.parametrize("model", MODELS)
def test_arguments_that_are_none(led: Any, model: str) -> None:
    """Wires that carry arguments as objects cannot carry broken JSON; they say what such a provider says."""
    with led(Behaviour(answer=lambda _: ToolCall("weather_in", "{oops"))) as provider:
        reply = asked(model, user("x"), tools=[WEATHER])
        assert provider.effects()[0].outcome == "ok"
    calls = reply.choices[0].message.tool_calls
    assert not calls if model.startswith("gemini") else "oops" in calls[0].function.arguments


def test_embeddings(led: Any) -> None:
    """Vectors are the same each time, of length 1, alike for texts with the same words, in both encodings."""

    def embedded(*texts: str, **more: Any) -> Any:
        async def ask() -> Any:
            litellm = await door.litellm_loaded()
            return await litellm.aembedding("openai/text-embedding-3-small", list(texts), max_retries=0, **more)

        return closing(ask)

    with led(Behaviour()) as provider:
        reply = embedded("the sky is up", "the sky is blue", "a kettle boils", dimensions=64)
        _, again = post(provider, "", "/embeddings", input="the sky is up", dimensions=64, encoding_format="base64")
        effects = provider.effects()
    sky, blue, kettle = (row["embedding"] for row in reply.data)
    unpacked = struct.unpack("<64f", base64.b64decode(again["data"][0]["embedding"]))
    assert unpacked == pytest.approx(sky, abs=1e-6)
    assert sum(number * number for number in sky) == pytest.approx(1)
    assert sum(map(float.__mul__, sky, blue)) > 2 * abs(sum(map(float.__mul__, sky, kettle)))
    assert (reply.usage.prompt_tokens, effects[0].wire) == (effects[0].input_tokens, "embeddings")


def test_unknown_path() -> None:
    """What is served nowhere is told with what is, and logged; so is a body that is none of a wire's."""
    with Provider() as provider:
        provider_at = provider.url
        assert post(provider, "x", path="/completions")[0] == 404
        assert post(provider, "x", path="/messages")[0] == 400
        assert post(provider, "x", path="/embeddings")[0] == 400
        assert [effect.outcome for effect in provider.effects()] == ["not_found", "bad_request", "bad_request"]
    assert provider_at.endswith("/v1")
