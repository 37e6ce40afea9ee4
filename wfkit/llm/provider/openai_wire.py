"""OpenAI's chat completions on the wire: what a body asks, and an answer, a stream or an error as OpenAI writes them.

`POST /v1/chat/completions`, with or without `/v1`. Nothing is decided here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from wfkit.core.call import Message, Tool
from wfkit.llm.messages import schema_told
from wfkit.llm.provider.exchange import AUTO, Limit, Question, Refusal, Said
from wfkit.llm.provider.text import content_text, encoded, pieces, schema_text, span

NAME = "openai"
PATHS = re.compile(r"^(?:/v1)?/chat/completions$")
NO_QUOTA = Refusal(429, "You exceeded your current quota.", "insufficient_quota")
ENDS = 1

_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
_PARAMS = ("temperature", "top_p", "max_tokens", "max_completion_tokens", "seed")


def understand(path: str, data: Any) -> Question:  # noqa: ARG001 - this path says nothing, those of others do
    """The question in a body. Raises ValueError, KeyError, TypeError or AttributeError for what is none."""
    messages = tuple(_message(item) for item in data["messages"])
    params = {name: data[name] for name in _PARAMS if data.get(name) is not None}
    if "max_completion_tokens" in params:
        params["max_tokens"] = params.pop("max_completion_tokens")
    return Question(
        data["model"],
        messages,
        tuple(sorted(params.items())),
        _schema(data.get("response_format") or {}) or schema_told(messages),
        tuple(_tool(item["function"]) for item in data.get("tools") or ()),
        _choice(data.get("tool_choice") or AUTO),
        bool(data.get("stream")),
        bool((data.get("stream_options") or {}).get("include_usage")),
    )


def conversation(data: Any) -> Any:
    """The part of a body that is the conversation."""
    return data["messages"]


def whole(said: Said, question: Question) -> dict[str, Any]:  # noqa: ARG001 - other wires need the question
    """The body of an answer in one piece."""
    message: dict[str, Any] = {"role": "assistant", "content": said.text}
    if said.calls:
        message["tool_calls"] = [_call(said, place) for place in range(len(said.calls))]
    choice = {"index": 0, "message": message, "finish_reason": said.finish}
    body = {**_head(said, "chat.completion"), "choices": [choice] if said.choices else []}
    return body | ({"usage": _usage(said)} if said.spent else {})


def events(said: Said, question: Question) -> list[bytes]:
    """The events of a stream; the last of them end it, the one before them carries the finish reason."""
    deltas: list[tuple[dict[str, Any], str | None]] = [({"role": "assistant", "content": ""}, None)]
    deltas += [({"content": piece}, None) for piece in pieces(said.text or "")]
    for place, call in enumerate(said.calls):
        begun = {"index": place, **_call(said, place)}
        begun["function"] = {"name": call.name, "arguments": ""}
        deltas.append(({"tool_calls": [begun]}, None))
        deltas += [
            ({"tool_calls": [{"index": place, "function": {"arguments": piece}}]}, None) for piece in pieces(call.text)
        ]
    deltas.append(({}, said.finish))
    tells = question.with_usage and said.spent is not None
    head = _head(said, "chat.completion.chunk") | ({"usage": None} if tells else {})
    chunks = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]} for delta, finish in deltas]
    if not said.choices:
        chunks = []
    if tells:
        chunks.append({**head, "choices": [], "usage": _usage(said)})
    return [b"data: " + encoded(chunk) + b"\n\n" for chunk in chunks] + [b"data: [DONE]\n\n"]


def problem(refusal: Refusal) -> dict[str, Any]:
    """The body of an error."""
    status, code = refusal.status, refusal.code
    kind = code or _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return {"error": {"message": refusal.message, "type": kind, "param": None, "code": code}}


def problem_event(refusal: Refusal) -> bytes:
    """An error in the midst of a stream."""
    return b"data: " + encoded(problem(refusal)) + b"\n\n"


def limit_headers(of: str, limit: Limit) -> Iterator[tuple[str, str]]:
    """What a reply says of a limit of `requests` or `tokens`."""
    yield f"x-ratelimit-limit-{of}", str(limit.size)
    yield f"x-ratelimit-remaining-{of}", str(limit.remaining)
    yield f"x-ratelimit-reset-{of}", span(limit.reset_s)


def _head(said: Said, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{said.name}", "object": kind, "created": said.at, "model": said.model}


def _call(said: Said, place: int) -> dict[str, Any]:
    call = said.calls[place]
    function = {"name": call.name, "arguments": call.text}
    return {"id": f"call_{said.name}_{place}", "type": "function", "function": function}


def _usage(said: Said) -> dict[str, Any]:
    assert said.spent is not None
    sent, output = said.spent.input_tokens, said.spent.output_tokens
    usage: dict[str, Any] = {"prompt_tokens": sent, "completion_tokens": output, "total_tokens": sent + output}
    if said.spent.cached_tokens is not None:
        usage["prompt_tokens_details"] = {"cached_tokens": said.spent.cached_tokens, "audio_tokens": 0}
    if said.spent.reasoning_tokens is not None:
        usage["completion_tokens_details"] = {"reasoning_tokens": said.spent.reasoning_tokens, "audio_tokens": 0}
    return usage


def _message(item: Any) -> Message:
    role = "system" if item["role"] == "developer" else item["role"]
    return Message(role, content_text(item.get("content")))


def _schema(wanted: Any) -> str | None:
    if wanted.get("type") == "json_object":
        return schema_text({"type": "object"})
    return schema_text(wanted["json_schema"]["schema"]) if wanted.get("json_schema") else None


def _tool(function: Any) -> Tool:
    return Tool(function["name"], function.get("description") or "", schema_text(function.get("parameters") or {}))


def _choice(choice: Any) -> str:
    return choice if isinstance(choice, str) else str(choice["function"]["name"])
