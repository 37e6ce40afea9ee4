"""A model of the user's own: asked like any other, paid once, held to the budget, and told when it breaks."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

import wfkit
from tests.engine.lab import Lab, did, run
from wfkit.llm import registry

SCHEMA = {"type": "object", "properties": {"sum": {"type": "integer"}}, "required": ["sum"]}


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    registry.remove("acme")


def test_a_notebook_with_its_own_model(any_lab: Lab) -> None:
    """Its prompts run, are booked at its price, and cost nothing the second time, in a new session too."""
    asked: list[str] = []
    answers = {"Add 1 and 2": '{"sum": 3}', "Add 3 and 4": '{"sum": "many"}'}

    def ask(request: Any) -> dict[str, Any]:
        question = request.messages[-1].content  # both items are asked at once, each on a thread of its own
        asked.append(question)
        return {"text": answers.get(question, '{"sum": 7}'), "input_tokens": 1000, "output_tokens": 10}

    can = {"schema": True, "input_usd": 1, "output_usd": 10, "max_output_tokens": 20}
    wfkit.adapter("acme", SimpleNamespace(ask=ask, models=("adder",), capabilities=lambda name: can))
    names = {"items": ["1 and 2", "3 and 4"], "SCHEMA": SCHEMA}
    body = "#| each: item in items\n#| schema: SCHEMA\nAdd {{ item }}"
    workflow = any_lab.cells({"total --model acme/adder --max-usd 1": body}, names)
    outcome = run(workflow)
    assert list(outcome["total"]) == [{"sum": 3}, {"sum": 7}]
    assert len(asked) == 3  # one answer was corrected
    assert outcome.cost_usd == 3 * Decimal("0.0011")
    assert "acme" in workflow.models("acme").text()
    again = run(workflow)
    assert did(again) == {"total": "hit"}
    assert len(asked) == 3


def test_one_that_breaks(any_lab: Lab) -> None:
    """The node fails with the adapter's name, error and line; no request counts twice, what it cost is unknown."""
    calls = []

    @wfkit.adapter("acme")
    def ask(request: Any) -> str:
        calls.append(request)
        raise KeyError("answer")

    workflow = any_lab.cells({"said --model acme/one --retries 2": "Say it"})
    outcome = run(workflow)
    assert outcome.status == "failed"
    assert outcome.cost_usd is None  # it may have asked a service that bills it, before it raised
    failure = outcome.failures[0].failure
    assert "adapter 'acme'" in failure.message
    assert "KeyError" in failure.message
    assert 'raise KeyError("answer")' in str(failure.traceback)
    assert len(calls) == 1
