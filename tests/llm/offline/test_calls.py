"""The offline model calls a tool when the text gives all that the tool needs, and answers from what it said."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.ids import stable
from wfkit.core.call import Message, Reply, Request, Tool
from wfkit.llm import offline
from wfkit.llm.provider.answers import say
from wfkit.llm.provider.exchange import Question

TEXT, WHOLE, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}


def tool(called: str = "look", /, required: list[str] | None = None, **properties: Any) -> Tool:
    wanted = list(properties) if required is None else required
    schema = {"type": "object", "properties": properties, "required": wanted, "additionalProperties": False}
    return Tool(called, "", json.dumps(schema))


def asked(text: str, *tools: Tool, **params: Any) -> Request:
    return Request("offline", (Message("user", text),), tuple(params.items()), tools=tools)


def answered(request: Request, reply: Reply, result: str) -> Request:
    said = Message("assistant", reply.text, reply.tool_calls)
    return replace(request, messages=(*request.messages, said, Message("tool", result, (), reply.tool_calls[0].id)))


@pytest.mark.parametrize(
    ("text", "properties", "arguments"),
    [
        ("City: Paris\nWhat is the weather?", {"city": TEXT}, {"city": "Paris"}),
        ("Multiply 6 by 7.", {"a": WHOLE, "b": WHOLE}, {"a": 6, "b": 7}),
        ('What does "kettle" cost?', {"name": TEXT}, {"name": "kettle"}),
        ("When do the shops open on Sunday?", {"query": TEXT}, {"query": "When do the shops open on Sunday?"}),
        ("The order is urgent.", {"priority": {"enum": ["urgent", "normal"]}}, {"priority": "urgent"}),
        ("Width: 2.5\nHow large is it?", {"width": NUMBER}, {"width": 2.5}),
        ("What time is it?", {}, {}),
    ],
    ids=stable,
)
def test_arguments_from_the_text(text: str, properties: dict[str, Any], arguments: dict[str, Any]) -> None:
    """Labels, numbers in their order, quotations, the question itself: what the text says is what the tool is given."""
    reply = offline.reply(asked(text, tool(**properties)))
    assert json.loads(reply.tool_calls[0].arguments) == arguments
    assert reply.finish_reason == "tool_calls"
    assert reply == offline.reply(asked(text, tool(**properties)))


@pytest.mark.parametrize(
    "properties",
    [{"name": TEXT}, {"a": WHOLE}, {"a": {"type": "array"}}, {"a": {"enum": ["red", "blue"]}}, {"a": {"$ref": "#/x"}}],
    ids=stable,
)
def test_nothing_is_made_up(properties: dict[str, Any]) -> None:
    """A tool whose arguments the text does not give is not called; the answer comes from the text."""
    reply = offline.reply(asked("It is a kettle that boils water.", tool(**properties)))
    assert (reply.tool_calls, reply.text) == ((), "It is a kettle that boils water.")


def test_the_first_that_fits() -> None:
    """Of several tools the first is called that can be; optional arguments are left out."""
    tools = tool("find", name=TEXT), tool("add", required=["a"], a=WHOLE, b=WHOLE), tool("double", a=WHOLE)
    reply = offline.reply(asked("What is 21 doubled?", *tools))
    assert [(call.name, call.arguments) for call in reply.tool_calls] == [("add", '{"a": 21}')]


def test_one_call_then_the_answer() -> None:
    """The result of the tool is what the answer is made of, as text and in the shape of a schema."""
    request = asked("City: Paris\nWhat is the weather?", tool(city=TEXT))
    after = answered(request, offline.reply(request), "It is sunny there, 21 degrees.")
    assert offline.reply(after).text == "It is sunny there, 21 degrees."
    schema = {"type": "object", "properties": {"city": TEXT, "degrees": WHOLE}, "required": ["city", "degrees"]}
    shaped = offline.reply(replace(after, schema=json.dumps(schema)))
    assert json.loads(shaped.text) == {"city": "Paris", "degrees": 21}


def test_no_call_where_none_is_wanted() -> None:
    """`tool_choice: none` makes it answer at once."""
    assert offline.reply(asked("City: Paris", tool(city=TEXT), tool_choice="none")).text == "City: Paris"


def test_words_rank_tools() -> None:
    """Of those that can be called the one whose name and description share most words with the text."""
    clock, weather = tool("clock"), Tool("weather", "The weather in a city", tool(city=TEXT).parameters)
    for tools in ((clock, weather), (weather, clock)):
        (call,) = offline.reply(asked("What is the weather in New York?", *tools)).tool_calls
        assert (call.name, call.arguments) == ("weather", '{"city": "New York"}')


@pytest.mark.parametrize(("choice", "called"), [("required", "find"), ("add", "add"), ("none", None), ("nobody", None)])
def test_a_tool_that_must_be_called(choice: str, called: str | None) -> None:
    """It is called also where the text says too little, and after a result; what lacks is made up as for a schema."""
    request = asked("It boils water.", tool("find", name=TEXT), tool("add", a=WHOLE), tool_choice=choice)
    request = replace(request, messages=(*request.messages, Message("tool", "done", (), "c")))
    calls = offline.reply(request).tool_calls
    assert [call.name for call in calls] == ([called] if called else [])
    assert all(list(json.loads(call.arguments)) for call in calls)


@pytest.mark.parametrize("choice", ["auto", "none", "required", "add"])
@pytest.mark.parametrize("text", ["What is 21 doubled?", "It boils water.", "Find 'kettle' at once."])
def test_the_provider_calls_by_the_same_rule(text: str, choice: str) -> None:
    """Served over HTTP the offline model calls the tool that it calls in the process."""
    tools = (tool("find", name=TEXT), tool("add", a=WHOLE))
    given = {} if choice == "auto" else {"tool_choice": choice}
    here = offline.reply(asked(text, *tools, **given))
    there = say(Question("openai/m", (Message("user", text),), tools=tools, choice=choice), None)
    assert [(call.name, call.text) for call in there.calls] == [(c.name, c.arguments) for c in here.tool_calls]
    assert (there.text or "", there.finish) == (here.text, here.finish_reason)
