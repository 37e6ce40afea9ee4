"""From a provider's response to a Reply: text, who answered, tokens with their source, money with its source.

A count that was not sent is estimated and marked, or unknown; never 0. Failures are elsewhere.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

from wfkit.core.call import MOST_TOKENS, MOST_USD, Failure, Reply, Request, ToolCall, Usage
from wfkit.core.terms import CostSource, FailureKind, UsageSource
from wfkit.errors import CallFailed
from wfkit.llm import prices
from wfkit.llm.failures import told_in_body

_DIGITS = re.compile(r"[0-9]{1,10}")
_LONGEST_ID = 200
_ERRED = frozenset({"error", "network_error"})


class View(dict[str, Any]):
    """A JSON object read by attribute, as litellm's responses are; what is missing is None."""

    def __getattr__(self, name: str) -> Any:
        value = self.get(name)
        if isinstance(value, dict):
            return View(value)
        return [View(item) if isinstance(item, dict) else item for item in value] if isinstance(value, list) else value


def reply_of(response: Any, request: Request) -> Reply:
    """The reply in a response. A text of null is an empty one. No choice at all raises CallFailed: what the server told
    instead, else empty; so does an error beside what was said."""
    error = getattr(response, "error", None)
    if response.choices and (error or _failed(response.choices[0])):
        told = error or getattr(response.choices[0], "error", None) or {}
        raise CallFailed(replace(told_in_body(told, request.model), status=200))  # it has said something: on the bill
    if not response.choices:
        if error:
            raise CallFailed(told_in_body(error, request.model))
        hint = "ask again; if it stays so, look at the server or proxy behind the base URL"
        message = f"{request.model} answered without any choice; {hint}"
        raise CallFailed(Failure(FailureKind.EMPTY, "EmptyReply", message, 200, hint=hint))
    text, finish = _said(response.choices[0])
    model = str(response.model or request.model)
    sent = getattr(response, "usage", None)
    asked = _asked(response.choices[0].message)
    usage = usage_of(sent, bool(text or asked))
    cost = prices.cost(model, usage, request.model, _billed(sent))
    name = str(response.id)[:_LONGEST_ID] if response.id else None
    return Reply(text, model, finish, name, usage, cost, asked)


def streamed_reply(response: Any, request: Request) -> Reply:
    """The reply in a response that was put together from a stream: equal to a whole one but for where its usage came
    from."""
    reply = reply_of(response, request)
    if reply.usage.source is not UsageSource.PROVIDER:
        return reply
    return replace(reply, usage=replace(reply.usage, source=UsageSource.STREAM_FINAL))


def with_estimate(reply: Reply, request: Request, litellm: Any) -> Reply:
    """The reply with its tokens estimated, and priced by the estimate unless the provider said what it billed."""
    usage = prices.estimate_tokens(request.messages, reply.text, reply.model, litellm)
    priced = reply.cost.source is not CostSource.UNKNOWN
    return replace(reply, usage=usage, cost=reply.cost if priced else prices.cost(reply.model, usage, request.model))


def usage_of(sent: Any, said: bool) -> Usage:
    """Tokens as the provider counted them; `said`: the reply is not empty.

    litellm makes zeros where nothing was sent. A prompt of no tokens, no tokens for something that was said, and what
    is no count at all make the usage unknown.
    """
    asked, answered = (_count(getattr(sent, name, None)) for name in ("prompt_tokens", "completion_tokens"))
    if not asked or answered is None or (said and not answered):
        return Usage()
    inside, outside = getattr(sent, "prompt_tokens_details", None), getattr(sent, "completion_tokens_details", None)
    read = _first(sent, inside, "cache_read_input_tokens", "cached_tokens")
    written = _first(sent, inside, "cache_creation_input_tokens", "cache_creation_tokens", "cache_write_tokens")
    reasoning = _count(getattr(outside, "reasoning_tokens", None))
    return Usage(asked, answered, read, written, reasoning, UsageSource.PROVIDER)


def _failed(choice: Any) -> bool:
    """Whether an answer was ended with an error (OpenRouter, Cohere, Zhipu). litellm says "stop" of that, and keeps
    what was sent beside it."""
    sent = getattr(choice, "provider_specific_fields", None) or {}
    return any(str(said).lower() in _ERRED for said in (choice.finish_reason, sent.get("native_finish_reason")))


def _said(choice: Any) -> tuple[str, str | None]:
    message = choice.message
    refusal = (getattr(message, "provider_specific_fields", None) or {}).get("refusal") or getattr(
        message, "refusal", None
    )
    if refusal and not message.content:
        return str(refusal), "refusal"
    return text_of(message.content), str(choice.finish_reason) if choice.finish_reason else None


def _asked(message: Any) -> tuple[ToolCall, ...]:
    """The tools that a message asks for. Arguments that some servers send as an object become text again."""
    found = []
    for number, call in enumerate(getattr(message, "tool_calls", None) or ()):
        function = call.function
        arguments = function.arguments
        text = arguments if isinstance(arguments, str) else json.dumps(arguments if arguments is not None else {})
        found.append(ToolCall(str(call.id or f"call_{number}"), str(function.name or ""), text))
    return tuple(found)


def text_of(content: Any) -> str:
    """The text of a message; some servers send it in parts."""
    if isinstance(content, list):
        content = "".join(part.get("text") or "" for part in content if part.get("type") == "text")
    if content is None or isinstance(content, str):
        return content or ""
    raise TypeError(f"the content of the message is a {type(content).__name__}")


def _count(value: Any) -> int | None:
    """A number of tokens, also as a whole float or in digits; None for what cannot be one."""
    if (isinstance(value, float) and value.is_integer()) or (isinstance(value, str) and _DIGITS.fullmatch(value)):
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS else None


def _first(sent: Any, details: Any, *names: str) -> int | None:
    for holder in (sent, details):
        for name in names:
            if value := _count(getattr(holder, name, None)):
                return value
    return None


def _billed(sent: Any) -> Decimal | None:
    """What a gateway says it billed: OpenRouter's `usage.cost`, Perplexity's `usage.cost.total_cost`."""
    said = getattr(sent, "cost", None)
    said = said.get("total_cost") if isinstance(said, dict) else said
    is_amount = isinstance(said, (int, float)) and not isinstance(said, bool) and 0 <= said <= MOST_USD
    return Decimal(str(said)) if is_amount else None
