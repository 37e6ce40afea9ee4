"""Vectors of texts over the wire: direct and through litellm the same, and nothing but whole vectors in order."""

from __future__ import annotations

import base64
import json
import math
import struct
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.llm.conftest import Serve, run
from wfkit.core.terms import CostSource, FailureKind, UsageSource
from wfkit.errors import CallFailed
from wfkit.llm import client, direct
from wfkit.llm.messages import embedding_request as request_of
from wfkit.llm.prices import worst_case
from wfkit.llm.provider import Behaviour, Faults

MODEL = "openai/text-embedding-3-small"
TEXTS = ["the sky is up", "the sea is deep", "grass \ud800 green"]


def vectors(text: str) -> list[tuple[float, ...]]:
    """The vectors in a reply."""
    found = [base64.b64decode(line) for line in text.split("\n")]
    return [struct.unpack(f"<{len(data) // 4}f", data) for data in found]


def test_direct_is_as_litellm(serve: Serve) -> None:
    """OpenAI's vectors are the same whichever way they come: numbers, model, tokens and money."""
    request = request_of(MODEL, TEXTS, 32)
    with serve(Behaviour()) as provider:
        first, second = (run(lambda way=way: client.ask(request, 60.0, way)) for way in ("auto", "litellm"))
        assert len(provider.effects()) == 2
    assert vectors(first.text) == vectors(second.text)
    assert (first.model, first.usage, first.cost) == (second.model, second.usage, second.cost)
    assert (first.usage.source, first.cost.source) == (UsageSource.PROVIDER, CostSource.LOCAL)
    assert {len(vector) for vector in vectors(first.text)} == {32}
    worst, most = worst_case(request)
    assert worst is not None
    assert worst >= first.cost.usd > 0
    assert most >= first.usage.input_tokens


def test_failures_are_told(serve: Serve) -> None:
    """An error of the server is a failure of its kind, as for answers."""
    with serve(Behaviour(faults=Faults({"429": 1.0}))), pytest.raises(CallFailed) as failed:
        run(lambda: client.ask(request_of(MODEL, TEXTS, None), 60.0))
    assert failed.value.failure.kind is FailureKind.RATE_LIMITED


def test_error_with_status_200(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that answers 200 with an error is heard, as for answers: a 400 told so is not tried again."""
    monkeypatch.setattr(direct, "post", _said(b'{"error": {"message": "boo", "code": 400}}'))
    with pytest.raises(CallFailed, match="boo") as failed:
        run(lambda: client.ask(request_of(MODEL, TEXTS, None), 60.0))
    assert failed.value.failure.kind is FailureKind.INVALID_REQUEST


def body(*rows: tuple[int, Any]) -> bytes:
    return json.dumps({"data": [{"index": index, "embedding": vector} for index, vector in rows]}).encode()


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (body((0, [1.0]), (1, [2.0])), "2 vectors for 3 texts"),
        (body((0, [1.0]), (0, [1.0]), (1, [2.0])), "numbered \\[0, 0, 1\\]"),
        (body((0, [1.0]), (1, [2.0]), (2, [1.0, 2.0])), "vectors of 1, 2 dimensions"),
        (body((0, []), (1, []), (2, [])), "vectors of 0 dimensions"),
        (body((0, [1.0]), (1, [math.nan]), (2, [1.0])), "text 1 that holds NaN"),
        (body((0, [1.0]), (1, None), (2, [1.0])), "cannot be read"),
        (b"[]", "cannot be read"),
        (b"<html>", "cannot be read"),
    ],
)
def test_what_is_no_vector(monkeypatch: pytest.MonkeyPatch, answer: bytes, problem: str) -> None:
    """A wrong count, order, size or number in the answer is a failure that says so, never a vector."""
    monkeypatch.setattr(direct, "post", _said(answer))
    with pytest.raises(CallFailed, match=problem):
        run(lambda: client.ask(request_of(MODEL, TEXTS, None), 60.0))


def test_rows_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Vectors stand in the order of the texts, whatever that of the answer; without a count tokens are estimated."""
    monkeypatch.setattr(direct, "post", _said(body((2, [3.0]), (0, [1.0]), (1, [2.0]))))
    reply = run(lambda: client.ask(request_of(MODEL, TEXTS, None), 60.0))
    assert vectors(reply.text) == [(1.0,), (2.0,), (3.0,)]
    assert (reply.usage.source, reply.cost.source) == (UsageSource.ESTIMATED, CostSource.ESTIMATED)


def _said(answer: bytes) -> Callable[..., Any]:
    async def post(path: str, body: bytes, model: str, heard: Callable[[Mapping[str, str]], None]) -> bytes:
        heard({})
        assert (path, json.loads(body)["encoding_format"], model) == ("embeddings", "base64", MODEL)
        return answer

    return post


def test_offline() -> None:
    """The embedded model gives equal texts equal vectors of length 1, and like ones to texts that share words."""
    request = request_of("offline", ["a red house", "the red house", "blue boats sail", "?!"], None)
    red, other, blue, marks = vectors(run(lambda: client.ask(request, 60.0)).text)
    assert all(math.isclose(math.hypot(*vector), 1.0, rel_tol=1e-6) for vector in (red, other, blue, marks))
    assert _product(red, other) > _product(red, blue)


def _product(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    return sum(left * right for left, right in zip(one, other, strict=True))


def test_models_that_make_none() -> None:
    """A script is told to make no vectors, in words."""
    with pytest.raises(CallFailed, match="makes no vectors; name one that does"):
        run(lambda: client.ask(request_of("fake/any", TEXTS, None), 60.0))
