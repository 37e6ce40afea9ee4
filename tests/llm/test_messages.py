"""Requests as keys: what counts, what does not, and what a reply is worth."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfkit.core.call import Message, Reply, Request, Tool, ToolCall
from wfkit.core.terms import FailureKind, Verdict
from wfkit.errors import CallFailed, ValueFault
from wfkit.llm.messages import (
    canonical,
    demand_whole,
    judge,
    request_digest,
    schema_told,
    unfenced,
    verdict_of,
    wire,
    with_instructions,
)

REQUEST = Request("openai/x", (Message("system", "Be brief."), Message("user", "Hi")), (("temperature", 0),))
TEXT = st.text(st.characters(), max_size=8)  # lone surrogates included
REQUESTS = st.builds(
    Request,
    TEXT,
    st.lists(st.builds(Message, st.sampled_from(["user", "system"]), TEXT), max_size=3).map(tuple),
    st.dictionaries(TEXT, st.none() | st.booleans() | st.integers() | TEXT, max_size=2).map(
        lambda params: tuple(sorted(params.items()))
    ),
    st.none() | TEXT,
    st.integers(0, 2),
)


@pytest.mark.parametrize(
    "change",
    [
        {"model": "openai/y"},
        {"messages": (Message("system", "Be brief."), Message("user", "Hi "))},
        {"messages": (Message("system", "Be brief.Hi"),)},
        {"messages": (Message("user", "Be brief."), Message("user", "Hi"))},
        {"params": ()},
        {"params": (("temperature", 0.1),)},
        {"params": (("temperature", None),)},
        {"params": (("temperature", False),)},
        {"params": (("seed", 0), ("temperature", 0))},
        {"schema": "{}"},
        {"sample": 1},
        {"tools": (Tool("find", "", "{}"),)},
        {"tools": (Tool("find", "Finds.", "{}"),)},
        {"messages": (Message("system", "Be brief."), Message("user", "Hi", tool_call_id="1"))},
        {"messages": (Message("system", "Be brief."), Message("user", "Hi", (ToolCall("1", "find", "{}"),)))},
    ],
    ids=str,
)
def test_every_field_counts(change: dict[str, Any]) -> None:
    """Whatever could change a reply changes its key; a parameter left out is not one that is zero."""
    assert request_digest(replace(REQUEST, **change)) != request_digest(REQUEST)


def test_key_is_stable() -> None:
    """The key of a request is for ever: stored replies are found by it."""
    assert request_digest(REQUEST) == "39834bec183515f235e9218cdbc5717f"


def test_spelling_does_not_count() -> None:
    """A whole float is its integer, and the order in which parameters are given is none."""
    one = replace(REQUEST, params=(("temperature", 1), ("seed", 7)))
    other = replace(REQUEST, params=(("seed", 7), ("temperature", 1.0)))
    assert request_digest(one) == request_digest(other)


@given(REQUESTS, REQUESTS)
def test_equal_keys_mean_equal_requests(one: Request, other: Request) -> None:
    """No two different requests share a key, lone surrogates and quotes included."""

    def told(request: Request) -> str:
        return repr(request)  # tells True from 1, as JSON does

    assert (canonical(one) == canonical(other)) == (told(one) == told(other))


def test_surrogates() -> None:
    """A text that is not Unicode has a key of its own, and goes out with a replacement mark instead of an error."""
    lone, pair, whole = "a\ud83d", "\ud83d\ude00", "😀"
    digests = {request_digest(Request("m", (Message("user", text),))) for text in (lone, pair, whole)}
    assert len(digests) == 3
    assert (wire(lone), wire(pair), wire(whole)) == ("a\ufffd", "😀", "😀")


@pytest.mark.parametrize("value", [math.nan, math.inf, object(), {1: 2}, b"x"])
def test_parameters_are_json(value: Any) -> None:
    """What cannot be sent is refused by name before it is sent."""
    with pytest.raises(ValueFault, match="'top_p'"):
        request_digest(replace(REQUEST, params=(("top_p", value),)))


@pytest.mark.parametrize(
    ("text", "finish", "verdict", "kind"),
    [
        ("yes", "stop", Verdict.VALID, None),
        ("yes", None, Verdict.VALID, None),
        ("ye", "length", Verdict.TRUNCATED, FailureKind.TRUNCATED),
        ("", "length", Verdict.TRUNCATED, FailureKind.TRUNCATED),
        ("no", "content_filter", Verdict.REFUSED, FailureKind.REFUSED),
        ("I cannot", "refusal", Verdict.REFUSED, FailureKind.REFUSED),
        (" \n", "stop", Verdict.INVALID, FailureKind.EMPTY),
    ],
)
def test_what_a_reply_is_worth(text: str, finish: str | None, verdict: Verdict, kind: FailureKind | None) -> None:
    """Only a whole reply is valid; each other kind ends in a failure of its own kind."""
    reply = Reply(text, "m", finish)
    assert judge(reply) is verdict
    if kind is None:
        assert demand_whole(reply) is reply
    else:
        with pytest.raises(CallFailed) as caught:
            demand_whole(reply)
        assert caught.value.failure.kind is kind


def test_verdict_with_a_parser() -> None:
    """A reply that does not parse is stored as invalid, so it never serves again; a code fence is no mistake."""
    assert verdict_of(Reply("x", "m"), int) is Verdict.INVALID
    assert verdict_of(Reply("```json\n7\n```", "m"), int) is Verdict.VALID


@pytest.mark.parametrize(
    ("text", "inner"),
    [
        (' {"a": "```"} ', '{"a": "```"}'),
        ("```json\n{}\n```", "{}"),
        ("Sure:\n```\n[1]\n```\nDone.", "[1]"),
        ("plain", "plain"),
    ],
)
def test_fences(text: str, inner: str) -> None:
    """JSON is found inside the fence or sentence around it, and never searched for inside JSON."""
    assert unfenced(text) == inner


def test_schema_is_told() -> None:
    """A model without native structured output reads the schema in the system message."""
    for request in (replace(REQUEST, schema='{"a":1}'), replace(REQUEST, schema='{"a":1}', messages=())):
        told = with_instructions(request)
        assert told.schema is None
        assert schema_told(told.messages) == '{"a":1}'
    assert with_instructions(REQUEST) is REQUEST
