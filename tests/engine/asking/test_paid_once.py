"""Promises of paying once: equal requests are one call, only a valid reply serves again, and every call is booked."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, field_validator

from tests.engine.lab import Lab, did, run
from wfkit.core.call import Usage
from wfkit.core.events import CallEnded
from wfkit.core.promises import Flight
from wfkit.core.terms import FailureKind, Reason, RunState
from wfkit.engine.outcome import Outcome
from wfkit.llm.fake import Fail, Say, Script
from wfkit.store.conformance import call, log
from wfkit.summary import summary


class Grade(BaseModel):
    """What a prompt must answer."""

    mark: int


class Picky(BaseModel):
    """A schema whose own code breaks."""

    mark: int

    @field_validator("mark")
    @classmethod
    def _break(cls, mark: int) -> int:
        raise KeyError("a bug in the user's validator")


NAMESPACE = {"Grade": Grade, "Picky": Picky}
GRADE = {"graded --model fake/script --schema Grade --retries 0": "Grade this"}


def priced(text: str, usd: str, **more: Any) -> Say:
    """An answer with a price."""
    return Say(text, cost_usd=Decimal(usd), **more)


def agree_on_money(lab: Lab, outcome: Outcome) -> None:
    """The live books and those of the store are the same."""
    stored = lab.made[-1].store.report(outcome.run_id)
    assert stored is not None
    live = {row.name: (row.spent, row.saved_usd) for row in outcome.report.nodes if str(row.kind) != "input"}
    assert {row.name: (row.spent, row.saved_usd) for row in stored.nodes if str(row.kind) != "input"} == live
    assert stored.run.spent == outcome.report.run.spent
    assert stored.run.saved_usd == outcome.report.run.saved_usd
    assert stored.run.wasted_usd == outcome.report.run.wasted_usd


def test_equal_requests_at_once_are_one_call(any_lab: Lab) -> None:
    """Prompts that ask the same at the same time share one call; one is billed, the others are served."""
    cells = {f"told_{i} --model fake/script": "Hello" for i in range(5)}
    with Script([priced("hi", "0.25", latency_s=0.05)]) as script:
        outcome = run(any_lab.cells(cells))
        assert len(script.requests) == 1
    assert set(outcome.values().values()) == {"hi"}
    assert outcome.report.run.spent.calls == 1
    assert outcome.cost_usd == Decimal("0.25")
    agree_on_money(any_lab, outcome)


def test_an_answer_in_the_last_moment(any_lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """If another process is answered after we looked and before we have the right to ask, its reply serves us too."""
    workflow = any_lab.cells({"told --model fake/script": "Hello"})
    store, theirs = workflow.store, ["theirs"]
    take = store.try_flight

    def try_flight(key: str) -> Flight | None:
        if theirs:
            log(store, CallEnded(0, 1, replace(call("", theirs.pop()), request_digest=key), 1.0))
        return take(key)

    monkeypatch.setattr(store, "try_flight", try_flight)
    with Script([priced("ours", "0.25")]) as script:
        outcome = run(workflow)
        assert not script.requests
    assert outcome["told"] == "theirs"
    assert outcome.report.run.spent.calls == 0


def test_a_new_template_with_the_same_text(lab: Lab) -> None:
    """A prompt that was refactored and renders the same text asks nobody."""
    with Script([priced("hi", "0.25")]):
        run(lab.cells({"told --model fake/script": "Hello {{ name }}"}, {"name": "Ada"}))
    with Script([]):
        outcome = run(lab.cells({"told --model fake/script": "Hello {{ who }}"}, {"who": "Ada"}))
    assert did(outcome) == {"told": "run"}
    assert outcome.report.run.spent.calls == 0
    assert outcome.cost_usd == 0
    agree_on_money(lab, outcome)


def test_a_correction_is_billed_and_not_served(lab: Lab) -> None:
    """An answer that does not fit the schema is asked for again; both are billed, the first is waste, and only the
    valid one serves later."""
    with Script([priced("no idea", "0.10"), priced('{"mark": 3}', "0.20")]) as script:
        outcome = run(lab.cells(GRADE, dict(NAMESPACE)))
        assert len(script.requests) == 2
    assert outcome["graded"] == Grade(mark=3)
    assert outcome.cost_usd == Decimal("0.30")
    assert outcome.report.run.wasted_usd == Decimal("0.10")
    agree_on_money(lab, outcome)
    with Script([priced('{"mark": 3}', "0.01")]) as script:
        again = run(lab.cells(GRADE, dict(NAMESPACE)), force=True)
    assert again["graded"] == Grade(mark=3)
    assert len(script.requests) <= 1
    assert again.status is RunState.SUCCESS


def test_answers_that_never_fit(lab: Lab) -> None:
    """When no correction is left the node has failed, and all that was paid is waste."""
    with Script([priced("no", "0.10"), priced("nope", "0.20")]):
        outcome = run(lab.cells(GRADE, dict(NAMESPACE)))
    assert outcome.failures[0].failure.kind is FailureKind.INVALID_OUTPUT
    assert outcome.cost_usd == outcome.report.run.wasted_usd == Decimal("0.30")
    agree_on_money(lab, outcome)


def test_a_broken_schema_does_not_lose_the_reply(lab: Lab) -> None:
    """If the user's own validator raises something of its own, the reply that was paid for is in the log, and is not
    bought again when the validator is mended."""
    cells = {"graded --model fake/script --schema Picky --retries 0": "Grade this"}
    with Script([priced('{"mark": 3}', "0.10")] * 4) as script:
        outcome = run(lab.cells(cells, dict(NAMESPACE)))
        assert outcome.status is RunState.FAILED
        assert "a bug in the user's validator" in outcome.failures[0].failure.message
        bought = len(script.requests)
    assert outcome.report.run.spent.calls == bought == 1
    agree_on_money(lab, outcome)


def test_fresh_replies_buy_again(lab: Lab) -> None:
    """`fresh_replies` with `force` asks again and keeps the new reply for later."""
    cells = {"told --model fake/script": "Hello"}
    with Script([priced("one", "0.1"), priced("two", "0.1")]) as script:
        assert run(lab.cells(cells))["told"] == "one"
        assert run(lab.cells(cells), force=True)["told"] == "one"
        outcome = run(lab.cells(cells), force=True, fresh_replies=True)
        assert outcome["told"] == "two"
        assert run(lab.cells(cells), force=True)["told"] == "two"
        assert len(script.requests) == 2


def test_what_the_cache_saved(lab: Lab) -> None:
    """A hit saves what its result cost when it was made, also when its reply had been served then."""
    cells = {"names": "['a', 'b']", "told --model fake/script --each 'name in names'": "Hello {{ name }}"}
    with Script([priced("x", "0.10"), priced("y", "0.20")]):
        run(lab.cells(cells))
    outcome = run(lab.cells(cells))
    assert outcome.report.run.saved_usd == Decimal("0.30")
    assert outcome.cost_usd == 0
    agree_on_money(lab, outcome)


def test_the_cost_of_failed_attempts_is_waste(lab: Lab) -> None:
    """What an attempt paid that ended in a failure is billed, and told as waste."""
    cells = {"told --model fake/script --retries 0": "Hello"}
    with Script([priced("", "0.10")]):
        outcome = run(lab.cells(cells))
    assert outcome.status is RunState.FAILED
    assert outcome.cost_usd == outcome.report.run.wasted_usd == Decimal("0.10")
    agree_on_money(lab, outcome)


def test_unknown_stays_unknown(lab: Lab) -> None:
    """A call without a price or tokens makes the sums unknown, never zero: in the outcome, the report, the cost view
    and the summary."""
    cells = {"told --model fake/script": "Hello"}
    with Script([Say("hi", usage=Usage(), cost_usd=None)]):
        outcome = run(lab.cells(cells))
    workflow = lab.made[-1]
    assert outcome.cost_usd is None
    assert outcome.report.run.spent.input_tokens is None
    assert outcome.report.run.spent.unpriced == 1
    agree_on_money(lab, outcome)
    assert "?" in workflow.show("cost").text()
    assert summary(outcome)["cost_usd"] is None
    assert json.loads(json.dumps(summary(outcome)))["model_calls"] == 1
    saved = run(workflow)
    assert saved.report.run.saved_usd is None
    assert summary(saved)["saved_usd"] is None
    agree_on_money(lab, saved)


def test_known_and_unknown_together(lab: Lab) -> None:
    """Of calls with and without a price the known part is the sum, with the number of those left out."""
    cells = {"names": "['a', 'b']", "told --model fake/script --each 'name in names'": "Hello {{ name }}"}
    with Script([priced("x", "0.10"), Say("y", cost_usd=None)]):
        outcome = run(lab.cells(cells))
    assert outcome.cost_usd == Decimal("0.10")
    assert outcome.report.run.spent.unpriced == 1
    agree_on_money(lab, outcome)


def test_failing_calls_cost_nothing_and_count(lab: Lab) -> None:
    """A refused request is a call without a price of its own: it costs nothing, and is in the count."""
    with Script([Fail(FailureKind.INVALID_REQUEST, status=400)]):
        outcome = run(lab.cells({"told --model fake/script --retries 0": "Hello"}))
    assert outcome.report.run.spent.calls == 1
    assert outcome.cost_usd == 0
    agree_on_money(lab, outcome)


def test_a_changed_parameter_is_another_request(lab: Lab) -> None:
    """Temperature, model and schema are part of a request; needs, retries and timeouts are not."""
    with Script(iter(lambda: Say("x"), None)) as script:
        for options in ("", "--temperature 0", "--temperature 1", "--max_tokens 5", "--timeout 5s", "--retries 1"):
            run(lab.cells({f"told --model fake/script {options}": "Hello"}))
        assert len(script.requests) == 4


@pytest.mark.parametrize("change", ["prompt", "model", "parameter", "schema"])
def test_why_a_prompt_runs(change: str, lab: Lab) -> None:
    """The reason of a prompt that was edited is that, with a diff."""
    old = "told --model fake/script --temperature 0"
    new = {
        "prompt": {old: "Hello, you"},
        "model": {"told --model fake/other --temperature 0": "Hello"},
        "parameter": {"told --model fake/script --temperature 1": "Hello"},
        "schema": {f"{old} --schema Grade": "Hello"},
    }[change]
    with Script(["x"]):
        run(lab.cells({old: "Hello"}, dict(NAMESPACE)))
    view = lab.cells(new, dict(NAMESPACE)).why("told")
    assert str(Reason.PROMPT_CHANGED).replace("_", " ") in view.text().replace("_", " ")
