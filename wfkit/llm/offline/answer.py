"""From a Request to the offline model's Reply: which text to read, what shape to answer in, how many tokens that was.

No rule about words, sentences or schemas lives here, and no I/O.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from functools import lru_cache
from typing import Any

from wfkit.core.call import Cost, Failure, Message, Reply, Request, Usage
from wfkit.core.terms import CostSource, FailureKind, UsageSource
from wfkit.errors import CallFailed
from wfkit.llm import tokens
from wfkit.llm.messages import CORRECTION, request_digest, wire
from wfkit.llm.offline.fill import Filler, Unfillable
from wfkit.llm.offline.text import Evidence, evidence, summary

MODEL = "offline"
FREE = Cost(Decimal(0), Decimal(0), Decimal(0), CostSource.LOCAL)


def reply(request: Request) -> Reply:
    """The offline model's answer; equal requests get equal ones. Tokens are counted by `llm.tokens`, the price is 0.

    Raises CallFailed (invalid_request) when the schema is none, or asks for what this model cannot make up.
    """
    read = _read(request.messages)
    text = summary(read) if request.schema is None else _shaped(request.schema, read)
    limit = dict(request.params).get("max_tokens")
    finish = "stop"
    if isinstance(limit, int) and tokens.count(text) > limit:
        text, finish = tokens.cut(text, limit), "length"
    usage = Usage(tokens.count_messages(request.messages), tokens.count(text), source=UsageSource.PROVIDER)
    return Reply(text, MODEL, finish, f"offline-{request_digest(request)[:12]}", usage, FREE)


def _read(messages: tuple[Message, ...]) -> Evidence:
    """The last thing a user said that is no complaint about an answer; everything else counts as instruction."""
    asked = [message for message in messages if message.role == "user" and not message.content.startswith(CORRECTION)]
    data = asked[-1].content if asked else (messages[-1].content if messages else "")
    rules = "\n".join(message.content for message in messages if message.role == "system")
    return evidence(wire(data), wire(rules))


@lru_cache(maxsize=256)
def _parsed(schema: str) -> Any:
    return json.loads(schema)


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, Unfillable) else f"it is no JSON Schema ({type(error).__name__}: {error})"


def _shaped(schema: str, read: Evidence) -> str:
    try:
        value = Filler(_parsed(schema), read).value()
    except (Unfillable, RecursionError, re.error, ValueError, LookupError, TypeError, AttributeError) as error:
        hint = "simplify the schema, or choose a model that a provider serves"
        message = f"the offline model cannot answer in this schema: {_told(error)}; {hint}"
        raise CallFailed(Failure(FailureKind.INVALID_REQUEST, type(error).__name__, message, hint=hint)) from None
    return json.dumps(value, ensure_ascii=False)
