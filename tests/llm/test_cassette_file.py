"""The file of a cassette: what is written is what is read."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from wfkit.core.call import Cost, Failure, Message, Reply, Request, Tool, ToolCall, Usage
from wfkit.core.terms import CostSource, FailureKind, UsageSource
from wfkit.errors import UsageFault
from wfkit.llm.cassette_file import Place, Recording, read, write
from wfkit.llm.messages import request_digest

CALLS = (ToolCall("c1", "find", '{"word": "é"}'), ToolCall("c2", "find", "no JSON"))
ANSWERED = (Message("assistant", "", CALLS), Message("tool", "found", tool_call_id="c1"))


def recording(place: Place, request: Request, **outcome: Reply | Failure) -> Recording:
    """A recording under the request's own digest."""
    return Recording(place, request_digest(request), request, **outcome)


def test_round_trip(tmp_path: Path) -> None:
    """Conversations with tools, replies that ask for some, prices, failures: all come back equal, in order."""
    tools = (Tool("find", "Find a word.", '{"type":"object"}'),)
    first = Request("openai/m", (Message("user", "Find é\n\ud83d"),), (("temperature", 0.5),), '{"a":1}', 1, tools)
    second = Request("openai/m", (Message("user", "Find é"), *ANSWERED), tools=tools)
    usage = Usage(3, 4, 1, 2, 0, UsageSource.PROVIDER)
    asks = Reply("", "m", "tool_calls", None, usage, Cost(Decimal("0.000000001"), source=CostSource.LOCAL), CALLS)
    failure = Failure(FailureKind.RATE_LIMITED, "RateLimitError", "slow down", 429)
    kept = [
        recording(Place("b", 0, 1, 1), second, failure=failure),
        recording(Place("b", 0, 1, 0), first, reply=asks),
    ]
    write(tmp_path / "c.jsonl", kept)
    assert read(tmp_path / "c.jsonl") == kept[::-1]


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ('"input_tokens": 3', '"input_tokens": -3'),
        ('"input_tokens": 3', '"input_tokens": NaN'),
        ('"input_tokens": 3', '"input_tokens": true'),
        ('"usd": "0.5"', '"usd": "1e400"'),
        ('"usd": "0.5"', '"usd": "NaN"'),
        ('"usd": "0.5"', '"usd": []'),
    ],
)
def test_figures_changed_by_hand(tmp_path: Path, written: str, wrong: str) -> None:
    """Tokens and money that cannot be are refused with their line, before they are booked."""
    reply = Reply("yes", "m", "stop", None, Usage(3, 4, source=UsageSource.PROVIDER), Cost(Decimal("0.5")))
    write(tmp_path / "c.jsonl", [recording(Place("a"), Request("openai/m", (Message("user", "x"),)), reply=reply)])
    text = (tmp_path / "c.jsonl").read_text()
    assert written in text
    (tmp_path / "c.jsonl").write_text(text.replace(written, wrong))
    with pytest.raises(UsageFault, match="line 2 of the cassette"):
        read(tmp_path / "c.jsonl")
