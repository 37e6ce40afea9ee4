"""The offline model's texts: extracted, counted, marked as its own, free."""

from __future__ import annotations

from decimal import Decimal

import pytest

from wfkit.core.call import Message, Request
from wfkit.core.terms import CostSource, UsageSource
from wfkit.llm import offline, tokens
from wfkit.llm.messages import CORRECTION

SCHEMA = '{"enum": ["positive", "negative"]}'


def text_for(*contents: str) -> str:
    roles = ("user", "assistant", "user")
    messages = tuple(Message(role, content) for role, content in zip(roles, contents, strict=False))
    return offline.reply(Request("offline", messages)).text


PACKAGE = "Name: numpy\nSummary: Fundamental package for array computing"
CAPITALS = "Berlin is in Germany today. Paris is the capital of France."


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        (f"Summarise.\n\n{PACKAGE}", "Fundamental package for array computing"),
        (f"{PACKAGE}\n\nPlease summarise the above.", "Fundamental package for array computing"),
        ("Summarise this: The cat sat on the mat all day.", "The cat sat on the mat all day."),
        ("Summarise this: Please send it back to me. Thanks.", "Please send it back to me."),
        (
            "One fish swims in the sea. Two fish swim too. Three are many.",
            "One fish swims in the sea. Two fish swim too.",
        ),
        (f"What is the capital of France?\n{CAPITALS}", "Paris is the capital of France."),
        (f"{CAPITALS}\nWhat is the capital of France?", "Paris is the capital of France."),
        ("# Title\n![badge](x)\n```\nA tool that mends broken things.", "A tool that mends broken things."),
        ("Say hello", "Say hello"),
        ("", "There was no text to answer from."),
    ],
)
def test_summaries(prompt: str, answer: str) -> None:
    """Without a schema the answer is the first informative sentences of the data, not of the instruction."""
    assert text_for(prompt) == answer


def test_last_question_counts() -> None:
    """Earlier turns are context; a complaint about the last answer is not taken for data."""
    assert text_for("The sky is very blue.", "ok", "The sea is very deep.") == "The sea is very deep."
    assert text_for("The sky is very blue.", "ok", CORRECTION + "it is no JSON at all.") == "The sky is very blue."


def test_long_texts_are_cut() -> None:
    """A summary has at most 60 words, whatever it is made of."""
    assert len(text_for("word " * 5000).split()) <= 61


def test_books() -> None:
    """It names itself, counts its tokens, and costs nothing by its own account."""
    request = Request("offline/any", (Message("user", "Some words of text."),))
    reply = offline.reply(request)
    assert (reply.model, reply.finish_reason) == ("offline", "stop")
    assert (reply.cost.usd, reply.cost.source) == (Decimal(0), CostSource.LOCAL)
    assert reply.usage.source is UsageSource.PROVIDER
    assert reply.usage.input_tokens == tokens.count_messages(request.messages) == 12
    assert reply.usage.output_tokens == tokens.count(reply.text) == 5


def test_max_tokens() -> None:
    """An answer longer than max_tokens is cut there and says so."""
    reply = offline.reply(Request("offline", (Message("user", "Some words of text."),), (("max_tokens", 2),)))
    assert (reply.text, reply.finish_reason, reply.usage.output_tokens) == ("Some words", "length", 2)


def test_lone_surrogates() -> None:
    """A text that is not Unicode is answered with one that is."""
    assert text_for("A broken \ud83d mark is in here.") == "A broken \ufffd mark is in here."
