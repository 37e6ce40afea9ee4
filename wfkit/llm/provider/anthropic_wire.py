"""Anthropic's messages on the wire: what a body asks, and an answer, a stream or an error as Anthropic writes them.

`POST /v1/messages`. Nothing is decided here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson

from wfkit.core.call import Message, Tool
from wfkit.llm.messages import schema_told
from wfkit.llm.provider.exchange import AUTO, NONE, REQUIRED, Limit, Question, Refusal, Said
from wfkit.llm.provider.text import content_text, date, encoded, pieces, schema_text

NAME = "anthropic"
PATHS = re.compile(r"^(?:/v1)?/messages$")
NO_QUOTA = Refusal(400, "Your credit balance is too low to access the Anthropic API.", "insufficient_quota")
ENDS = 1

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_FINISH = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal", "tool_calls": "tool_use"}
_CHOICES = {"auto": AUTO, "any": REQUIRED, "none": NONE}
_PARAMS = ("temperature", "top_p", "max_tokens")


def understand(path: str, data: Any) -> Question:  # noqa: ARG001 - this path says nothing, those of others do
    """The question in a body. Raises ValueError, KeyError, TypeError or AttributeError for what is none."""
    if not isinstance(data["max_tokens"], int):
        raise TypeError("max_tokens is a number")
    system = content_text(data.get("system"))
    messages = ((Message("system", system),) if system else ()) + tuple(_messages(data["messages"]))
    choice = data.get("tool_choice") or {"type": AUTO}
    wanted = data.get("output_format") or (data.get("output_config") or {}).get("format") or {}
    return Question(
        data["model"],
        messages,
        tuple(sorted((name, data[name]) for name in _PARAMS if data.get(name) is not None)),
        schema_text(wanted["schema"]) if wanted.get("schema") else schema_told(messages),
        tuple(_tool(tool) for tool in data.get("tools") or ()),
        choice["name"] if choice["type"] == "tool" else _CHOICES[choice["type"]],
        bool(data.get("stream")),
    )


def conversation(data: Any) -> Any:
    """The part of a body that is the conversation."""
    return [data.get("system"), data["messages"]]


def whole(said: Said, question: Question) -> dict[str, Any]:  # noqa: ARG001 - other wires need the question
    """The body of an answer in one piece."""
    content: list[dict[str, Any]] = [{"type": "text", "text": said.text}] if said.text else []
    content += [{**_block(said, place), "input": _arguments(call.text)} for place, call in enumerate(said.calls)]
    body = _head(said) | {"content": content if said.choices else [], "stop_reason": _FINISH[said.finish]}
    return body | ({"usage": _usage(said)} if said.spent else {})


def events(said: Said, question: Question) -> list[bytes]:  # noqa: ARG001 - other wires need the question
    """The events of a stream."""
    begun = {**_head(said), "content": [], "stop_reason": None}
    if said.spent:
        begun["usage"] = {**_usage(said), "output_tokens": 1}
    found = [_event("message_start", message=begun), _event("ping")]
    if said.choices:
        found += _blocks(said)
    told = {"usage": {"output_tokens": said.spent.output_tokens}} if said.spent else {}
    ended = {"stop_reason": _FINISH[said.finish], "stop_sequence": None}
    return [*found, _event("message_delta", delta=ended, **told), _event("message_stop")]


def problem(refusal: Refusal) -> dict[str, Any]:
    """The body of an error."""
    kind = _TYPES.get(refusal.status, "api_error" if refusal.status >= 500 else "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": refusal.message}}


def problem_event(refusal: Refusal) -> bytes:
    """An error in the midst of a stream."""
    return b"event: error\ndata: " + encoded(problem(refusal)) + b"\n\n"


def limit_headers(of: str, limit: Limit) -> Iterator[tuple[str, str]]:
    """What a reply says of a limit of `requests` or `tokens`."""
    head = f"anthropic-ratelimit-{of}"
    yield f"{head}-limit", str(limit.size)
    yield f"{head}-remaining", str(limit.remaining)
    yield f"{head}-reset", date(limit.reset_s)


def _head(said: Said) -> dict[str, Any]:
    head = {"id": f"msg_{said.name}", "type": "message", "role": "assistant", "model": said.model}
    return {**head, "stop_sequence": None}


def _blocks(said: Said) -> list[bytes]:
    found: list[bytes] = []
    parts = [("text", said.text)] if said.text else []
    parts += [("tool_use", call.text) for call in said.calls]
    texts = len(parts) - len(said.calls)
    for index, (kind, text) in enumerate(parts):
        empty = {"type": kind, "text": ""} if kind == "text" else {**_block(said, index - texts), "input": {}}
        found.append(_event("content_block_start", index=index, content_block=empty))
        name, field = ("text_delta", "text") if kind == "text" else ("input_json_delta", "partial_json")
        deltas = [{"type": name, field: piece} for piece in pieces(text or "")]
        found += [_event("content_block_delta", index=index, delta=delta) for delta in deltas]
        found.append(_event("content_block_stop", index=index))
    return found


def _block(said: Said, place: int) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_{said.name}_{place}", "name": said.calls[place].name}


def _arguments(text: str) -> Any:
    """The arguments of a call, which this wire carries as an object: what is none is put into one."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {"unparsed": text}
    return value if isinstance(value, dict) else {"unparsed": value}


def _usage(said: Said) -> dict[str, Any]:
    """Cached tokens are not part of input here."""
    assert said.spent is not None
    cached = said.spent.cached_tokens or 0
    usage = {"input_tokens": said.spent.input_tokens - cached, "output_tokens": said.spent.output_tokens}
    return usage | ({"cache_read_input_tokens": cached, "cache_creation_input_tokens": 0} if cached else {})


def _event(kind: str, **more: Any) -> bytes:
    return f"event: {kind}\ndata: ".encode() + encoded({"type": kind, **more}) + b"\n\n"


def _messages(items: Any) -> Iterator[Message]:
    for item in items:
        content = item["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        for block in blocks:
            if block["type"] == "tool_result":
                yield Message("tool", content_text(block.get("content")), (), block["tool_use_id"])
        text = content_text([block for block in blocks if block["type"] == "text"])
        if text or not any(block["type"] == "tool_result" for block in blocks):
            yield Message(item["role"], text)


def _tool(tool: Any) -> Tool:
    return Tool(tool["name"], tool.get("description") or "", schema_text(tool.get("input_schema") or {}))
