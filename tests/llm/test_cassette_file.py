"""The file of a cassette: what is written is what is read."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from wfkit.core.call import Cost, Failure, Message, Reply, Request, Tool, ToolCall, Usage
from wfkit.core.terms import CostSource, FailureKind, UsageSource
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
