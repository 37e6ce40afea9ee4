"""Server-sent events and chunks: whatever the network does to their bytes, the same text and calls come out."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfkit.llm.stream import DONE, ErrorEvent, Events, Growing, chunk_of

SAID = ["é\n", "data: not one", "", "b\u2028c"]
STREAM = b": a comment\r\nevent: message\r\n" + b"".join(
    b"data: " + json.dumps({"said": said}, ensure_ascii=False).encode() + b"\r\n\r\n" for said in SAID
)  # fmt: skip


class Ear:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.heard = ""

    def begins(self) -> None: ...

    def says(self, piece: str) -> None:
        self.heard += piece


def grown(*deltas: dict[str, Any], finish: str | None = "stop") -> dict[str, Any]:
    """The message of these deltas."""
    growing = Growing(Ear())
    for delta in deltas:
        growing.take({"choices": [{"index": 0, "delta": delta}]})
    growing.take({"choices": [{"delta": {}, "finish_reason": finish}]})
    found: dict[str, Any] = growing.response()["choices"][0]
    return found


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_events_cut_anywhere(cuts: list[int]) -> None:
    """However the bytes are cut on their way, in the midst of a letter too, the events are the same."""
    places = [0, *sorted(cuts), len(STREAM)]
    events = Events()
    found = [
        event
        for start, end in pairwise(places)
        for event in events.feed(STREAM[start:end])
    ]  # fmt: skip
    assert [json.loads(event)["said"] for event in [*found, *events.end()]] == SAID


def test_events_of_odd_servers() -> None:
    """Data in several lines is one event, and a last event without a blank line after it counts."""
    events = Events()
    assert events.feed(b"data: a\ndata:b\n\nid: 7\n\ndata: [DONE]") == ["a\nb"]
    assert events.end() == [DONE]
    assert Events().feed(b"\xef\xbb\xbfdata: a\n\n") == ["a"]  # a byte order mark


def test_a_piece_of_a_pair() -> None:
    """Halves of a character that came in two chunks are one character again; a lone one stays."""
    found = grown({"content": "a\ud83d"}, {"content": "\ude00 \ud83d"})
    assert found["message"]["content"] == "a\U0001f600 \ud83d"


def test_tool_calls() -> None:
    """Pieces of calls are put together by their index; servers that number none, or all 0, send whole calls."""

    def piece(name: str | None, arguments: str, call: str | None = None, **index: int) -> dict[str, Any]:
        return {"tool_calls": [{"id": call, "function": {"name": name, "arguments": arguments}, **index}]}

    by_index = grown(piece("f", "", "1", index=0), piece("g", '{"b"', "2", index=1), piece(None, ":2}", index=1),
                     piece(None, "{}", index=0))  # fmt: skip
    by_id = grown(piece("f", "{}", "1", index=0), piece("g", '{"b":2}', "2", index=0))
    together = grown({"tool_calls": [*piece("f", "{}", "1")["tool_calls"], *piece("g", '{"b":2}', "2")["tool_calls"]]})
    wanted = [("1", "f", "{}"), ("2", "g", '{"b":2}')]
    for found in (by_index, by_id, together):
        calls = found["message"]["tool_calls"]
        assert [(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in calls] == wanted


def test_only_the_first_answer() -> None:
    """Of several answers, which nobody asked for, the first counts."""
    growing = Growing(Ear())
    growing.take({"choices": [{"index": 1, "delta": {"content": "other"}, "finish_reason": "stop"}]})
    growing.take({"choices": [{"index": 0, "delta": {"content": "first"}}], "usage": None})
    assert growing.text == "first"
    assert growing.finish_reason is None


@pytest.mark.parametrize("event", ["[1]", '"text"', "5", "{", ""])
def test_no_chunk(event: str) -> None:
    """What is no chunk is a ValueError; an error that a server tells in mid-stream is told as such."""
    with pytest.raises(ValueError, match=r"."):
        chunk_of(event)
    with pytest.raises(ErrorEvent, match="overloaded"):
        chunk_of('{"error": {"message": "overloaded"}}')


def test_ended_with_an_error() -> None:
    """A stream whose finish reason is an error has failed, whatever it said."""
    growing = Growing(Ear())
    growing.take({"choices": [{"delta": {"content": "hal"}}]})
    with pytest.raises(ErrorEvent, match="upstream"):
        growing.take({"choices": [{"delta": {}, "finish_reason": "error", "error": {"message": "upstream"}}]})
