"""A request as text: its canonical form and digest, what goes over the wire, and what a finished reply is worth.

No network, no model and no price here; only functions of requests and replies.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from blake3 import blake3

from wfkit.core.call import Failure, Message, Reply, Request, Tool
from wfkit.core.terms import FailureKind, Verdict
from wfkit.errors import CallFailed, ValueFault

FORMAT = 1  # a change of the canonical form makes all stored replies strangers: raise it only when it must be so

SCHEMA_INSTRUCTION = (
    "Answer with one JSON value that is valid against this JSON Schema, and with nothing else "
    "(no explanation, no code fence):\n"
)
_FENCE = "```"
EMBED = "embed"  # the role of a text whose vector is wanted
CORRECTION = "Your last answer could not be used: "

_CUT = frozenset({"length", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded"})
_REFUSED = frozenset({"content_filter", "refusal", "safety", "recitation", "prohibited_content", "blocklist", "spii"})


def request_digest(request: Request) -> str:
    """The key of a request in the call log: BLAKE3 of its canonical form, 32 hex digits. Raises ValueFault."""
    return blake3(canonical(request)).hexdigest(16)


def canonical(request: Request) -> bytes:
    """Equal requests give equal bytes, unequal ones unequal bytes. A parameter left out is not one that is 0.

    A whole float equals its integer (temperature 1 is 1.0). Lone surrogates keep their own bytes. Raises ValueFault for
    what JSON cannot say.
    """
    body = {
        "format": FORMAT,
        "model": request.model,
        "messages": [_said(message) for message in request.messages],
        "params": [[name, _plain(value, name)] for name, value in sorted(request.params, key=lambda pair: pair[0])],
        "schema": request.schema,
        "sample": request.sample,
    }
    if request.tools:
        body["tools"] = [[tool.name, tool.description, tool.parameters] for tool in request.tools]
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "surrogatepass")


def _said(message: Message) -> list[Any]:
    if not message.tool_calls and message.tool_call_id is None:
        return [message.role, message.content]
    asked = [[call.id, call.name, call.arguments] for call in message.tool_calls]
    return [message.role, message.content, asked, message.tool_call_id]


def _plain(value: Any, name: str) -> Any:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueFault(f"parameter {name!r} of a request is {value}: give a finite number")
        return int(value) if value.is_integer() else value
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item, name) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _plain(item, name) for key, item in value.items()}
    raise ValueFault(f"parameter {name!r} of a request holds a {type(value).__name__}: only JSON values can be sent")


def embedding_request(model: str, texts: Sequence[str], dimensions: int | None) -> Request:
    """The request for the vectors of these texts."""
    params = () if dimensions is None else (("dimensions", dimensions),)
    return Request(model, tuple(Message(EMBED, text) for text in texts), params)


def embeds(request: Request) -> bool:
    """Whether a request is for vectors of texts, not for an answer."""
    return bool(request.messages) and request.messages[0].role == EMBED


def wire(text: str) -> str:
    """The text as it can be sent: lone surrogates (not UTF-8) become U+FFFD, halves of a pair are joined."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def joined_halves(text: str) -> str:
    """The text with halves of surrogate pairs joined that came in two pieces; lone ones stay."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def wire_messages(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Messages in the form of the OpenAI chat API."""
    return [_wired(message) for message in messages]


def wire_tools(tools: Iterable[Tool]) -> list[dict[str, Any]]:
    """Tools in the form of the OpenAI chat API."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": wire(tool.description),
                "parameters": json.loads(tool.parameters),
            },
        }
        for tool in tools
    ]


def _wired(message: Message) -> dict[str, Any]:
    told: dict[str, Any] = {"role": message.role, "content": wire(message.content)}
    if message.tool_calls:
        told["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": wire(call.arguments)}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        told["tool_call_id"] = message.tool_call_id
    return told


def with_instructions(request: Request) -> Request:
    """The request for a model without native structured output: its schema is told in the first system message."""
    if request.schema is None:
        return request
    told = SCHEMA_INSTRUCTION + request.schema
    messages = request.messages
    if messages and messages[0].role == "system":
        messages = (Message("system", f"{messages[0].content}\n\n{told}"), *messages[1:])
    else:
        messages = (Message("system", told), *messages)
    return replace(request, messages=messages, schema=None)


def schema_told(messages: Sequence[Message]) -> str | None:
    """The schema that `with_instructions` told, for models that read it there."""
    for message in messages:
        _, found, schema = message.content.partition(SCHEMA_INSTRUCTION)
        if message.role == "system" and found:
            return schema
    return None


def judge(reply: Reply) -> Verdict:
    """What a reply is worth before anybody parses it: truncated, refused, invalid (nothing in it), else valid."""
    finish = (reply.finish_reason or "").lower()
    if finish in _CUT:
        return Verdict.TRUNCATED
    if finish in _REFUSED:
        return Verdict.REFUSED
    return Verdict.VALID if reply.text.strip() or reply.tool_calls else Verdict.INVALID


def verdict_of(reply: Reply, parse: Callable[[str], Any] | None = None) -> Verdict:
    """`judge`, and for structured output whether the text parses. The call log stores it with the reply, before use."""
    verdict = judge(reply)
    if verdict is Verdict.VALID and parse is not None and not reply.tool_calls:
        try:
            parse(unfenced(reply.text))
        except ValueError:
            return Verdict.INVALID
    return verdict


def unfenced(text: str) -> str:
    """JSON without the code fence or the sentence that models like to put around it; any other text as it is."""
    stripped = text.strip()
    if stripped.startswith(("{", "[", '"')):
        return stripped
    _, _, opened = stripped.partition(_FENCE)
    block, closed, _ = opened.partition(_FENCE)  # no regular expression: one takes cubic time over blank lines
    word, line, inside = block.partition("\n")
    return inside.strip() if closed and line and word.strip() in {"", "json", "JSON"} else stripped


def demand_whole(reply: Reply) -> Reply:
    """The reply itself if it is whole; else raises CallFailed with kind truncated, refused or empty."""
    model, said = reply.model, f"finish reason {reply.finish_reason!r}"
    match judge(reply):
        case Verdict.TRUNCATED:
            kind, what = (
                FailureKind.TRUNCATED,
                f"the answer of {model} was cut off ({said}) after {len(reply.text)} characters",
            )
            hint = "raise max_tokens, or ask for less"
        case Verdict.REFUSED:
            kind, what, hint = (
                FailureKind.REFUSED,
                f"{model} refused to answer ({said})",
                "change the prompt or the model",
            )
        case Verdict.INVALID:
            kind, what, hint = (
                FailureKind.EMPTY,
                f"{model} answered with no text ({said})",
                "ask again or change the model",
            )
        case _:
            return reply
    raise CallFailed(Failure(kind, "IncompleteReply", f"{what}; {hint}", hint=hint))
