"""Gemini's generateContent on the wire: what a body asks, and an answer, a stream or an error as Google writes them.

`POST /v1beta/models/NAME:generateContent`, or `:streamGenerateContent?alt=sse`. Nothing is decided here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson

from wfkit.core.call import Message, Tool
from wfkit.llm.messages import schema_told
from wfkit.llm.provider.exchange import AUTO, NONE, REQUIRED, Limit, Question, Refusal, Said, Spent
from wfkit.llm.provider.text import encoded, pieces, schema_text

NAME = "gemini"
PATHS = re.compile(r"^(?:/v1(?:beta)?)?/models/(?P<model>[^:/]+):(?P<what>generateContent|streamGenerateContent)$")
NO_QUOTA = Refusal(429, "Quota exceeded for quota metric GenerateRequestsPerDayPerProject.", "insufficient_quota")
ENDS = 0

_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY", "tool_calls": "STOP"}
_CHOICES = {"AUTO": AUTO, "ANY": REQUIRED, "NONE": NONE}
_PARAMS = {"temperature": "temperature", "topP": "top_p", "maxOutputTokens": "max_tokens", "seed": "seed"}
_HUMP = re.compile(r"_([a-z])")


def understand(path: str, data: Any) -> Question:
    """The question in a path and a body. Raises ValueError, KeyError, TypeError or AttributeError for what is none."""
    named = PATHS.match(path)
    if named is None:
        raise ValueError(f"{path} names no model")
    data = _camel(data)
    config = data.get("generationConfig") or {}
    told = _text((data.get("systemInstruction") or {}).get("parts") or ())
    messages = ((Message("system", told),) if told else ()) + tuple(_messages(data["contents"]))
    declared = [each for tool in data.get("tools") or () for each in tool.get("functionDeclarations") or ()]
    calling = (data.get("toolConfig") or {}).get("functionCallingConfig") or {}
    only = list(calling.get("allowedFunctionNames") or ())
    return Question(
        named["model"],
        messages,
        tuple(sorted((ours, config[theirs]) for theirs, ours in _PARAMS.items() if config.get(theirs) is not None)),
        _schema(config) or schema_told(messages),
        tuple(_tool(each) for each in declared),
        only[0] if len(only) == 1 else _CHOICES[(calling.get("mode") or "AUTO").upper()],
        named["what"] == "streamGenerateContent",
    )


def conversation(data: Any) -> Any:
    """The part of a body that is the conversation."""
    return [data.get("systemInstruction") or data.get("system_instruction"), data["contents"]]


def whole(said: Said, question: Question) -> dict[str, Any]:  # noqa: ARG001 - other wires need the question
    """The body of an answer in one piece."""
    parts = [{"text": said.text}] if said.text else []
    return _chunk(said, [*parts, *_calls(said)], _finish(said))


def events(said: Said, question: Question) -> list[bytes]:  # noqa: ARG001 - other wires need the question
    """The events of a stream: pieces of the text, then tool calls with the finish reason. No mark ends it."""
    chunks = [_chunk(said, [{"text": piece}]) for piece in pieces(said.text or "")]
    chunks.append(_chunk(said, _calls(said) or [{"text": ""}], _finish(said)))
    return [b"data: " + encoded(chunk) + b"\r\n\r\n" for chunk in chunks]


def problem(refusal: Refusal) -> dict[str, Any]:
    """The body of an error; how long to wait is told in it."""
    status = _STATUSES.get(refusal.status, "UNAVAILABLE" if refusal.status >= 500 else "INVALID_ARGUMENT")
    error: dict[str, Any] = {"code": refusal.status, "message": refusal.message, "status": status}
    if refusal.wait_s is not None:
        delay = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{refusal.wait_s:g}s"}
        error["details"] = [delay]
    return {"error": error}


def problem_event(refusal: Refusal) -> bytes:
    """An error in the midst of a stream."""
    return b"data: " + encoded(problem(refusal)) + b"\r\n\r\n"


def limit_headers(of: str, limit: Limit) -> Iterator[tuple[str, str]]:  # noqa: ARG001 - the others tell their limits
    """Gemini tells nothing of its limits."""
    return iter(())


def _chunk(said: Said, parts: list[dict[str, Any]], finish: str | None = None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if finish is not None:
        candidate["finishReason"] = finish
    body = {"candidates": [candidate] if said.choices else [], "modelVersion": said.model, "responseId": said.name}
    return body | ({"usageMetadata": _usage(said.spent)} if finish is not None and said.spent else {})


def _calls(said: Said) -> list[dict[str, Any]]:
    """Tool calls as objects; one whose arguments are no object ends the answer as malformed."""
    if _malformed(said):
        return []
    return [{"functionCall": {"name": call.name, "args": orjson.loads(call.text)}} for call in said.calls]


def _finish(said: Said) -> str:
    return "MALFORMED_FUNCTION_CALL" if _malformed(said) else _FINISH[said.finish]


def _malformed(said: Said) -> bool:
    try:
        return not all(isinstance(orjson.loads(call.text), dict) for call in said.calls)
    except orjson.JSONDecodeError:
        return True


def _usage(spent: Spent) -> dict[str, int]:
    """Reasoning tokens are not part of the candidates' here."""
    thoughts = spent.reasoning_tokens or 0
    usage = {
        "promptTokenCount": spent.input_tokens,
        "candidatesTokenCount": spent.output_tokens - thoughts,
        "totalTokenCount": spent.input_tokens + spent.output_tokens,
    }
    usage |= {"thoughtsTokenCount": thoughts} if thoughts else {}
    return usage | ({"cachedContentTokenCount": spent.cached_tokens} if spent.cached_tokens else {})


def _messages(contents: Any) -> Iterator[Message]:
    for content in contents:
        parts = content["parts"]
        results = [part["functionResponse"] for part in parts if part.get("functionResponse")]
        for result in results:
            yield Message("tool", orjson.dumps(result["response"]).decode(), (), result["name"])
        if not results:
            yield Message("assistant" if content.get("role") == "model" else "user", _text(parts))


def _text(parts: Any) -> str:
    return "\n".join(part["text"] for part in parts if part.get("text"))


def _schema(config: Any) -> str | None:
    wanted = config.get("responseJsonSchema") or config.get("responseSchema")
    if wanted:
        return schema_text(_standard(wanted))
    return schema_text({"type": "object"}) if config.get("responseMimeType") == "application/json" else None


def _tool(declared: Any) -> Tool:
    parameters = declared.get("parametersJsonSchema") or declared.get("parameters") or {}
    return Tool(declared["name"], declared.get("description") or "", schema_text(_standard(parameters)))


def _standard(schema: Any) -> Any:
    """JSON Schema of a schema whose types are written in capitals, as Google's own are."""
    if isinstance(schema, list):
        return [_standard(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: value.lower() if key == "type" and isinstance(value, str) else _standard(value)
        for key, value in schema.items()
    }


def _camel(data: Any, deep: bool = True) -> Any:
    """The names of this wire may be written in snake case; those of schemas and arguments are the user's own."""
    own = {"parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema", "args", "response"}
    if isinstance(data, list):
        return [_camel(each, deep) for each in data]
    if not isinstance(data, dict) or not deep:
        return data
    named = {_HUMP.sub(lambda found: found[1].upper(), key): value for key, value in data.items()}
    return {key: _camel(value, key not in own) for key, value in named.items()}
