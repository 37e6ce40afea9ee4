"""From a provider's response to a Reply: text, who answered, tokens with their source, money with its source.

A count that was not sent is estimated and marked, or unknown; never 0. Failures are elsewhere.
"""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

from wfkit.core.call import Failure, Reply, Request, ToolCall, Usage
from wfkit.core.terms import CostSource, FailureKind, UsageSource
from wfkit.errors import CallFailed
from wfkit.llm import prices


class View(dict[str, Any]):
    """A JSON object read by attribute, as litellm's responses are; what is missing is None."""

    def __getattr__(self, name: str) -> Any:
        value = self.get(name)
        if isinstance(value, dict):
            return View(value)
        return [View(item) if isinstance(item, dict) else item for item in value] if isinstance(value, list) else value


def reply_of(response: Any, request: Request) -> Reply:
    """The reply in a response. A text of null is an empty one; no choice at all raises CallFailed (empty)."""
    if not response.choices:
        hint = "ask again; if it stays so, look at the server or proxy behind the base URL"
        message = f"{request.model} answered without any choice; {hint}"
        raise CallFailed(Failure(FailureKind.EMPTY, "EmptyReply", message, 200, hint=hint))
    text, finish = _said(response.choices[0])
    model = str(response.model or request.model)
    sent = getattr(response, "usage", None)
    usage = usage_of(sent)
    cost = prices.cost(model, usage, request.model, _billed(sent))
    asked = _asked(response.choices[0].message)
    return Reply(text, model, finish, response.id or None, usage, cost, asked)


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


def usage_of(sent: Any) -> Usage:
    """Tokens as the provider counted them. litellm makes zeros where nothing was sent: those are unknown."""
    if sent is None or not (sent.prompt_tokens or sent.completion_tokens):
        return Usage()
    asked, said = getattr(sent, "prompt_tokens_details", None), getattr(sent, "completion_tokens_details", None)
    read = _first(sent, asked, "cache_read_input_tokens", "cached_tokens")
    written = _first(sent, asked, "cache_creation_input_tokens", "cache_creation_tokens", "cache_write_tokens")
    reasoning = getattr(said, "reasoning_tokens", None)
    return Usage(
        _count(sent.prompt_tokens),
        _count(sent.completion_tokens),
        read,
        written,
        _count(reasoning),
        UsageSource.PROVIDER,
    )


def _said(choice: Any) -> tuple[str, str | None]:
    message = choice.message
    refusal = (getattr(message, "provider_specific_fields", None) or {}).get("refusal") or getattr(
        message, "refusal", None
    )
    if refusal and not message.content:
        return str(refusal), "refusal"
    return text_of(message.content), choice.finish_reason


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
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _first(sent: Any, details: Any, *names: str) -> int | None:
    for holder in (sent, details):
        for name in names:
            value = getattr(holder, name, None)
            if isinstance(value, int) and value:
                return value
    return None


def _billed(sent: Any) -> Decimal | None:
    """What a gateway says it billed: OpenRouter's `usage.cost`, Perplexity's `usage.cost.total_cost`."""
    said = getattr(sent, "cost", None)
    said = said.get("total_cost") if isinstance(said, dict) else said
    return Decimal(str(said)) if isinstance(said, (int, float)) and not isinstance(said, bool) and said >= 0 else None
