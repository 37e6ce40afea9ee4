"""A reply that arrives in pieces: server-sent events to chunks, chunks to one response, as if it had come whole.

A stream is whole when a finish reason has come, and cut if it ends before. Sends nothing and opens no connection.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson

from wfkit.core.call import Listener
from wfkit.llm.messages import joined_halves
from wfkit.llm.replies import text_of

DONE = "[DONE]"
_NAMES = (b"data", b"\xef\xbb\xbfdata")  # with a byte order mark where it begins the stream
STREAMED: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}
LARGEST = 64 << 20  # bytes of one reply, and characters of a streamed one


class ErrorEvent(Exception):
    """The server said in mid-stream that something is wrong; `told` is its `error` object."""

    def __init__(self, told: Any) -> None:
        self.told: dict[str, Any] = told if isinstance(told, dict) else {"message": str(told)}
        super().__init__(str(self.told.get("message") or "no reason given"))


class Events:
    """Cuts the bytes of a stream into the data of server-sent events (WHATWG HTML, 9.2.6); all but data is dropped."""

    def __init__(self) -> None:
        self._left: list[bytes] = []
        self._size = 0
        self._data: list[str] = []

    def feed(self, part: bytes) -> list[str]:
        """The events that end in these bytes. Raises OSError for one that is too large to be a chunk."""
        self._left.append(part)
        self._size += len(part)
        if b"\n" not in part:
            if self._size > LARGEST:
                raise OSError(f"an event of the stream is larger than {LARGEST >> 20} MB")
            return []
        *lines, left = b"".join(self._left).split(b"\n")
        self._left, self._size = [left], len(left)
        return [event for line in lines if (event := self._line(line))]

    def end(self) -> list[str]:
        """The event without a blank line after it, with which some servers end."""
        return [event for line in (b"".join(self._left), b"") if (event := self._line(line))]

    def _line(self, line: bytes) -> str:
        """Take in a line; the event that it ends, if it is blank."""
        line = line.rstrip(b"\r")
        if not line:
            event = "\n".join(self._data)
            self._data.clear()
            return event
        name, _, value = line.partition(b":")
        if name in _NAMES:
            self._data.append(value.removeprefix(b" ").decode("utf-8", "replace"))
        return ""


def chunk_of(event: str) -> dict[str, Any]:
    """The chunk in an event. Raises ErrorEvent for one that tells an error, ValueError for what is no chunk."""
    try:
        chunk = orjson.loads(event)
    except orjson.JSONDecodeError:  # lone surrogates are JSON for Python, not for orjson
        chunk = json.loads(event)
    if not isinstance(chunk, dict):
        raise ValueError(f"an event of the stream is a {type(chunk).__name__}, not a chunk")
    if chunk.get("error"):
        raise ErrorEvent(chunk["error"])
    return chunk


class Growing:
    """A response that grows chunk by chunk (objects of OpenAI's `chat.completion.chunk`), and who listens to it."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._said: list[str] = []
        self._refusal: list[str] = []
        self._calls: dict[Any, dict[str, Any]] = {}
        self.size = 0  # characters of what was said
        self._head: dict[str, Any] = {"id": None, "model": None}
        self.finish_reason: str | None = None
        self.usage: Any = None

    @property
    def text(self) -> str:
        """What was said so far."""
        return joined_halves("".join(self._said))

    def take(self, chunk: Mapping[str, Any]) -> None:
        """Take in a chunk. Raises ErrorEvent where a gateway ends it with an error, as OpenRouter does; TypeError or
        AttributeError for one of another protocol."""
        for name, value in self._head.items():
            self._head[name] = value or chunk.get(name)
        self.usage = chunk.get("usage") or self.usage
        for choice in chunk.get("choices") or ():
            if not choice.get("index"):  # of several answers, which nobody asked for, the first
                if choice.get("finish_reason") == "error":
                    raise ErrorEvent(choice.get("error") or {})
                self.finish_reason = choice.get("finish_reason") or self.finish_reason
                self._grow(choice.get("delta") or {})

    def _grow(self, delta: Mapping[str, Any]) -> None:
        piece = text_of(delta.get("content"))
        if piece:
            self._bound(piece)
            self._said.append(piece)
            self._listener.says(piece)
        if refusal := delta.get("refusal"):
            self._bound(refusal)
            self._refusal.append(refusal)
        for number, call in enumerate(delta.get("tool_calls") or ()):
            self._call(number, call)

    def _call(self, number: int, piece: Mapping[str, Any]) -> None:
        """A piece of a tool call. The first one has its id and name; servers that send whole calls may number none."""
        index = piece.get("index")
        place = number if index is None else index
        call = self._calls.get(place)
        if call is None or (piece.get("id") and call["id"] and piece["id"] != call["id"]):
            place = place if call is None else (place, piece["id"])
            call = self._calls.setdefault(place, {"id": None, "function": {"name": None, "arguments": ""}})
        function = piece.get("function") or {}
        call["id"] = call["id"] or piece.get("id")
        call["function"]["name"] = call["function"]["name"] or function.get("name")
        if arguments := function.get("arguments"):
            self._bound(arguments)
            call["function"]["arguments"] += arguments

    def _bound(self, piece: str) -> None:
        self.size += len(piece)
        if self.size > LARGEST:
            raise OSError(f"the reply is larger than {LARGEST >> 20} MB")

    def response(self) -> dict[str, Any]:
        """The whole response, in the form of `chat.completion`."""
        message: dict[str, Any] = {"role": "assistant", "content": self.text if self._said else None}
        if self._refusal:
            message["refusal"] = "".join(self._refusal)
        if self._calls:
            message["tool_calls"] = list(self._calls.values())
        choice = {"index": 0, "message": message, "finish_reason": self.finish_reason}
        return {**self._head, "choices": [choice], "usage": self.usage}
