"""An answer in a wanted shape: ask, parse, and where that fails ask again with the error, a bounded number of times.

The conversation does not grow: a correction is the question, the last answer and one message. Sends nothing itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from wfkit.core.call import Failure, Message, Reply, Request
from wfkit.core.frozen import dataclass
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
        reply = demand_whole(await send(request))
        return Answer(reply.text, reply, 0, (Verdict.VALID,))

    return ask


def structured(
    schema_json: str, parse: Callable[[str], Any], repairs: int, send: Send
) -> Callable[[Request], Awaitable[Answer]]:
    """An asker for values of a schema. `parse` makes a text the value, or raises ValueError with words for the model.

    At most `1 + repairs` requests. Raises CallFailed: truncated, refused and empty at once (no correction helps there),
    invalid_output when no round is left.
    """

    async def ask(request: Request) -> Answer:
        question = replace(request, schema=schema_json)
        asked, rounds = question, 0
        while True:
            reply = demand_whole(await send(asked))
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


def correction(question: Request, answer: str, problem: str) -> Request:
    """The question again, with the last answer and what is wrong with it."""
    told = f"{CORRECTION}{problem}\nAnswer again, with the whole corrected JSON value and nothing else."
    tail = (Message("assistant", answer[:_LONGEST_ANSWER] or "(nothing)"), Message("user", told))
    return replace(question, messages=question.messages + tail)


def _gave_up(reply: Reply, problem: str, repairs: int) -> Failure:
    hint = "raise `repairs`, make the schema simpler, or choose a stronger model"
    snippet = reply.text[:_SNIPPET] + ("…" if len(reply.text) > _SNIPPET else "")
    rounds = f"{repairs} corrective round{'' if repairs == 1 else 's'}"
    message = (
        f"the answer of {reply.model} does not fit the schema after {rounds}: {problem}; {hint}. It began: {snippet}"
    )
    return Failure(FailureKind.INVALID_OUTPUT, "InvalidOutput", message, hint=hint)
