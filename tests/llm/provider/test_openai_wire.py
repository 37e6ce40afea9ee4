"""What the provider says over OpenAI's wire is what the real litellm understands: streams, tools, shapes, faults."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from tests.engine.clock import FAR_S, Clock
from tests.llm.conftest import Serve, run
from wfkit.llm import door
from wfkit.llm.provider import Behaviour, Faults, Said, ToolCall

TEXT = "The sky is up and the sea is down."
SENT = {"max_retries": 0, "_skip_mcp_handler": True}  # the second: no import of its proxy to look at tools
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather_in",
        "description": "The weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "enum": ["Rome", "Oslo"]}},
            "required": ["city"],
        },
    },
}
CLOCK = {"type": "function", "function": {"name": "clock", "description": "The time of the day"}}


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def whole(messages: Sequence[dict[str, Any]], **more: Any) -> Any:
    """A reply in one piece, as litellm gives it."""

    async def ask() -> Any:
        litellm = await door.litellm_loaded()
        return await litellm.acompletion("openai/m", list(messages), **SENT, **more)

    return run(ask)


def streamed(messages: Sequence[dict[str, Any]], stalls: bool = False, **more: Any) -> tuple[list[Any], Any]:
    """The chunks of a stream, and the exception that ended it or the finish reason that was received. With `stalls`,
    one that says nothing for a second after a piece of its text has stalled."""

    async def ask() -> tuple[list[Any], Any]:
        litellm = await door.litellm_loaded()
        chunks: list[Any] = []
        keep = chunks.append  # one by one: those that came before an error are wanted too
        stream = await litellm.acompletion("openai/m", list(messages), stream=True, **SENT, **more)
        try:
            async with asyncio.timeout(None) as silence:
                async for chunk in stream:
                    keep(chunk)
                    if stalls and text_of([chunk]):
                        silence.reschedule(asyncio.get_running_loop().time() + 1.0)
        except (litellm.exceptions.MidStreamFallbackError, TimeoutError) as error:
            return chunks, error
        return chunks, stream.received_finish_reason

    return run(ask)


def text_of(chunks: list[Any]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def test_stream(serve: Serve) -> None:
    """A stream comes word by word, with its finish reason, and with its tokens at the end if they are asked for."""
    with serve(Behaviour(answer=lambda _: TEXT, chunk_s=0.001)) as provider:
        chunks, finish = streamed([user("x")], stream_options={"include_usage": True})
        plain, _ = streamed([user("x")])
        effects = provider.effects()
    assert (text_of(chunks), finish, len(chunks) > 8) == (TEXT, "stop", True)
    assert chunks[-1].usage.completion_tokens == effects[0].output_tokens > 0
    assert text_of(plain) == TEXT
    assert [(effect.wire, effect.stream, effect.outcome) for effect in effects] == [("openai", True, "ok")] * 2


@pytest.mark.parametrize("fault", ["mid_reset", "mid_eof", "mid_hang", "mid_drip", "mid_error"])
def test_cut_streams(serve: Serve, fault: str) -> None:
    """Half of the text comes, and no finish reason; a clean end is the one that litellm takes for a whole answer."""
    with serve(Behaviour(answer=lambda _: TEXT, faults=Faults(script=(fault,)), drip_s=0.05)) as provider:
        chunks, end = streamed([user("x")], stalls=fault in {"mid_hang", "mid_drip"})
        assert [effect.outcome for effect in provider.effects()] == [fault]
    assert TEXT.startswith(text_of(chunks))
    assert 0 < len(text_of(chunks)) < len(TEXT)
    assert end is None if fault == "mid_eof" else isinstance(end, Exception)


@pytest.mark.parametrize("fault", ["mid_reset", "mid_eof", "mid_hang"])
def test_cut_in_one_piece(serve: Serve, clock: Clock, fault: str) -> None:
    """Without a stream half of the body comes: a failure for whoever waits for all of it."""

    async def ask() -> Any:
        litellm = await door.litellm_loaded()
        question = asyncio.ensure_future(litellm.acompletion("openai/m", [user("x")], **SENT, timeout=FAR_S))
        assert await asyncio.to_thread(provider.wait, 1)
        while not question.done():
            if fault == "mid_hang":
                clock.forward()
            await asyncio.sleep(0.05)
        return await question

    with serve(Behaviour(answer=lambda _: TEXT, faults=Faults(script=(fault,)))) as provider:
        with pytest.raises(Exception, match=r"(?i)error|timeout"):
            run(ask)
        assert [(effect.status, effect.billed) for effect in provider.effects()] == [(200, True)]


def test_tools(serve: Serve) -> None:
    """The offline model calls the tool whose words fit, once, in its schema; then it reads the result."""
    with serve(Behaviour()):
        asked = [user("What is the weather in Oslo?")]
        message = whole(asked, tools=[CLOCK, WEATHER]).choices[0].message
        (call,) = message.tool_calls
        assert (call.function.name, json.loads(call.function.arguments)) == ("weather_in", {"city": "Oslo"})
        result = {"role": "tool", "tool_call_id": call.id, "content": "Snow falls on Oslo until noon."}
        reply = whole([*asked, message.model_dump(), result], tools=[CLOCK, WEATHER]).choices[0]
    assert (reply.message.tool_calls, reply.finish_reason) == (None, "stop")
    assert "Snow" in reply.message.content


def test_streamed_tools(serve: Serve) -> None:
    """A tool call in a stream is put together again from its pieces."""
    with serve(Behaviour()):
        chunks, finish = streamed([user("What is the weather in Rome?")], tools=[WEATHER])
    calls = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
    assert calls[0].function.name == "weather_in"
    assert json.loads("".join(call.function.arguments for call in calls)) == {"city": "Rome"}
    assert finish == "tool_calls"


@pytest.mark.parametrize(
    ("choice", "called"),
    [("none", None), ("required", "clock"), ({"type": "function", "function": {"name": "clock"}}, "clock")],
    ids=["none", "required", "named"],
)
def test_tool_choice(serve: Serve, choice: Any, called: str | None) -> None:
    """A tool that must be called is called, also after a result; none is if none may be."""
    told = [user("What time is it?"), {"role": "tool", "tool_call_id": "c", "content": "noon"}]
    with serve(Behaviour()):
        message = whole(told, tools=[WEATHER, CLOCK], tool_choice=choice).choices[0].message
    assert [call.function.name for call in message.tool_calls or ()] == ([called] if called else [])


def test_scripted_calls(serve: Serve) -> None:
    """A script answers with several tool calls at once, with arguments that are no JSON, or with text and calls."""
    calls = [ToolCall("a", {"n": 1}), ToolCall("b", "{oops")]
    with serve(Behaviour(answer=lambda _: calls)):
        message = whole([user("x")], tools=[CLOCK]).choices[0].message
        assert [call.function.arguments for call in message.tool_calls] == ['{"n": 1}', "{oops"]
    with serve(Behaviour(answer=lambda question: Said(question.tools[0].name, (ToolCall("clock"),), "tool_calls"))):
        message = whole([user("x")], tools=[CLOCK]).choices[0].message
        assert (message.content, len(message.tool_calls)) == ("clock", 1)


@pytest.mark.parametrize("fault", ["wrong_schema", "not_json"])
def test_spoilt_calls(serve: Serve, fault: str) -> None:
    """What spoils a shape spoils the arguments of a tool call."""
    with serve(Behaviour(faults=Faults(script=(fault,)))):
        (call,) = whole([user("What is the weather in Oslo?")], tools=[WEATHER]).choices[0].message.tool_calls
    assert call.function.arguments == ('{"unexpected": true}' if fault == "wrong_schema" else "Sure! {")


def test_json_object(serve: Serve) -> None:
    """An answer that must be any JSON object is one."""
    with serve(Behaviour()):
        reply = whole([user("Tell me about kettles.")], response_format={"type": "json_object"})
    assert isinstance(json.loads(reply.choices[0].message.content), dict)


def test_details_of_usage(serve: Serve) -> None:
    """Cached and reasoning tokens are told if they are asked for, inside input and output; else not at all."""
    with serve(Behaviour(answer=lambda _: TEXT, cached_share=0.5, reasoning_tokens=100)):
        usage = whole([user("word " * 50)]).usage
    with serve(Behaviour(answer=lambda _: TEXT)):
        plain = whole([user("word " * 50)]).usage
    assert usage.prompt_tokens_details.cached_tokens == usage.prompt_tokens // 2
    assert usage.completion_tokens_details.reasoning_tokens == 100
    assert usage.completion_tokens == plain.completion_tokens + 100
    assert not getattr(plain.prompt_tokens_details, "cached_tokens", None)


@pytest.mark.parametrize("fault", ["lone_surrogate", "nul", "huge"])
def test_odd_texts(serve: Serve, fault: str) -> None:
    """Half a pair, NUL and 10 MB arrive as they are."""
    with serve(Behaviour(answer=lambda _: TEXT, faults=Faults(script=(fault,)))):
        text = whole([user("x")]).choices[0].message.content
    assert {"lone_surrogate": "\ud83d" in text, "nul": "\0" in text, "huge": len(text) == 10 << 20}[fault]


def test_empty_body(serve: Serve) -> None:
    """A 200 with nothing in it is no answer."""
    with serve(Behaviour(faults=Faults(script=("empty_body",)))), pytest.raises(Exception, match=r"(?i)error"):
        whole([user("x")])
