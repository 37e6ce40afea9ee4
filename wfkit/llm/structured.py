"""An answer in a wanted shape: ask, parse, and where that fails ask again with the error, a bounded number of times.

The conversation does not grow: a correction is the question, the last answer and one message. Sends nothing itself.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from wfkit.core.call import Failure, Message, Reply, Request
from wfkit.core.frozen import dataclass
from wfkit.core.secrets import beginning
from wfkit.core.terms import FailureKind, Verdict
from wfkit.errors import CallFailed
from wfkit.llm.messages import CORRECTION, demand_whole, unfenced

Send = Callable[[Request], Awaitable[Reply]]

_LONGEST_ANSWER = 20_000
_SNIPPET = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """A value, the reply that held it, how many corrective rounds it took (0: none), and the verdict on every reply."""

    value: Any
    reply: Reply
    rounds: int
    verdicts: tuple[Verdict, ...]


def plain(send: Send) -> Callable[[Request], Awaitable[Answer]]:
    """An asker for text: the value is the reply's text. Raises CallFailed for a reply that is cut, refused or empty."""

    async def ask(request: Request) -> Answer:
        reply = demand_whole(called_right(await send(request), request))
        return Answer(reply.text, reply, 0, (Verdict.VALID,))

    return ask


def structured(
    schema_json: str, parse: Callable[[str], Any], repairs: int, send: Send
) -> Callable[[Request], Awaitable[Answer]]:
    """An asker for values of a schema. `parse` makes a text the value, or raises ValueError with words for the model.

    At most `1 + repairs` requests. Raises CallFailed: truncated, refused and empty at once (no correction helps there),
    invalid_output when no round is left. A reply that calls tools is handed on as it is, with no value.
    """

    async def ask(request: Request) -> Answer:
        question = replace(request, schema=schema_json)
        asked, rounds = question, 0
        reply, problem = None, ""
        while True:
            reply = await _next(asked, send, reply, problem)
            if reply.tool_calls:
                return Answer(None, reply, rounds, (*[Verdict.INVALID] * rounds, Verdict.VALID))
            try:
                value = parse(unfenced(reply.text))
            except ValueError as error:
                problem = str(error)
            else:
                return Answer(value, reply, rounds, (*[Verdict.INVALID] * rounds, Verdict.VALID))
            if rounds >= repairs:
                raise CallFailed(_gave_up(reply, problem, repairs))
            asked, rounds = correction(question, reply.text, problem), rounds + 1

    return ask


def called_right(reply: Reply, request: Request) -> Reply:
    """The reply itself, unless it calls tools that it was not told of: raises CallFailed (invalid_output)."""
    if not reply.tool_calls or request.tools:
        return reply
    names = ", ".join(sorted({call.name for call in reply.tool_calls}))
    hint = "choose another model, or give it the tool with `tools: FUNCTION`"
    message = f"{reply.model} calls {names}, and it was given no tools; {hint}"
    raise CallFailed(Failure(FailureKind.INVALID_OUTPUT, "ToolsNotGiven", message, hint=hint))


async def _next(asked: Request, send: Send, before: Reply | None, problem: str) -> Reply:
    """The next reply; where no request is left for a correction, what is wrong with the last answer is told."""
    try:
        return demand_whole(called_right(await send(asked), asked))
    except CallFailed as error:
        if before is None or error.failure.kind is not FailureKind.EXHAUSTED:
            raise
    raise CallFailed(_gave_up(before, problem, 0))


def confident(ask: Callable[[Request], Awaitable[Answer]], least: float) -> Callable[[Request], Awaitable[Answer]]:
    """`ask`, whose answers say in their field `confidence` how sure they are: below `least`, or where they do not say,
    raises CallFailed (low_confidence). No correction is asked for: the model has said what it knows.
    """

    async def asked(request: Request) -> Answer:
        answer = await ask(request)
        value = answer.value
        sure = value.get("confidence") if isinstance(value, dict) else getattr(value, "confidence", None)
        if isinstance(sure, (int, float)) and sure >= least:
            return answer
        said = "says no confidence" if sure is None else f"has confidence {sure}"
        hint = "name a stronger model in `fallback`, or lower min_confidence"
        message = f"the answer of {answer.reply.model} {said}, and min_confidence is {least:g}; {hint}"
        raise CallFailed(Failure(FailureKind.LOW_CONFIDENCE, "LowConfidence", message, hint=hint))

    return asked


def correction(question: Request, answer: str, problem: str) -> Request:
    """The question again, with the last answer and what is wrong with it."""
    told = f"{CORRECTION}{problem}\nAnswer again: the whole corrected JSON value, nothing else."
    tail = (Message("assistant", beginning(answer, _LONGEST_ANSWER, os.environ) or "(nothing)"), Message("user", told))
    return replace(question, messages=question.messages + tail)


def is_correction(request: Request) -> bool:
    """Whether a request tells a model what is wrong with its last answer."""
    return bool(request.messages) and request.messages[-1].content.startswith(CORRECTION)


def _gave_up(reply: Reply, problem: str, repairs: int) -> Failure:
    hint = "raise `repairs`, make the schema simpler, or choose a stronger model"
    snippet = beginning(reply.text, _SNIPPET, os.environ) + ("…" if len(reply.text) > _SNIPPET else "")
    rounds = f"{repairs} corrective round{'' if repairs == 1 else 's'}"
    message = (
        f"the answer of {reply.model} does not fit the schema after {rounds}: {problem}; {hint}. It began: {snippet}"
    )
    return Failure(FailureKind.INVALID_OUTPUT, "InvalidOutput", message, hint=hint)
