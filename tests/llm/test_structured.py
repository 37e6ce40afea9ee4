"""Answers in a shape: a bounded number of corrections, in a conversation that does not grow."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from wfkit.core.call import Message, Request
from wfkit.core.terms import FailureKind, Verdict
from wfkit.errors import CallFailed
from wfkit.llm.client import ask
from wfkit.llm.fake import Fail, Say, Script
from wfkit.llm.messages import CORRECTION
from wfkit.llm.structured import Answer, plain, structured

QUESTION = Request("fake/script", (Message("system", "Be exact."), Message("user", "How many?")))
SCHEMA = '{"type":"integer"}'


def parse(text: str) -> int:
    value = json.loads(text)
    if not isinstance(value, int):
        raise ValueError(f"{value!r} is not an integer")
    return value


async def send(request: Request) -> Any:
    return await ask(request, 60.0)


def answer(*steps: Any, repairs: int = 2) -> tuple[Answer, list[Request]]:
    with Script(steps) as script:
        return asyncio.run(structured(SCHEMA, parse, repairs, send)(QUESTION)), script.requests


def failing(*steps: Any, repairs: int = 2) -> tuple[CallFailed, list[Request]]:
    with Script(steps) as script, pytest.raises(CallFailed) as caught:
        asyncio.run(structured(SCHEMA, parse, repairs, send)(QUESTION))
    return caught.value, script.requests


def test_first_answer_fits() -> None:
    """A fitting answer takes one request, which carries the schema."""
    found, requests = answer("7")
    assert (found.value, found.rounds, found.verdicts) == (7, 0, (Verdict.VALID,))
    assert [request.schema for request in requests] == [SCHEMA]


def test_fenced() -> None:
    """A code fence costs no round."""
    assert answer("```json\n7\n```")[0].rounds == 0


def test_correction() -> None:
    """The model is told its answer and what is wrong with it; the second correction holds no trace of the first."""
    found, requests = answer('"many"', '"lots"', "7")
    assert (found.value, found.rounds) == (7, 2)
    assert found.verdicts == (Verdict.INVALID, Verdict.INVALID, Verdict.VALID)
    for request, said in zip(requests[1:], ("many", "lots"), strict=True):
        assert request.messages[:2] == QUESTION.messages
        assert [message.role for message in request.messages[2:]] == ["assistant", "user"]
        assert request.messages[2].content == f'"{said}"'
        assert request.messages[3].content.startswith(f"{CORRECTION}'{said}' is not an integer")


def test_gives_up() -> None:
    """After the last round the failure names the error, what to do, and how the answer began."""
    error, requests = failing('"no"', '"nope"', repairs=1)
    assert error.failure.kind is FailureKind.INVALID_OUTPUT
    assert len(requests) == 2
    for told in ("'nope' is not an integer", "1 corrective round:", "`repairs`", 'It began: "nope"'):
        assert told in str(error)


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (Say("7", finish_reason="length"), FailureKind.TRUNCATED),
        (Say("7", finish_reason="content_filter"), FailureKind.REFUSED),
        (" ", FailureKind.EMPTY),
        (Fail(FailureKind.RATE_LIMITED), FailureKind.RATE_LIMITED),
    ],
    ids=str,
)
def test_no_correction_helps(step: Any, kind: FailureKind) -> None:
    """A cut, refused, empty or failed answer is no matter for a correction."""
    error, requests = failing(step, "7")
    assert (error.failure.kind, len(requests)) == (kind, 1)


def test_no_request_is_left_for_a_correction() -> None:
    """What was wrong with the last answer is told, not that there is no other."""
    spent = Fail(FailureKind.EXHAUSTED, "none left")
    error, requests = failing('"many"', spent)
    assert (error.failure.kind, len(requests)) == (FailureKind.INVALID_OUTPUT, 2)
    assert "'many' is not an integer" in str(error)
    assert failing(spent)[0].failure.kind is FailureKind.EXHAUSTED


def test_bugs_are_not_corrected() -> None:
    """An error of the parser that is no verdict on the text comes out as it is."""

    def broken(text: str) -> None:
        raise KeyError(text)

    with Script(["7"]), pytest.raises(KeyError):
        asyncio.run(structured(SCHEMA, broken, 1, send)(QUESTION))


def test_plain() -> None:
    """A text answer is the text; a cut one is a failure."""
    with Script(["some text", Say("some", finish_reason="length")]):
        assert asyncio.run(plain(send)(QUESTION)).value == "some text"
        with pytest.raises(CallFailed, match="cut off"):
            asyncio.run(plain(send)(QUESTION))
