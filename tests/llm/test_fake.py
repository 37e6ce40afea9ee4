"""The scripted model does what the script says, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import itertools
from decimal import Decimal

import pytest

from wfkit.core.call import Message, Reply, Request
from wfkit.core.terms import CostSource, FailureKind
from wfkit.errors import CallFailed, ModelUnavailable
from wfkit.llm.client import ask
from wfkit.llm.fake import Fail, Say, Script, Use


def answer(text: str, name: str = "script") -> Reply:
    return asyncio.run(ask(Request(f"fake/{name}", (Message("user", text),)), 60.0))


def test_steps_in_order() -> None:
    """Texts, JSON, functions and failures come one after the other; past the end is an error that says so."""
    steps = [
        "one",
        {"two": 2},
        lambda request: f"asked {request.messages[0].content}",
        Fail(FailureKind.QUOTA, status=429),
    ]
    with Script(steps) as script:
        assert [answer(text).text for text in "abc"] == ["one", '{"two": 2}', "asked c"]
        with pytest.raises(CallFailed) as caught:
            answer("d")
        assert (caught.value.failure.kind, caught.value.failure.status) == (FailureKind.QUOTA, 429)
        with pytest.raises(CallFailed, match="no step for request 5"):
            answer("e")
    assert [request.messages[0].content for request in script.requests] == list("abcde")


def test_rules_go_first() -> None:
    """A rule answers whatever order questions come in; steps are left for the others, and may be endless."""
    with Script(itertools.repeat("else"), {"cat": "meow"}):
        assert [answer(text).text for text in ("dog", "a cat", "cow")] == ["else", "meow", "else"]


def test_books() -> None:
    """By default it is free and counted; a script may bill, or leave the price unknown."""
    with Script(
        ["four short words here", Say("x", cost_usd=Decimal("0.5")), Say("x", cost_usd=None, finish_reason="length")]
    ):
        free, billed, unknown = answer("a"), answer("b"), answer("c")
    assert (free.cost.usd, free.usage.output_tokens, free.model) == (Decimal(0), 4, "fake/script")
    assert billed.cost.usd == Decimal("0.5")
    assert (unknown.cost.usd, unknown.cost.source, unknown.finish_reason) == (None, CostSource.UNKNOWN, "length")


def test_names() -> None:
    """A name belongs to one script at a time and is free again afterwards."""
    with Script(name="mine"), pytest.raises(ModelUnavailable, match="already"):
        Script(name="mine").register()
    with pytest.raises(ModelUnavailable, match="no script named 'mine'"):
        answer("x", "mine")


def test_tools() -> None:
    """A step may ask for tools, several at once, also with arguments that are no JSON; the ids are always the same."""
    calls = Say("Let me look.", uses=(Use("search", {"query": "kettle"}), Use("search", "{broken")))
    with Script([Use("now"), calls]):
        first, second = answer("a"), answer("b")
    assert [(call.id, call.name, call.arguments) for call in first.tool_calls] == [("call_0_0", "now", "{}")]
    assert [call.arguments for call in second.tool_calls] == ['{"query": "kettle"}', "{broken"]
    assert (first.text, first.finish_reason, second.text) == ("", "tool_calls", "Let me look.")
