"""Conversations with tools: turn by turn, bounded, each request with all that was said before."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from wfkit.core.call import Message, Reply, Request, ToolCall
from wfkit.core.terms import FailureKind
from wfkit.errors import CallFailed
from wfkit.llm.structured import Answer, plain, structured
from wfkit.llm.turns import Turns, with_tools

QUESTION = Request("m", (Message("user", "How many?"),))
TOLD = Request("m", QUESTION.messages, tools=(), params=(("seed", 1),))


def wish(*names: str) -> Reply:
    return Reply("", "m", "tool_calls", tool_calls=tuple(ToolCall(f"id-{name}", name, "{}") for name in names))


def talk(replies: Sequence[Reply], turns: Turns, request: Request = QUESTION) -> tuple[Answer, list[Request]]:
    """The answer of a model that says this, and what it was asked. Tools say their own name."""
    left, asked = list(replies), []

    async def ask(one: Request) -> Answer:
        asked.append(one)
        reply = left.pop(0)
        return Answer(reply.text or None, reply, 0, ())

    async def carry_out(one: Request, calls: tuple[ToolCall, ...]) -> list[str]:
        assert one.messages[-1].tool_calls == calls
        return [f"I am {call.name}" for call in calls]

    return asyncio.run(with_tools(turns, carry_out, ask)(request)), asked


def test_turns() -> None:
    """Results follow the wish in its order; the next request holds all of it, and the answer ends it."""
    answer, asked = talk([wish("a", "b"), wish("c"), Reply("three", "m")], Turns(8, False))
    assert answer.value == "three"
    assert [[message.role for message in request.messages] for request in asked] == [
        ["user"],
        ["user", "assistant", "tool", "tool"],
        ["user", "assistant", "tool", "tool", "assistant", "tool"],
    ]
    results = [(message.tool_call_id, message.content) for message in asked[2].messages if message.role == "tool"]
    assert results == [("id-a", "I am a"), ("id-b", "I am b"), ("id-c", "I am c")]


def test_fail_at_the_last_turn() -> None:
    """After so many turns with tools the model is asked once more; if it calls again the question has failed."""
    assert talk([wish("a"), wish("a"), Reply("x", "m")], Turns(2, False))[0].value == "x"
    with pytest.raises(CallFailed, match=r"still calls a after 2 turns.*on_max_turns: answer") as caught:
        talk([wish("a")] * 3, Turns(2, False))
    assert caught.value.failure.kind is FailureKind.INVALID_OUTPUT


def test_answer_at_the_last_turn() -> None:
    """The last request forbids tools and keeps telling them, because the conversation holds their calls."""
    answer, asked = talk([wish("a"), Reply("x", "m")], Turns(1, True), TOLD)
    assert answer.value == "x"
    assert [request.params for request in asked] == [(("seed", 1),), (("seed", 1), ("tool_choice", "none"))]
    with pytest.raises(CallFailed, match="although it was to answer without"):
        talk([wish("a"), wish("b")], Turns(1, True))


@pytest.mark.parametrize("shaped", [False, True])
def test_tools_that_were_not_given(shaped: bool) -> None:
    """A model that calls what it was not told of has not answered, whatever it says besides."""

    async def send(request: Request) -> Reply:
        return wish("ghost")

    ask = structured("{}", str, 2, send) if shaped else plain(send)
    with pytest.raises(CallFailed, match="calls ghost, and it was given no tools"):
        asyncio.run(ask(QUESTION))
