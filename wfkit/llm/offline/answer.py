"""From a Request to the offline model's Reply: which text to read, what shape to answer in, how many tokens that was.

No rule about words, sentences or schemas lives here, and no I/O.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any

from wfkit.core.call import Cost, Failure, Message, Reply, Request, ToolCall, Usage
from wfkit.core.terms import CostSource, FailureKind, UsageSource
from wfkit.errors import CallFailed
from wfkit.llm import tokens
from wfkit.llm.messages import CORRECTION, request_digest, wire
from wfkit.llm.offline.calls import call_of, results_in
from wfkit.llm.offline.fill import Filler, Unfillable
from wfkit.llm.offline.text import Evidence, evidence, summary

MODEL = "offline"
FREE = Cost(Decimal(0), Decimal(0), Decimal(0), CostSource.LOCAL)


def reply(request: Request) -> Reply:
    """The offline model's answer; equal requests get equal ones. Tokens are counted by `llm.tokens`, the price is 0.

    Given tools, it calls one of them, once, if the text gives its required arguments or it must (`tool_choice`), and
    answers from the result. Raises CallFailed (invalid_request) when a schema is none, or asks for what this model
    cannot make up.
    """
    read = _read(request.messages, shaped=request.schema is not None or bool(request.tools))
    call = _made(lambda: call_of(request, read)) if request.tools else None
    if call is not None:
        return _calling(request, call)
    read = _read(request.messages, shaped=request.schema is not None)
    text = summary(read) if request.schema is None else _shaped(request.schema, read)
    limit = dict(request.params).get("max_tokens")
    finish = "stop"
    if isinstance(limit, int) and tokens.count(text) > limit:
        text, finish = tokens.cut(text, limit), "length"
    sent = tokens.count_request(request) if request.tools else tokens.count_messages(request.messages)
    usage = Usage(sent, tokens.count(text), source=UsageSource.PROVIDER)
    return Reply(text, MODEL, finish, f"offline-{request_digest(request)[:12]}", usage, FREE)


def _calling(request: Request, call: ToolCall) -> Reply:
    said = tokens.count(call.name + call.arguments)
    usage = Usage(tokens.count_request(request), said, source=UsageSource.PROVIDER)
    return Reply("", MODEL, "tool_calls", f"offline-{request_digest(request)[:12]}", usage, FREE, (call,))


def _read(messages: tuple[Message, ...], shaped: bool) -> Evidence:
    """The last thing a user said that is no complaint about an answer, and what tools have answered; everything else
    counts as instruction. A text, unlike a `shaped` answer, is made of the tools' results alone."""
    asked = [message for message in messages if message.role == "user" and not message.content.startswith(CORRECTION)]
    data = asked[-1].content if asked else (messages[-1].content if messages else "")
    rules = "\n".join(message.content for message in messages if message.role == "system")
    results = "\n".join(results_in(messages))
    if results and not shaped:
        return evidence(wire(results), wire(f"{rules}\n{data}"))
    return evidence(wire(f"{data}\n{results}" if results else data), wire(rules))


@lru_cache(maxsize=256)
def _parsed(schema: str) -> Any:
    return json.loads(schema)


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, Unfillable) else f"it is no JSON Schema ({type(error).__name__}: {error})"


def _shaped(schema: str, read: Evidence) -> str:
    return json.dumps(_made(lambda: Filler(_parsed(schema), read).value()), ensure_ascii=False)


def _made(make: Callable[[], Any]) -> Any:
    """What is made for a schema. Raises CallFailed where that cannot be."""
    try:
        return make()
    except (Unfillable, RecursionError, re.error, ValueError, LookupError, TypeError, AttributeError) as error:
        hint = "simplify the schema, or choose a model that a provider serves"
        message = f"the offline model cannot answer in this schema: {_told(error)}; {hint}"
        raise CallFailed(Failure(FailureKind.INVALID_REQUEST, type(error).__name__, message, hint=hint)) from None
